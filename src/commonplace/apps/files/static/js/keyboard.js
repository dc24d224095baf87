/** Keys of a folder's page. */

import { isModalOpen, isTyping } from "../../platform/js/dom.js";

/** @typedef {import("./listing.js").Entry} Entry */

/** @type {[string, string][]} */
export const KEYS = [
  ["← ↑ → ↓", "Move among the entries"],
  ["Enter", "Open"],
  ["Space", "Select, or not"],
  ["Shift ↑", "Select up to there; so do Shift and a click"],
  ["Ctrl A", "Select everything that is shown"],
  ["F2", "Rename"],
  ["M", "Move to another folder"],
  ["Ctrl X", "Cut; Ctrl and V put it where one has gone meanwhile"],
  ["Delete", "Delete"],
  ["Ctrl Z", "Undo the last deletion or move"],
  ["U", "Upload files"],
  ["N", "New folder"],
  ["Backspace", "To the folder above"],
  ["I", "Details of what is selected"],
  ["T", "Places and folders"],
];

/**
 * @param {HTMLElement} main
 * @param {import("./listing.js").Listing} listing
 * @param {import("./selection.js").Selection} selection
 * @param {import("./actions.js").Actions} actions
 * @param {{side: () => void, details: () => void}} panels
 * @param {AbortSignal} leaving
 */
export function acceptKeys(main, listing, selection, actions, panels, leaving) {
  const above = () => /** @type {HTMLElement|undefined} */ ([...main.querySelectorAll(".breadcrumb a")].at(-1))?.click();
  const all = () => selection.all();
  const toggle = () => selection.at && selection.toggle(selection.at);
  /** @type {Record<string, () => void>} */
  const plain = {
    " ": toggle,
    F2: () => actions.rename(),
    Delete: () => actions.trash(),
    Escape: () => selection.clear(),
    Backspace: above,
    i: () => panels.details(),
    n: () => actions.newFolder(),
    t: () => panels.side(),
    m: () => actions.askWhere(selection.meant),
    u: () => /** @type {HTMLElement} */ (main.querySelector('[data-input="files"]')).click(),
  };
  const withControl = { a: all, z: () => actions.undo() };

  const pressed = (/** @type {KeyboardEvent} */ event) => {
    if (event.defaultPrevented || isTyping(event.target) || isModalOpen() || event.altKey) return;
    const isInPage = main.contains(/** @type {Node} */ (event.target)) || event.target === document.body;
    if (!isInPage) return;
    const isControl = event.ctrlKey || event.metaKey;
    const isMove = !isControl && /^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key);
    if (isMove) {
      const to = destination(listing, selection.at, event.key);
      const isAtPage = /** @type {Element} */ (event.target).closest?.(".entry, body, #main, h1") === event.target;
      if (!to || (!isAtPage && !(/** @type {Element} */ (event.target).closest(".entry")))) return;
      event.preventDefault();
      const isEntering = !selection.at?.contains(document.activeElement) && !/^(Home|End)$/.test(event.key);
      selection.go(isEntering ? selection.at : to, { extend: event.shiftKey });
      return;
    }
    const isButton = /** @type {Element} */ (event.target).closest?.("button, input, a:not(.open)");
    if (isButton && (event.key === " " || event.key === "Enter")) return;
    const act = isControl ? withControl[event.key.toLowerCase()] : plain[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (event.shiftKey && event.key !== "Escape")) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", pressed, { signal: leaving });
}

/**
 * Where an arrow leads: along the order, or to the nearest entry in the row above or below.
 * @returns {Entry|undefined}
 */
function destination(listing, /** @type {Entry|null} */ from, /** @type {string} */ key) {
  const entries = listing.entries();
  if (!from) return entries[0];
  const at = entries.indexOf(from);
  if (key === "Home") return entries[0];
  if (key === "End") return entries.at(-1);
  if (!listing.isGrid) return entries[at + ({ ArrowUp: -1, ArrowDown: 1 }[key] ?? 0)];
  if (key === "ArrowLeft") return entries[at - 1];
  if (key === "ArrowRight") return entries[at + 1];
  return nearest(entries, at, key === "ArrowDown" ? 1 : -1);
}

function nearest(/** @type {Entry[]} */ entries, /** @type {number} */ at, /** @type {1|-1} */ step) {
  const here = entries[at].getBoundingClientRect();
  const middle = here.left + here.width / 2;
  let row = null;
  let best;
  let distance = Infinity;
  for (let index = at + step; entries[index]; index += step) {
    const box = entries[index].getBoundingClientRect();
    if (Math.abs(box.top - here.top) < 4) continue; // The same row.
    row ??= box.top;
    if (Math.abs(box.top - row) > 4) break; // The row behind the one that is meant.
    const off = Math.abs(box.left + box.width / 2 - middle);
    if (off < distance) [best, distance] = [entries[index], off];
  }
  return best;
}
