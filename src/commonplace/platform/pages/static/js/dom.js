/** Making elements. Text goes in as text: nothing here parses HTML. */

/**
 * An element with attributes and children.
 * `on…` attributes are listeners; `true` sets an attribute without value; `false`, null and undefined leave it out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon of the sprite that stands in the page.
 * @param {string} name
 * @param {string} [extra] a further class
 */
export function icon(name, extra = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `icon ${extra}`.trim());
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button; `label` is its text, or its name when `iconOnly`.
 * @param {string} label
 * @param {{icon?: string, kind?: string, iconOnly?: boolean, onclick?: (event: MouseEvent) => void}} options
 */
export function button(label, { icon: iconName, kind = "", iconOnly = false, onclick } = {}) {
  return element(
    "button",
    {
      type: "button",
      class: `button ${kind}${iconOnly ? " icon-only" : ""}`.trim(),
      "aria-label": iconOnly && label,
      title: iconOnly && label,
      onclick,
    },
    iconName && icon(iconName),
    !iconOnly && label,
  );
}

/** Whether the keyboard is being typed into something, so that single keys are text. */
export function isTyping(/** @type {EventTarget|null} */ target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button", "submit", "range"].includes(target.type);
}

/** Whether something modal is open, which keys of the page must not reach through. */
export function isModalOpen() {
  return document.querySelector("dialog[open]") !== null || document.querySelector(".menu:popover-open") !== null;
}
