/** Selecting by drawing a frame around entries with the mouse, from a place where there is none. */

import { element } from "../../platform/js/dom.js";

const FROM_PX = 6;

/**
 * @param {HTMLElement} main
 * @param {import("./listing.js").Listing} listing
 * @param {import("./selection.js").Selection} selection
 * @param {AbortSignal} leaving
 */
export function acceptBand(main, listing, selection, leaving) {
  const ground = /** @type {HTMLElement} */ (main.querySelector("#place"));
  const frame = element("div", { class: "band", hidden: true });
  ground.append(frame);
  let from = /** @type {{x: number, y: number}|null} */ (null);
  /** @type {import("./listing.js").Entry[]} */
  let before = [];
  let isDue = false;
  let to = { x: 0, y: 0 };

  const draw = () => {
    isDue = false;
    if (!from) return;
    const origin = ground.getBoundingClientRect();
    const [left, right] = [Math.min(from.x + origin.left, to.x), Math.max(from.x + origin.left, to.x)];
    const [top, bottom] = [Math.min(from.y + origin.top, to.y), Math.max(from.y + origin.top, to.y)];
    if (frame.hidden && right - left < FROM_PX && bottom - top < FROM_PX) return;
    frame.hidden = false;
    Object.assign(frame.style, { left: `${left - origin.left}px`, top: `${top - origin.top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    const touched = listing.entries().filter((entry) => {
      const box = entry.getBoundingClientRect();
      return box.left < right && box.right > left && box.top < bottom && box.bottom > top;
    });
    selection.only([...before, ...touched]);
  };
  ground.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button || /** @type {Element} */ (event.target).closest(".entry, a, button, input, th")) return;
    const origin = ground.getBoundingClientRect();
    from = { x: event.clientX - origin.left, y: event.clientY - origin.top };
    before = event.ctrlKey || event.metaKey || event.shiftKey ? selection.selected : [];
    if (!before.length) selection.clear();
    ground.setPointerCapture(event.pointerId);
    event.preventDefault();
  }, { signal: leaving });
  ground.addEventListener("pointermove", (event) => {
    if (!from) return;
    to = { x: event.clientX, y: event.clientY };
    if (!isDue) requestAnimationFrame(draw);
    isDue = true;
  });
  for (const name of ["pointerup", "pointercancel"]) {
    ground.addEventListener(name, () => {
      from = null;
      frame.hidden = true;
    });
  }
}
