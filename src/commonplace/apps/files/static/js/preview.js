/** Looking at files one after the other; Escape, and Back on a phone, close the dialog and lead to the folder. */

import { element, icon } from "../../platform/js/dom.js";
import { piece } from "../../platform/js/http.js";
import { sizeText } from "../../platform/js/localise.js";
import { address } from "./actions.js";

/** @typedef {import("./listing.js").Entry} Entry */

const MOST_TEXT_BYTES = 200_000;
const SHOWN_AS_IT_IS = /^image\/(gif|svg\+xml|webp|avif|png|jpeg)$/;

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
    this.before.addEventListener("click", () => this.#step(-1));
    this.after.addEventListener("click", () => this.#step(1));
    part("-close").addEventListener("click", () => this.dialog.close());
    part("-delete").addEventListener("click", () => this.#delete());
    this.dialog.addEventListener("close", () => this.#closed());
    this.dialog.addEventListener("keydown", (event) => this.#pressed(event));
    this.stage.addEventListener("click", (event) => event.target === this.stage && this.dialog.close());
    this.#acceptSwipes();
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
    const { name = "", bytes = "0", width, height, media = "" } = entry.dataset;
    this.name.textContent = name;
    const day = entry.querySelector("time")?.cloneNode(true);
    const size = `${sizeText(Number(bytes))}${width ? ` · ${width} × ${height}` : ""}`;
    this.facts.replaceChildren(...(day ? [day, " · "] : []), size);
    this.downloads.href = `${address(entry.dataset)}/content?download=true`;
    this.downloads.download = name;
    this.loading.abort();
    this.loading = new AbortController();
    this.stage.replaceChildren(this.#picture(entry, media));
    const files = this.#files;
    const at = files.findIndex(({ dataset }) => dataset.id === entry.dataset.id);
    this.before.hidden = at <= 0;
    this.after.hidden = at < 0 || at >= files.length - 1;
    for (const near of [files[at + 1], files[at - 1]]) if (near?.dataset.state === "done") new Image().src = large(near);
  }

  #picture(/** @type {Entry} */ entry, /** @type {string} */ media) {
    const { name = "", state, sha } = entry.dataset;
    const bytes = `${address(entry.dataset)}/content`;
    const isMoving = media === "image/gif" || media === "image/svg+xml";
    if (state === "done" && !isMoving) return picture(large(entry), name, thumbnailOf(entry));
    if (SHOWN_AS_IT_IS.test(media)) return picture(`${bytes}?v=${sha}`, name);
    if (media.startsWith("video/")) return element("video", { src: bytes, controls: true, autoplay: true, "aria-label": name });
    if (media.startsWith("audio/")) return element("audio", { src: bytes, controls: true, "aria-label": name });
    const isText = /^(text\/|application\/(json|xml|yaml|toml|x-sh))/.test(media);
    if (isText) return this.#text(bytes, name);
    return nothing(entry, "There is no preview of this kind of file. Download it to open it.");
  }

  #text(/** @type {string} */ bytes, /** @type {string} */ name) {
    const paper = element("pre", { class: "preview-text", tabindex: 0, "aria-label": name }, "…");
    const { signal } = this.loading;
    fetch(bytes, { headers: { Range: `bytes=0-${MOST_TEXT_BYTES - 1}` }, signal })
      .then(async (answer) => {
        const text = answer.status === 416 ? "" : await answer.text();
        const whole = Number(answer.headers.get("Content-Range")?.split("/")[1] ?? 0);
        paper.textContent = whole > MOST_TEXT_BYTES ? `${text}\n\n… and so on, to ${sizeText(whole)}.` : text;
      })
      .catch(() => signal.aborted || (paper.textContent = "The text could not be read. Try again."));
    return paper;
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
    const isInPlayer = /** @type {Element} */ (event.target).matches("video, audio, pre");
    const acts = {
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

  #acceptSwipes() {
    let from = /** @type {{x: number, y: number}|null} */ (null);
    this.stage.addEventListener("pointerdown", (event) => {
      from = event.pointerType === "touch" ? { x: event.clientX, y: event.clientY } : null;
    });
    this.stage.addEventListener("pointerup", (event) => {
      if (!from) return;
      const [x, y] = [event.clientX - from.x, event.clientY - from.y];
      if (Math.abs(x) > 48 && Math.abs(x) > Math.abs(y) * 1.5) this.#step(x < 0 ? 1 : -1);
    });
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

const thumbnailOf = (/** @type {Entry} */ entry) => /** @type {HTMLImageElement|null} */ (entry.querySelector("img"))?.currentSrc ?? "";
const large = (/** @type {Entry} */ { dataset }) => `/api/files/${dataset.id}/thumbnail?size=2048&v=${dataset.sha}`;

/** The large picture, and the small one under it until that is there. */
function picture(/** @type {string} */ address, /** @type {string} */ name, small = "") {
  const image = element("img", { alt: name, decoding: "async" });
  const frame = element("div", { class: "preview-picture" });
  if (small) frame.append(element("img", { src: small, alt: "", class: "small" }));
  image.addEventListener("load", () => frame.replaceChildren(image));
  image.addEventListener("error", () => frame.replaceChildren(element("p", { class: "preview-none" }, "This picture cannot be shown. Download it to open it.")));
  /** @type {HTMLImageElement} */ (image).src = address;
  if (!small) frame.append(image);
  return frame;
}

function nothing(/** @type {Entry} */ entry, /** @type {string} */ words) {
  const use = entry.querySelector(".thumb use")?.getAttribute("href")?.replace("#i-", "") ?? "file";
  return element("div", { class: "preview-none" }, icon(use), element("p", {}, words));
}
