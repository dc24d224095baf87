/**
 * The square of one's picture, seen as it moves: it is dragged, or follows the three sliders, which work by keyboard.
 *
 * Without this the sliders still say which part is shown.
 */

import { onPage } from "../../platform/js/page.js";

onPage("picture", (main, leaving) => {
  const stage = main.querySelector("[data-crop]");
  const form = stage?.closest("form");
  if (!(stage instanceof HTMLElement) || !form) return;
  const image = /** @type {HTMLImageElement} */ (stage.querySelector("img"));
  const square = /** @type {HTMLElement} */ (stage.querySelector(".crop-square"));
  const [side, x, y] = ["side", "x", "y"].map((name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name)));
  square.hidden = false;

  /** How the square lies in the picture as it is shown, in pixels of the window. */
  function place() {
    const { width, height } = image.getBoundingClientRect();
    const length = (Number(side.value) / 100) * Math.min(width, height);
    return { length, roomX: width - length, roomY: height - length };
  }

  function show() {
    const { length, roomX, roomY } = place();
    square.style.width = `${length}px`;
    square.style.height = `${length}px`;
    square.style.transform = `translate(${(Number(x.value) / 100) * roomX}px, ${(Number(y.value) / 100) * roomY}px)`;
  }

  form.addEventListener("input", show, { signal: leaving });
  image.addEventListener("load", show, { signal: leaving });
  window.addEventListener("resize", show, { signal: leaving });

  square.addEventListener(
    "pointerdown",
    (start) => {
      start.preventDefault();
      square.setPointerCapture(start.pointerId);
      const { roomX, roomY } = place();
      const from = { x: Number(x.value), y: Number(y.value) };
      const drag = (/** @type {PointerEvent} */ now) => {
        if (roomX > 0) x.value = String(from.x + ((now.clientX - start.clientX) / roomX) * 100);
        if (roomY > 0) y.value = String(from.y + ((now.clientY - start.clientY) / roomY) * 100);
        show();
      };
      const stop = () => square.removeEventListener("pointermove", drag);
      square.addEventListener("pointermove", drag, { signal: leaving });
      square.addEventListener("pointerup", stop, { once: true, signal: leaving });
      square.addEventListener("pointercancel", stop, { once: true, signal: leaving });
    },
    { signal: leaving },
  );
  show();
});
