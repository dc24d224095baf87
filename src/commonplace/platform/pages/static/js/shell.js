/** What the frame does on every page. */

import "./page.js";
import "./menu.js";
import "./theme.js";
import "./localise.js";
import "./waiting.js";
import "./share.js";
import "./worker.js";
import "./search/field.js";
import "./search/palette.js";
import "./search/page.js";
import "./jobs.js";
import { showKeys } from "./keys.js";

document.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).closest?.("[data-opens='keys']")) showKeys();
});

// A click beside a dialog closes it, as Escape does.
document.addEventListener("click", (event) => {
  const dialog = event.target;
  if (!(dialog instanceof HTMLDialogElement) || !dialog.matches(".dialog[open]")) return;
  const box = dialog.getBoundingClientRect();
  const isInside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!isInside && event.clientX) dialog.close();
});
