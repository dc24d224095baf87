/** The dialog in which an item is shared: with people, and by links. What it shows stands in the modules beside it. */

import { button, element } from "../dom.js";
import { LinkForm } from "./form.js";
import { Ledger } from "./ledger.js";
import { Links } from "./links.js";
import { showMade } from "./made.js";
import { People } from "./people.js";

/** @typedef {{id: string, name?: string, link?: string}} Item */

export class ShareDialog {
  /** @param {Item} item */
  constructor(item) {
    this.item = item;
    /** What kinds of link make sense, as the server says. @type {string[]} */
    this.accesses = ["view"];
    this.error = element("p", { class: "error", role: "alert", hidden: true });
    this.title = element("h2", { id: "share-title", tabindex: "-1" });
    this.told = element("p", { class: "quiet", role: "status" });
    this.body = element("div", { class: "share-body" });
    this.back = button("Back", { icon: "chevron-left", kind: "plain", iconOnly: true, onclick: () => this.showAll() });
    const head = element(
      "div",
      { class: "dialog-head" },
      element("div", { class: "share-head" }, this.back, this.title),
      element("form", { method: "dialog" }, closing()),
    );
    this.element = /** @type {HTMLDialogElement} */ (
      element("dialog", { class: "dialog share", id: "share-dialog", "aria-labelledby": "share-title" }, head, this.error, this.body, this.told)
    );
    this.element.addEventListener("close", () => this.element.remove());
  }

  open() {
    document.body.append(this.element);
    this.element.showModal();
    if (this.item.link) this.showLedger({ id: this.item.link });
    else this.showAll();
  }

  /** Put a view into the dialog; one that is not the first has a way back. */
  #show(/** @type {string} */ title, /** @type {Node[]} */ nodes, isFirst = false) {
    this.say("");
    this.tell("");
    this.title.textContent = title;
    this.back.hidden = isFirst;
    this.body.replaceChildren(...nodes);
    if (!isFirst) this.title.focus();
  }

  showAll() {
    const people = new People(this);
    const links = new Links(this);
    this.#show(this.item.name ? `Share “${this.item.name}”` : "Share", [people.element, links.element], true);
    people.load();
    links.load();
  }

  showForm(/** @type {any} */ link = null) {
    this.#show(link ? "Settings of the link" : "New link", [new LinkForm(this, link).element]);
    /** @type {HTMLElement|null} */ (this.body.querySelector("input, select"))?.focus();
  }

  showMade(/** @type {any} */ link) {
    this.#show("The link is ready", showMade(this, link));
  }

  showLedger(/** @type {{id: string}} */ link) {
    const ledger = new Ledger(this, link);
    this.#show("Who came by the link", [ledger.element]);
    ledger.load();
  }

  say(/** @type {string} */ message) {
    this.error.textContent = message;
    this.error.hidden = !message;
  }

  /** What was done. The toasts of the page stand behind the dialog. */
  tell(/** @type {string} */ message) {
    this.told.textContent = message;
  }

  /** Do something, and say in the dialog what was refused. What comes back is its answer; undefined: it was refused. */
  async doing(/** @type {() => Promise<any>} */ act) {
    try {
      this.say("");
      return (await act()) ?? null;
    } catch (error) {
      this.say(/** @type {Error} */ (error).message);
      return undefined;
    }
  }
}

function closing() {
  const made = button("Close", { icon: "x", kind: "plain", iconOnly: true });
  made.setAttribute("type", "submit");
  return made;
}
