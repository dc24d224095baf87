/**
 * Every change that pages of tasks make, and nothing else: what is sent, in one place.
 *
 * Each goes through `write`. A change carries a key, so that sent twice it counts once.
 */

import { ask, newKey, Refusal } from "../../platform/js/http.js";
import { sendOrWait } from "../../platform/js/outbox.js";

/** @typedef {{method: string, path: string, json?: any, headers?: Record<string, string>, late?: any}} Write */

/** What waits for a connection when there is none: new tasks and changes of tasks. The rest says that there is none. */
const CAN_WAIT = /^POST \/api\/tasks\/(quick|batch)$|^PATCH \/api\/tasks\/[0-9a-f-]+$/;

/** Send one change; `late`: what it says besides if it waits. @throws {import("../../platform/js/http.js").Refusal} */
export function write(/** @type {Write} */ { method, path, json, headers = {}, late = {} }) {
  if (CAN_WAIT.test(`${method} ${path}`)) return sendOrWait({ method, path, json, headers, late });
  return ask(method, path, { json, headers: method === "POST" ? { "Idempotency-Key": newKey(), ...headers } : headers });
}

const at = (/** @type {string} */ id) => `/api/tasks/${id}`;

/** Make a task out of one line: `pay rent every 1st at 9 #home !high`. */
export const addQuickly = (/** @type {{text: string, list_id?: string, parent_id?: string}} */ line) =>
  write({ method: "POST", path: "/api/tasks/quick", json: line, late: { written_at: new Date().toISOString() } });

/** What a line would become. It changes nothing. */
export const look = (/** @type {{text: string, list_id?: string}} */ line, /** @type {AbortSignal} */ signal) =>
  ask("POST", "/api/tasks/quick/preview", { json: line, signal });

/** Change fields of a task; with `version` only if it is still at that one. */
export const change = (/** @type {string} */ id, /** @type {Record<string, any>} */ fields, /** @type {string|undefined} */ version = undefined) =>
  write({ method: "PATCH", path: at(id), json: fields, headers: version ? { "If-Match": `"${version}"` } : {} });

/** Change, trash and put back several tasks: all of it happens, or nothing. */
export const batch = (/** @type {{change?: any[], trash?: string[], restore?: string[]}} */ changes) =>
  write({ method: "POST", path: "/api/tasks/batch", json: changes }).then((answer) => ({ items: [], ...answer }));

/**
 * Tick tasks, or untick them. Ticking one that recurs makes its next occurrence, once: ticking again brings it back if it
 * was taken away, and `withNext` takes it away when a tick is undone.
 * @param {{id: string, next?: string}[]} tasks
 * @param {boolean} isDone
 */
export async function tick(tasks, isDone, { withNext = isDone } = {}) {
  const changes = tasks.map(({ id }) => ({ id, status: isDone ? "done" : "open" }));
  const following = withNext ? tasks.map(({ next }) => next).filter(Boolean) : [];
  if (following.length) {
    try {
      return await batch({ change: changes, [isDone ? "restore" : "trash"]: following });
    } catch (error) {
      if (error.status !== 404) throw error; // The occurrence is gone for good: only the task itself is left.
    }
  }
  return batch({ change: changes });
}

export const trash = (/** @type {string[]} */ ids) => batch({ trash: ids });
export const restore = (/** @type {string[]} */ ids) => batch({ restore: ids });
export const restoreVersion = (/** @type {string} */ id, /** @type {number} */ number) =>
  write({ method: "POST", path: `${at(id)}/versions/${number}/restore` });

const KINDS = { task: "tasks", task_list: "task-lists", task_filter: "task-filters" };

/** Lists and saved filters. */
export const make = (/** @type {keyof typeof KINDS} */ kind, /** @type {any} */ json) => write({ method: "POST", path: `/api/${KINDS[kind]}`, json });
export const rename = (/** @type {keyof typeof KINDS} */ kind, /** @type {string} */ id, /** @type {string} */ title) =>
  write({ method: "PATCH", path: `/api/${KINDS[kind]}/${id}`, json: { title } });
export const remove = (/** @type {keyof typeof KINDS} */ kind, /** @type {string} */ id) => write({ method: "DELETE", path: `/api/${KINDS[kind]}/${id}` });
export const putBack = (/** @type {keyof typeof KINDS} */ kind, /** @type {string} */ id) =>
  write({ method: "POST", path: `/api/${KINDS[kind]}/${id}/restore` });

export const endShare = (/** @type {string} */ id) => write({ method: "DELETE", path: `/api/shares/${id}` });

/** Take tasks in from a file; with `dry_run` only look at what would happen. */
export async function takeIn(/** @type {File} */ file, /** @type {Record<string, string>} */ options) {
  const headers = { "Content-Type": "application/octet-stream", Accept: "application/json", "Idempotency-Key": newKey() };
  const response = await fetch(`/api/tasks/import?${new URLSearchParams(options)}`, { method: "POST", body: file, headers }).catch(() => null);
  if (!response?.ok) throw new Refusal(response?.status ?? 0, await response?.json().catch(() => ({})));
  return response.json();
}
