/** The form for putting files in, with a bar for each: one request a file, one after the other. Without this it is a form. */

import { element } from "../dom.js";

const form = /** @type {HTMLFormElement|null} */ (document.getElementById("upload"));
const list = document.getElementById("sent");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("file"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("[type='submit']"));
  const files = [...(field.files ?? [])];
  button.disabled = true;
  const rows = files.map((file) => row(file));
  let kept = 0;
  for (const [index, file] of files.entries()) {
    if (await send(file, rows[index])) kept += 1;
  }
  button.disabled = false;
  if (kept === files.length) form.reset();
});

function row(/** @type {File} */ file) {
  const bar = /** @type {HTMLProgressElement} */ (element("progress", { class: "progress", value: 0, max: 1, "aria-label": file.name }));
  const state = element("span", { class: "quiet" }, "waits");
  list?.append(element("li", {}, element("span", { class: "name" }, file.name), state, bar));
  return { bar, state };
}

/** Whether the file is kept now. */
function send(/** @type {File} */ file, { bar, state }) {
  const body = new FormData();
  body.append("file", file, file.name);
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      bar.value = event.loaded / event.total;
      state.textContent = `${Math.floor(100 * bar.value)} %`;
    };
    request.onload = () => {
      const isKept = request.status === 201;
      bar.value = isKept ? 1 : 0;
      state.textContent = isKept ? "arrived" : (request.response?.detail ?? "was not taken");
      state.className = isKept ? "quiet" : "failed";
      resolve(isKept);
    };
    request.onerror = () => {
      state.textContent = "The connection was lost: send it again.";
      state.className = "failed";
      resolve(false);
    };
    request.send(body);
  });
}
