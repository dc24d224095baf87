/**
 * The page of tasks as it is drawn: the address says what is shown, the server draws it, and what differs is changed.
 *
 * One way for everything: a change of one's own, one from elsewhere, another order, a task opened beside the list.
 */

import { piece, Refusal } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { visit } from "../../platform/js/page.js";
import { toast } from "../../platform/js/toast.js";
import { morph } from "./morph.js";

const GATHER_MS = 60;
const SEARCH_MS = 180;
const MINUTE_MS = 60_000;
const KINDS = ["task", "task_list", "task_filter"];

/** @typedef {HTMLElement} Task an element with the class `task` and the data attributes of macros.html */

export class View {
  /**
   * @param {HTMLElement} main
   * @param {AbortSignal} leaving
   */
  constructor(main, leaving) {
    this.main = main;
    this.leaving = leaving;
    this.timer = 0;
    this.isStale = false;
    this.isHeld = false;
    this.isReached = true;
    /** @type {Promise<void>|null} */
    this.drawing = null;
    /** @type {Promise<any>|null} what was begun last */
    this.underWay = null;
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    onChanges(
      { changed: (changes) => changes.some(({ item }) => item && KINDS.includes(item.kind)) && this.soon(), anew: () => this.soon() },
      leaving,
    );
    main.addEventListener("click", (event) => this.#clicked(event), { signal: leaving });
    this.#acceptSearch(leaving);
    const clock = setInterval(() => this.#isAnotherDay() && this.soon(), MINUTE_MS);
    leaving.addEventListener("abort", () => {
      clearInterval(clock);
      clearTimeout(this.timer);
    });
  }

  get root() {
    return /** @type {HTMLElement} */ (this.main.querySelector("#tasks"));
  }

  /** What kind of page it is: `today`, `list`, `board` … */
  get key() {
    return this.root.dataset.view ?? "";
  }

  /** @returns {Task[]} in the order in which they are shown */
  tasks() {
    return [...(this.main.querySelectorAll("#view .task") ?? [])];
  }

  /** @returns {Task|null} */
  find(/** @type {string} */ id) {
    return this.main.querySelector(`#task-${CSS.escape(id)}`);
  }

  /** Be told whenever it was drawn anew. */
  watch(/** @type {() => void} */ watcher) {
    this.watchers.add(watcher);
  }

  /** Draw it when the changes of this moment are all in. */
  soon() {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.draw(), GATHER_MS);
  }

  /** Draw it as it is now on the server; resolves when that is done. */
  async draw() {
    if (this.leaving.aborted) return;
    if (this.isHeld) {
      this.isStale = true;
      return;
    }
    if (this.drawing) {
      this.isStale = true; // What is on its way may have been read before the change.
      await this.drawing;
      if (!this.isStale) return;
    }
    this.isStale = false;
    this.drawing = this.#fetchAndDraw().finally(() => (this.drawing = null));
    await this.drawing;
  }

  async #fetchAndDraw() {
    const address = location.pathname + location.search;
    let html = "";
    try {
      html = await piece(address, this.leaving);
      this.isReached = true;
    } catch (error) {
      this.isReached = !(error instanceof Refusal && error.status === 0);
      if (error instanceof Refusal && error.status === 404) visit("/app/tasks"); // The list is gone.
      return; // Left, or out of reach: live.js says when there is news again.
    }
    if (this.leaving.aborted || address !== location.pathname + location.search) return;
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("#tasks");
    if (!fresh) return;
    if (this.isHeld) {
      this.isStale = true;
      return;
    }
    morph(this.root, fresh);
    window.htmx?.process(this.root);
    for (const watcher of this.watchers) watcher();
  }

  /** While something is dragged or written, nothing moves. */
  hold(/** @type {boolean} */ isHeld) {
    this.isHeld = isHeld;
    if (!isHeld && this.isStale) this.soon();
  }

