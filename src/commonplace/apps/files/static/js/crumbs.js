/** The way to a folder: behind each folder on it, a menu of the folders that lie in that one. */

import { element, icon } from "../../platform/js/dom.js";
import { piece } from "../../platform/js/http.js";
import { showMenu } from "../../platform/js/menu.js";

export function offerCrumbs(/** @type {HTMLElement} */ main) {
  const menu = /** @type {HTMLElement} */ (main.querySelector("#crumb-menu"));
  const list = /** @type {HTMLElement} */ (menu.querySelector('[role="menu"]'));
  for (const link of main.querySelectorAll(".breadcrumb a")) {
    const id = link.getAttribute("href")?.split("/folder/")[1] ?? "";
    const name = link.textContent?.trim() ?? "";
    const open = async () => {
      const html = await piece(`/app/files/tree${id ? `?folder=${encodeURIComponent(id)}` : ""}`).catch(() => "");
      const template = document.createElement("template");
      template.innerHTML = html;
      const items = [...template.content.querySelectorAll("li")].map(({ dataset }) =>
        element("a", { class: "menu-item", role: "menuitem", tabindex: -1, href: `/app/files/folder/${dataset.id}` }, icon("folder"), dataset.name ?? ""),
      );
      if (!items.length) return;
      list.setAttribute("aria-label", `Folders in ${name}`);
      list.replaceChildren(...items);
      window.htmx.process(list);
      showMenu(menu, button);
    };
    const button = element("button", { type: "button", class: "crumb", "aria-haspopup": "menu", "aria-label": `Folders in ${name}`, onclick: open }, icon("chevron-right"));
    link.after(button);
  }
}
