/** Fields of the forms in the dialog. */

import { element } from "../dom.js";

/** A labelled field; `label` before it, a hint below it. */
export function field(/** @type {string} */ label, /** @type {HTMLElement} */ input, hint = "") {
  const id = `share-${label.toLowerCase().replace(/[^a-z]+/g, "-")}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return element("div", { class: "field" }, element("label", { for: id }, label), input, hint && element("p", { class: "hint", id: `${id}-hint` }, hint));
}

/** A choice of one. @param {[string, string][]} options */
export function choice(options, /** @type {string} */ value, attributes = {}) {
  return /** @type {HTMLSelectElement} */ (
    element("select", { class: "input", ...attributes }, ...options.map(([key, word]) => element("option", { value: key, selected: key === value }, word)))
  );
}
