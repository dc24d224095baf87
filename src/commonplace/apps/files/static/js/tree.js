/**
 * The folders beside the list, as a tree. What lies in one is fetched when it is opened.
 *
 * The tree stays as it is when one goes from folder to folder: the element is kept, and put into the next page.
 */

import { piece } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { visit } from "../../platform/js/page.js";

const GATHER_MS = 150;
const TYPE_AHEAD_MS = 700;

/** @typedef {HTMLElement} Node an element with the role `treeitem`, its id in `data-id` */

/** @type {FolderTree|null} */
let tree = null;

/** Put the tree into the page, opened down to the folder that the page shows. */
export function showTree(/** @type {HTMLElement} */ main) {
  const place = /** @type {HTMLElement} */ (main.querySelector("#tree"));
  if (tree) place.replaceWith(tree.root);
  else tree = new FolderTree(place);
  const { folder = "" } = /** @type {HTMLElement} */ (main.querySelector("#place")).dataset;
  const above = [...main.querySelectorAll(".breadcrumb a")].map((link) => link.getAttribute("href")?.split("/folder/")[1] ?? "");
  tree.showWay([...above, folder].filter(Boolean));
}

/** The folder under the pointer, for what is dragged over it. @returns {Node|null} */
export const nodeAt = (/** @type {EventTarget|null} */ target) => /** @type {Element|null} */ (target)?.closest?.(".tree-row")?.closest('[role="treeitem"]') ?? null;

/** Open a folder that something is held over. */
export const openNode = (/** @type {Node} */ node) => tree?.open(node);

class FolderTree {
  constructor(/** @type {HTMLElement} */ root) {
    this.root = root;
    this.typed = "";
    this.typedAt = 0;
    this.timer = 0;
    /** @type {Set<string>} levels to fetch anew; the empty one is the top */
    this.stale = new Set();
    this.loaded = this.#load("");
    root.addEventListener("click", (event) => this.#clicked(event));
    root.addEventListener("keydown", (event) => this.#pressed(event));
    root.addEventListener("focusin", (event) => this.#reach(/** @type {Element} */ (event.target).closest('[role="treeitem"]')));
    onChanges({ changed: (changes) => this.#changed(changes), anew: () => this.#loadAgain(["", ...this.#openIds()]) });
  }

  /** @returns {Node[]} those that can be seen, from top to bottom */
  get #visible() {
    return [...this.root.querySelectorAll('[role="treeitem"]')].filter((node) => /** @type {HTMLElement} */ (node).offsetParent !== null);
  }

  #openIds() {
    return [...this.root.querySelectorAll('[aria-expanded="true"]')].map((node) => node.getAttribute("data-id") ?? "");
  }

  /** @returns {Node|null} */
  #find(/** @type {string} */ id) {
    return this.root.querySelector(`#tree-${CSS.escape(id)}`);
  }

  /** Where the folders in a folder stand; the whole tree for the top level. @returns {HTMLElement|null} */
  #levelOf(/** @type {string} */ id) {
    return id ? this.#find(id)?.querySelector(":scope > ul") ?? null : this.root;
  }

  async showWay(/** @type {string[]} */ ids) {
    await this.loaded;
    for (const node of this.root.querySelectorAll("[aria-current]")) {
      node.removeAttribute("aria-current");
      node.setAttribute("aria-selected", "false");
    }
    for (const id of ids.slice(0, -1)) {
      const node = this.#find(id);
      if (node) await this.open(node);
    }
    const here = this.#find(ids.at(-1) ?? "");
    here?.setAttribute("aria-current", "page");
    here?.setAttribute("aria-selected", "true");
    this.#reach(here ?? this.#visible[0]);
    here?.firstElementChild?.scrollIntoView({ block: "nearest" });
  }

  /** One at a time is reached with the tabulator. */
  #reach(/** @type {Element|null|undefined} */ node) {
    if (!node) return;
    for (const other of this.root.querySelectorAll('[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    node.setAttribute("tabindex", "0");
  }

  async open(/** @type {Node} */ node) {
    if (!node.hasAttribute("aria-expanded")) return;
    node.setAttribute("aria-expanded", "true");
    if (!node.querySelector(":scope > ul > li")) await this.#load(node.dataset.id ?? "");
  }

  #close(/** @type {Node} */ node) {
    if (node.contains(document.activeElement)) node.focus();
    node.setAttribute("aria-expanded", "false");
  }

  /** Fetch the folders in a folder; what was open in them stays open. */
  async #load(/** @type {string} */ id) {
    const html = await piece(`/app/files/tree${id ? `?folder=${encodeURIComponent(id)}` : ""}`).catch(() => null);
    const level = this.#levelOf(id);
    if (html === null || !level) return;
    const template = document.createElement("template");
    template.innerHTML = html;
    const focused = /** @type {HTMLElement|null} */ (level.contains(document.activeElement) ? document.activeElement?.closest('[role="treeitem"]') ?? null : null);
    for (const fresh of template.content.querySelectorAll("li")) {
      const old = this.#find(fresh.dataset.id ?? "");
      if (!old || fresh.dataset.id === id) continue;
      for (const name of ["tabindex", "aria-current", "aria-selected"]) if (old.hasAttribute(name)) fresh.setAttribute(name, old.getAttribute(name) ?? "");
      if (fresh.hasAttribute("aria-expanded")) {
        fresh.setAttribute("aria-expanded", old.getAttribute("aria-expanded") ?? "false");
        fresh.querySelector(":scope > ul")?.replaceWith(/** @type {Element} */ (old.querySelector(":scope > ul")));
      }
    }
    level.replaceChildren(template.content);
    if (focused) this.#find(focused.dataset.id ?? "")?.focus({ preventScroll: true });
    if (!this.root.querySelector('[tabindex="0"]')) this.#reach(this.#visible[0]);
  }

