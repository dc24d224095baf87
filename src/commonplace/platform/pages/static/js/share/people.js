/** With whom an item is shared: each with what they may do, and somebody new by their address. */

import { button, element } from "../dom.js";
import { ask } from "../http.js";
import { choice, field } from "./fields.js";

/** @type {[string, string][]} */
const LEVELS = [
  ["view", "Read"],
  ["comment", "Comment"],
  ["edit", "Change"],
  ["own", "Change and share"],
];

export class People {
  /** @param {import("./dialog.js").ShareDialog} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.list = element("ul", { class: "shares", id: "share-people" });
    this.email = /** @type {HTMLInputElement} */ (element("input", { class: "input", type: "email", maxlength: 254, autocomplete: "off", required: true }));
    this.level = choice(LEVELS, "view");
    const share = button("Share", { kind: "primary" });
    share.setAttribute("type", "submit");
    const form = element("form", { class: "share-form", "hx-boost": "false", onsubmit: (/** @type {Event} */ event) => this.#share(event) });
    form.append(field("E-mail address", this.email), field("They may", this.level), share);
    this.element = element("section", { "aria-label": "People" }, form, this.list);
  }

  async load() {
    const { id } = this.dialog.item;
    const page = await this.dialog.doing(() => ask("GET", `/api/shares?item_id=${id}&limit=200`));
    if (!page) return;
    const rows = page.items.map((/** @type {any} */ grant) => this.#row(grant));
    this.list.replaceChildren(...(rows.length ? rows : [element("li", { class: "quiet" }, "Shared with nobody by name.")]));
  }

  async #share(/** @type {Event} */ event) {
    event.preventDefault();
    const json = { item_id: this.dialog.item.id, email: this.email.value.trim(), level: this.level.value };
    if (!json.email || (await this.dialog.doing(() => ask("POST", "/api/shares", { json }))) === undefined) return;
    this.email.value = "";
    await this.load();
  }

  #row(/** @type {any} */ grant) {
    const name = grant.person?.name ?? grant.email;
    const level = choice(LEVELS, grant.level, { "aria-label": `What ${name} may do` });
    level.addEventListener("change", () => this.#then(() => ask("PATCH", `/api/shares/${grant.id}`, { json: { level: level.value } })));
    const end = () => this.#then(() => ask("DELETE", `/api/shares/${grant.id}`));
    const words = element("span", { class: "share-who" }, name, !grant.person && element("small", {}, "not accepted yet"));
    return element("li", {}, words, level, button(`Stop sharing with ${name}`, { icon: "x", kind: "plain small", iconOnly: true, onclick: end }));
  }

  async #then(/** @type {() => Promise<any>} */ act) {
    if ((await this.dialog.doing(act)) !== undefined) await this.load();
  }
}
