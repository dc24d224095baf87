/**
 * Sends one large file by tus, so that it goes on where it was: after a broken line, a closed lid, a reload.
 *
 * What is known of unfinished uploads stands in `localStorage`, as tus-js-client keeps it, under a fingerprint of the
 * person, the place and the file.
 */

import { ask, Refusal } from "../http.js";
import "../../vendor/tus/tus.min.js";

/**
 * @typedef {object} Interrupted
 * @property {string} fingerprint
 * @property {string} name
 * @property {number} size
 * @property {number} sent
 * @property {string} folder
 */

const tus = /** @type {any} */ (window).tus;
const ENDPOINT = "/api/files/uploads";
const PREFIX = "commonplace";
const WAITS_MS = [0, 1000, 2000, 5000, 10_000, 20_000, ...Array(200).fill(30_000)]; // A lid may be closed for long.
const PASSING = [0, 408, 409, 423, 429, 500, 502, 503, 504];

const person = () => document.documentElement.dataset.person ?? "";

/** Says which upload a file in a place would go on with. */
export const fingerprintOf = (/** @type {File} */ file, /** @type {string} */ folder) =>
  [PREFIX, person(), folder, file.size, file.lastModified, file.name].join("|");

/**
 * @param {File} file
 * @param {{folder: string, signal: AbortSignal, isPause: () => boolean}} how
 * @param {(bytes: number) => void} onSent
 * @returns {Promise<any>} the file that was made, as JSON
 * @throws {Refusal}
 */
export async function sendResumable(file, { folder, signal, isPause }, onSent) {
  const fingerprint = fingerprintOf(file, folder);
  return new Promise((resolve, reject) => {
    /** @type {any} */
    let upload;
    const again = () => upload.abort().then(() => !signal.aborted && upload.start());
    const stop = () => {
      removeEventListener("online", again);
      // Given up for good: what came is removed at the server, too.
      upload.abort(!isPause()).catch(() => {}).finally(() => isPause() || forget(fingerprint));
      reject(signal.reason);
    };
    const over = () => {
      removeEventListener("online", again);
      signal.removeEventListener("abort", stop);
    };
    upload = new tus.Upload(file, {
      endpoint: ENDPOINT,
      metadata: { filename: file.name, filetype: file.type, ...(folder && { folder_id: folder }) },
      fingerprint: () => Promise.resolve(fingerprint),
      removeFingerprintOnSuccess: true,
      retryDelays: WAITS_MS,
      onShouldRetry: (/** @type {any} */ error) => PASSING.includes(error.originalResponse?.getStatus() ?? 0),
      onProgress: onSent,
      onError: (/** @type {any} */ error) => {
        over();
        reject(refusal(error));
      },
      onSuccess: async ({ lastResponse }) => {
        over();
        try {
          resolve(await ask("GET", lastResponse.getHeader("Content-Location")));
        } catch (error) {
          reject(error);
        }
      },
    });
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", stop);
    addEventListener("online", again);
    upload.findPreviousUploads().then((/** @type {any[]} */ earlier) => {
      if (earlier.length) upload.resumeFromPreviousUpload(earlier[0]);
      if (!signal.aborted) upload.start();
    }, reject);
  });
}

/** The uploads of this person that were begun in this browser and are not whole, as far as the server still has them. */
export async function interrupted() {
  /** @type {Interrupted[]} */
  const found = [];
  for (const [key, stored] of entries()) {
    try {
      const { received_bytes: sent, file_id: made } = await ask("GET", stored.uploadUrl);
      if (made) localStorage.removeItem(key);
      else found.push({ fingerprint: key.split("::")[1], name: stored.metadata.filename, size: stored.size, sent, folder: stored.metadata.folder_id ?? "" });
    } catch (error) {
      if (error instanceof Refusal && error.status === 404) localStorage.removeItem(key);
    }
  }
  return found;
}

/** Give an upload up that is not being sent. */
export async function giveUp(/** @type {string} */ fingerprint) {
  for (const [key, stored] of entries()) {
    if (key.split("::")[1] !== fingerprint) continue;
    localStorage.removeItem(key);
    await ask("DELETE", stored.uploadUrl, { headers: { "Tus-Resumable": "1.0.0" } }).catch(() => {});
  }
}

function forget(/** @type {string} */ fingerprint) {
  for (const [key] of entries()) if (key.split("::")[1] === fingerprint) localStorage.removeItem(key);
}

/** @returns {[string, any][]} */
function entries() {
  const own = `tus::${PREFIX}|${person()}|`;
  return Object.keys(localStorage).filter((key) => key.startsWith(own)).map((key) => [key, JSON.parse(localStorage.getItem(key) ?? "{}")]);
}

function refusal(/** @type {any} */ error) {
  const answer = error.originalResponse;
  if (!answer) return new Refusal(0);
  try {
    return new Refusal(answer.getStatus(), JSON.parse(answer.getBody()));
  } catch {
    return new Refusal(answer.getStatus());
  }
}
