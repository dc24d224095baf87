/** Menus (popovers): where they appear, and the keys in them. */

const GAP = 6;

/** Show `menu` beside what opened it, or at a point; above it where there is no room below. */
export function showMenu(/** @type {HTMLElement} */ menu, /** @type {Element|{x: number, y: number}} */ anchor) {
  const box = anchor instanceof Element ? anchor.getBoundingClientRect() : new DOMRect(anchor.x, anchor.y, 0, 0);
  if (!menu.matches(":popover-open")) menu.showPopover();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const right = box.right - width;
  const left = box.left + width > innerWidth - 8 ? right : box.left;
  const below = box.bottom + GAP;
  const top = below + height > innerHeight - 8 ? Math.max(8, box.top - GAP - height) : below;
  menu.style.left = `${Math.max(8, left)}px`;
  menu.style.top = `${top}px`;
  /** @type {HTMLElement|undefined} */ (items(menu)[0])?.focus();
}

/** The items that can be chosen at this moment. */
const items = (/** @type {Element} */ menu) =>
  [...menu.querySelectorAll(".menu-item")].filter((item) => /** @type {HTMLElement} */ (item).offsetParent !== null);

document.addEventListener(
  "toggle",
  (event) => {
    const menu = /** @type {HTMLElement} */ (event.target);
    if (!menu.matches?.(".menu")) return;
    const opener = document.querySelector(`[popovertarget="${menu.id}"]`);
    const isOpen = /** @type {ToggleEvent} */ (event).newState === "open";
    opener?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      // What stays would be copied by htmx into the next page's menu, which the policy for styles forbids.
      menu.removeAttribute("style");
      return;
    }
    if (opener && !menu.dataset.placed) showMenu(menu, opener);
  },
  true,
);

// A page that comes before a menu has said that it is closed.
document.addEventListener("htmx:before:swap", () => {
  for (const menu of document.querySelectorAll(".menu[style]")) menu.removeAttribute("style");
});

document.addEventListener("keydown", (event) => {
  const menu = document.activeElement?.closest(".menu:popover-open");
  if (!menu) return;
  const all = /** @type {HTMLElement[]} */ (items(menu));
  const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const to = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 };
  if (event.key in to) {
    event.preventDefault();
    all[to[event.key]]?.focus();
  } else if (event.key === "Tab") {
    /** @type {HTMLElement} */ (menu).hidePopover();
  }
});

document.addEventListener("click", (event) => {
  const item = /** @type {Element} */ (event.target).closest?.(".menu-item");
  const menu = /** @type {HTMLElement|null} */ (item?.closest(".menu"));
  if (menu && item?.getAttribute("role") === "menuitem") queueMicrotask(() => menu.hidePopover());
});
