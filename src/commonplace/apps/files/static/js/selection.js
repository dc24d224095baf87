/** Which entries are selected, and which one the keyboard is at. */

import { countText } from "../../platform/js/localise.js";

/** @typedef {import("./listing.js").Entry} Entry */

const LONG_PRESS_MS = 450;
const MOVED_PX = 8;

export class Selection {
  /**
   * @param {HTMLElement} main
   * @param {import("./listing.js").Listing} listing
   * @param {AbortSignal} leaving
   */
  constructor(main, listing, leaving) {
    this.main = main;
    this.listing = listing;
    this.bar = /** @type {HTMLElement} */ (main.querySelector("#selection"));
    this.current = "";
    this.anchor = ""; // Where a range begins.
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    listing.watch(() => this.#sync());
    const options = { signal: leaving };
    main.addEventListener("click", (event) => this.#clicked(event), { ...options, capture: true });
    main.addEventListener("change", (event) => this.#ticked(event), options);
    // With Shift a browser would mark the text between two clicks.
    main.addEventListener("mousedown", (event) => event.shiftKey && /** @type {Element} */ (event.target).closest(".entry") && event.preventDefault(), options);
    main.addEventListener("focusin", (event) => this.#focused(event), options);
    this.#acceptLongPress(main, options);
    this.#sync();
  }

  /** Be told whenever something else is selected, or the keyboard is elsewhere. */
  watch(/** @type {() => void} */ watcher) {
    this.watchers.add(watcher);
  }

  /** @returns {Entry[]} */
  get selected() {
    return [...this.listing.root.querySelectorAll(".entry.is-selected")];
  }

  /** What an action is about: the selected entries, else the one the keyboard is at. */
  get meant() {
    const { selected } = this;
    if (selected.length) return selected;
    const at = this.at;
    return at && at.contains(document.activeElement) ? [at] : [];
  }

  /** @returns {Entry|null} the entry the keyboard is at */
  get at() {
    return this.listing.find(this.current);
  }

  /** Move the keyboard to an entry. */
  go(/** @type {Entry|null|undefined} */ entry, { extend = false } = {}) {
    if (!entry) return;
    if (extend) this.#extendTo(entry);
    else this.anchor = entry.dataset.id ?? "";
    this.listing.wake(entry);
    this.listing.reveal(entry);
    this.#setCurrent(entry);
    /** @type {HTMLElement} */ (entry.querySelector(".open")).focus();
  }

  toggle(/** @type {Entry} */ entry, isSelected = !entry.classList.contains("is-selected")) {
    mark(entry, isSelected);
    this.anchor = entry.dataset.id ?? "";
    this.#sync();
  }

  all() {
    for (const entry of this.listing.entries()) mark(entry, true);
    this.#sync();
  }

  clear() {
    for (const entry of this.selected) mark(entry, false);
    this.#sync();
  }

  /** Select these and nothing else. */
  only(/** @type {Entry[]} */ entries) {
    const wanted = new Set(entries);
    for (const entry of this.selected) if (!wanted.has(entry)) mark(entry, false);
    for (const entry of entries) mark(entry, true);
    this.#sync();
  }

  #extendTo(/** @type {Entry} */ entry) {
    const entries = this.listing.entries();
    const from = Math.max(0, entries.findIndex(({ dataset }) => dataset.id === this.anchor));
    const to = entries.indexOf(entry);
    const [first, last] = from < to ? [from, to] : [to, from];
    entries.forEach((one, index) => mark(one, index >= first && index <= last));
    this.#sync();
  }

  /** A click selects with Ctrl or Shift, and whenever something is selected already; else it opens. */
  #clicked(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    const entry = /** @type {Entry|null} */ (target.closest(".entry"));
    if (!entry || target.closest(".dots, .rename")) return;
    if (target.closest(".pick")) {
      if (event.shiftKey && this.anchor) {
        event.preventDefault();
        this.#extendTo(entry);
      }
      event.stopPropagation(); // A tick is not a click on what lies under it.
      return;
    }
    if (this.wasLongPress) {
      this.wasLongPress = false;
      stop(event);
      return;
    }
    const isRange = event.shiftKey;
    // The name and the picture open; a mouse beside them selects this one alone.
    const isBeside = !target.closest(".open") && /** @type {PointerEvent} */ (event).pointerType === "mouse";
    if (!isRange && !event.ctrlKey && !event.metaKey && !this.selected.length && !isBeside) return;
    if (event.detail === 0 && !isRange) return; // The Enter key opens, whatever is selected.
    stop(event);
    if (isRange) this.#extendTo(entry);
    else if (isBeside && !event.ctrlKey && !event.metaKey) this.only([entry]);
    else this.toggle(entry);
    if (isBeside) this.anchor = entry.dataset.id ?? "";
    this.#setCurrent(entry);
    /** @type {HTMLElement} */ (entry.querySelector(".open")).focus({ preventScroll: true });
  }

  #ticked(/** @type {Event} */ event) {
    const box = /** @type {HTMLInputElement} */ (event.target);
    const entry = /** @type {Entry|null} */ (box.closest?.(".pick") && box.closest(".entry"));
    if (entry) this.toggle(entry, box.checked);
  }

  #focused(/** @type {FocusEvent} */ event) {
    const entry = /** @type {Entry|null} */ (/** @type {Element} */ (event.target).closest(".entry"));
    if (!entry) return;
    this.#setCurrent(entry);
    for (const watcher of this.watchers) watcher();
  }