  async #loadAgain(/** @type {Iterable<string>} */ ids) {
    for (const id of ids) if (!id || this.#find(id)) await this.#load(id);
  }

  /** A folder came, went or has another name: its level is fetched anew, and the one that it has left. */
  #changed(/** @type {import("../../platform/js/live.js").Change[]} */ changes) {
    for (const { item } of changes) {
      if (item?.kind !== "folder") continue;
      const there = this.#find(item.id);
      if (there) this.stale.add(this.#above(there)?.dataset.id ?? "");
      const parent = item.parent_id ? this.#find(item.parent_id) : null;
      if (!item.parent_id) this.stale.add("");
      else if (parent?.querySelector(":scope > ul > li")) this.stale.add(item.parent_id);
      else if (parent) this.stale.add(this.#above(parent)?.dataset.id ?? ""); // Whether it can be opened has changed.
    }
    if (!this.stale.size) return;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      const ids = [...this.stale];
      this.stale.clear();
      this.#loadAgain(ids);
    }, GATHER_MS);
  }

  /** @returns {Node|null} */
  #above(/** @type {Node} */ node) {
    return node.parentElement?.closest('[role="treeitem"]') ?? null;
  }

  #clicked(/** @type {MouseEvent} */ event) {
    const node = nodeAt(event.target);
    if (!node) return;
    if (/** @type {Element} */ (event.target).closest(".twist")) {
      if (node.getAttribute("aria-expanded") === "true") this.#close(node);
      else this.open(node);
      return;
    }
    const path = `/app/files/folder/${node.dataset.id}`;
    if (event.ctrlKey || event.metaKey) window.open(path, "_blank", "noopener");
    else visit(path);
  }

  #pressed(/** @type {KeyboardEvent} */ event) {
    const node = /** @type {Node|null} */ (/** @type {Element} */ (event.target).closest('[role="treeitem"]'));
    if (!node || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = this.#visible;
    const at = all.indexOf(node);
    const state = node.getAttribute("aria-expanded");
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowDown: () => all[at + 1]?.focus(),
      ArrowUp: () => all[at - 1]?.focus(),
      Home: () => all[0]?.focus(),
      End: () => all.at(-1)?.focus(),
      ArrowRight: () => (state === "false" ? this.open(node) : state === "true" && all[at + 1]?.focus()),
      ArrowLeft: () => (state === "true" ? this.#close(node) : this.#above(node)?.focus()),
      Enter: () => /** @type {HTMLElement} */ (node.querySelector(".tree-row")).click(),
      " ": () => (state === "true" ? this.#close(node) : this.open(node)),
    };
    const act = acts[event.key] ?? (event.key.length === 1 ? () => this.#typeAhead(event, all, at) : undefined);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  /** Letters lead to the next folder whose name begins so. */
  #typeAhead(/** @type {KeyboardEvent} */ event, /** @type {Node[]} */ all, /** @type {number} */ at) {
    this.typed = event.timeStamp - this.typedAt < TYPE_AHEAD_MS ? this.typed + event.key : event.key;
    this.typedAt = event.timeStamp;
    const from = this.typed.length > 1 ? at : at + 1;
    const turned = [...all.slice(from), ...all.slice(0, from)];
    turned.find(({ dataset }) => dataset.name?.toLowerCase().startsWith(this.typed.toLowerCase()))?.focus();
  }
}
