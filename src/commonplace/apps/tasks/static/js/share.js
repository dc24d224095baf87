/** Sharing a list: with people, to read or to write; and by links, to read. */

import { button, element } from "../../platform/js/dom.js";
import { ask } from "../../platform/js/http.js";
import { toast } from "../../platform/js/toast.js";
import * as api from "./api.js";

const LEVELS = { view: "Read", comment: "Read", edit: "Read and write", own: "Read, write and share" };

export function setUpSharing(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  const dialog = /** @type {HTMLDialogElement} */ (main.querySelector("#share-dialog"));
  const part = (/** @type {string} */ id) => /** @type {any} */ (dialog.querySelector(`#share-${id}`));
  let list = "";

  const say = (/** @type {string} */ message) => {
    part("error").textContent = message;
    part("error").hidden = !message;
  };
  const doing = async (/** @type {() => Promise<any>} */ act) => {
    try {
      say("");
      const answer = await act();
      await show();
      return answer;
    } catch (error) {
      say(/** @type {Error} */ (error).message);
      return null;
    }
  };
  const person = (/** @type {any} */ grant) => {
    const name = grant.person?.name ?? grant.email;
    const level = element("select", { class: "input", "aria-label": `What ${name} may do`, onchange: () => doing(() => api.changeShare(grant.id, level.value)) },
      ...Object.entries(LEVELS)
        .filter(([key]) => key === "view" || key === "edit" || key === grant.level)
        .map(([key, word]) => element("option", { value: key, selected: key === grant.level }, word)));
    const end = button(`Stop sharing with ${name}`, { icon: "x", kind: "plain small", iconOnly: true, onclick: () => doing(() => api.endShare(grant.id)) });
    return element("li", {}, element("span", {}, name), level, end);
  };
  const link = (/** @type {any} */ made) => {
    const at = new Date(made.created_at).toLocaleDateString(document.documentElement.dataset.language);
    const end = button("Revoke the link", { icon: "x", kind: "plain small", iconOnly: true, onclick: () => doing(() => api.revokeLink(made.id)) });
    return element("li", {}, element("span", {}, `A link made on ${at}`), end);
  };
  const show = async () => {
    const [people, links] = await Promise.all([ask("GET", `/api/shares?item_id=${list}&limit=200`), ask("GET", `/api/shares/links?item_id=${list}&limit=200`)]);
    part("people").replaceChildren(...people.items.map(person));
    if (!people.items.length) part("people").append(element("li", { class: "quiet" }, "Nobody yet."));
    part("links").replaceChildren(...links.items.map(link));
    if (!links.items.length) part("links").append(element("li", { class: "quiet" }, "None."));
  };
  const makeLink = async () => {
    const made = await doing(() => api.makeLink(list));
    if (!made) return;
    const field = /** @type {HTMLInputElement} */ (element("input", { class: "input", readonly: true, value: made.url, "aria-label": "The new link" }));
    part("links").prepend(element("li", { class: "new-link" }, field, element("p", { class: "hint" }, "Copy it now: it is not shown again.")));
    field.select();
    try {
      await navigator.clipboard.writeText(made.url);
      toast("The link was copied.");
    } catch {
      // Not allowed here: it stands selected in the field.
    }
  };
  main.addEventListener(
    "click",
    (event) => {
      const opener = /** @type {Element} */ (event.target).closest("[data-does='share-list']");
      if (!opener) return;
      list = /** @type {HTMLElement} */ (opener.closest("[data-list-id]")).dataset.listId ?? "";
      setTimeout(() => {
        say("");
        dialog.showModal();
        show().catch((error) => say(error.message));
      });
    },
    { signal: leaving },
  );
  part("form").addEventListener(
    "submit",
    async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const email = part("email").value.trim();
      if (email && (await doing(() => api.share({ item_id: list, email, level: part("level").value })))) part("email").value = "";
    },
    { signal: leaving },
  );
  part("link").addEventListener("click", makeLink, { signal: leaving });
}
