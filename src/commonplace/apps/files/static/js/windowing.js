/**
 * Keeps the page light when it shows thousands of entries: those that are far from the window give up what is in them.
 *
 * An entry stays where it is, with its data, its size and its selection; only the picture and the words in it go, and
 * come back before it can be seen. So what counts, selects or sorts entries need not know of it.
 */

const FEW = 400; // Below that nothing is gained.
const AHEAD = 160; // Entries that are kept whole before the first and behind the last that can be seen.

export class Windowing {
  /**
   * @param {import("./listing.js").Listing} listing
   * @param {AbortSignal} leaving
   */
  constructor(listing, leaving) {
    this.listing = listing;
    /** @type {WeakMap<HTMLElement, string>} what was in those that sleep */
    this.asleep = new WeakMap();
    /** @type {Set<HTMLElement>} */
    this.awake = new Set();
    /** @type {HTMLElement[]|null} the entries that `awake` was made of */
    this.known = null;
    this.isDue = false;
    const soon = () => {
      if (this.isDue) return;
      this.isDue = true;
      requestAnimationFrame(() => {
        this.isDue = false;
        if (!leaving.aborted) this.#update();
      });
    };
    addEventListener("scroll", soon, { signal: leaving, passive: true });
    addEventListener("resize", soon, { signal: leaving });
    listing.watch(soon);
    listing.wake = (entry) => this.#wake(entry);
    soon();
  }

  #update() {
    const entries = this.listing.files();
    if (entries.length < FEW) return;
    const first = firstBelow(entries, 0);
    const last = firstBelow(entries, innerHeight, first);
    const [from, to] = [Math.max(0, first - AHEAD), Math.min(entries.length, last + AHEAD)];
    for (let at = from; at < to; at += 1) this.#wake(entries[at]);
    const keep = new Set(entries.slice(from, to));
    if (this.known !== entries) this.awake = new Set(entries.filter((entry) => !this.asleep.has(entry)));
    this.known = entries;
    for (const entry of keep) this.awake.add(entry);
    for (const entry of this.awake) if (!keep.has(entry)) this.#sleep(entry);
  }

  #sleep(/** @type {HTMLElement} */ entry) {
    if (entry.contains(document.activeElement) || entry.querySelector(".rename, [aria-expanded='true']")) return;
    this.awake.delete(entry);
    this.asleep.set(entry, entry.innerHTML);
    entry.classList.add("is-asleep");
    entry.replaceChildren();
  }

  #wake(/** @type {HTMLElement} */ entry) {
    const html = this.asleep.get(entry);
    if (html === undefined) return;
    this.asleep.delete(entry);
    entry.innerHTML = html;
    entry.classList.remove("is-asleep");
    const box = /** @type {HTMLInputElement|null} */ (entry.querySelector(".pick input"));
    if (box) box.checked = entry.classList.contains("is-selected");
    for (const part of entry.querySelectorAll('[tabindex="0"]')) part.setAttribute("tabindex", "-1");
  }
}

/** The index of the first entry whose lower edge is below `y` in the window. */
function firstBelow(/** @type {HTMLElement[]} */ entries, /** @type {number} */ y, low = 0) {
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle].getBoundingClientRect().bottom <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}
