/** Writing the name of an entry anew, in the place where it stands. */

import { element } from "../../platform/js/dom.js";

/**
 * @param {import("./listing.js").Entry} entry
 * @param {(name: string) => Promise<void>} save raises what the server refused
 */
export function startRenaming(entry, save) {
  if (entry.querySelector(".rename")) return;
  const label = /** @type {HTMLElement} */ (entry.querySelector(".name"));
  const cell = /** @type {HTMLElement} */ (label.closest("td") ?? entry);
  const name = entry.dataset.name ?? "";
  const field = /** @type {HTMLInputElement} */ (
    element("input", { class: "input", value: name, "aria-label": `New name of ${name}`, maxlength: 255, autocomplete: "off", spellcheck: "false" })
  );
  const error = element("p", { class: "error", role: "alert", id: "rename-error", hidden: true });
  const form = element("form", { class: "rename" }, field, error);
  place(form, label, cell);
  let isOver = false;

  const end = (hadFocus = form.contains(document.activeElement)) => {
    isOver = true;
    form.remove();
    entry.classList.remove("is-renaming");
    if (hadFocus) /** @type {HTMLElement|null} */ (document.querySelector(`#${CSS.escape(entry.id)} .open`))?.focus({ preventScroll: true });
  };
  const refuse = (/** @type {string} */ why) => {
    error.textContent = why;
    error.hidden = false;
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", error.id);
    field.focus();
  };
  const commit = async () => {
    if (isOver) return;
    const written = field.value.trim();
    if (!written || written === name) return end();
    field.readOnly = true;
    try {
      const hadFocus = form.contains(document.activeElement);
      label.textContent = written;
      form.hidden = true;
      isOver = true;
      await saveWithout(form, () => save(written));
      end(hadFocus);
    } catch (problem) {
      label.textContent = name;
      isOver = false;
      form.hidden = false;
      cell.append(form);
      field.readOnly = false;
      refuse(/** @type {Error} */ (problem).message);
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    commit();
  });
  form.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") {
      event.preventDefault();
      end();
    }
  });
  form.addEventListener("click", (event) => event.stopPropagation());
  field.addEventListener("blur", () => error.hidden && commit());
  entry.classList.add("is-renaming");
  cell.append(form);
  field.focus();
  const dot = name.lastIndexOf(".");
  field.setSelectionRange(0, entry.dataset.kind === "file" && dot > 0 ? dot : name.length);
}

/** While it is saved the form is out of the page, so that the entry may be drawn anew. */
async function saveWithout(/** @type {HTMLElement} */ form, /** @type {() => Promise<void>} */ save) {
  form.remove();
  await save();
}

/** Over the name, without moving anything. */
function place(/** @type {HTMLElement} */ form, /** @type {HTMLElement} */ label, /** @type {HTMLElement} */ cell) {
  const [outer, inner] = [cell.getBoundingClientRect(), label.getBoundingClientRect()];
  form.style.left = `${Math.max(0, inner.left - outer.left - 9)}px`;
  form.style.top = `${inner.top - outer.top + inner.height / 2}px`;
}
