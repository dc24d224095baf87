/** What each kind of file looks like in the preview. Each gives an element; nothing in it runs. */

import { element, icon } from "../../platform/js/dom.js";
import { ask, piece } from "../../platform/js/http.js";
import { address } from "./actions.js";
import { zoomable } from "./zoom.js";

/** @typedef {import("./listing.js").Entry} Entry */
/** @typedef {{signal: AbortSignal, onSwipe: (step: 1|-1) => void, onDown: () => void, onZoom: (zoom: import("./zoom.js").Zoom) => void}} Around */

const SHOWN_AS_IT_IS = /^image\/(gif|svg\+xml|webp|avif|png|jpeg|bmp)$/;

const MOST_PAGES = 300;
const MOST_TRIES = 6;
const AGAIN_MS = 800;

export const large = (/** @type {Entry} */ { dataset }) => `/api/files/${dataset.id}/thumbnail?size=2048&v=${dataset.sha}`;
const thumbnailOf = (/** @type {Entry} */ entry) => /** @type {HTMLImageElement|null} */ (entry.querySelector("img"))?.currentSrc ?? "";

/** @returns {HTMLElement} */
export function lookOf(/** @type {Entry} */ entry, /** @type {Around} */ around) {
  const { media = "", name = "", state, sha } = entry.dataset;
  const bytes = `${address(entry.dataset)}/content`;
  const isMoving = media === "image/gif" || media === "image/svg+xml";
  const original = SHOWN_AS_IT_IS.test(media) ? `${bytes}?v=${sha}` : "";
  if (media.startsWith("video/")) {
    return element("video", { src: bytes, controls: true, autoplay: true, playsinline: true, poster: state === "done" && large(entry), "aria-label": name });
  }
  if (media.startsWith("audio/")) return sound(bytes, name);
  if (media.startsWith("image/")) {
    if (state === "done" && !isMoving) return picture(large(entry), name, around, { small: thumbnailOf(entry), original });
    return original ? picture(original, name, around) : nothing(entry, "There is no preview of this picture. Download it to open it.");
  }
  if (media === "application/pdf") return pages(entry, around);
  return text(entry, around);
}

/** The pages of a document as pictures, each drawn by the server when it comes near; its text where there are none. */
function pages(/** @type {Entry} */ entry, /** @type {Around} */ around) {
  const { id, sha, name } = entry.dataset;
  const place = element("div", { class: "preview-text", "aria-busy": "true" });
  const size = devicePixelRatio > 1.2 ? 2048 : 1024;
  const show = async () => {
    try {
      const { pages: number } = await ask("GET", `/api/process/files/${id}/pages`, { signal: around.signal });
      const drawn = Array.from({ length: Math.min(number, MOST_PAGES) }, (_, at) =>
        page(`/api/process/files/${id}/pages/${at + 1}?size=${size}&v=${sha}`, `Page ${at + 1} of ${number}`, around.signal),
      );
      const more = number > MOST_PAGES && element("p", { class: "preview-cut" }, `Only the first ${MOST_PAGES} of ${number} pages are shown.`);
      const paper = element("div", { class: "preview-paper preview-pages", tabindex: 0, role: "document", "aria-label": name }, ...drawn, more);
      place.replaceChildren(paper);
      paper.focus({ preventScroll: true });
      place.removeAttribute("aria-busy");
    } catch {
      if (!around.signal.aborted) place.replaceWith(text(entry, around));
    }
  };
  show();
  return place;
}

/** One page; the server draws a few at a time, and may ask to come again. */
function page(/** @type {string} */ source, /** @type {string} */ alt, /** @type {AbortSignal} */ signal) {
  const image = /** @type {HTMLImageElement} */ (element("img", { src: source, alt, loading: "lazy", decoding: "async", class: "is-coming" }));
  let tries = 0;
  image.addEventListener("load", () => image.classList.remove("is-coming"));
  image.addEventListener("error", () => {
    tries += 1;
    if (tries < MOST_TRIES && !signal.aborted) setTimeout(() => (image.src = `${source}&again=${tries}`), AGAIN_MS * tries);
  });
  return image;
}

/** The large picture, and the small one under it until that is there; the original for who looks closer. */
function picture(/** @type {string} */ source, /** @type {string} */ name, /** @type {Around} */ around, { small = "", original = "" } = {}) {
  const image = /** @type {HTMLImageElement} */ (element("img", { alt: name, decoding: "async", draggable: "false" }));
  const frame = element("div", { class: "preview-picture" });
  if (small) frame.append(element("img", { src: small, alt: "", class: "small" }));
  image.addEventListener("load", () => frame.replaceChildren(image));
  image.addEventListener("error", () => {
    if (image.src.endsWith(source)) frame.replaceChildren(element("p", { class: "preview-none" }, "This picture cannot be shown. Download it to open it."));
    else image.src = source;
  });
  image.src = source;
  if (!small) frame.append(image);
  const onClose = () => {
    if (!original) return;
    image.src = original;
    original = "";
  };
  around.onZoom(zoomable(frame, image, { onSwipe: around.onSwipe, onDown: around.onDown, onClose }));
  return frame;
}

function sound(/** @type {string} */ bytes, /** @type {string} */ name) {
  return element("div", { class: "preview-sound" }, icon("file-music"), element("audio", { src: bytes, controls: true, "aria-label": name }));
}

/** Code, prose, a table, the text of a document, what is in an archive: as the server draws it. */
function text(/** @type {Entry} */ entry, /** @type {Around} */ { signal }) {
  const place = element("div", { class: "preview-text", "aria-busy": "true" });
  const show = async () => {
    try {
      const template = document.createElement("template");
      template.innerHTML = await piece(`/app/files/preview/${entry.dataset.id}`, signal);
      place.replaceChildren(template.content);
      /** @type {HTMLElement|null} */ (place.querySelector("[tabindex]"))?.focus({ preventScroll: true });
    } catch {
      if (!signal.aborted) place.replaceChildren(element("p", { class: "preview-none" }, "The text could not be read. Try again."));
    }
    place.removeAttribute("aria-busy");
  };
  show();
  return place;
}

function nothing(/** @type {Entry} */ entry, /** @type {string} */ words) {
  const use = entry.querySelector(".thumb use")?.getAttribute("href")?.replace("#i-", "") ?? "file";
  return element("div", { class: "preview-none" }, icon(use), element("p", {}, words));
}
