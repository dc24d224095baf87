/**
 * Keeps the page light when it shows thousands of entries: those far from the window are away.
 *
 * An entry that is away stays in its place in the document, with its data and its selection, so what counts, selects or
 * sorts entries need not know of it. Only what is in it is put by, and it takes no part in the layout: room of the same
 * height stands before and behind those that are there. All rows of a view are equally high, and so are all headings.
 */

import { element } from "../../platform/js/dom.js";

const FEW = 360; // Below that nothing is gained.
const AHEAD_PX = 1800; // What is drawn beyond the window,
const LEAST_AHEAD_PX = 700; // and how little of that may be left before more is drawn.

/** @typedef {import("./listing.js").Entry} Entry */
/** @typedef {{at: number, until: number, top: number, height: number}} Row which children stand in it, and where */

export class Windowing {
  /**
   * @param {import("./listing.js").Listing} listing
   * @param {AbortSignal} leaving
   */
  constructor(listing, leaving) {
    this.listing = listing;
    /** @type {WeakMap<Element, string>} what was in those that are away */
    this.putBy = new WeakMap();
    /** @type {Element[]} */
    this.children = [];
    /** @type {Row[]} */
    this.rows = [];
    this.shown = { from: 0, until: 0 };
    /** @type {Set<Element>} those that are there */
    this.near = new Set();
    this.width = 0;
    this.isDue = false;
    this.isStale = true;
    const soon = () => {
      if (this.isDue) return;
      this.isDue = true;
      requestAnimationFrame(() => {
        this.isDue = false;
        if (!leaving.aborted && listing.root) this.#update();
      });
    };
    const anew = () => {
      this.isStale = true;
      soon();
    };
    addEventListener("scroll", soon, { signal: leaving, passive: true });
    addEventListener("resize", anew, { signal: leaving });
    listing.watch(anew);
    listing.wake = (entry) => this.#wake(entry);
    listing.reveal = (entry) => this.#reveal(entry);
    listing.receive = (fresh) => {
      if (this.rows.length) for (const child of fresh.children) this.#putAway(child);
    };
    anew();
  }

  get #container() {
    return /** @type {HTMLElement} */ (this.listing.root.querySelector("#entries"));
  }

  #update() {
    const container = this.#container;
    if (this.isStale || container.clientWidth !== this.width) {
      if (this.listing.files().length < FEW || container.querySelector(".rename")) return;
      this.#measure(container);
    }
    if (!this.rows.length) return;
    const top = this.#top(container);
    const [from, until] = [this.#rowAt(-top - LEAST_AHEAD_PX), this.#rowAt(innerHeight - top + LEAST_AHEAD_PX) + 1];
    if (!this.isStale && from >= this.shown.from && until <= this.shown.until) return;
    this.isStale = false;
    this.#show(this.#rowAt(-top - AHEAD_PX), Math.min(this.rows.length, this.#rowAt(innerHeight - top + AHEAD_PX) + 1));
  }

  /** Where the first row stands, or would stand, in the window. */
  #top(/** @type {HTMLElement} */ container) {
    return (this.before?.isConnected ? this.before : container).getBoundingClientRect().top;
  }

  /** Which children stand in which row, and how high rows are. */
  #measure(/** @type {HTMLElement} */ container) {
    const isTable = container.matches("tbody");
    if (!this.before?.isConnected) {
      const room = () => (isTable ? element("tbody", { class: "room", "aria-hidden": "true" }, element("tr", {}, element("td", { colspan: 6 }))) : element("div", { class: "room" }));
      [this.before, this.behind] = [room(), room()];
      container.before(this.before);
      container.after(this.behind);
    }
    this.listing.root.classList.add("is-windowed");
    this.children = [...container.children];
    this.near = new Set(this.children.filter((child) => !child.classList.contains("is-away")));
    this.width = container.clientWidth;
    const isDay = (/** @type {Element} */ child) => child.matches(".day");
    const style = getComputedStyle(container);
    const gap = parseFloat(style.rowGap) || 0;
    const columns = style.display === "grid" ? style.gridTemplateColumns.split(" ").length : 1;
    const heights = new Map();
    const heightOf = (/** @type {Element} */ child, isFirst = false) => {
      const kind = isDay(child) ? (isFirst ? "first day" : "day") : "entry";
      if (!heights.has(kind)) {
        this.#wake(child);
        child.classList.remove("is-away");
        const { marginTop, marginBottom } = getComputedStyle(child);
        heights.set(kind, child.getBoundingClientRect().height + parseFloat(marginTop) + parseFloat(marginBottom) + gap);
      }
      return heights.get(kind);
    };
    this.rows = [];
    let top = 0;
    for (let at = 0; at < this.children.length; ) {
      const start = at;
      const height = heightOf(this.children[at], at === 0);
      at += 1;
      if (!isDay(this.children[start])) while (at < this.children.length && at - start < columns && !isDay(this.children[at])) at += 1;
      this.rows.push({ at: start, until: at, top, height });
      top += height;
    }
  }

  /** The index of the row that is `y` below the first one. */
  #rowAt(/** @type {number} */ y) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].top <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Have these rows there, and the others away. */
  #show(/** @type {number} */ from, /** @type {number} */ until) {
    const [first, last] = [this.rows[from].at, this.rows[until - 1].until];
    const near = new Set(this.children.slice(first, last));
    for (const child of this.near) if (!near.has(child)) this.#putAway(child);
    for (const child of near) {
      child.classList.remove("is-away");
      this.#wake(child);
    }
    this.near = near;
    const end = /** @type {Row} */ (this.rows.at(-1));
    this.#makeRoom(this.before, this.rows[from].top);
    this.#makeRoom(this.behind, end.top + end.height - this.rows[until - 1].top - this.rows[until - 1].height);
    this.shown = { from: from === 0 ? -Infinity : from, until: until === this.rows.length ? Infinity : until };
  }

  #putAway(/** @type {Element} */ child) {
    if (child.classList.contains("is-away")) return;
    child.classList.add("is-away");
    if (!child.matches(".entry")) return;
    this.putBy.set(child, child.innerHTML);
    child.replaceChildren();
  }

  #makeRoom(/** @type {HTMLElement|undefined} */ room, /** @type {number} */ height) {
    const inner = /** @type {HTMLElement|null|undefined} */ (room?.querySelector("td") ?? room);
    if (inner) inner.style.height = `${height}px`;
  }

  /** Give back what is in an entry. */
  #wake(/** @type {Element} */ entry) {
    const html = this.putBy.get(entry);
    if (html === undefined) return;
    this.putBy.delete(entry);
    entry.innerHTML = html;
    const box = /** @type {HTMLInputElement|null} */ (entry.querySelector(".pick input"));
    if (box) box.checked = entry.classList.contains("is-selected");
    for (const part of entry.querySelectorAll('[tabindex="0"]')) part.setAttribute("tabindex", "-1");
  }

  /** Bring an entry that is away into the window. */
  #reveal(/** @type {Entry} */ entry) {
    if (!entry.classList.contains("is-away")) return;
    const at = this.children.indexOf(entry);
    const row = this.rows.find(({ until }) => at < until);
    if (at < 0 || !row) return;
    scrollBy({ top: this.#top(this.#container) + row.top - innerHeight / 2, behavior: "instant" });
    this.#update();
  }
}
