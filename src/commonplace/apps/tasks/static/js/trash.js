/** Deleted tasks: putting them back. */

import { piece } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { toast } from "../../platform/js/toast.js";
import * as api from "./api.js";
import { morph } from "./morph.js";

const GATHER_MS = 150;

export function setUpTrash(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  let timer = 0;
  const draw = async () => {
    const html = await piece("/app/tasks/trash", leaving).catch(() => "");
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("#tasks-trash");
    const present = main.querySelector("#tasks-trash");
    if (fresh && present) morph(present, fresh);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(draw, GATHER_MS);
  };
  onChanges({ changed: (changes) => changes.some(({ item }) => item) && soon(), anew: soon }, leaving);
  leaving.addEventListener("abort", () => clearTimeout(timer));
  const clicked = async (/** @type {MouseEvent} */ event) => {
    const button = /** @type {HTMLButtonElement|null} */ (/** @type {Element} */ (event.target).closest("[data-restores]"));
    const row = /** @type {HTMLElement|null} */ (button?.closest("tr") ?? null);
    if (!button || !row) return;
    button.disabled = true;
    try {
      await api.putBack(/** @type {any} */ (row.dataset.kind), row.dataset.id ?? "");
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      /** @type {HTMLElement|null} */ (next?.querySelector("[data-restores]") ?? main.querySelector("h1"))?.focus();
      toast(`“${row.dataset.title}” is back.`);
      soon();
    } catch (error) {
      button.disabled = false;
      toast(/** @type {Error} */ (error).message);
    }
  };
  main.addEventListener("click", clicked, { signal: leaving });
}
