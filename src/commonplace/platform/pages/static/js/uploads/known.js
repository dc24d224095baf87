/** Asks whether the person has a file's bytes already, so that they need not be sent. */

import { ask, Refusal } from "../http.js";

const MOST_BYTES = 128 * 1024 * 1024; // The browser hashes what is in memory whole.

/** @type {Worker|undefined} */
let worker;
/** @type {Map<number, (hash: string) => void>} */
const asked = new Map();
let number = 0;

/**
 * @param {File} file
 * @param {string} folder
 * @returns {Promise<any>} the file that was made of what is there; null when it has to be sent
 * @throws {Refusal}
 */
export async function makeOfKnown(file, folder) {
  // Over plain http on another machine there is nothing to hash with.
  if (!crypto.subtle || file.size > MOST_BYTES) return null;
  const sha256 = await hash(file);
  if (!sha256) return null;
  const json = { sha256, size_bytes: file.size, name: file.name, folder_id: folder || null };
  try {
    return await ask("POST", "/api/files/by-hash", { json });
  } catch (error) {
    if (error instanceof Refusal && error.status === 404 && error.type === "content-unknown") return null;
    throw error;
  }
}

function hash(/** @type {File} */ file) {
  if (!worker) {
    worker = new Worker(new URL("./hash_worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => settle(data.number, data.hash));
    worker.addEventListener("error", () => [...asked.keys()].forEach((one) => settle(one, "")));
  }
  return new Promise((/** @type {(hash: string) => void} */ resolve) => {
    number += 1;
    asked.set(number, resolve);
    worker?.postMessage({ number, file });
  });
}

function settle(/** @type {number} */ one, /** @type {string} */ result) {
  asked.get(one)?.(result);
  asked.delete(one);
}
