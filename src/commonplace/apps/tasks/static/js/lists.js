/** Lists and saved filters: make, rename, delete with undo; and the filter of the page. */

import { ask } from "../../platform/js/http.js";
import { visit } from "../../platform/js/page.js";
import { toast } from "../../platform/js/toast.js";
import * as api from "./api.js";

const UNDO_SECONDS = 12;

export function setUpLists(/** @type {HTMLElement} */ main, /** @type {import("./view.js").View} */ view, /** @type {AbortSignal} */ leaving) {
  const dialog = /** @type {HTMLDialogElement} */ (main.querySelector("#title-dialog"));
  const form = /** @type {HTMLFormElement} */ (main.querySelector("#title-form"));
  const field = /** @type {HTMLInputElement} */ (form.querySelector("#title"));
  const error = /** @type {HTMLElement} */ (form.querySelector("#title-form-error"));
  /** @type {(title: string) => Promise<any>} */
  let save = async () => {};

  const askTitle = (/** @type {string} */ heading, /** @type {string} */ present, /** @type {(title: string) => Promise<any>} */ act) => {
    /** @type {HTMLElement} */ (dialog.querySelector("h2")).textContent = heading;
    field.value = present;
    error.hidden = true;
    save = act;
    dialog.showModal();
    field.select();
  };
  form.addEventListener(
    "submit",
    async (event) => {
      event.preventDefault();
      const title = field.value.trim();
      if (!title) return;
      try {
        await save(title);
        dialog.close();
      } catch (problem) {
        error.textContent = /** @type {Error} */ (problem).message;
        error.hidden = false;
        field.focus();
      }
    },
    { signal: leaving },
  );

  const remove = async (/** @type {"task_list"|"task_filter"} */ kind, /** @type {string} */ id, /** @type {string} */ title) => {
    if (!(await view.doing(() => api.remove(kind, id), "It was not deleted."))) return;
    const path = kind === "task_list" ? `/app/tasks/list/${id}` : `/app/tasks?filter=${id}`;
    const undo = async () => {
      await api.putBack(kind, id).catch((problem) => toast(problem.message));
      visit(path);
    };
    toast(`“${title}” deleted.`, { action: "Undo", onAction: undo, seconds: UNDO_SECONDS });
    visit("/app/tasks");
  };
  const leave = async (/** @type {string} */ id, /** @type {string} */ title) => {
    const { items } = await ask("GET", "/api/shares/received?limit=200");
    const grant = items.find((/** @type {any} */ one) => one.item.id === id);
    if (!grant) return toast("It is shared with you by something above it; leave that.");
    await api.endShare(grant.id);
    toast(`You have left “${title}”. Who shares it can share it again.`);
    visit("/app/tasks");
  };

  /** @type {Record<string, (data: DOMStringMap) => any>} */
  const does = {
    "new-list": () => askTitle("New list", "", async (title) => visit(`/app/tasks/list/${(await api.make("task_list", { title })).id}`)),
    "rename-list": ({ listId = "", title = "" }) =>
      askTitle("Rename the list", title, async (name) => {
        await api.rename("task_list", listId, name);
        await view.draw();
      }),
    "rename-filter": ({ filterId = "", title = "" }) =>
      askTitle("Rename the filter", title, async (name) => {
        await api.rename("task_filter", filterId, name);
        await view.draw();
      }),
    "delete-list": ({ listId = "", title = "" }) => remove("task_list", listId, title),
    "delete-filter": ({ filterId = "", title = "" }) => remove("task_filter", filterId, title),
    "leave-list": ({ listId = "", title = "" }) => leave(listId, title).catch((problem) => toast(problem.message)),
    "save-filter": () => {
      const wished = new URLSearchParams(location.search);
      /** @type {Record<string, string>} */
      const query = {};
      for (const name of ["q", "status", "priority", "tag"]) if (wished.get(name)) query[name] = wished.get(name) ?? "";
      if (view.root.dataset.list) query.list_id = view.root.dataset.list;
      const present = Object.values(query).filter((value) => value !== query.list_id).join(", ");
      askTitle("Save as a filter", present, async (title) => {
        const made = await api.make("task_filter", { title, query });
        visit(`/app/tasks?filter=${made.id}`);
      });
    },
    filter: () => /** @type {HTMLDialogElement} */ (main.querySelector("#filter-dialog")).showModal(),
  };
  main.addEventListener(
    "click",
    (event) => {
      const target = /** @type {Element} */ (event.target);
      const what = target.closest("[data-does]")?.getAttribute("data-does") ?? "";
      const menu = /** @type {HTMLElement|null} */ (target.closest("#list-menu"));
      if (what in does) setTimeout(() => does[what](menu?.dataset ?? {})); // After the menu has given the focus back.
    },
    { signal: leaving },
  );
  const filter = /** @type {HTMLFormElement} */ (main.querySelector("#filter-form"));
  filter.addEventListener(
    "submit",
    (event) => {
      event.preventDefault();
      const address = new URL(location.href);
      for (const [name, value] of new FormData(filter)) {
        const text = String(value).trim().replace(/^#/, "");
        if (text) address.searchParams.set(name, text);
        else address.searchParams.delete(name);
      }
      /** @type {HTMLDialogElement} */ (main.querySelector("#filter-dialog")).close();
      view.go(address.pathname + address.search);
    },
    { signal: leaving },
  );
}
