/** Asking the API. */

/** What the server refused, in its own words (RFC 9457). */
export class Refusal extends Error {
  /** @param {number} status 0: the server could not be reached */
  constructor(status, /** @type {Record<string, any>} */ problem = {}) {
    super(problem.detail ?? problem.title ?? "The server could not be reached. Nothing was changed; try again.");
    this.status = status;
    this.problem = problem;
    this.type = String(problem.type ?? "").split("/").pop();
  }
}

/**
 * Send a request and give back the JSON of its answer, or null when there is none.
 * @param {string} method
 * @param {string} path
 * @param {{json?: any, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @throws {Refusal}
 */
export async function ask(method, path, { json, headers = {}, signal } = {}) {
  const init = { method, headers: { Accept: "application/json", ...headers }, signal, body: undefined };
  if (json !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(json);
  }
  const response = await reach(path, init);
  if (response.status === 204) return null;
  return response.json();
}

/** Fetch a piece of a page. @throws {Refusal} */
export async function piece(/** @type {string} */ path, /** @type {AbortSignal|undefined} */ signal) {
  const response = await reach(path, { headers: { Accept: "text/html", "HX-Request": "true" }, signal });
  return response.text();
}

async function reach(path, init) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Refusal(0);
  }
  if (response.ok) {
    if (response.headers.has("HX-Redirect")) location.assign(response.headers.get("HX-Redirect"));
    return response;
  }
  if (response.status === 401) location.reload(); // The session has ended: the page leads to the sign-in by itself.
  throw new Refusal(response.status, await response.json().catch(() => ({ title: response.statusText })));
}

/** A key that makes a repeated request count once. */
export const newKey = () => (crypto.randomUUID ? crypto.randomUUID() : fallbackKey());

function fallbackKey() {
  // Over plain http on another machine there is no crypto.randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
