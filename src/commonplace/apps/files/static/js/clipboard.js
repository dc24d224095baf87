/**
 * Cutting and pasting entries by keyboard or menu, also from one window of the drive to another.
 *
 * What is cut travels in the system's clipboard, as a type of our own beside the names as text. So whatever was cut or
 * copied last, here or in another program, is what pasting puts here.
 */

import { isModalOpen, isTyping } from "../../platform/js/dom.js";
import { countText } from "../../platform/js/localise.js";
import { toast } from "../../platform/js/toast.js";

/** @typedef {import("./listing.js").Entry} Entry */
/** @typedef {{id: string, kind: string, name: string, place: string}} Thing */
/** @typedef {{isCut: boolean, things: Thing[]}} Clip */

const TYPE = "application/x-commonplace-clip";

/** What was cut or copied here last, for the menu, which cannot look into the system's clipboard. @type {Clip|null} */
let last = null;

export const clipped = () => last;

/** What is remembered of an entry that goes. @returns {Thing} */
export const thingOf = (/** @type {Entry} */ { dataset }) => {
  const { kind = "file", id = "", name = "", parent: place = "" } = dataset;
  return { kind, id, name, place };
};

/**
 * @param {import("./selection.js").Selection} selection
 * @param {(clip: Clip) => void} paste
 * @param {AbortSignal} leaving
 */
export function acceptClips(selection, paste, leaving) {
  const options = { signal: leaving };
  const isOurs = (/** @type {Event} */ event) => !isTyping(event.target) && !isModalOpen() && !String(getSelection()).trim();
  // Without this, Chromium has nothing to cut where no text is selected.
  document.addEventListener("beforecut", (event) => isOurs(event) && selection.meant.length && event.preventDefault(), options);
  document.addEventListener(
    "cut",
    (event) => {
      const entries = selection.meant;
      if (!isOurs(event) || !entries.length) return;
      event.preventDefault();
      take(entries, true);
      event.clipboardData?.setData(TYPE, JSON.stringify(last));
      event.clipboardData?.setData("text/plain", entries.map(({ dataset }) => dataset.name).join("\n"));
    },
    options,
  );
  document.addEventListener(
    "paste",
    (event) => {
      if (!isOurs(event) || event.defaultPrevented) return;
      const clip = clipIn(event.clipboardData);
      if (!clip) return;
      event.preventDefault();
      if (clip.isCut) forget();
      paste(clip);
    },
    options,
  );
}

/** Note what the menu's Cut or Copy is about; the system's clipboard is written where the browser lets it. */
export function take(/** @type {Entry[]} */ entries, /** @type {boolean} */ isCut) {
  forget();
  last = { isCut, things: entries.map(thingOf) };
  for (const entry of entries) entry.classList.toggle("is-cut", isCut);
  toast(`${countText(entries.length, "entry", "entries")} ${isCut ? "cut" : "copied"}. Go where it belongs, and paste.`);
}

export function forget() {
  last = null;
  for (const entry of document.querySelectorAll(".entry.is-cut")) entry.classList.remove("is-cut");
}

/** @returns {Clip|null} */
function clipIn(/** @type {DataTransfer|null} */ data) {
  if (!data || data.files.length) return null;
  try {
    return JSON.parse(data.getData(TYPE));
  } catch {
    return null;
  }
}
