/** The bell on every page, and the inbox: what comes in appears, and everything can be done by keys. */

import { isModalOpen, isTyping } from "../platform/js/dom.js";
import { piece } from "../platform/js/http.js";
import { describeKeys, forgetKeys } from "../platform/js/keys.js";
import { onChanges } from "../platform/js/live.js";
import { onPage } from "../platform/js/page.js";
import { offerDevice, renewDevice } from "./js/device.js";

const NAMES = ["notice.given", "notices.changed"];
const isOurs = (/** @type {{name: string}} */ change) => NAMES.includes(change.name);

/** Where the focus is to be when the page is there again: on the same notice, or on the one in its place. */
let place = -1;

/** Have the bell look again how much is new. */
const ring = () => document.body.dispatchEvent(new CustomEvent("commonplace:bar"));

onChanges({ changed: (changes) => changes.some(isOurs) && ring(), anew: ring });
// The connection begins now, the bell was asked a moment ago: what came in between is seen by asking again.
document.body.addEventListener("commonplace:live", ring);

const KEYS = /** @type {[string, string][]} */ ([
  ["↑ ↓", "Go from notice to notice"],
  ["Enter", "Open what it is about"],
  ["u", "Mark as read, or as unread"],
  ["Delete", "Dismiss"],
  ["z", "Undo the dismissal"],
  ["Shift A", "Mark all as read"],
]);

onPage("notification-settings", offerDevice);
renewDevice();

onPage("notifications", (main, leaving) => {
  describeKeys("Notifications", KEYS);
  leaving.addEventListener("abort", () => forgetKeys("Notifications"));
  onChanges({ changed: (changes) => changes.some(isOurs) && refresh(main, leaving), anew: () => refresh(main, leaving) }, leaving);
  main.addEventListener("click", (event) => markOpened(/** @type {Element} */ (event.target)), { signal: leaving });
  document.addEventListener("keydown", (event) => press(main, event), { signal: leaving });
  main.addEventListener("submit", (event) => rememberPlace(main, /** @type {Element} */ (event.target)), { signal: leaving });
  returnToPlace(main);
});

/** Who opens what a notice is about has read it. The request outlives the page. */
function markOpened(/** @type {Element} */ target) {
  const row = target.closest("a.notice-title")?.closest(".notice-row.is-unread");
  if (!(row instanceof HTMLElement)) return;
  fetch(`/api/notifications/${row.dataset.id}`, {
    method: "PATCH",
    keepalive: true,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ is_read: true }),
  }).then(ring, () => {});
}

const titles = (/** @type {Element} */ main) => /** @type {HTMLElement[]} */ ([...main.querySelectorAll(".notice-title")]);

function press(/** @type {HTMLElement} */ main, /** @type {KeyboardEvent} */ event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isTyping(event.target) || isModalOpen()) return;
  const all = titles(main);
  const row = document.activeElement?.closest(".notice-row");
  const at = row ? all.findIndex((title) => row.contains(title)) : -1;
  const click = (/** @type {string} */ selector, /** @type {ParentNode|null|undefined} */ within) =>
    /** @type {HTMLElement|null|undefined} */ (within?.querySelector(selector))?.click();
  if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)]?.focus();
  else if (event.key === "ArrowUp") all[Math.max(at - 1, 0)]?.focus();
  else if (event.key === "u") click("[data-do='read'], [data-do='unread']", row);
  else if (event.key === "Delete") click("[data-do='dismiss']", row);
  else if (event.key === "z") click("[data-undo]", main);
  else if (event.key === "A") click("[data-read-all]", main);
  else return;
  event.preventDefault();
}

function rememberPlace(/** @type {HTMLElement} */ main, /** @type {Element} */ form) {
  const row = form.closest(".notice-row");
  place = row ? [...main.querySelectorAll(".notice-row")].indexOf(row) : -1;
}

function returnToPlace(/** @type {HTMLElement} */ main) {
  if (place < 0) return;
  const all = titles(main);
  const title = all[Math.min(place, all.length - 1)];
  place = -1;
  // After the frame has given the focus to the heading.
  queueMicrotask(() => title?.focus());
}

/** Show what is there now, unless somebody is in the middle of older pages. */
async function refresh(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  if (new URLSearchParams(location.search).has("after")) return;
  try {
    const text = await piece(`${location.pathname}${location.search}`, leaving);
    const fresh = new DOMParser().parseFromString(text, "text/html").querySelector(".inbox");
    const present = main.querySelector(".inbox");
    if (leaving.aborted || !fresh || !present) return;
    if (main.querySelector(".htmx-request")) {
      // What answers a form that is gone would not be shown: the answer first, and then what came meanwhile.
      main.addEventListener("htmx:afterRequest", () => refresh(main, leaving), { once: true, signal: leaving });
      return;
    }
    const row = document.activeElement?.closest(".notice-row");
    const focused = row instanceof HTMLElement ? row.dataset.id : null;
    const isAtHeading = document.activeElement === present.querySelector("h1");
    present.replaceChildren(...fresh.childNodes);
    window.htmx.process(present);
    if (isAtHeading) present.querySelector("h1")?.focus({ preventScroll: true });
    if (focused) /** @type {HTMLElement|null} */ (present.querySelector(`[data-id="${focused}"] .notice-title`))?.focus();
  } catch (error) {
    if (!leaving.aborted) console.info("The inbox could not be loaded anew.", error);
  }
}
