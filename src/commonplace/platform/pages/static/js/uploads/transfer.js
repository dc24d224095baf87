/** Sends one body with XMLHttpRequest: fetch tells nothing of how much has been sent. */

import { Refusal } from "../http.js";

/**
 * @param {{method?: string, path: string, body: Blob, headers?: Record<string, string>, signal: AbortSignal}} request
 * @param {(bytes: number) => void} onSent
 * @returns {Promise<any>} the JSON of the answer
 * @throws {Refusal}
 */
export function transfer({ method = "POST", path, body, headers = {}, signal }, onSent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => {
      request.abort();
      reject(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort);
    request.open(method, path);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded }) => onSent(loaded));
    request.addEventListener("error", () => reject(new Refusal(0)));
    request.addEventListener("load", () => {
      signal.removeEventListener("abort", abort);
      if (request.status < 300) resolve(request.response);
      else reject(refusal(request));
    });
    request.send(body);
  });
}

function refusal(/** @type {XMLHttpRequest} */ request) {
  const refused = new Refusal(request.status, request.response ?? { title: request.statusText });
  return Object.assign(refused, { retryAfterSeconds: request.getResponseHeader("Retry-After") });
}
