/** Asking the API for suggestions. */

import { ask } from "../http.js";

const LABELS = { file: "Files", folder: "Folders", task: "Tasks", task_list: "Lists" };

/** The icon of what was found: a file's by its type. */
function iconOf(/** @type {any} */ item) {
  const type = item.media_type ?? "";
  if (item.kind !== "file") return item.icon;
  if (/zip|tar|rar|7z|compressed/.test(type)) return "file-archive";
  const family = { image: "file-image", video: "file-video", audio: "file-music", text: "file-text" }[type.split("/")[0]];
  return family ?? (/pdf|document/.test(type) ? "file-text" : item.icon);
}

function entryOf(/** @type {any} */ item) {
  const isInText = item.snippet?.marks.length > 0;
  return {
    title: item.title,
    icon: iconOf(item),
    thumbnail: item.thumbnail,
    where: item.trail.join(" › "),
    snippet: isInText ? item.snippet : null,
    path: item.path,
  };
}

/**
 * What was found, in order.
 * @param {Record<string, string|number>} parameters of `GET /api/search`
 * @param {AbortSignal} signal
 */
export async function list(parameters, signal) {
  const query = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
  const page = await ask("GET", `/api/search?${query}`, { signal });
  return page.items.map((/** @type {any} */ item) => ({ kind: item.kind, entry: entryOf(item) }));
}

/**
 * What was found, by kind, the kind of the best match first.
 * @param {Record<string, string|number>} parameters of `GET /api/search`
 * @param {AbortSignal} signal
 * @returns {Promise<import("./suggestions.js").Group[]>}
 */
export async function find(parameters, signal) {
  /** @type {Map<string, import("./suggestions.js").Entry[]>} */
  const kinds = new Map();
  for (const { kind, entry } of await list(parameters, signal)) kinds.set(kind, [...(kinds.get(kind) ?? []), entry]);
  return [...kinds].map(([kind, entries]) => ({ label: LABELS[kind] ?? kind, entries }));
}
