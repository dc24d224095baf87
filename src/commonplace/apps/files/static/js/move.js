/** Moving entries to another folder: by a dialog that leads through the folders, or by dragging. */

import { element, icon } from "../../platform/js/dom.js";
import { ask } from "../../platform/js/http.js";
import { nodeAt, openNode } from "./tree.js";

/** @typedef {import("./listing.js").Entry} Entry */
/** @typedef {{id: string, name: string}} Folder an empty id is the top level */
/** @typedef {(entries: Entry[], to: Folder) => void} Move */

const OPENS_MS = 700; // How long something is held over a folder of the tree until that opens.
const MINE = "application/x-commonplace-entries"; // Marks a drag that began on the page, so that it is no upload.

/** Whether something of this page is dragged, rather than files from outside. */
export const isOwnDrag = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes(MINE) ?? false;

export class MoveDialog {
  /**
   * @param {HTMLElement} main
   * @param {import("./listing.js").Listing} listing
   * @param {Move} move
   */
  constructor(main, listing, move) {
    this.listing = listing;
    this.dialog = /** @type {HTMLDialogElement} */ (main.querySelector("#move"));
    this.way = /** @type {HTMLElement} */ (main.querySelector("#move-way"));
    this.list = /** @type {HTMLElement} */ (main.querySelector("#move-folders"));
    this.here = /** @type {HTMLButtonElement} */ (main.querySelector("#move-here"));
    this.here.addEventListener("click", () => {
      this.dialog.close();
      move(this.entries, /** @type {Folder} */ (this.path.at(-1)));
    });
    /** @type {Folder[]} */
    this.path = [];
    /** @type {Entry[]} */
    this.entries = [];
  }

  open(/** @type {Entry[]} */ entries) {
    if (!entries.length) return;
    this.entries = entries;
    this.path = wayTo(this.listing);
    this.dialog.showModal();
    this.#show();
  }

  async #show() {
    const at = /** @type {Folder} */ (this.path.at(-1));
    const isHere = at.id === this.listing.folder;
    this.way.replaceChildren(...this.path.map((folder, index) => this.#step(folder, index)));
    this.here.textContent = isHere ? "It is here already" : `Move to ${at.name}`;
    this.here.disabled = isHere;
    this.list.replaceChildren(element("li", { class: "quiet tree-item" }, "…"));
    try {
      const query = new URLSearchParams({ limit: "200", ...(at.id && { parent_id: at.id }) });
      const { items, next } = await ask("GET", `/api/folders?${query}`);
      if (at !== this.path.at(-1)) return; // Gone on meanwhile.
      this.list.replaceChildren(...items.map((/** @type {Folder} */ folder) => this.#choice(folder)));
      if (!items.length) this.list.append(element("li", { class: "quiet tree-item" }, "No folders in here."));
      if (next) this.list.append(element("li", { class: "quiet tree-item" }, "Only the first 200 are shown."));
    } catch (error) {
      this.list.replaceChildren(element("li", { class: "error" }, /** @type {Error} */ (error).message));
    }
  }

  #step(/** @type {Folder} */ folder, /** @type {number} */ index) {
    const isLast = index === this.path.length - 1;
    const back = () => {
      this.path = this.path.slice(0, index + 1);
      this.#show();
    };
    const name = isLast ? element("strong", {}, folder.name) : element("button", { type: "button", class: "link", onclick: back }, folder.name);
    return element("li", {}, name);
  }

  #choice(/** @type {Folder} */ folder) {
    const isMoved = this.entries.some(({ dataset }) => dataset.id === folder.id); // Not into itself.
    const go = () => {
      this.path.push(folder);
      this.#show();
      this.here.focus();
    };
    const button = element("button", { type: "button", class: "tree-item", disabled: isMoved, onclick: go }, icon("folder"), folder.name, icon("chevron-right"));
    return element("li", {}, button);
  }
}

/** The folders from the top level to the one on the page, as the breadcrumb has them. */
function wayTo(/** @type {import("./listing.js").Listing} */ listing) {
  const above = [...listing.main.querySelectorAll(".breadcrumb a")].map(folderOfLink);
  return [...above, { id: listing.folder, name: listing.place.title ?? "" }];
}

/** @returns {Folder} */
function folderOfLink(/** @type {Element} */ link) {
  const address = link.getAttribute("href") ?? "";
  return { id: address.split("/folder/")[1] ?? "", name: link.textContent?.trim() ?? "" };
}

/**
 * Let entries be dragged onto a folder, or onto the way above the title.
 * @param {HTMLElement} main
 * @param {import("./selection.js").Selection} selection
 * @param {Move} move
 * @param {AbortSignal} leaving
 */
export function acceptMoves(main, selection, move, leaving) {
  /** @type {Entry[]} */
  let dragged = [];
  /** @type {Element|null} */
  let over = null;
  const options = { signal: leaving };
  let opening = 0;
  const aim = (/** @type {Element|null} */ target) => {
    if (target === over) return;
    over?.classList.remove("is-target");
    over = target;
    over?.classList.add("is-target");
    clearTimeout(opening);
    if (target?.matches('[role="treeitem"]')) opening = window.setTimeout(() => openNode(/** @type {HTMLElement} */ (target)), OPENS_MS);
  };
  const targetOf = (/** @type {Event} */ event) => {
    const at = /** @type {Element} */ (event.target);
    const target = at.closest?.('.entry[data-kind="folder"]') ?? at.closest?.('.breadcrumb a, .side-places a[href="/app/files"]') ?? nodeAt(at);
    return target && !dragged.includes(/** @type {Entry} */ (target)) ? target : null;
  };
  main.addEventListener("dragstart", (event) => {
    const entry = /** @type {Entry|null} */ (/** @type {Element} */ (event.target).closest(".entry"));
    if (!entry || !event.dataTransfer || entry.querySelector(".rename")) return;
    dragged = entry.classList.contains("is-selected") ? selection.selected : [entry];
    event.dataTransfer.clearData();
    event.dataTransfer.setData(MINE, dragged.map(({ dataset }) => dataset.id).join(" "));
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(ghost(dragged), -8, -8);
  }, options);
  main.addEventListener("dragover", (event) => {
    if (!isOwnDrag(event)) return;
    aim(targetOf(event));
    if (over) event.preventDefault();
  }, options);
  main.addEventListener("drop", (event) => {
    if (!isOwnDrag(event) || !over) return;
    event.preventDefault();
    const isEntry = over.matches(".entry, [role='treeitem']");
    const { dataset } = /** @type {Entry} */ (over);
    move(dragged, isEntry ? { id: dataset.id ?? "", name: dataset.name ?? "" } : folderOfLink(over));
  }, options);
  main.addEventListener("dragend", () => {
    aim(null);
    dragged = [];
    document.querySelector(".drag-ghost")?.remove();
  }, options);
}

/** What hangs at the pointer: the one name, or how many there are. */
function ghost(/** @type {Entry[]} */ entries) {
  const words = entries.length === 1 ? entries[0].dataset.name : `${entries.length}`;
  const shown = element("div", { class: "drag-ghost" }, icon(entries[0].dataset.kind === "folder" ? "folder" : "file"), words);
  document.body.append(shown);
  return shown;
}
