/** The links that lead to an item: what each is for, its settings, who came by it, and its end. */

import { button, element, icon } from "../dom.js";
import { ask } from "../http.js";
import { countText, sizeText } from "../localise.js";

/** @type {Record<string, [string, string, string]>} kind of access to its icon, name and verb */
export const ACCESSES = {
  view: ["eye", "A link to look at it", "Look: previews only, no files"],
  download: ["download", "A link to download", "Look and download"],
  upload: ["upload", "A link to put files in", "Put files in, and see nothing of what is there"],
};

export const dayText = (/** @type {string} */ moment) =>
  new Date(moment).toLocaleDateString(document.documentElement.dataset.language, { day: "numeric", month: "short", year: "numeric" });

export class Links {
  /** @param {import("./dialog.js").ShareDialog} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.list = element("ul", { class: "shares", id: "share-links" });
    const make = button("Make a link", { icon: "link", onclick: () => dialog.showForm() });
    this.element = element("section", {}, element("h3", { class: "divider" }, "Links"), this.list, element("div", { class: "dialog-end" }, make));
  }

  async load() {
    const page = await this.dialog.doing(() => ask("GET", `/api/shares/links?item_id=${this.dialog.item.id}&limit=200`));
    if (!page) return;
    this.dialog.accesses = page.accesses;
    const rows = page.items.map((/** @type {any} */ link) => this.#row(link));
    this.list.replaceChildren(...(rows.length ? rows : [element("li", { class: "quiet" }, "None. Whoever holds a link needs no account.")]));
  }

  #row(/** @type {any} */ link) {
    const [sign, words] = ACCESSES[link.access];
    const name = link.label || words;
    const does = (/** @type {string} */ what, /** @type {string} */ sign, /** @type {() => void} */ onclick) =>
      button(`${what}: ${name}`, { icon: sign, kind: "plain small", iconOnly: true, onclick });
    return element(
      "li",
      { class: "share-link" },
      icon(sign),
      element("span", { class: "share-who" }, name, element("small", {}, factsOf(link, Boolean(link.label)))),
      does("Who came", "history", () => this.dialog.showLedger(link)),
      does("Settings", "settings", () => this.dialog.showForm(link)),
      does("Revoke", "trash-2", () => this.#revoke(link)),
    );
  }

  async #revoke(/** @type {any} */ link) {
    if ((await this.dialog.doing(() => ask("DELETE", `/api/shares/links/${link.id}`))) === undefined) return;
    await this.load();
    this.dialog.tell("The link leads nowhere now.");
  }
}

/** What is to be known of a link in one line. */
function factsOf(/** @type {any} */ link, /** @type {boolean} */ saysKind) {
  const isOver = link.expires_at && new Date(link.expires_at) < new Date();
  const facts = [
    saysKind && ACCESSES[link.access][1].replace("A link to ", "to "),
    link.expires_at ? `${isOver ? "ended" : "until"} ${dayText(link.expires_at)}` : `made ${dayText(link.created_at)}`,
    link.has_password && "password",
    link.asks_name && "asks for a name",
    link.access === "download" && (link.most_downloads ? `${link.downloads} of ${countText(link.most_downloads, "download")}` : link.downloads > 0 && countText(link.downloads, "download")),
    link.access === "upload" && (link.most_files ? `${link.files_taken} of ${countText(link.most_files, "file")}` : link.files_taken > 0 && countText(link.files_taken, "file")),
    link.access === "upload" && link.bytes_taken > 0 && sizeText(link.bytes_taken),
  ];
  return facts.filter(Boolean).join(" · ");
}
