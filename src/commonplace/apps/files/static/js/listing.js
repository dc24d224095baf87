/**
 * The entries that the page shows, kept as they are on the server.
 *
 * Entries are drawn by the server only. What changed is fetched by id, many at a time, and put where its sort key says.
 */

import { piece, Refusal } from "../../platform/js/http.js";
import { isLive, onChanges } from "../../platform/js/live.js";
import { visit } from "../../platform/js/page.js";
import { addHeading, dropEmptyHeadings } from "./days.js";

const GATHER_MS = 120;
const MOST_AT_ONCE = 100;
const FACTS_MS = 400;
const POLL_MS = 4000;
const AHEAD = "1500px";

/** @typedef {HTMLElement} Entry an element with the class `entry` and the data attributes of macros.html */

export class Listing {
  /**
   * @param {HTMLElement} main
   * @param {AbortSignal} leaving
   */
  constructor(main, leaving) {
    this.main = main;
    this.leaving = leaving;
    /** @type {Set<string>} */
    this.wanted = new Set();
    this.timer = 0;
    this.factsTimer = 0;
    /** @type {Set<() => void>} */
    this.watchers = new Set();
    /** @type {Entry[]|null} */
    this.cached = null;
    /** @type {(entry: Entry) => void} gives back what is in an entry that is far away (windowing.js) */
    this.wake = () => {};
    /** @type {(entry: Entry) => void} brings an entry that is far away into the window */
    this.reveal = () => {};
    /** @type {(fresh: DocumentFragment) => void} puts by what comes, where there are thousands already */
    this.receive = () => {};
    this.ahead = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.#more(), {
      rootMargin: AHEAD,
    });
    this.#drawn();
    onChanges({ changed: (changes) => this.#changed(changes), anew: () => this.reload() }, leaving);
    document.addEventListener("htmx:after:swap", () => this.root && this.#drawn(), { signal: leaving });
    const poll = setInterval(() => this.#poll(), POLL_MS);
    leaving.addEventListener("abort", () => {
      clearInterval(poll);
      clearTimeout(this.timer);
      clearTimeout(this.factsTimer);
      this.ahead.disconnect();
    });
  }

  /** What holds the entries; not there any more when the person has gone to another page. */
  get root() {
    return /** @type {HTMLElement} */ (this.main.querySelector("#listing"));
  }

  get place() {
    return /** @type {HTMLElement} */ (this.main.querySelector("#place")).dataset;
  }

  /** The folder's id; empty at the top level. */
  get folder() {
    return this.place.folder ?? "";
  }

  /** Whether entries stand beside each other, and not only below. */
  get isGrid() {
    return this.root.dataset.view !== "details";
  }

  /** What the page gathers from different folders: `recent` or `shared`; empty for a folder. */
  get gathered() {
    return this.place.gathered ?? "";
  }

  /** @returns {Entry[]} folders, then files, in the order in which they are shown */
  entries() {
    return [...(this.root?.querySelectorAll(".entry") ?? [])];
  }

  /** @returns {Entry[]} the files, in order; the same array until one comes or goes */
  files() {
    this.cached ??= [...(this.root?.querySelectorAll("#entries > .entry") ?? [])];
    return this.cached;
  }

  /** @returns {Entry|null} */
  find(/** @type {string} */ id) {
    return this.root?.querySelector(`#entry-${CSS.escape(id)}`);
  }

  /** Be told whenever entries came, went or were drawn anew. */
  watch(/** @type {() => void} */ watcher) {
    this.watchers.add(watcher);
  }

  /** Draw these entries as they are now on the server; resolves when that is done. */
  refresh(/** @type {Iterable<string>} */ ids) {
    if (this.leaving.aborted) return Promise.resolve();
    for (const id of ids) this.wanted.add(id);
    if (!this.wanted.size) return Promise.resolve();
    this.gathering ??= new Promise((resolve) => {
      this.timer = window.setTimeout(async () => {
        this.gathering = null;
        await this.#fetchWanted();
        resolve();
      }, GATHER_MS);
    });
    return this.gathering;
  }

  async #fetchWanted() {
    const ids = [...this.wanted];
    this.wanted.clear();
    for (let at = 0; at < ids.length && !this.leaving.aborted; at += MOST_AT_ONCE) {
      const some = ids.slice(at, at + MOST_AT_ONCE);
      const html = await this.#piece("entries", some.map((id) => ["id", id]));
      if (html === null) return;
      const drawn = new Map();
      for (const template of parsed(html).querySelectorAll("template[data-entry]")) {
        drawn.set(template.getAttribute("data-entry"), /** @type {HTMLTemplateElement} */ (template).content);
      }
      for (const id of some) this.#put(id, drawn.get(id));
    }
    this.#tidy();
  }

  /** Put one entry where it belongs; what is undefined, elsewhere or filtered out goes. */
  #put(/** @type {string} */ id, /** @type {DocumentFragment|undefined} */ content) {
    const old = this.find(id);
    const fresh = /** @type {Entry|null} */ (content?.querySelector(".entry") ?? null);
    if (!fresh || !this.#belongs(fresh)) {
      old?.remove();
      return;
    }
    if (old) this.wake(old);
    if (old?.querySelector(".rename")) return; // Somebody is writing in it; it is drawn anew after that.
    fresh.querySelector(".open")?.setAttribute("tabindex", old?.querySelector(".open")?.getAttribute("tabindex") ?? "-1");
    if (old && (this.gathered || old.dataset.key === fresh.dataset.key)) {
      carryOver(old, fresh);
      const stop = stopsOf(old).indexOf(/** @type {HTMLElement} */ (document.activeElement));
      old.replaceWith(fresh);
      if (stop >= 0) (stopsOf(fresh)[stop] ?? stopsOf(fresh)[0]).focus({ preventScroll: true });
      return;
    }
    if (old) carryOver(old, fresh);
    old?.remove();
    this.#insert(fresh, content?.querySelector(".day") ?? null);
  }

  #belongs(/** @type {Entry} */ entry) {
    if (this.gathered) return this.find(entry.dataset.id ?? "") !== null;
    const filter = (this.root.dataset.filter ?? "").trim().toLowerCase();
    return entry.dataset.parent === this.folder && (entry.dataset.name ?? "").toLowerCase().includes(filter);
  }

  #insert(/** @type {Entry} */ fresh, /** @type {Element|null} */ heading) {
    const isFolder = fresh.dataset.kind === "folder";
    const container = /** @type {HTMLElement} */ (this.root.querySelector(isFolder ? "#folders" : "#entries"));
    const siblings = /** @type {Entry[]} */ ([...container.querySelectorAll(":scope > .entry")]);
    const at = firstAfter(siblings, fresh, this.#order(isFolder));
    const next = siblings[at] ?? null;
    if (!next && !isFolder && this.root.querySelector("#onward")) return; // It comes with the next page.
    if (this.root.dataset.byDay === "yes" && !isFolder) addHeading(container, siblings[at - 1] ?? null, next, fresh, heading);
    else container.insertBefore(fresh, next);
  }

  /** How to compare two entries: by their keys, then by their ids. */
  #order(/** @type {boolean} */ isFolder) {
    const sort = this.root.dataset.sort ?? "";
    const turn = (isFolder ? sort === "-name" : sort.startsWith("-")) ? -1 : 1;
    const isNumber = !isFolder && sort.endsWith("size_bytes");
    return (/** @type {Entry} */ a, /** @type {Entry} */ b) => {
      const [x, y] = [a.dataset.key ?? "", b.dataset.key ?? ""];
      const byKey = isNumber ? Number(x) - Number(y) : x < y ? -1 : x > y ? 1 : 0;
      return turn * (byKey || ((a.dataset.id ?? "") < (b.dataset.id ?? "") ? -1 : 1));
    };
  }

  /** Take entries off the page, before the server knows. */
  remove(/** @type {Iterable<string>} */ ids) {
    for (const id of ids) this.find(id)?.remove();
    this.#tidy();
  }

  /** After anything came or went: headings, the word for an empty folder, the line under the title. */
  #tidy() {
    if (this.leaving.aborted) return;
    dropEmptyHeadings(this.root);
    const isEmpty = !this.root.querySelector(".entry");
    /** @type {HTMLElement} */ (this.root.querySelector("#nothing")).hidden = !isEmpty;
    const table = /** @type {HTMLElement|null} */ (this.root.querySelector("table"));
    if (table) table.hidden = isEmpty;
    clearTimeout(this.factsTimer);
    if (this.gathered) return this.#tell();
    this.factsTimer = window.setTimeout(async () => {
      const html = await this.#piece("facts", []);
      if (html !== null) this.#showFacts(parsed(html));
    }, FACTS_MS);
    this.#tell();
  }

  #showFacts(/** @type {Node} */ facts) {
    this.main.querySelector("#page-meta")?.replaceChildren(facts);
  }

  /** Load everything anew: after a long break, or when the folder itself has changed. What is selected stays so. */
  async reload() {
    const html = await (this.gathered ? this.#piece("gathered", [["gathered", this.gathered]]) : this.#piece("listing", []));
    if (html === null) return;
    const before = new Set([...this.root.querySelectorAll(".entry.is-selected")].map((entry) => entry.id));
    const focused = document.activeElement?.closest(".entry")?.id;
    this.root.replaceWith(/** @type {Element} */ (parsed(html).querySelector("#listing")));
    this.#drawn();
    for (const entry of this.entries()) {
      if (!before.has(entry.id)) continue;
      entry.classList.add("is-selected");
      /** @type {HTMLInputElement} */ (entry.querySelector(".pick input")).checked = true;
    }
    if (focused) /** @type {HTMLElement|null} */ (document.querySelector(`#${CSS.escape(focused)} .open`))?.focus({ preventScroll: true });
    this.#tidy();
  }

  /** The listing was drawn by the server: let scripts take it over. */
  #drawn() {
    for (const link of this.root.querySelectorAll(".entry .open:not([tabindex])")) link.setAttribute("tabindex", "-1");
    const facts = /** @type {HTMLTemplateElement|null} */ (this.main.querySelector("#fresh-facts"));
    if (facts) {
      this.#showFacts(facts.content.cloneNode(true));
      facts.remove();
    }
    this.#watchEnd();
    this.#tell();
  }

  #tell() {
    this.cached = null;
    for (const watcher of this.watchers) watcher();
  }

  #watchEnd() {
    this.ahead.disconnect();
    const onward = this.root.querySelector("#onward");
    if (onward) this.ahead.observe(onward);
  }

  /** Load the next page of files and put it behind the ones that are there. */
  async #more() {
    const onward = /** @type {HTMLElement|null} */ (this.root.querySelector("#onward"));
    if (!onward || this.isLoading) return;
    this.isLoading = true;
    const container = /** @type {HTMLElement} */ (this.root.querySelector("#entries"));
    const last = /** @type {Entry|null} */ ([...container.querySelectorAll(":scope > .entry")].at(-1) ?? null);
    const html = await this.#piece("more", [
      ["after", onward.dataset.after ?? ""],
      ["day", last?.dataset.day ?? ""],
    ]);
    this.isLoading = false;
    if (html === null || !onward.isConnected) return;
    const page = parsed(html);
    const content = (/** @type {string} */ name) => /** @type {HTMLTemplateElement} */ (page.querySelector(`template[${name}]`)).content;
    const fresh = content("data-entries");
    for (const entry of fresh.querySelectorAll(".entry")) if (this.find(entry.getAttribute("data-id") ?? "")) entry.remove();
    this.receive(fresh);
    container.append(fresh);
    onward.replaceWith(content("data-onward"));
    this.#drawn();
  }

  async #piece(/** @type {string} */ name, /** @type {string[][]} */ parameters) {
    const query = new URLSearchParams(parameters);
    if (name !== "entries" && name !== "gathered") {
      if (this.folder) query.set("folder", this.folder);
      if (this.root.dataset.filter) query.set("filter", this.root.dataset.filter);
    }
    try {
      return await piece(`/app/files/${name}?${query}`, this.leaving);
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) visit("/app/files"); // The folder is gone.
      return null; // Left, or out of reach: live.js says when there is news again.
    }
  }

  #changed(/** @type {import("../../platform/js/live.js").Change[]} */ changes) {
    const ids = new Set();
    for (const { item, name } of changes) {
      if (!item || (item.kind !== "file" && item.kind !== "folder")) continue;
      if (this.gathered && !this.find(item.id)) return this.#gatherAgain();
      // That it was made may be told late, to somebody who is on the way elsewhere already.
      if (item.id === this.folder && name !== "folder.created") visit(location.pathname);
      if ((item.parent_id ?? "") === this.folder || this.find(item.id)) ids.add(item.id);
      if (item.parent_id && this.find(item.parent_id)) ids.add(item.parent_id); // How many are in it has changed.
    }
    this.refresh(ids);
  }

  /** Something new may belong to what is gathered here: the server knows. */
  #gatherAgain() {
    clearTimeout(this.factsTimer);
    this.factsTimer = window.setTimeout(() => this.reload(), FACTS_MS);
  }

  /** Without a live connection, ask for the pictures that are being made. */
  #poll() {
    if (isLive()) return;
    const waiting = this.root.querySelectorAll('.entry[data-state="pending"]');
    this.refresh([...waiting].slice(0, MOST_AT_ONCE).map((entry) => entry.getAttribute("data-id") ?? ""));
  }
}

/** What can have the focus in an entry, in its order: the name, the tick, the button of its menu. */
const stopsOf = (/** @type {Element} */ entry) => /** @type {HTMLElement[]} */ ([...entry.querySelectorAll("a, button, input")]);

/** What a person did with the old element goes on in the new one. */
function carryOver(/** @type {Entry} */ old, /** @type {Entry} */ fresh) {
  fresh.classList.toggle("is-selected", old.classList.contains("is-selected"));
  const [before, after] = [old, fresh].map((one) => /** @type {HTMLInputElement} */ (one.querySelector(".pick input")));
  after.checked = before.checked;
  after.tabIndex = before.tabIndex;
}

/** The index of the first sibling that comes after `entry`. */
function firstAfter(/** @type {Entry[]} */ siblings, /** @type {Entry} */ entry, compare) {
  let [low, high] = [0, siblings.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(siblings[middle], entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function parsed(/** @type {string} */ html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}
