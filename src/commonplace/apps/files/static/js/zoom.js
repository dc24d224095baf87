/** Looking closer at a picture: by the wheel, two fingers, a double click or keys; and moving it about. */

const MOST = 12;
const STEP = 1.5;
const SWIPE_PX = 48;

/** @typedef {{zoom: (factor: number) => void, fit: () => void, isClose: () => boolean}} Zoom */

/**
 * @param {HTMLElement} frame what is pointed at; the picture fills it
 * @param {HTMLElement} picture what is moved
 * @param {{onSwipe?: (step: 1|-1) => void, onDown?: () => void, onClose?: () => void}} told `onClose`: somebody looks closer than the picture is fine
 * @returns {Zoom}
 */
export function zoomable(frame, picture, { onSwipe, onDown, onClose } = {}) {
  let [scale, x, y] = [1, 0, 0];
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let start = { x: 0, y: 0, at: 0 };
  let wasPinch = false;

  const show = () => {
    const room = { x: (frame.clientWidth * (scale - 1)) / 2, y: (frame.clientHeight * (scale - 1)) / 2 };
    x = Math.max(-room.x, Math.min(room.x, x));
    y = Math.max(-room.y, Math.min(room.y, y));
    picture.style.transform = scale === 1 ? "" : `translate(${x}px, ${y}px) scale(${scale})`;
    frame.classList.toggle("is-close", scale > 1);
    if (scale > STEP) onClose?.();
  };
  /** Make what is at this point of the window stay there. */
  const zoomAt = (/** @type {number} */ factor, /** @type {number} */ clientX, /** @type {number} */ clientY) => {
    const box = frame.getBoundingClientRect();
    const [px, py] = [clientX - box.left - box.width / 2, clientY - box.top - box.height / 2];
    const next = Math.max(1, Math.min(MOST, scale * factor));
    x = px - ((px - x) * next) / scale;
    y = py - ((py - y) * next) / scale;
    scale = next;
    show();
  };
  const zoom = (/** @type {number} */ factor) => {
    const box = frame.getBoundingClientRect();
    zoomAt(factor, box.left + box.width / 2, box.top + box.height / 2);
  };
  const fit = () => {
    [scale, x, y] = [1, 0, 0];
    show();
  };
  const distance = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };

  frame.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      zoomAt(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), event.clientX, event.clientY);
    },
    { passive: false },
  );
  frame.addEventListener("dblclick", (event) => (scale > 1 ? fit() : zoomAt(3, event.clientX, event.clientY)));
  frame.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 1) {
      start = { x: event.clientX, y: event.clientY, at: event.timeStamp };
      wasPinch = false;
    } else wasPinch = true;
    if (scale > 1 || fingers.size > 1) frame.setPointerCapture(event.pointerId);
  });
  frame.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const apart = fingers.size === 2 ? distance() : 0;
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2) {
      const [a, b] = [...fingers.values()];
      zoomAt(distance() / Math.max(1, apart), (a.x + b.x) / 2, (a.y + b.y) / 2);
    } else if (scale > 1) {
      x += event.clientX - before.x;
      y += event.clientY - before.y;
      show();
    }
  });
  const up = (/** @type {PointerEvent} */ event) => {
    if (!fingers.delete(event.pointerId) || fingers.size || wasPinch || scale > 1 || event.type === "pointercancel") return;
    const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
    if (event.pointerType !== "touch") return;
    if (Math.abs(dx) > SWIPE_PX && Math.abs(dx) > Math.abs(dy) * 1.5) onSwipe?.(dx < 0 ? 1 : -1);
    else if (dy > 2 * SWIPE_PX && dy > Math.abs(dx) * 1.5) onDown?.();
  };
  frame.addEventListener("pointerup", up);
  frame.addEventListener("pointercancel", up);
  frame.addEventListener("dragstart", (event) => event.preventDefault());
  return { zoom, fit, isClose: () => scale > 1 };
}
