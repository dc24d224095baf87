/** Keys of the whole frame, and the list of all keys that `?` shows. */

import { element, isModalOpen, isTyping } from "./dom.js";

/** @type {Map<string, [string, string][]>} */
const groups = new Map();

/**
 * Let `?` list these keys.
 * @param {string} group
 * @param {[string, string][]} keys pairs of keys (`"Shift ↑"`) and what they do
 */
export function describeKeys(group, keys) {
  groups.set(group, keys);
}

/** Take a group off the list again, when its page goes. */
export const forgetKeys = (/** @type {string} */ group) => groups.delete(group);

export function showKeys() {
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("keys"));
  const list = /** @type {HTMLElement} */ (document.getElementById("keys-list"));
  list.replaceChildren(
    ...[...groups].flatMap(([group, keys]) => [
      element("h3", { class: "divider" }, group),
      element("dl", { class: "keys" }, ...keys.flatMap(([key, what]) => describe(key, what))),
    ]),
  );
  dialog.showModal();
}

function describe(/** @type {string} */ key, /** @type {string} */ what) {
  const caps = key.split(" ").flatMap((one) => [element("kbd", {}, one), " "]);
  return [element("dt", {}, ...caps), element("dd", {}, what)];
}

describeKeys("Everywhere", [
  ["/", "Go to the search field"],
  ["Ctrl K", "Go to, do, or find anything"],
  ["?", "Show these keys"],
  ["Esc", "Close what is open; leave the field"],
]);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented) return;
  const search = /** @type {HTMLInputElement|null} */ (document.querySelector("[data-search]"));
  const isSearchKey = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "Escape" && event.target === search && search) {
    if (search.value) {
      search.value = "";
      search.dispatchEvent(new Event("input", { bubbles: true }));
    } else {
      search.blur();
    }
    event.preventDefault();
    return;
  }
  if (isTyping(event.target) || isModalOpen()) return;
  if (isSearchKey && search) {
    event.preventDefault();
    search.select();
  } else if (event.key === "?") {
    event.preventDefault();
    showKeys();
  }
});
