/** The trash: putting things back, and emptying it. */

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
    const actions = template.content.querySelector("#trash-actions");
    if (actions) main.querySelector("#trash-actions")?.replaceWith(actions);
  };
  const soon = () => {
    clearTimeout(timer);
    timer = window.setTimeout(draw, GATHER_MS);
  };
  onChanges({ changed: (changes) => changes.some(({ item }) => item) && soon(), anew: soon }, leaving);
  leaving.addEventListener("abort", () => clearTimeout(timer));
  main.addEventListener("click", (event) => empty(main, /** @type {Element} */ (event.target)), { signal: leaving });
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

async function empty(/** @type {HTMLElement} */ main, /** @type {Element} */ target) {
  const dialog = /** @type {HTMLDialogElement} */ (main.querySelector("#empty-trash"));
  if (target.closest("[data-empties]")) dialog.showModal();
  if (!target.closest("[data-empties-for-good]")) return;
  dialog.close();
  try {
    await ask("DELETE", "/api/trash");
    main.querySelector("h1")?.focus();
    toast("The trash is being emptied.");
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
  }
}
