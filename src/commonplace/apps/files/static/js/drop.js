/** Files and whole folders that are dropped on the page, or pasted into it. */

import { toast } from "../../platform/js/toast.js";
import { isOwnDrag } from "./move.js";
import { nodeAt } from "./tree.js";

/**
 * @typedef {object} Found
 * @property {File} file
 * @property {string[]} folders the names of the folders it lies in, below what was dropped
 * @property {Promise<any>} [handle] leads to the file after a reload, where the browser gives such a thing
 */

/**
 * @param {HTMLElement} main
 * @param {import("./listing.js").Listing} listing
 * @param {(found: Found[], folder: string, emptyFolders: string[][]) => void} upload
 * @param {AbortSignal} leaving
 */
export function acceptDrops(main, listing, upload, leaving) {
  const veil = /** @type {HTMLElement} */ (main.querySelector("#drop"));
  const options = { signal: leaving };
  let over = /** @type {HTMLElement|null} */ (null);
  let depth = 0; // Enter and leave come for every element under the pointer.

  const aim = (/** @type {EventTarget|null} */ target) => {
    over?.classList.remove("is-target");
    over = /** @type {HTMLElement|null} */ (/** @type {Element} */ (target)?.closest?.('.entry[data-kind="folder"]') ?? nodeAt(target));
    over?.classList.add("is-target");
    /** @type {HTMLElement} */ (veil.querySelector("#drop-name")).textContent = over?.dataset.name ?? listing.place.title ?? "";
  };
  const show = (/** @type {boolean} */ isShown) => {
    veil.hidden = !isShown;
    if (!isShown) {
      depth = 0;
      aim(null);
    }
  };
  const on = (/** @type {string} */ name, /** @type {(event: DragEvent) => void} */ act) =>
    document.addEventListener(name, (event) => hasFiles(/** @type {DragEvent} */ (event)) && act(/** @type {DragEvent} */ (event)), options);

  on("dragenter", (event) => {
    depth += 1;
    aim(event.target);
    show(true);
  });
  on("dragleave", () => {
    depth -= 1;
    if (depth <= 0) show(false);
  });
  on("dragover", (event) => {
    event.preventDefault();
    /** @type {DataTransfer} */ (event.dataTransfer).dropEffect = "copy";
  });
  on("drop", async (event) => {
    event.preventDefault();
    const folder = over?.dataset.id ?? listing.folder;
    show(false);
    const { files, empty } = await collect(/** @type {DataTransfer} */ (event.dataTransfer));
    if (files.length || empty.length) upload(files, folder, empty);
    else toast("There was nothing in it that could be uploaded.");
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length && !listing.gathered) upload(files.map((file) => ({ file, folders: [] })), listing.folder, []);
  }, options);
}

const hasFiles = (/** @type {DragEvent} */ event) => (event.dataTransfer?.types.includes("Files") ?? false) && !isOwnDrag(event);

/** Everything that was dropped, folders read to their ends; folders with nothing in them by their paths. */
async function collect(/** @type {DataTransfer} */ data) {
  // The list is emptied when the event is over: take the entries out before waiting for anything.
  const dropped = [...data.items].map((item) => ({
    entry: item.webkitGetAsEntry?.(),
    handle: /** @type {any} */ (item).getAsFileSystemHandle?.().catch(() => null),
  }));
  const entries = dropped.filter(({ entry }) => entry !== null && entry !== undefined);
  /** @type {Found[]} */
  const files = [];
  /** @type {string[][]} */
  const empty = [];
  if (!entries.length) files.push(...[...data.files].map((file) => ({ file, folders: [] })));
  for (const { entry, handle } of entries) {
    const before = files.length;
    await walk(entry, [], files, empty);
    if (entry?.isFile && files.length > before) files[before].handle = handle;
  }
  return { files, empty };
}

async function walk(/** @type {any} */ entry, /** @type {string[]} */ folders, /** @type {Found[]} */ files, /** @type {string[][]} */ empty) {
  if (entry.isFile) {
    try {
      files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folders });
    } catch {
      toast(`“${entry.name}” cannot be read.`);
    }
    return;
  }
  const inside = [...folders, entry.name];
  const reader = entry.createReader();
  let isEmpty = true;
  // A reader gives a hundred entries at a time, and none at the end.
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    isEmpty = false;
    for (const child of some) await walk(child, inside, files, empty);
  }
  if (isEmpty) empty.push(inside);
}

/** What `<input type="file">` holds; with `webkitdirectory` each file tells the folders it lies in. */
export function chosen(/** @type {HTMLInputElement} */ input) {
  return [...(input.files ?? [])].map((file) => ({ file, folders: file.webkitRelativePath.split("/").slice(0, -1) }));
}
