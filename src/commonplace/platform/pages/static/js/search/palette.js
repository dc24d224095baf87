/** The palette (Ctrl or ⌘ K): pages, what this page can do, what was changed lately, and everything by its words. */

import { visit } from "../page.js";
import { showKeys } from "../keys.js";
import { find, list } from "./asking.js";
import { suggest } from "./suggestions.js";

const FOUND = 8;
const LATELY = 6;
const LATELY_DAYS = 30;
const dialog = /** @type {HTMLDialogElement|null} */ (document.getElementById("palette"));
const field = /** @type {HTMLInputElement|null} */ (dialog?.querySelector("input") ?? null);

const words = (/** @type {string} */ text) => text.replace(/\s+/g, " ").trim();

/** @returns {import("./suggestions.js").Entry[]} */
function pages() {
  const links = document.querySelectorAll("#rail-links a, .bar-end a.sign, #person-menu a");
  const found = [...links].map((link) => ({
    title: { text: words(link.getAttribute("title") ?? link.textContent ?? "") },
    icon: link.querySelector("use")?.getAttribute("href")?.slice(3),
    path: link.getAttribute("href") ?? "",
  }));
  return [...found, { title: { text: "Search" }, icon: "search", path: "/app/search" }];
}

/** What the page itself offers, then what every page does. */
function actions() {
  const buttons = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".page-header .actions button, .page-header .actions a")]);
  const own = buttons
    .filter((button) => button.offsetParent !== null && !button.matches(":disabled, [aria-current]"))
    .map((button) => ({
      title: { text: words(button.getAttribute("aria-label") ?? button.textContent ?? "") },
      icon: button.querySelector("use")?.getAttribute("href")?.slice(3),
      run: () => {
        button.focus();
        button.click();
      },
    }));
  const themes = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-theme-choice]")]).map((choice) => ({
    title: { text: `Appearance: ${words(choice.textContent ?? "").toLowerCase()}` },
    icon: choice.querySelector("use")?.getAttribute("href")?.slice(3),
    run: () => choice.click(),
  }));
  return [...own, ...themes, { title: { text: "Keys" }, icon: "keyboard", run: showKeys }];
}

/** Those whose words begin with what was typed, each of them. */
function fitting(/** @type {import("./suggestions.js").Entry[]} */ entries, /** @type {string} */ value) {
  const typed = value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return entries.filter(({ title }) => {
    const own = title.text.toLocaleLowerCase().split(/[\s:]+/);
    return typed.every((word) => own.some((one) => one.startsWith(word)));
  });
}

async function gather(/** @type {string} */ value, /** @type {AbortSignal} */ signal) {
  if (value.trim()) {
    const found = await find({ q: value, limit: FOUND }, signal).catch(() => []);
    return [
      { label: "Go to", entries: fitting(pages(), value).slice(0, 4) },
      { label: "Do", entries: fitting(actions(), value).slice(0, 4) },
      ...found,
    ];
  }
  const since = new Date(Date.now() - LATELY_DAYS * 86_400_000).toISOString();
  const lately = await list({ since, sort: "newest", limit: LATELY }, signal).catch(() => []);
  return [
    { label: "Lately", entries: lately.map(({ entry }) => entry) },
    { label: "Go to", entries: pages() },
    { label: "Do", entries: actions().slice(0, 4) },
  ];
}

if (dialog && field) {
  const { look, close } = suggest(field, { gather, isOpenWhenEmpty: true, onGo: () => dialog.close() });
  const open = () => {
    if (dialog.open || document.querySelector("dialog[open]")) return;
    field.value = "";
    dialog.showModal();
    field.focus();
    look();
  };
  dialog.addEventListener("close", close);
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      if (dialog.open) dialog.close();
      else open();
    }
  });
  document.addEventListener("click", (event) => {
    const opener = /** @type {Element} */ (event.target).closest?.("[data-opens='palette']");
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    open();
  }, true);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) {
      event.preventDefault(); // Which would empty the field first.
      dialog.close();
    } else if (event.key === "Enter" && !event.defaultPrevented && field.value.trim()) {
      event.preventDefault();
      dialog.close();
      visit(`/app/search?${new URLSearchParams({ q: field.value })}`);
    }
  });
}
