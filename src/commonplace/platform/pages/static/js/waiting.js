/** What is waiting to be sent: a sign in the bar, and a question before signing out would lose it. */

import { button, element, icon } from "./dom.js";
import { countText } from "./localise.js";
import { flush, forgetAll, onOutbox, outbox } from "./outbox.js";

const sign = element("span", { class: "pill waiting", role: "status" });
document.querySelector(".bar-end")?.prepend(sign);

onOutbox(() => {
  const number = outbox().length;
  const words = () => element("span", {}, countText(number, "change"), element("span", { class: "waiting-words" }, " waiting to be sent"));
  sign.replaceChildren(...(number ? [icon("cloud-off"), words()] : []));
});

document.addEventListener(
  "submit",
  async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    // The attribute: a field named `action` would stand in the place of the property.
    if (form.getAttribute("action") !== "/app/sign-out" || !outbox().length) return;
    event.preventDefault();
    await flush();
    if (!outbox().length || (await isToBeLost())) {
      await forgetAll();
      form.submit();
    }
  },
  { capture: true },
);

/** @returns {Promise<boolean>} */
function isToBeLost() {
  const text = `${countText(outbox().length, "change")} could not be sent yet. Signing out deletes what waits on this device.`;
  const stay = button("Stay signed in", { kind: "primary", onclick: () => dialog.close() });
  const leave = button("Sign out and lose them", { kind: "danger", onclick: () => dialog.close("leave") });
  const dialog = /** @type {HTMLDialogElement} */ (
    element(
      "dialog",
      { class: "dialog", "aria-labelledby": "leaving-title" },
      element("div", { class: "dialog-head" }, element("h2", { id: "leaving-title" }, "Not everything is sent")),
      element("p", {}, text),
      element("div", { class: "dialog-end" }, leave, stay),
    )
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "leave");
    }),
  );
}
