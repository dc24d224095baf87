/**
 * Makes an element equal to another one by changing what differs, so that focus, scroll and half-written text stay.
 *
 * Elements with ids are the same wherever they stand. A field that is being written in keeps its text; so does whatever
 * stands in an element with the class `is-held`.
 */

export function morph(/** @type {Element} */ from, /** @type {Element} */ to) {
  const known = new Map([...from.querySelectorAll("[id]")].map((one) => [one.id, one]));
  const focused = /** @type {HTMLElement|null} */ (document.activeElement);
  patch(from, to, known);
  if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

function patch(/** @type {Element} */ from, /** @type {Element} */ to, /** @type {Map<string, Element>} */ known) {
  if (from.classList.contains("is-held")) return;
  const wasChanged = isField(from) && isWrittenIn(from);
  attributes(from, to);
  if (isField(from)) {
    if (!wasChanged) takeOver(from, to, known);
    return;
  }
  children(from, to, known);
}

function children(/** @type {Element} */ from, /** @type {Element} */ to, /** @type {Map<string, Element>} */ known) {
  let at = from.firstChild;
  for (const next of [...to.childNodes]) {
    const match = counterpart(at, next, known);
    if (!match) {
      from.insertBefore(document.importNode(next, true), at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else from.insertBefore(match, at);
    if (match instanceof Element && match.matches(LOCALISED)) localised(match, /** @type {Element} */ (next));
    else if (match instanceof Element) patch(match, /** @type {Element} */ (next), known);
    else if (match.nodeValue !== next.nodeValue) match.nodeValue = next.nodeValue;
  }
  while (at) {
    const rest = at.nextSibling;
    at.remove();
    at = rest;
  }
}

/** What localise.js writes in the person's language, from the exact value beside it. */
const LOCALISED = "time[data-when], data[data-unit]";

/** The words of the same moment stay as they were written; another one is a new element, which is written anew. */
function localised(/** @type {Element} */ from, /** @type {Element} */ to) {
  const isSame = ["datetime", "value", "data-when", "data-zone"].every((name) => from.getAttribute(name) === to.getAttribute(name));
  if (!isSame) from.replaceWith(document.importNode(to, true));
}

/** What `next` was before: by its id, else the node in its place, if that is of its kind. */
function counterpart(/** @type {ChildNode|null} */ at, /** @type {ChildNode} */ next, /** @type {Map<string, Element>} */ known) {
  const id = next instanceof Element ? next.id : "";
  if (id) {
    const same = known.get(id);
    return same?.nodeName === next.nodeName ? same : null;
  }
  const isFree = at && at.nodeName === next.nodeName && !(at instanceof Element && at.id);
  return isFree ? at : null;
}

function attributes(/** @type {Element} */ from, /** @type {Element} */ to) {
  for (const { name } of [...from.attributes]) if (!to.hasAttribute(name) && !OURS.test(name)) from.removeAttribute(name);
  for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value && !OURS.test(name)) from.setAttribute(name, value);
}

const OURS = /^(style|open|data-htmx-.*)$/; // Set by scripts and by the person.

/** @returns {from is HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} */
const isField = (/** @type {Element} */ from) => from.matches("input, textarea, select");

/** Whether somebody is at it, or has left something in it that was not saved. */
function isWrittenIn(/** @type {any} */ field) {
  if (field instanceof HTMLSelectElement) return field === document.activeElement;
  if (field.type === "checkbox") return false;
  return field.value !== field.defaultValue;
}

function takeOver(/** @type {any} */ from, /** @type {any} */ to, /** @type {Map<string, Element>} */ known) {
  if (from instanceof HTMLSelectElement) {
    children(from, to, known);
    from.value = to.value;
  } else if (from instanceof HTMLTextAreaElement) {
    if (from.defaultValue === to.defaultValue && from.value === to.defaultValue) return;
    from.defaultValue = to.defaultValue;
    from.value = to.defaultValue;
  } else if (from.value !== to.defaultValue) {
    from.value = to.defaultValue;
  }
}
