/** Which tasks are selected, and which one the keyboard is at. */

import { countText } from "../../platform/js/localise.js";

/** @typedef {import("./view.js").Task} Task */

export class Selection {
  /**
   * @param {HTMLElement} main
   * @param {import("./view.js").View} view
   * @param {AbortSignal} leaving
   */
  constructor(main, view, leaving) {
    this.view = view;
    this.bar = /** @type {HTMLElement} */ (main.querySelector("#selection"));
    /** @type {Set<string>} */
    this.ids = new Set();
    this.current = "";
    this.anchor = ""; // Where a range begins.
    view.watch(() => this.#sync());
    main.addEventListener("click", (event) => this.#clicked(event), { signal: leaving, capture: true });
    main.addEventListener("focusin", (event) => this.#focused(event), { signal: leaving });
    leaving.addEventListener("abort", () => document.documentElement.classList.remove("has-selection"));
    this.#sync();
  }

  /** @returns {Task[]} */
  get selected() {
    return this.view.tasks().filter(({ dataset }) => this.ids.has(dataset.id ?? ""));
  }

  /** What an action is about: the selected tasks, else the one the keyboard is at. */
  get meant() {
    const { selected } = this;
    if (selected.length) return selected;
    const at = this.at;
    return at?.contains(document.activeElement) ? [at] : [];
  }

  /** @returns {Task|null} the task the keyboard is at */
  get at() {
    return this.view.find(this.current);
  }

  /** Move the keyboard to a task. */
  go(/** @type {Task|null|undefined} */ task, { extend = false } = {}) {
    if (!task) return;
    if (extend) this.#extendTo(task);
    else this.anchor = task.dataset.id ?? "";
    this.#setCurrent(task);
    const link = /** @type {HTMLElement} */ (task.querySelector(".open"));
    link.focus({ preventScroll: true });
    task.scrollIntoView({ block: "nearest" });
  }

  toggle(/** @type {Task|null} */ task) {
    const id = task?.dataset.id;
    if (!id) return;
    if (!this.ids.delete(id)) this.ids.add(id);
    this.anchor = id;
    this.#sync();
  }

  all() {
    for (const { dataset } of this.view.tasks()) this.ids.add(dataset.id ?? "");
    this.#sync();
  }

  clear() {
    this.ids.clear();
    this.#sync();
  }

  #extendTo(/** @type {Task} */ task) {
    const tasks = this.view.tasks();
    const from = Math.max(0, tasks.findIndex(({ dataset }) => dataset.id === this.anchor));
    const to = tasks.indexOf(task);
    this.ids = new Set(tasks.slice(Math.min(from, to), Math.max(from, to) + 1).map(({ dataset }) => dataset.id ?? ""));
    this.#sync();
  }

  /** A click selects with Ctrl or Shift, and whenever something is selected already; else it opens. */
  #clicked(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    const task = /** @type {Task|null} */ (target.closest("#view .task"));
    if (!task || target.closest(".tick, .task-dots, .edit")) return;
    if (!event.shiftKey && !event.ctrlKey && !event.metaKey && !this.ids.size) return;
    if (event.detail === 0 && !event.shiftKey) return; // The Enter key opens, whatever is selected.
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) this.#extendTo(task);
    else this.toggle(task);
    this.#setCurrent(task);
    /** @type {HTMLElement} */ (task.querySelector(".open")).focus({ preventScroll: true });
  }

  #focused(/** @type {FocusEvent} */ event) {
    const task = /** @type {Task|null} */ (/** @type {Element} */ (event.target).closest("#view .task"));
    if (task) this.#setCurrent(task);
  }

  /** One task at a time is reached with the tabulator; arrows lead to the others. */
  #setCurrent(/** @type {Task} */ task) {
    const before = this.at;
    if (before && before !== task) reachable(before, false);
    this.current = task.dataset.id ?? "";
    reachable(task, true);
  }

  #sync() {
    const tasks = this.view.tasks();
    const there = new Set(tasks.map(({ dataset }) => dataset.id ?? ""));
    for (const id of this.ids) if (!there.has(id)) this.ids.delete(id);
    for (const task of tasks) {
      const isSelected = this.ids.has(task.dataset.id ?? "");
      task.classList.toggle("is-selected", isSelected);
      const link = task.querySelector(".open");
      if (isSelected) link?.setAttribute("aria-description", "selected");
      else link?.removeAttribute("aria-description");
    }
    const at = this.at ?? tasks[0];
    if (at) this.#setCurrent(at);
    const opened = this.view.opened;
    for (const task of tasks) task.classList.toggle("is-opened", task.dataset.id === opened);
    const number = this.ids.size;
    this.bar.hidden = number === 0;
    document.documentElement.classList.toggle("has-selection", number > 0);
    const words = number ? countText(number, "selected", "selected") : "";
    const status = /** @type {HTMLElement} */ (this.bar.querySelector(".selection-number"));
    if (status.textContent !== words) status.textContent = words;
  }
}

function reachable(/** @type {Task} */ task, /** @type {boolean} */ isReachable) {
  for (const part of task.querySelectorAll(".open, .tick, .task-dots")) part.setAttribute("tabindex", isReachable ? "0" : "-1");
}
