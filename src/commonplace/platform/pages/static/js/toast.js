/** Short messages at the bottom, with one thing to do about them at most. They wait while they are pointed at. */

import { button, element } from "./dom.js";

const SECONDS = 8;

/**
 * @param {string} message
 * @param {{action?: string, onAction?: () => void, seconds?: number}} [options]
 * @returns {{close: () => void}}
 */
export function toast(message, { action, onAction, seconds = SECONDS } = {}) {
  const place = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  let timer = 0;
  const close = () => {
    clearTimeout(timer);
    shown.remove();
  };
  const act = () => {
    close();
    onAction?.();
  };
  const shown = element(
    "div",
    { class: "toast" },
    element("p", {}, message),
    action && element("button", { type: "button", class: "link", onclick: act }, action),
    button("Dismiss", { icon: "x", kind: "plain small", iconOnly: true, onclick: close }),
  );
  const wait = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => (shown.matches(":hover, :focus-within") ? wait() : close()), seconds * 1000);
  };
  place.append(shown);
  while (place.children.length > 3) place.firstElementChild?.remove();
  wait();
  return { close };
}
