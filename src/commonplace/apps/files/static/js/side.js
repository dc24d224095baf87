/** The panel with places and folders: beside the list on a wide window, over it on a narrow one. */

import { showTree } from "./tree.js";

const COOKIE = "commonplace_files_side";
const A_YEAR_SECONDS = 31_536_000;
const WIDE = matchMedia("(min-width: 68rem)");

/** @returns {{toggle: () => void}} */
export function offerSide(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  const drive = /** @type {HTMLElement} */ (main.querySelector("#drive"));
  const side = /** @type {HTMLElement} */ (main.querySelector("#side"));
  const button = /** @type {HTMLElement} */ (main.querySelector("#side-button"));
  const isOpen = () => (WIDE.matches ? drive.dataset.side !== "closed" : drive.dataset.drawer === "open");
  const tell = () => button.setAttribute("aria-expanded", String(isOpen()));
  const closeDrawer = () => {
    if (drive.dataset.drawer !== "open") return;
    if (side.contains(document.activeElement)) button.focus();
    delete drive.dataset.drawer;
    tell();
  };
  const toggle = () => {
    if (WIDE.matches) {
      drive.dataset.side = isOpen() ? "closed" : "open";
      document.cookie = `${COOKIE}=${drive.dataset.side}; path=/app/files; samesite=lax; max-age=${A_YEAR_SECONDS}`;
    } else if (isOpen()) {
      return closeDrawer();
    } else {
      drive.dataset.drawer = "open";
      /** @type {HTMLElement|null} */ (side.querySelector("a"))?.focus();
    }
    tell();
  };
  button.addEventListener("click", toggle);
  side.addEventListener("keydown", (event) => event.key === "Escape" && closeDrawer());
  document.addEventListener("pointerdown", (event) => {
    const at = /** @type {Element} */ (event.target);
    if (!side.contains(at) && !button.contains(at)) closeDrawer();
  }, { signal: leaving });
  WIDE.addEventListener("change", tell, { signal: leaving });
  showTree(main);
  tell();
  return { toggle };
}
