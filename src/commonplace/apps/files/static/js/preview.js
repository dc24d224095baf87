/** Looking at files one after the other; Escape, and Back on a phone, close the dialog and lead to the folder. */

import { piece } from "../../platform/js/http.js";
import { sizeText } from "../../platform/js/localise.js";
import { address } from "./actions.js";
import { large, lookOf } from "./looks.js";

/** @typedef {import("./listing.js").Entry} Entry */

const CLOSER = 1.5;

export class Preview {
  /**
   * @param {HTMLElement} main
   * @param {import("./listing.js").Listing} listing
   * @param {import("./actions.js").Actions} actions
   * @param {AbortSignal} leaving
   */
  constructor(main, listing, actions, leaving) {
    this.listing = listing;
    this.actions = actions;
    const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (main.querySelector(`#preview${name}`));
    this.dialog = /** @type {HTMLDialogElement} */ (part(""));
    this.stage = part("-stage");
    this.name = part("-name");
    this.facts = part("-facts");
    this.downloads = /** @type {HTMLAnchorElement} */ (part("-download"));
    this.before = part("-before");
    this.after = part("-after");
    /** @type {Entry|null} */
    this.entry = null;
    this.loading = new AbortController();
    /** @type {import("./zoom.js").Zoom|null} */
    this.zoom = null;
    this.zooms = [["-in", () => this.zoom?.zoom(CLOSER)], ["-out", () => this.zoom?.zoom(1 / CLOSER)], ["-fit", () => this.zoom?.fit()]].map(
      ([name, act]) => {
        const button = part(`-zoom${name}`);
        button.addEventListener("click", /** @type {() => void} */ (act));
        return button;
      },
    );
    this.before.addEventListener("click", () => this.#step(-1));
    this.after.addEventListener("click", () => this.#step(1));
    part("-close").addEventListener("click", () => this.dialog.close());
    part("-delete").addEventListener("click", () => this.#delete());
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("keydown", (event) => this.#pressed(event));
    this.stage.addEventListener("click", (event) => event.target === this.stage && this.dialog.close());
    leaving.addEventListener("abort", () => this.dialog.open && this.dialog.close());
  }

  /** Open the file that the address names (`?open=…`), if it does. */
  async openAsked() {
    const id = new URLSearchParams(location.search).get("open");
    if (!id) return;
    history.replaceState(history.state, "", location.pathname);
    const there = this.listing.find(id);
    if (there) return this.open(there);
    const template = document.createElement("template");
    template.innerHTML = await piece(`/app/files/entries?id=${encodeURIComponent(id)}`).catch(() => "");
    const content = /** @type {HTMLTemplateElement|null} */ (template.content.querySelector("template"))?.content;
    const entry = /** @type {Entry|null|undefined} */ (content?.querySelector(".entry"));
    if (entry) this.open(entry);
  }

  open(/** @type {Entry} */ entry) {
    if (!this.dialog.open) {
      this.dialog.showModal();
      this.name.focus();
    }
    this.#show(entry);
  }

  get #files() {
    return this.listing.entries().filter(({ dataset }) => dataset.kind === "file");
  }

  #show(/** @type {Entry} */ entry) {
    this.entry = entry;
    const { name = "", bytes = "0", width, height } = entry.dataset;
    this.name.textContent = name;
    const day = entry.querySelector("time")?.cloneNode(true);
    const size = `${sizeText(Number(bytes))}${width ? ` · ${width} × ${height}` : ""}`;
    this.facts.replaceChildren(...(day ? [day, " · "] : []), size);
    this.downloads.href = `${address(entry.dataset)}/content?download=true`;
    this.downloads.download = name;
    this.loading.abort();
    this.loading = new AbortController();
    this.zoom = null;
    this.stage.replaceChildren(
      lookOf(entry, {
        signal: this.loading.signal,
        onSwipe: (step) => this.#step(step),
        onDown: () => this.dialog.close(),
        onZoom: (zoom) => (this.zoom = zoom),
      }),
    );
    for (const button of this.zooms) button.hidden = !this.zoom;
    const files = this.#files;
    const at = files.findIndex(({ dataset }) => dataset.id === entry.dataset.id);
    this.before.hidden = at <= 0;
    this.after.hidden = at < 0 || at >= files.length - 1;
    for (const near of [files[at + 1], files[at - 1]]) if (near?.dataset.state === "done") new Image().src = large(near);
  }

  #step(/** @type {number} */ step) {
    const files = this.#files;
    const at = files.findIndex(({ dataset }) => dataset.id === this.entry?.dataset.id);
    const next = files[at + step];
    if (!next) return;
    this.#show(next);
    next.scrollIntoView({ block: "nearest" });
  }

  #pressed(/** @type {KeyboardEvent} */ event) {
    const isInPlayer = /** @type {Element} */ (event.target).matches("video, audio, [role='document']");
    const acts = {
      "+": () => this.zoom?.zoom(CLOSER),
      "=": () => this.zoom?.zoom(CLOSER),
      "-": () => this.zoom?.zoom(1 / CLOSER),
      0: () => this.zoom?.fit(),
      ArrowLeft: () => !isInPlayer && this.#step(-1),
      ArrowRight: () => !isInPlayer && this.#step(1),
      Delete: () => this.#delete(),
      d: () => this.downloads.click(),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key];
    if (!act || act() === false) return;
    event.preventDefault();
    event.stopPropagation();
  }

  #delete() {
    const { entry } = this;
    const files = this.#files;
    const at = files.findIndex(({ dataset }) => dataset.id === entry?.dataset.id);
    if (!entry || at < 0) return;
    const next = files[at + 1] ?? files[at - 1];
    this.actions.trash([entry]);
    if (next) this.#show(next);
    else this.dialog.close();
  }

  #closed() {
    this.loading.abort();
    this.stage.replaceChildren(); // Whatever plays, stops.
    const there = this.listing.find(this.entry?.dataset.id ?? "");
    this.actions.selection.go(there);
  }
}
