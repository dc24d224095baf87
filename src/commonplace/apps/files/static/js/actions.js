/** What a person does with entries: open, download, rename, delete and undo, make a folder. */

import { ask } from "../../platform/js/http.js";
import { countText } from "../../platform/js/localise.js";
import { showMenu } from "../../platform/js/menu.js";
import { visit } from "../../platform/js/page.js";
import { openShare } from "../../platform/js/share.js";
import { toast } from "../../platform/js/toast.js";
import { clipped, forget, take, thingOf } from "./clipboard.js";
import { startRenaming } from "./rename.js";

/** @typedef {import("./listing.js").Entry} Entry */
/** @typedef {import("./clipboard.js").Thing} Thing */

const AT_ONCE = 4;
const UNDO_SECONDS = 12;
const BETWEEN_DOWNLOADS_MS = 400; // Browsers drop downloads that start in the same moment.
const MOST_IN_ADDRESS = 200; // Entries that one address of an archive can name.

/** The address of an entry in the API. */
export const address = (/** @type {{kind?: string, id?: string}} */ { kind, id }) => `/api/${kind === "folder" ? "folders" : "files"}/${id}`;

export class Actions {
  /**
   * @param {import("./listing.js").Listing} listing
   * @param {import("./selection.js").Selection} selection
   */
  constructor(listing, selection) {
    this.listing = listing;
    this.selection = selection;
    /** @type {(entry: Entry) => void} */
    this.open = () => {};
    /** @type {(entries: Entry[]) => void} */
    this.askWhere = () => {};
    /** @type {(entry: Entry) => void} */
    this.tell = () => {};
    /** @type {(() => void)|null} */
    this.lastUndo = null;
    /** @type {Entry|null} the entry that the menu is about */
    this.about = null;
  }

  /** Let the buttons and menus of the page act. */
  listen(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
    const menu = /** @type {HTMLElement} */ (main.querySelector("#entry-menu"));
    const ground = /** @type {HTMLElement} */ (main.querySelector("#ground-menu"));
    const click = (/** @type {MouseEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      const dots = target.closest(".dots");
      if (dots) return this.#showMenu(menu, dots);
      const what = target.closest("[data-does]")?.getAttribute("data-does");
      if (what) return this.#do(what, menu.contains(target) || ground.contains(target));
      const entry = /** @type {Entry|null} */ (target.closest(".open")?.closest(".entry") ?? null);
      const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
      if (entry?.dataset.kind === "file" && isPlain) {
        event.preventDefault();
        this.open(entry);
      }
    };
    main.addEventListener("click", click, { signal: leaving });
    const context = (/** @type {MouseEvent} */ event) => {
      const entry = /** @type {Entry|null} */ (/** @type {Element} */ (event.target).closest(".entry"));
      if (event.shiftKey || event.defaultPrevented) return;
      if (!entry) return this.#showGroundMenu(ground, event);
      if (entry.querySelector(".rename")) return;
      event.preventDefault();
      this.#showMenu(menu, entry, event.clientX ? { x: event.clientX, y: event.clientY } : undefined);
    };
    main.addEventListener("contextmenu", context, { signal: leaving });
    const twice = (/** @type {MouseEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      const entry = /** @type {Entry|null} */ (target.closest(".entry"));
      if (entry && !target.closest(".open, .pick, .dots, .rename")) /** @type {HTMLElement} */ (entry.querySelector(".open")).click();
    };
    main.addEventListener("dblclick", twice, { signal: leaving });
  }

