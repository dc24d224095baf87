/**
 * Changes that could not be sent: they wait on this device, in order, until there is a connection again.
 *
 * Each keeps the key under which it was first sent, so that one whose answer was lost counts once. They belong to the
 * person who made them: another one's are deleted, and signing out asks before any is lost.
 */

import { ask, newKey, Refusal } from "./http.js";

/** @typedef {{method: string, path: string, json?: any, headers?: Record<string, string>}} Write */
/** @typedef {Write & {late?: any}} Sent `late`: what the content says besides if it has to wait */
/** @typedef {Write & {number: number, person: string, key: string, problem?: string}} Waiting */

const DATABASE = "commonplace-outbox";
const STORE = "writes";
const RETRY_MS = 10_000;
const LATER = [0, 401, 408, 409, 425, 429]; // And whatever the server says of itself: 5xx.

const person = document.documentElement.dataset.person ?? "";
const channel = "BroadcastChannel" in window ? new BroadcastChannel(DATABASE) : null;
/** @type {Set<() => void>} */
const listeners = new Set();
/** @type {Waiting[]} */
let waiting = [];
let timer = 0;

/** What waits, the oldest first; `problem`: the server refused it, and the person decides. */
export const outbox = () => waiting;

/** Be told whenever that changes, until `leaving` is aborted. */
export function onOutbox(/** @type {() => void} */ listener, /** @type {AbortSignal|undefined} */ leaving = undefined) {
  listeners.add(listener);
  leaving?.addEventListener("abort", () => listeners.delete(listener));
}

/**
 * Send a change; without a connection have it wait. Behind others that wait it waits too: the order stays.
 * @param {Sent} write
 * @returns {Promise<any>} the answer, or `{isWaiting: true}`
 * @throws {Refusal}
 */
export async function sendOrWait({ late = {}, ...write }) {
  const key = newKey();
  await loaded;
  if (waiting.some(({ problem }) => !problem)) await flush();
  if (!waiting.some(({ problem }) => !problem)) {
    try {
      return await ask(write.method, write.path, { json: write.json, headers: { ...write.headers, "Idempotency-Key": key } });
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 0 || !canWait) throw error;
    }
  }
  // What was written last counts, and what was before it stays in the history: nothing is held against the version.
  const headers = Object.fromEntries(Object.entries(write.headers ?? {}).filter(([name]) => name !== "If-Match"));
  await inStore("readwrite", (store) => store.add({ ...write, json: { ...write.json, ...late }, headers, key, person }));
  await changed();
  return { isWaiting: true };
}

/** Send what waits, in order, in one window at a time; resolves when all is sent, or it has to wait on. */
export async function flush() {
  if (!canWait) return undefined;
  const work = () => sendAll();
  return navigator.locks ? navigator.locks.request(DATABASE, work) : work();
}

async function sendAll() {
  await load();
  for (const one of waiting.filter(({ problem }) => !problem)) {
    try {
      await ask(one.method, one.path, { json: one.json, headers: { ...one.headers, "Idempotency-Key": one.key } });
      await remove(one);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.type === "idempotency-key-reused") {
        await remove(one); // The first try had arrived: only its answer was lost, and then it was worded otherwise.
        continue;
      }
      if (LATER.includes(error.status) || error.status >= 500) break;
      await inStore("readwrite", (store) => store.put({ ...one, problem: error.message }));
      await changed();
    }
  }
}

/** Delete one that was refused, or is not wanted any more. */
export async function remove(/** @type {Waiting} */ one) {
  await inStore("readwrite", (store) => store.delete(one.number));
  await changed();
}

/** Try one again that was refused, behind the others. */
export async function again(/** @type {Waiting} */ { number, problem, ...one }) {
  await inStore("readwrite", (store) => store.delete(number));
  await inStore("readwrite", (store) => store.add({ ...one, key: newKey() }));
  await changed();
  await flush();
}

/** Delete everything that waits here, whoever made it. */
export async function forgetAll() {
  await inStore("readwrite", (store) => store.clear());
  await changed();
}

async function changed() {
  await load();
  channel?.postMessage("changed");
}

async function load() {
  /** @type {Waiting[]} */
  const all = await inStore("readonly", (store) => store.getAll());
  for (const one of all) if (person && one.person !== person) await inStore("readwrite", (store) => store.delete(one.number));
  waiting = all.filter((one) => one.person === person);
  clearTimeout(timer);
  if (waiting.some(({ problem }) => !problem)) timer = window.setTimeout(flush, RETRY_MS);
  for (const listener of listeners) listener();
}

/** @type {Promise<IDBDatabase>|null} */
let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "number", autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** One transaction; resolves when what was written is on the disk. */
async function inStore(/** @type {IDBTransactionMode} */ mode, /** @type {(store: IDBObjectStore) => IDBRequest} */ act) {
  const database = await open();
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const request = act(transaction.objectStore(STORE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Whether this browser keeps anything; in some private windows it does not. */
let canWait = Boolean(person) && "indexedDB" in window;
/** What was here when the page came: a change must not overtake it. */
const loaded = canWait ? load().catch(nothingWaits) : Promise.resolve();

function nothingWaits(/** @type {unknown} */ error) {
  canWait = false;
  console.info("Nothing can wait on this device.", error);
}

if (canWait) {
  channel?.addEventListener("message", load);
  addEventListener("online", flush);
  document.addEventListener("visibilitychange", () => !document.hidden && waiting.length && flush());
  document.body.addEventListener("commonplace:live", () => waiting.length && flush());
  loaded.then(() => waiting.length && flush());
}
