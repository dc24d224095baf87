/** The search field of the bar: results at once, below it. A click inside of the frame brings another field. */

import { visit } from "../page.js";
import { find } from "./asking.js";
import { suggest } from "./suggestions.js";

const SHOWN = 8;
const place = document.getElementById("bar-search");

function everything(/** @type {string} */ value) {
  const path = `/app/search?${new URLSearchParams({ q: value })}`;
  return { label: "Everywhere", entries: [{ title: { text: `All results for “${value.trim()}”` }, icon: "search", path }] };
}

function look() {
  const form = document.querySelector("#bar-search form[data-suggests]");
  if (!(form instanceof HTMLFormElement) || form.dataset.suggests === "yes") return;
  form.dataset.suggests = "yes";
  const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  const { close } = suggest(field, {
    gather: async (value, signal) => {
      const found = await find({ q: value, limit: SHOWN }, signal);
      return found.length ? [...found, everything(value)] : [];
    },
    onGo: () => field.blur(),
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    close();
    if (field.value.trim()) visit(`/app/search?${new URLSearchParams({ q: field.value })}`);
  });
}

look();
if (place) new MutationObserver(look).observe(document.querySelector(".bar") ?? place, { childList: true, subtree: true });
