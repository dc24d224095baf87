/** The page of one's data: archives come on by themselves, and one that is sent shows how far it is. */

import { piece } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { onPage } from "../../platform/js/page.js";

const NAMES = ["archive.progressed", "archive.asked", "archive.sent"];

onPage("data", (main, leaving) => {
  const look = () => refresh(main, leaving);
  onChanges({ changed: (changes) => changes.some(({ name }) => NAMES.includes(name)) && look(), anew: look }, leaving);
  main.addEventListener("submit", (event) => send(main, event, leaving), { signal: leaving });
});

/** Show what is there now; what is being chosen or sent is left alone. */
async function refresh(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  try {
    const text = await piece("/app/account/data", leaving);
    const fresh = new DOMParser().parseFromString(text, "text/html");
    if (leaving.aborted) return;
    for (const id of ["archives", "bring-in"]) {
      const present = main.querySelector(`#${id}`);
      const next = fresh.querySelector(`#${id}`);
      const input = /** @type {HTMLInputElement|null|undefined} */ (present?.querySelector("input[type=file]"));
      const isBusy = input?.value || present?.querySelector(".data-sending:not([hidden])");
      if (!present || !next || isBusy) continue;
      const isOpen = present.querySelector("details[open]") !== null;
      const focused = present.contains(document.activeElement) ? document.activeElement?.textContent : null;
      present.replaceChildren(...next.childNodes);
      if (isOpen) present.querySelector("details")?.setAttribute("open", "");
      if (focused) [.../** @type {NodeListOf<HTMLElement>} */ (present.querySelectorAll("button, a, summary"))].find((one) => one.textContent === focused)?.focus();
    }
  } catch (error) {
    if (!leaving.aborted) console.info("The page could not be loaded anew.", error);
  }
}

/** Send the chosen file as it is, with a bar; without scripts the form does it. */
function send(/** @type {HTMLElement} */ main, /** @type {SubmitEvent} */ event, /** @type {AbortSignal} */ leaving) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches(".data-send")) return;
  event.preventDefault();
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
  const line = /** @type {HTMLElement} */ (form.querySelector(".data-sending"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const file = input.files?.[0];
  if (!file) return;
  const bar = document.createElement("progress");
  bar.className = "progress";
  bar.max = file.size || 1;
  bar.value = 0;
  bar.setAttribute("aria-label", "Sending");
  line.replaceChildren("Sending the archive.", bar);
  line.hidden = false;
  button.disabled = true;
  const request = new XMLHttpRequest();
  const over = (/** @type {string} */ text) => {
    button.disabled = false;
    line.replaceChildren(text);
    line.hidden = !text;
  };
  request.open("POST", "/api/auth/archives/read-in");
  request.setRequestHeader("Content-Type", "application/zip");
  request.upload.addEventListener("progress", ({ loaded }) => (bar.value = loaded));
  request.addEventListener("load", () => {
    if (request.status === 202) {
      input.value = "";
      over("");
      refresh(main, leaving);
      return;
    }
    let detail = "The archive was refused. Try again.";
    try {
      detail = JSON.parse(request.responseText).detail ?? detail;
    } catch {}
    over(detail);
  });
  request.addEventListener("error", () => over("The server could not be reached. Nothing was changed; try again."));
  leaving.addEventListener("abort", () => request.abort());
  request.send(file);
}