  /** What can be done in the folder itself. */
  #showGroundMenu(/** @type {HTMLElement} */ menu, /** @type {MouseEvent} */ event) {
    if (this.listing.gathered || !/** @type {Element} */ (event.target).closest("#place")) return;
    event.preventDefault();
    this.about = null;
    /** @type {HTMLElement} */ (menu.querySelector('[data-does="paste"]')).hidden = !clipped();
    showMenu(menu, { x: event.clientX, y: event.clientY });
  }

  #showMenu(/** @type {HTMLElement} */ menu, /** @type {Element} */ near, point = undefined) {
    this.about = /** @type {Entry} */ (near.closest(".entry"));
    const isFolder = this.about.dataset.kind === "folder";
    const hide = (/** @type {string} */ what, /** @type {boolean} */ isHidden) => {
      /** @type {HTMLElement} */ (menu.querySelector(`[data-does="${what}"]`)).hidden = isHidden;
    };
    hide("paste", !isFolder || !clipped());
    showMenu(menu, point ?? near);
  }

  #do(/** @type {string} */ what, /** @type {boolean} */ isFromMenu) {
    const entry = isFromMenu ? this.about : null;
    const isOfSelection = entry?.classList.contains("is-selected") && what !== "open" && what !== "rename";
    const meant = entry && !isOfSelection ? [entry] : this.selection.meant;
    const acts = {
      open: () => entry && (entry.dataset.kind === "folder" ? visit(/** @type {HTMLAnchorElement} */ (entry.querySelector(".open")).pathname) : this.open(entry)),
      download: () => this.download(meant),
      rename: () => setTimeout(() => this.rename(entry ?? meant[0])), // After the menu has given the focus back.
      select: () => entry && this.selection.toggle(entry, true),
      move: () => this.askWhere(meant),
      cut: () => take(meant, true),
      paste: () => this.paste(clipped(), entry ? { id: entry.dataset.id ?? "", name: entry.dataset.name ?? "" } : undefined),
      share: () => (entry ?? meant[0]) && openShare({ id: (entry ?? meant[0]).dataset.id ?? "", name: (entry ?? meant[0]).dataset.name }),
      details: () => (entry ?? meant[0]) && this.tell(entry ?? meant[0]),
      all: () => this.selection.all(),
      delete: () => this.trash(meant),
      clear: () => this.selection.clear(),
      "new-folder": () => this.newFolder(),
    };
    acts[what]?.();
  }

  /** One file as it is; a folder, or several entries, as an archive. */
  async download(/** @type {Entry[]} */ entries) {
    for (let at = 0; at < entries.length; at += MOST_IN_ADDRESS) {
      const some = entries.slice(at, at + MOST_IN_ADDRESS);
      const [{ dataset }] = some;
      const link = document.createElement("a");
      if (entries.length > 1) link.href = `/api/files/archive?${new URLSearchParams(some.map((one) => ["id", one.dataset.id ?? ""]))}`;
      else link.href = dataset.kind === "folder" ? `${address(dataset)}/archive` : `${address(dataset)}/content?download=true`;
      link.download = "";
      link.click();
      if (at + MOST_IN_ADDRESS < entries.length) await new Promise((resolve) => setTimeout(resolve, BETWEEN_DOWNLOADS_MS));
    }
  }

  /** Write the name of an entry anew, where it stands. */
  rename(/** @type {Entry|null|undefined} */ entry = this.selection.meant[0]) {
    if (!entry) return;
    startRenaming(entry, async (name) => {
      await ask("PATCH", address(entry.dataset), { json: { name } });
      await this.listing.refresh([entry.dataset.id ?? ""]);
    });
  }

  /** Move entries to the trash, and offer to undo it. They go from the page at once. */
  async trash(/** @type {Entry[]} */ entries = this.selection.meant) {
    if (!entries.length) return;
    const things = entries.map(thingOf);
    const ids = things.map(({ id }) => id);
    const after = this.#neighbour(entries);
    this.listing.remove(ids);
    if (after) this.selection.go(this.listing.find(after));
    const failed = await eachOf(things, (thing) => ask("DELETE", address(thing)), [404]);
    const gone = things.filter((thing) => !failed.has(thing));
    if (failed.size) this.#sayFailed(failed, "deleted");
    if (!gone.length) return;
    const undo = () => this.restore(gone);
    this.lastUndo = undo;
    toast(`${named(gone)} deleted.`, { action: "Undo", onAction: undo, seconds: UNDO_SECONDS });
  }

  /** Put what was cut here, or into the folder `to`. */
  async paste(/** @type {import("./clipboard.js").Clip|null} */ clip, to = { id: this.listing.folder, name: this.listing.place.title ?? "" }) {
    if (!clip) return;
    if (this.listing.gathered && to.id === this.listing.folder) return void toast("Go to the folder where it belongs, and paste there.");
    forget();
    await this.moveThings(clip.things, to);
  }

  /** Move entries to another folder, and offer to undo it. */
  move(/** @type {Entry[]} */ entries, /** @type {{id: string, name: string}} */ to) {
    const after = this.#neighbour(entries);
    const moving = this.moveThings(entries.map(thingOf), to);
    if (after) this.selection.go(this.listing.find(after));
    return moving;
  }

  /** The same for entries that need not be on the page. */
  async moveThings(/** @type {Thing[]} */ all, /** @type {{id: string, name: string}} */ to) {
    const things = all.filter(({ id, place }) => id !== to.id && place !== to.id);
    if (!things.length) return;
    if (to.id !== this.listing.folder) this.listing.remove(things.map(({ id }) => id));
    const failed = await eachOf(things, (thing) => put(thing, to.id));
    const moved = things.filter((thing) => !failed.has(thing));
    if (failed.size) this.#sayFailed(failed, "moved");
    if (!moved.length) return;
    const isHere = to.id === this.listing.folder && !this.listing.gathered;
    const drawn = this.listing.refresh(isHere ? moved.map(({ id }) => id) : [to.id].filter(Boolean)); // How many are in it has changed.
    if (isHere) drawn.then(() => this.#showThese(moved));
    const undo = async () => {
      this.lastUndo = null;
      const stuck = await eachOf(moved, (thing) => put(thing, thing.place));
      if (stuck.size) this.#sayFailed(stuck, "moved back");
      await this.listing.refresh([...moved.map(({ id }) => id), to.id].filter(Boolean));
      this.selection.go(this.listing.find(moved[0].id));
    };
    this.lastUndo = undo;
    toast(`${named(moved)} moved to “${to.name}”.`, { action: "Undo", onAction: undo, seconds: UNDO_SECONDS });
  }

  /** Select what has just come, and bring it into sight. */
  #showThese(/** @type {{id: string}[]} */ things) {
    const entries = things.map(({ id }) => this.listing.find(id)).filter((entry) => entry !== null);
    if (!entries.length) return;
    this.selection.only(entries);
    this.selection.go(entries[0]);
  }

  /** Undo the last deletion or move on this page. */
  undo() {
    this.lastUndo?.();
    this.lastUndo = null;
  }

  async restore(/** @type {{kind?: string, id: string, name?: string}[]} */ things) {
    this.lastUndo = null;
    const failed = await eachOf(things, (thing) => ask("POST", `${address(thing)}/restore`));
    if (failed.size) this.#sayFailed(failed, "put back");
    else if (this.listing.leaving.aborted) toast(`${named(things)} put back.`); // Else one sees it.
    await this.listing.refresh(things.map(({ id }) => id));
    this.selection.go(this.listing.find(things[0].id));
  }

  #sayFailed(/** @type {Map<any, Error>} */ failed, /** @type {string} */ what) {
    const [[thing, error]] = failed;
    this.listing.refresh([...failed.keys()].map(({ id }) => id));
    const others = failed.size > 1 ? ` and ${countText(failed.size - 1, "other")}` : "";
    toast(`“${thing.name}”${others} could not be ${what}. ${error.message}`, { seconds: 15 });
  }

  /** What the keyboard goes on from when these entries are gone. */
  #neighbour(/** @type {Entry[]} */ entries) {
    const { activeElement } = document;
    const isAtThem = activeElement === document.body || activeElement?.closest(".menu, .selection") || entries.some((one) => one.contains(activeElement));
    if (!isAtThem || activeElement?.closest("dialog")) return null;
    const all = this.listing.entries();
    const last = all.indexOf(entries[entries.length - 1]);
    const next = all.slice(last + 1).find((entry) => !entries.includes(entry));
    return (next ?? all.slice(0, last).findLast((entry) => !entries.includes(entry)))?.dataset.id ?? null;
  }

  async newFolder() {
    try {
      const json = { name: "New folder", parent_id: this.listing.folder || null };
      const folder = await ask("POST", "/api/folders?on_conflict=keep_both", { json });
      await this.listing.refresh([folder.id]);
      const entry = this.listing.find(folder.id);
      entry?.scrollIntoView({ block: "nearest" });
      this.rename(entry);
    } catch (error) {
      toast(/** @type {Error} */ (error).message);
    }
  }
}