  /** Show the same page otherwise: under another address. */
  go(/** @type {string} */ address) {
    history.replaceState(history.state, "", address);
    return this.draw();
  }

  /** Show the same page with another parameter. */
  set(/** @type {string} */ name, /** @type {string} */ value) {
    const address = new URL(location.href);
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
    return this.go(address.pathname + address.search);
  }

  /** The task whose details are shown. */
  get opened() {
    return new URLSearchParams(location.search).get("task") ?? "";
  }

  async open(/** @type {string} */ id) {
    const address = new URL(location.href);
    address.searchParams.set("task", id);
    address.searchParams.delete("history");
    await this.go(address.pathname + address.search);
    if (!this.main.querySelector("#detail[data-id]")) {
      const why = this.isReached ? "This task is gone: deleted, or no longer shared." : "Its details are not on this device, and there is no connection.";
      toast(why);
      this.set("task", "");
    }
  }

  /** Do something, and draw what came of it. @returns {Promise<any>} null: it was refused, which is said */
  doing(/** @type {() => Promise<any>} */ act, /** @type {string} */ what) {
    const done = this.#do(act, what);
    this.underWay = done;
    return done;
  }

  async #do(/** @type {() => Promise<any>} */ act, /** @type {string} */ what) {
    try {
      return (await act()) ?? true;
    } catch (error) {
      if (!this.leaving.aborted) toast(`${what} ${/** @type {Error} */ (error).message}`, { seconds: 12 });
      return null;
    } finally {
      await this.draw();
    }
  }

  #clicked(/** @type {MouseEvent} */ event) {
    const link = /** @type {HTMLAnchorElement|null} */ (/** @type {Element} */ (event.target).closest("a[data-stays], a[data-opens-task]"));
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const menu = /** @type {HTMLElement|null} */ (link.closest(".menu"));
    menu?.hidePopover();
    const task = link.hasAttribute("data-opens-task") && new URL(link.href).searchParams.get("task");
    const opener = link.closest(".task");
    if (task) this.open(task).then(() => matchMedia("(max-width: 68rem)").matches && this.#focusDetail());
    else this.go(link.pathname + link.search).then(() => link.id === "detail-close" && this.focusTask());
    if (opener) this.lastOpened = opener.getAttribute("data-id") ?? "";
  }

  #focusDetail() {
    /** @type {HTMLElement|null} */ (this.main.querySelector("#detail-close"))?.focus({ preventScroll: true });
  }

  /** After its details are closed the keyboard is at the task again. */
  focusTask() {
    const task = this.find(this.lastOpened ?? "") ?? this.tasks()[0];
    /** @type {HTMLElement|null|undefined} */ (task?.querySelector(".open"))?.focus();
  }

  /** The search field stands in the bar, outside of the page, and may come after it. */
  #acceptSearch(/** @type {AbortSignal} */ leaving) {
    const field = () => /** @type {HTMLInputElement|null} */ (document.querySelector("#bar-search [data-search]"));
    let timer = 0;
    const search = () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => this.set("q", field()?.value.trim() ?? ""), SEARCH_MS);
    };
    document.addEventListener("input", (event) => event.target === field() && search(), { signal: leaving });
    const submit = (/** @type {Event} */ event) => {
      if (event.target !== field()?.form) return;
      event.preventDefault();
      event.stopPropagation();
      search();
    };
    document.addEventListener("submit", submit, { signal: leaving, capture: true });
    leaving.addEventListener("abort", () => clearTimeout(timer));
    this.watch(() => {
      const shown = field();
      if (shown && document.activeElement !== shown) shown.value = new URLSearchParams(location.search).get("q") ?? "";
    });
  }

  /** Whether the person's calendar has gone on since the page was drawn. */
  #isAnotherDay() {
    const { timeZone = "UTC" } = document.documentElement.dataset;
    const parts = new Intl.DateTimeFormat("en-CA", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
    return parts.format(new Date()) !== this.root.dataset.today;
  }
}