  /** A finger that rests on an entry selects it. */
  #acceptLongPress(/** @type {HTMLElement} */ main, /** @type {AddEventListenerOptions} */ options) {
    let timer = 0;
    let start = { x: 0, y: 0 };
    const cancel = () => clearTimeout(timer);
    const down = (/** @type {PointerEvent} */ event) => {
      this.wasLongPress = false;
      const entry = /** @type {Entry|null} */ (/** @type {Element} */ (event.target).closest(".entry"));
      if (event.pointerType !== "touch" || !entry) return;
      start = { x: event.clientX, y: event.clientY };
      timer = window.setTimeout(() => {
        this.wasLongPress = true;
        this.toggle(entry);
      }, LONG_PRESS_MS);
    };
    const move = (/** @type {PointerEvent} */ event) => {
      if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > MOVED_PX) cancel();
    };
    main.addEventListener("pointerdown", down, options);
    main.addEventListener("pointermove", move, options);
    for (const name of ["pointerup", "pointercancel", "scroll"]) main.addEventListener(name, cancel, options);
    main.addEventListener("contextmenu", (event) => this.wasLongPress && event.preventDefault(), options);
  }

  /** One entry at a time is reached with the tabulator; arrows lead to the others. */
  #setCurrent(/** @type {Entry} */ entry) {
    const id = entry.dataset.id ?? "";
    if (id !== this.current) {
      const before = this.at;
      if (before) reachable(before, false);
      this.current = id;
    }
    reachable(entry, true);
  }

  #sync() {
    if (!this.at) {
      const [first] = this.listing.entries();
      if (first) this.#setCurrent(first);
    }
    const { selected } = this;
    this.listing.root.classList.toggle("is-selecting", selected.length > 0);
    this.bar.hidden = selected.length === 0;
    document.documentElement.classList.toggle("has-selection", selected.length > 0);
    const number = /** @type {HTMLElement} */ (this.bar.querySelector(".selection-number"));
    const words = selected.length ? `${countText(selected.length, "selected", "selected")}` : "";
    if (number.textContent !== words) number.textContent = words;
    const hide = (/** @type {string} */ what, /** @type {boolean} */ isHidden) => {
      /** @type {HTMLElement} */ (this.bar.querySelector(`[data-does="${what}"]`)).hidden = isHidden;
    };
    hide("rename", selected.length !== 1);
    for (const watcher of this.watchers) watcher();
  }
}

function mark(/** @type {Entry} */ entry, /** @type {boolean} */ isSelected) {
  entry.classList.toggle("is-selected", isSelected);
  const box = /** @type {HTMLInputElement|null} */ (entry.querySelector(".pick input")); // None where it is away.
  if (box) box.checked = isSelected;
}

function reachable(/** @type {Entry} */ entry, /** @type {boolean} */ isReachable) {
  for (const part of entry.querySelectorAll(".open, .pick input, .dots")) part.setAttribute("tabindex", isReachable ? "0" : "-1");
}

function stop(/** @type {Event} */ event) {
  event.preventDefault();
  event.stopPropagation();
}