/** Put a thing into a folder; an empty id is the top level. */
function put(/** @type {{kind: string, id: string}} */ thing, /** @type {string} */ folder) {
  const place = thing.kind === "folder" ? "parent_id" : "folder_id";
  return ask("PATCH", address(thing), { json: { [place]: folder || null } });
}

/** One by its name, several by their number. */
function named(/** @type {{kind?: string, name?: string}[]} */ things) {
  if (things.length === 1) return `“${things[0].name}”`;
  const isAll = (/** @type {string} */ kind) => things.every((thing) => thing.kind === kind);
  if (isAll("file")) return countText(things.length, "file");
  return isAll("folder") ? countText(things.length, "folder") : countText(things.length, "entry", "entries");
}

/**
 * Do something with each, a few at a time; what failed comes back with its error. `fine` are statuses that are no failure.
 * @template T
 * @param {T[]} things
 * @param {(thing: T) => Promise<any>} act
 * @param {number[]} fine
 * @returns {Promise<Map<T, Error>>}
 */
async function eachOf(things, act, fine = []) {
  const failed = new Map();
  const waiting = [...things];
  const work = async () => {
    for (let thing = waiting.shift(); thing; thing = waiting.shift()) {
      try {
        await act(thing);
      } catch (error) {
        if (!fine.includes(error.status)) failed.set(thing, error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return failed;
}
