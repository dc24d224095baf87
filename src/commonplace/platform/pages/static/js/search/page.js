/** The page of results: the address follows what is typed, so that it can be kept and gone back to. */

import { describeKeys, forgetKeys } from "../keys.js";
import { onPage } from "../page.js";

onPage("search", (main, leaving) => {
  describeKeys("Search", [
    ["↓", "To the first result, and the next"],
    ["↑", "To the one before"],
  ]);
  leaving.addEventListener("abort", () => forgetKeys("Search"));
  const links = () => /** @type {HTMLElement[]} */ ([...main.querySelectorAll(".found-title")]);
  document.addEventListener(
    "keydown",
    (event) => {
      if ((event.key !== "ArrowDown" && event.key !== "ArrowUp") || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const all = links();
      const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      const isFromField = document.activeElement?.matches("[data-search]") ?? false;
      if (at < 0 && !isFromField) return;
      event.preventDefault();
      if (event.key === "ArrowDown") all[at + 1]?.focus();
      else if (at === 0) /** @type {HTMLInputElement|null} */ (document.querySelector("[data-search]"))?.focus();
      else all[at - 1]?.focus();
    },
    { signal: leaving },
  );
  main.addEventListener(
    "click",
    (event) => {
      // What the menu is placed by must not be copied by htmx into the next page's.
      const menu = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest(".menu-item")?.closest(".menu"));
      menu?.removeAttribute("style");
      menu?.hidePopover();
    },
    { signal: leaving },
  );
  document.addEventListener(
    "htmx:after:swap",
    () => {
      const field = /** @type {HTMLInputElement|null} */ (document.querySelector("#bar-search [data-search]"));
      if (!field || field.name !== "q") return;
      const address = new URL(location.href);
      if (field.value.trim()) address.searchParams.set("q", field.value);
      else address.searchParams.delete("q");
      history.replaceState(history.state, "", address);
    },
    { signal: leaving },
  );
});
