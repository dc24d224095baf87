/** The trash: putting things back. */

import { ask, piece } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { toast } from "../../platform/js/toast.js";
import { address } from "./actions.js";

const GATHER_MS = 300;

export function setUpTrash(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  let timer = 0;
  const draw = async () => {
    const template = document.createElement("template");
    template.innerHTML = await piece("/app/trash", leaving).catch(() => "");
    const fresh = template.content.querySelector("#trash");
    if (fresh) main.querySelector("#trash")?.replaceWith(fresh);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(draw, GATHER_MS);
  };
  onChanges({ changed: (changes) => changes.some(({ item }) => item) && soon(), anew: soon }, leaving);
  leaving.addEventListener("abort", () => clearTimeout(timer));
  main.addEventListener("click", async (event) => {
    const button = /** @type {HTMLButtonElement|null} */ (/** @type {Element} */ (event.target).closest("[data-restores]"));
    const row = /** @type {HTMLElement|null} */ (button?.closest(".row") ?? null);
    if (!button || !row) return;
    button.disabled = true;
    try {
      const restored = await ask("POST", `${address(row.dataset)}/restore`);
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      /** @type {HTMLElement|null} */ (next?.querySelector("[data-restores]") ?? main.querySelector("h1"))?.focus();
      const isRenamed = restored.name !== row.dataset.name;
      toast(isRenamed ? `“${row.dataset.name}” is back as “${restored.name}”.` : `“${restored.name}” is back.`);
      soon();
    } catch (error) {
      button.disabled = false;
      toast(/** @type {Error} */ (error).message);
    }
  }, { signal: leaving });
}
