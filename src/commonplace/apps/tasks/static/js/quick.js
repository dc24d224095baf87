/** Quick entry: one line becomes a task; what of it is understood is shown while it is written. */

import { isTyping } from "../../platform/js/dom.js";
import * as api from "./api.js";

const WAIT_MS = 120;

export function setUpQuickEntry(/** @type {HTMLElement} */ main, /** @type {import("./view.js").View} */ view, /** @type {AbortSignal} */ leaving) {
  const form = /** @type {HTMLFormElement|null} */ (main.querySelector("#quick"));
  if (!form) return;
  const field = /** @type {HTMLInputElement} */ (form.querySelector("#quick-text"));
  const hint = /** @type {HTMLElement} */ (form.querySelector("#quick-hint"));
  const mirror = /** @type {HTMLElement} */ (form.querySelector("#quick-mirror"));
  const error = /** @type {HTMLElement} */ (main.querySelector("#quick-error"));
  for (const part of [hint, mirror, error]) part.classList.add("is-held"); // What stands in them is written here.
  let timer = 0;
  let asking = new AbortController();

  /** The line, with what the page says about where it goes. */
  const line = () => {
    const { list = "", view: key, today } = view.root.dataset;
    return { text: field.value.trim(), ...(list && { list_id: list }), ...(key === "today" && { day: today }) };
  };
  const show = (/** @type {any} */ read) => {
    const { value } = field;
    const pieces = [];
    let at = 0;
    for (const { start, end } of read?.parts ?? []) {
      const mark = document.createElement("mark");
      mark.textContent = value.slice(start, end);
      pieces.push(value.slice(at, start), mark);
      at = end;
    }
    mirror.replaceChildren(...pieces, value.slice(at));
    mirror.parentElement?.classList.toggle("is-read", pieces.length > 0);
    hint.textContent = read ? describe(read) : "";
    mirror.scrollLeft = field.scrollLeft;
  };
  const look = async () => {
    asking.abort();
    asking = new AbortController();
    if (!field.value.trim()) return show(null);
    const { value } = field;
    try {
      const read = await api.look({ ...line(), text: value }, asking.signal);
      if (field.value === value) show(read);
    } catch {
      show(null); // Another letter came, or nobody can be reached: it is a help, no more.
    }
  };
  const written = () => {
    error.hidden = true;
    show(null); // Until it is read anew: colours that are one letter late flicker.
    clearTimeout(timer);
    timer = window.setTimeout(look, WAIT_MS);
  };
  const add = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const meant = line();
    if (!meant.text) return;
    const { value } = field;
    field.value = "";
    clearTimeout(timer);
    asking.abort();
    show(null);
    try {
      await api.addQuickly(meant);
      error.hidden = true;
      await view.draw();
    } catch (problem) {
      if (!field.value) field.value = value;
      error.textContent = /** @type {Error} */ (problem).message;
      error.hidden = false;
    }
  };
  form.addEventListener("submit", add, { signal: leaving });
  field.addEventListener("input", written, { signal: leaving });
  field.addEventListener("scroll", () => (mirror.scrollLeft = field.scrollLeft), { signal: leaving });
  field.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") field.blur();
      if (event.key === "ArrowDown" && isTyping(event.target)) {
        event.preventDefault();
        view.focusTask();
      }
    },
    { signal: leaving },
  );
  leaving.addEventListener("abort", () => {
    clearTimeout(timer);
    asking.abort();
  });
}

/** What was understood, in words. */
function describe(/** @type {any} */ read) {
  const { language = "en", timeZone = "UTC" } = document.documentElement.dataset;
  const words = [];
  if (read.recurrence) words.push("repeats");
  if (read.due) {
    const { date, time } = read.due;
    const day = new Intl.DateTimeFormat(safe(language), { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
    words.push(day.format(new Date(`${date}T00:00:00Z`)) + (time ? ` ${time.slice(0, 5)}` : ""));
    if (time && read.due.time_zone && read.due.time_zone !== timeZone) words.push(read.due.time_zone);
  }
  if (read.priority !== "none") words.push(`${read.priority} priority`);
  if (read.list_title) words.push(`in ${read.list_title}`);
  return words.join(", ");
}

const safe = (/** @type {string} */ language) => (language === "en" ? "en-GB" : language);
