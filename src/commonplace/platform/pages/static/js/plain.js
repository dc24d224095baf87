/** What the pages without a frame do: tell the device's time zone to the forms and links that ask, and show passwords on demand. */

import "./worker.js";

for (const field of document.querySelectorAll("input[data-time-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}

for (const link of document.querySelectorAll("a[data-time-zone]")) {
  link.search += `&time_zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone ?? "")}`;
}

for (const button of document.querySelectorAll("[data-shows-password]")) {
  const field = document.getElementById(button.getAttribute("data-shows-password"));
  button.hidden = false;
  button.addEventListener("click", () => {
    const isShown = field.type === "text";
    field.type = isShown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!isShown));
    button.textContent = isShown ? "Show" : "Hide";
  });
}

// A second click while the first is on its way would send the form twice.
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("[type='submit']");
    if (button) setTimeout(() => (button.disabled = true));
  });
  addEventListener("pageshow", () => form.querySelector("[type='submit']")?.removeAttribute("disabled"));
}

document.querySelector("[aria-invalid='true']")?.focus();
