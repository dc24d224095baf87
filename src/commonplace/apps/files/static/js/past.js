/** The pages of the past: a slider over the times at which something changed, and how far a restoration is. */

import { ask, piece } from "../../platform/js/http.js";
import { onChanges } from "../../platform/js/live.js";
import { visit } from "../../platform/js/page.js";
import { toast } from "../../platform/js/toast.js";

const GATHER_MS = 250;
const LOOK_MS = 1500;

export function setUpPast(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  const range = /** @type {HTMLInputElement|null} */ (main.querySelector("#travel-range"));
  const field = /** @type {HTMLInputElement|null} */ (main.querySelector("#travel-at"));
  const form = /** @type {HTMLFormElement|null} */ (main.querySelector("#travel"));
  if (!range || !field || !form) return;
  const stops = (range.dataset.stops ?? "").trim().split(/\s+/);
  const zone = document.documentElement.dataset.timeZone ?? "UTC";
  const words = new Intl.DateTimeFormat(document.documentElement.lang, {
    weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZone: zone,
  });
  const tell = () => range.setAttribute("aria-valuetext", words.format(new Date(stops[Number(range.value)])));
  let timer = 0;
  tell();
  /** @type {HTMLElement} */ (main.querySelector("#travel-slider")).hidden = stops.length < 2;
  range.addEventListener("input", () => {
    field.value = local(new Date(stops[Number(range.value)]), zone);
    tell();
  }, { signal: leaving });
  range.addEventListener("change", () => {
    clearTimeout(timer);
    const address = `${form.getAttribute("action")}?at=${encodeURIComponent(stops[Number(range.value)])}`;
    timer = window.setTimeout(() => visit(address), GATHER_MS);
  }, { signal: leaving });
  leaving.addEventListener("abort", () => clearTimeout(timer));
}

/** A moment as a date-time field writes it, by the clock of a zone. */
function local(/** @type {Date} */ moment, /** @type {string} */ zone) {
  const text = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: zone }).format(moment);
  return text.replace(" ", "T");
}

export function setUpRestored(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  const place = () => /** @type {HTMLElement|null} */ (main.querySelector("#restored"));
  if (place()?.dataset.over !== "no") return;
  const job = place()?.dataset.job;
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    const template = document.createElement("template");
    template.innerHTML = await piece(location.pathname, leaving).catch(() => "");
    const fresh = /** @type {HTMLElement|null} */ (template.content.querySelector("#restored"));
    if (leaving.aborted) return;
    if (!fresh || fresh.dataset.over === "no") {
      if (fresh) place()?.replaceWith(fresh);
      timer = window.setTimeout(look, LOOK_MS);
      return;
    }
    main.replaceChildren(...(template.content.querySelector("main")?.childNodes ?? [fresh]));
    done(/** @type {HTMLElement} */ (place()));
  };
  const concerns = ({ name, payload }) => name === "job.progressed" && payload.job_id === job;
  onChanges({ changed: (changes) => changes.some(concerns) && look(), anew: look }, leaving);
  leaving.addEventListener("abort", () => clearTimeout(timer));
  timer = window.setTimeout(look, LOOK_MS);
}

function done(/** @type {HTMLElement} */ place) {
  const { id, undoes, written } = place.dataset;
  if (!Number(written)) return;
  toast(undoes ? "It is undone." : "It is put back.", {
    action: "Undo",
    onAction: async () => {
      try {
        const undone = await ask("POST", `/api/restorations/${id}/undo`);
        visit(`/app/files/restored/${undone.id}`);
      } catch (error) {
        toast(/** @type {Error} */ (error).message);
      }
    },
  });
}
