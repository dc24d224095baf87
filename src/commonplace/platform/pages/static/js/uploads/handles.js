/**
 * Keeps the handles of files that are being uploaded, where the browser gives any (Chromium): after a reload one press
 * goes on with them, and nobody has to look for the file again.
 */

const DATABASE = "commonplace-uploads";
const STORE = "handles";

/** Remember where a file is. Without IndexedDB it has to be chosen again, no more. */
export async function keepHandle(/** @type {string} */ fingerprint, /** @type {any} */ handle) {
  await inStore("readwrite", (store) => store.put(handle, fingerprint)).catch(() => {});
}

/** The file, if the person lets us read it; null when it has to be chosen. To be called while a press is answered. */
export async function fileOf(/** @type {string} */ fingerprint) {
  try {
    const handle = await inStore("readonly", (store) => store.get(fingerprint));
    if (!handle || (await handle.requestPermission({ mode: "read" })) !== "granted") return null;
    return await handle.getFile();
  } catch {
    return null;
  }
}

export async function dropHandle(/** @type {string} */ fingerprint) {
  await inStore("readwrite", (store) => store.delete(fingerprint)).catch(() => {});
}

/** @returns {Promise<any>} */
function inStore(/** @type {IDBTransactionMode} */ mode, /** @type {(store: IDBObjectStore) => IDBRequest} */ act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.addEventListener("upgradeneeded", () => opening.result.createObjectStore(STORE));
    opening.addEventListener("error", () => reject(opening.error));
    opening.addEventListener("success", () => {
      const database = opening.result;
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.addEventListener("success", () => {
        resolve(request.result);
        database.close();
      });
      request.addEventListener("error", () => reject(request.error));
    });
  });
}
