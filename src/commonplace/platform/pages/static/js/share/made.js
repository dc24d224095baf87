/** A new link: its address to copy, and as a QR code for a telephone beside the screen. */

import { button, element } from "../dom.js";

/** @param {import("./dialog.js").ShareDialog} dialog @param {any} link */
export function showMade(dialog, link) {
  const address = /** @type {HTMLInputElement} */ (element("input", { class: "input", readonly: true, value: link.url, "aria-label": "The new link" }));
  const copy = async () => {
    address.select();
    try {
      await navigator.clipboard.writeText(link.url);
      dialog.tell("The link was copied.");
    } catch {
      dialog.tell("It could not be copied here; it is selected.");
    }
  };
  setTimeout(() => address.select());
  return [
    element("div", { class: "share-address" }, address, button("Copy", { icon: "clipboard-paste", kind: "primary", onclick: copy })),
    element("p", { class: "hint" }, "Copy it now: it is not shown again. Under Settings it can get a new address.", link.has_password ? " Tell the password in another way." : ""),
    element("p", { class: "share-qr" }, element("img", { src: link.qr, alt: "The link as a QR code", width: 200, height: 200 })),
    element("div", { class: "dialog-end" }, button("Done", { onclick: () => dialog.showAll() })),
  ];
}
