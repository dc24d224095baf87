/** Uploads to a folder. They go on while the person walks through other pages. */

import { ask, newKey } from "../../platform/js/http.js";
import { toast } from "../../platform/js/toast.js";
import { UploadQueue } from "../../platform/js/uploads/queue.js";
import { transfer } from "../../platform/js/uploads/transfer.js";
import { UploadTray } from "../../platform/js/uploads/tray.js";
import { chosen } from "./drop.js";

/** @typedef {import("./drop.js").Found} Found */
/** @typedef {{folder: string, folders: string[], key: string}} Target */

/** @type {UploadQueue|undefined} */
let queue;
/** Folders that are made or found on the way: the path of each to its id. */
const made = new Map();

/**
 * Let the page's buttons upload; what comes back uploads what was found otherwise.
 * @param {HTMLElement} main
 * @param {import("./listing.js").Listing} listing
 * @param {AbortSignal} leaving
 */
export function offerUploads(main, listing, leaving) {
  const running = theQueue();
  const input = (/** @type {string} */ what) => /** @type {HTMLInputElement} */ (main.querySelector(`[data-input="${what}"]`));
  const upload = (/** @type {Found[]} */ found, /** @type {string} */ folder, /** @type {string[][]} */ empty = []) => {
    running.add(found.map(({ file, folders }) => ({ file, target: { folder, folders, key: newKey() } })));
    for (const folders of empty) folderOf(folder, folders).catch((error) => toast(error.message));
  };
  for (const what of ["files", "folder"]) {
    input(what).addEventListener("change", () => {
      upload(chosen(input(what)), listing.folder);
      input(what).value = ""; // The same file may be chosen again.
    });
  }
  main.addEventListener("click", (event) => {
    const what = /** @type {Element} */ (event.target).closest("[data-chooses]")?.getAttribute("data-chooses");
    if (what) input(what).click();
  }, { signal: leaving });
  running.addEventListener("done", (event) => {
    const { answer } = /** @type {CustomEvent} */ (event).detail;
    if ((answer.folder_id ?? "") === listing.folder) listing.refresh([answer.id]);
    document.body.dispatchEvent(new CustomEvent("commonplace:changed"));
  }, { signal: leaving });
  return upload;
}

function theQueue() {
  if (!queue) {
    queue = new UploadQueue(send);
    new UploadTray(queue);
  }
  return queue;
}

async function send(/** @type {import("../../platform/js/uploads/queue.js").Task} */ task, /** @type {(bytes: number) => void} */ onSent) {
  const { folder, folders, key } = /** @type {Target} */ (task.target);
  const folderId = await folderOf(folder, folders);
  const query = new URLSearchParams({ name: task.file.name, ...(folderId && { folder_id: folderId }) });
  const request = {
    path: `/api/files?${query}`,
    body: task.file,
    // The same key for every try: the server answers a repetition, and stores nothing twice.
    headers: { "Content-Type": task.file.type || "application/octet-stream", "Idempotency-Key": key },
    signal: task.control.signal,
  };
  return transfer(request, onSent);
}

/** The id of the folder with this path below `root`; folders that are missing are made, each once. */
function folderOf(/** @type {string} */ root, /** @type {string[]} */ names) {
  if (!names.length) return Promise.resolve(root);
  const path = [root, ...names].join("/");
  if (!made.has(path)) {
    const folder = makeFolder(root, names);
    folder.catch(() => made.delete(path));
    made.set(path, folder);
    // It may be renamed or deleted later, and the name be meant for another one.
    folder.finally(() => setTimeout(() => made.delete(path), 60_000)).catch(() => {});
  }
  return made.get(path);
}

async function makeFolder(/** @type {string} */ root, /** @type {string[]} */ names) {
  const parent = await folderOf(root, names.slice(0, -1));
  const json = { name: names.at(-1), parent_id: parent || null };
  return (await ask("POST", "/api/folders?on_conflict=reuse", { json })).id;
}
