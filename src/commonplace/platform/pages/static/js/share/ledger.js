/** The ledger of a link: who came, when, what they did; as a table for a spreadsheet; and to be forgotten. */

import { button, element, icon } from "../dom.js";
import { ask } from "../http.js";
import { sizeText } from "../localise.js";

/** @type {Record<string, [string, string]>} */
const WHATS = { visit: ["eye", "came"], preview: ["image", "looked at"], download: ["download", "downloaded"], upload: ["upload", "put in"] };

export class Ledger {
  /**
   * @param {import("./dialog.js").ShareDialog} dialog
   * @param {{id: string}} link
   */
  constructor(dialog, link) {
    this.dialog = dialog;
    this.path = `/api/shares/links/${link.id}/visits`;
    this.list = element("ol", { class: "ledger", "aria-label": "Visits, the latest first" });
    this.more = button("Show more", { onclick: () => this.load() });
    this.more.hidden = true;
    this.forget = button("Forget all of it", { kind: "plain", onclick: () => this.#forget() });
    this.after = "";
    const csv = element("a", { class: "button", href: `${this.path}.csv`, download: true }, icon("download"), "CSV");
    this.element = element("div", {}, this.list, this.more, element("div", { class: "dialog-end" }, this.forget, csv));
  }

  async load() {
    const page = await this.dialog.doing(() => ask("GET", `${this.path}?limit=50${this.after && `&after=${this.after}`}`));
    if (!page) return;
    if (!this.after) this.list.replaceChildren();
    this.list.append(...page.items.map((/** @type {any} */ entry) => row(entry)));
    if (!this.list.children.length) this.list.append(element("li", { class: "quiet" }, "Nobody came yet."));
    this.after = page.next ?? "";
    this.more.hidden = !page.next;
  }

  /** It cannot be undone: the first click asks. */
  async #forget() {
    if (!this.forget.classList.contains("danger")) {
      this.forget.classList.add("danger");
      this.forget.textContent = "Forget it for good?";
      return;
    }
    if ((await this.dialog.doing(() => ask("DELETE", this.path))) === undefined) return;
    this.forget.classList.remove("danger");
    this.forget.textContent = "Forget all of it";
    this.after = "";
    await this.load();
  }
}

function row(/** @type {any} */ entry) {
  const [sign, word] = WHATS[entry.what];
  const { language } = document.documentElement.dataset;
  const at = new Date(entry.at).toLocaleString(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const who = entry.visitor_name ?? "Somebody";
  const what = entry.item_name ? `${word} ${entry.item_name}` : word;
  const size = entry.size_bytes ? `, ${sizeText(entry.size_bytes)}` : "";
  return element(
    "li",
    {},
    icon(sign),
    element("span", { class: "share-who" }, `${who} ${what}${size}`, element("small", {}, element("time", { datetime: entry.at }, at), ` · ${entry.address_class}`)),
  );
}
