/** Uploads to a folder. They go on while the person walks through other pages. */

import { ask, newKey } from "../../platform/js/http.js";
import { toast } from "../../platform/js/toast.js";
import { dropHandle, fileOf, keepHandle } from "../../platform/js/uploads/handles.js";
import { makeOfKnown } from "../../platform/js/uploads/known.js";
import { PAUSED, UploadQueue } from "../../platform/js/uploads/queue.js";
import { transfer } from "../../platform/js/uploads/transfer.js";
import { UploadTray } from "../../platform/js/uploads/tray.js";
import { chosen } from "./drop.js";

/** @typedef {import("./drop.js").Found} Found */
/** @typedef {import("../../platform/js/uploads/queue.js").Task} Task */
/**
 * @typedef {{folder: string, folders: string[], key: string, handle?: Promise<any>, fingerprint?: string}} Target
 * `fingerprint`: of one that was interrupted; `handle`: leads to the file after a reload
 */

/** Files from here on are sent so that they can go on; below, one request is faster. */
const LARGE_BYTES = 8 * 1024 * 1024;

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
    running.add(found.map(({ file, folders, handle }) => {
      return { file, isLarge: file.size >= LARGE_BYTES, target: { folder, folders, handle, key: newKey() } };
    }));
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
    new UploadTray(queue, goOn);
    queue.addEventListener("forgotten", (event) => giveUp(/** @type {CustomEvent} */ (event).detail.task));
    showInterrupted(queue);
  }
  return queue;
}

/** What tus needs is loaded when there is something large, now or from before. */
const resumable = () => import("../../platform/js/uploads/resumable.js");

async function showInterrupted(/** @type {UploadQueue} */ running) {
  if (!Object.keys(localStorage).some((key) => key.startsWith("tus::"))) return;
  const found = await (await resumable()).interrupted();
  const isKnown = (/** @type {string} */ fingerprint) => running.tasks.some(({ target }) => target.fingerprint === fingerprint);
  running.add(found.filter(({ fingerprint }) => !isKnown(fingerprint)).map(({ fingerprint, name, size, sent, folder }) => ({
    file: /** @type {any} */ ({ name, size }),
    isLarge: true,
    state: "interrupted",
    sent,
    target: { folder, folders: [], key: newKey(), fingerprint },
  })));
}

/** Go on with interrupted uploads: with the file itself where the browser kept its handle, else the person chooses it. */
async function goOn(/** @type {Task} */ task) {
  const file = await fileOf(task.target.fingerprint);
  if (file) return take([file]);
  const input = document.createElement("input");
  Object.assign(input, { type: "file", multiple: true });
  input.addEventListener("change", () => take([...(input.files ?? [])]));
  input.click();
}

async function take(/** @type {File[]} */ files) {
  const { fingerprintOf } = await resumable();
  let taken = 0;
  for (const task of queue?.tasks ?? []) {
    const file = files.find((one) => fingerprintOf(one, task.target.folder) === task.target.fingerprint);
    if (task.state !== "interrupted" || !file) continue;
    queue?.resume(task, file);
    taken += 1;
  }
  if (!taken) toast("That is another file, or it was changed since. Upload it anew.");
}

async function giveUp(/** @type {Task} */ task) {
  const target = /** @type {Target} */ (task.target);
  const { fingerprintOf, giveUp: forget } = await resumable();
  const folderId = await folderOf(target.folder, target.folders);
  const fingerprint = target.fingerprint ?? fingerprintOf(task.file, folderId);
  await Promise.all([forget(fingerprint), dropHandle(fingerprint)]);
}

async function sendLarge(/** @type {Task} */ task, /** @type {string} */ folderId, /** @type {(bytes: number) => void} */ onSent) {
  const { fingerprintOf, sendResumable } = await resumable();
  const fingerprint = fingerprintOf(task.file, folderId);
  for (const other of queue?.tasks ?? []) {
    // The same file was chosen again: it goes on here.
    if (other !== task && other.state === "interrupted" && other.target.fingerprint === fingerprint) other.state = "cancelled";
  }
  const { signal } = task.control;
  const there = task.sent ? null : await makeOfKnown(task.file, folderId);
  if (there) return there;
  const handle = await task.target.handle;
  if (handle) await keepHandle(fingerprint, handle);
  const made = await sendResumable(task.file, { folder: folderId, signal, isPause: () => signal.reason === PAUSED }, onSent);
  dropHandle(fingerprint);
  return made;
}

async function send(/** @type {Task} */ task, /** @type {(bytes: number) => void} */ onSent) {
  const { folder, folders, key } = /** @type {Target} */ (task.target);
  const folderId = await folderOf(folder, folders);
  if (task.isLarge) return sendLarge(task, folderId, onSent);
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
