/** The settings of a link, of a new one and of one that is there. What makes no sense for its kind is not shown. */

import { button, element } from "../dom.js";
import { ask } from "../http.js";
import { choice, field } from "./fields.js";
import { ACCESSES } from "./links.js";

const MB = 1_000_000;

export class LinkForm {
  /**
   * @param {import("./dialog.js").ShareDialog} dialog
   * @param {any} link null: a new one
   */
  constructor(dialog, link) {
    this.dialog = dialog;
    this.link = link;
    const { accesses } = dialog;
    const known = link ?? { access: accesses.includes("download") ? "download" : "view", label: "", tells_uploads: true };
    const input = (/** @type {string} */ type, /** @type {any} */ value, attributes = {}) =>
      /** @type {HTMLInputElement} */ (element("input", { class: "input", type, value: value ?? "", autocomplete: "off", ...attributes }));
    this.access = choice(accesses.map((name) => [name, ACCESSES[name][2]]), known.access);
    this.label = input("text", known.label, { maxlength: 200 });
    this.password = input("password", "", { minlength: 8, maxlength: 256, autocomplete: "new-password" });
    this.end = input("datetime-local", localTime(known.expires_at));
    this.downloads = input("number", known.most_downloads, { min: 1, max: 1_000_000, inputmode: "numeric" });
    this.files = input("number", known.most_files, { min: 1, max: 1_000_000, inputmode: "numeric" });
    this.size = input("number", known.most_bytes && Math.round(known.most_bytes / MB), { min: 1, inputmode: "numeric" });
    this.asksName = check("Ask visitors for their name", known.asks_name);
    this.tellsVisits = check("Tell me when somebody comes", known.tells_visits);
    this.tellsUploads = check("Tell me when files come", known.tells_uploads);
    this.noPassword = check("Take the password away", false);
    this.onlyDownload = element("div", {}, field("Downloads at most", this.downloads, "Previews and downloads that broke off do not count. Empty: any number."));
    this.onlyUpload = element("div", { class: "share-pair" }, field("Files at most", this.files), field("MB at most, together", this.size));
    this.element = this.#form(known);
    this.access.addEventListener("change", () => this.#fit());
    this.#fit();
  }

  #form(/** @type {any} */ known) {
    const save = button(this.link ? "Save" : "Make the link", { kind: "primary" });
    save.setAttribute("type", "submit");
    const renew = this.link && button("New address", { icon: "repeat", onclick: () => this.#renew() });
    return element(
      "form",
      { class: "share-settings", "hx-boost": "false", onsubmit: (/** @type {Event} */ event) => this.#save(event) },
      field("Visitors may", this.access),
      field("Label", this.label, "For you: visitors do not see it."),
      this.onlyDownload,
      this.onlyUpload,
      element(
        "div",
        { class: "share-pair" },
        field("Password", this.password, known.has_password ? "Empty: as it is." : "8 characters or more. Empty: none."),
        field("Good until", this.end, "Empty: until you revoke it."),
      ),
      known.has_password && this.noPassword.row,
      this.asksName.row,
      this.tellsVisits.row,
      this.tellsUploads.row,
      element("div", { class: "dialog-end" }, renew, save),
    );
  }

  /** Show what goes with the kind of access. */
  #fit() {
    this.onlyDownload.hidden = this.access.value !== "download";
    this.onlyUpload.hidden = this.access.value !== "upload";
    this.tellsUploads.row.hidden = this.access.value !== "upload";
  }

  get #values() {
    const number = (/** @type {HTMLInputElement} */ one, factor = 1) => (one.value ? Number(one.value) * factor : null);
    /** @type {Record<string, any>} */
    const values = {
      access: this.access.value,
      label: this.label.value.trim(),
      expires_at: this.end.value ? new Date(this.end.value).toISOString() : null,
      most_downloads: number(this.downloads),
      most_files: number(this.files),
      most_bytes: number(this.size, MB),
      asks_name: this.asksName.box.checked,
      tells_visits: this.tellsVisits.box.checked,
      tells_uploads: this.tellsUploads.box.checked,
    };
    if (this.password.value) values.password = this.password.value;
    else if (this.noPassword.box.checked) values.password = null;
    // An end that is past can stay, but cannot be set.
    if (this.link && this.end.value === localTime(this.link.expires_at)) delete values.expires_at;
    return values;
  }

  async #save(/** @type {Event} */ event) {
    event.preventDefault();
    const json = this.#values;
    if (this.link) {
      if ((await this.dialog.doing(() => ask("PATCH", `/api/shares/links/${this.link.id}`, { json }))) !== undefined) this.dialog.showAll();
      return;
    }
    const made = await this.dialog.doing(() => ask("POST", "/api/shares/links", { json: { item_id: this.dialog.item.id, ...json } }));
    if (made) this.dialog.showMade(made);
  }

  async #renew() {
    const made = await this.dialog.doing(() => ask("POST", `/api/shares/links/${this.link.id}/renew`));
    if (made) this.dialog.showMade(made);
  }
}

function check(/** @type {string} */ label, /** @type {boolean} */ isSet) {
  const box = /** @type {HTMLInputElement} */ (element("input", { type: "checkbox", checked: Boolean(isSet) }));
  return { box, row: element("label", { class: "check" }, box, label) };
}

/** A moment as `datetime-local` writes it, in the device's time. */
function localTime(/** @type {string|null|undefined} */ moment) {
  if (!moment) return "";
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
