/** The panel that tells what is known of the entry that is selected, or of the folder itself. */

import { element } from "../../platform/js/dom.js";
import { piece } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { countText, sizeText } from "../../platform/js/localise.js";

const SOON_MS = 120; // Arrows that run along the entries ask for the last one only.
let isWanted = false; // It stays open from folder to folder.

/** Put what is known of a file or folder into `place`. */
export async function tellOf(/** @type {HTMLElement} */ place, /** @type {string} */ id, /** @type {AbortSignal} */ signal) {
  try {
    const html = await piece(`/app/files/details/${id}`, signal);
    const template = document.createElement("template");
    template.innerHTML = html;
    place.replaceChildren(template.content);
    window.htmx.process(place);
  } catch (error) {
    if (!signal.aborted) place.replaceChildren(element("p", { class: "quiet" }, /** @type {Error} */ (error).message));
  }
}

/**
 * @param {HTMLElement} main
 * @param {import("./listing.js").Listing} listing
 * @param {import("./selection.js").Selection} selection
 * @param {AbortSignal} leaving
 * @returns {{toggle: () => void, show: (entry: import("./listing.js").Entry) => void}}
 */
export function offerDetails(main, listing, selection, leaving) {
  const panel = /** @type {HTMLElement} */ (main.querySelector("#details"));
  const place = /** @type {HTMLElement} */ (main.querySelector("#details-of"));
  const button = /** @type {HTMLElement} */ (main.querySelector("#details-button"));
  let [timer, shown] = [0, ""];
  let asking = new AbortController();

  const ask = (/** @type {string} */ id, isAgain = false) => {
    if (id === shown && !isAgain) return;
    shown = id;
    clearTimeout(timer);
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    timer = window.setTimeout(() => tellOf(place, id, signal), SOON_MS);
  };
  const say = (/** @type {string} */ words) => {
    clearTimeout(timer);
    asking.abort();
    shown = "";
    place.replaceChildren(element("p", { class: "quiet" }, words));
  };
  const look = () => {
    if (panel.hidden) return;
    const { selected } = selection;
    if (selected.length > 1) {
      const bytes = selected.reduce((sum, { dataset }) => sum + Number(dataset.bytes ?? 0), 0);
      return say(`${countText(selected.length, "entry", "entries")} selected, ${sizeText(bytes)} in files.`);
    }
    const one = selected[0] ?? selection.at;
    const id = one?.dataset.id || listing.folder;
    if (id) ask(id);
    else say("Select a file or folder to see what is known of it.");
  };
  const open = (/** @type {boolean} */ isOpen) => {
    isWanted = isOpen;
    panel.hidden = !isOpen;
    // An attribute, for `:has()` would look through thousands of entries whenever one of them changes.
    if (panel.parentElement) panel.parentElement.dataset.details = isOpen ? "open" : "closed";
    button.setAttribute("aria-expanded", String(isOpen));
    look();
  };
  const close = () => {
    const hadFocus = panel.contains(document.activeElement);
    open(false);
    if (hadFocus) button.focus();
  };
  button.addEventListener("click", () => open(panel.hidden));
  main.querySelector("#details-close")?.addEventListener("click", close);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
  selection.watch(look);
  const changed = (/** @type {import("../../platform/js/live.js").Change[]} */ changes) => {
    if (!panel.hidden && changes.some(({ item }) => item && item.id === shown)) ask(shown, true);
  };
  onChanges({ changed, anew: () => shown && ask(shown, true) }, leaving);
  leaving.addEventListener("abort", () => {
    clearTimeout(timer);
    asking.abort();
  });
  open(isWanted);
  return {
    toggle: () => open(panel.hidden),
    show: (entry) => {
      open(true);
      ask(entry.dataset.id ?? "");
      panel.focus();
    },
  };
}
