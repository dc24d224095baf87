/** Writing a title anew, in the place where it stands. */

import { element } from "../../platform/js/dom.js";

/**
 * @param {import("./view.js").Task} task
 * @param {import("./view.js").View} view
 * @param {(title: string) => Promise<void>} save raises what the server refused
 */
export function startEditing(task, view, save) {
  if (task.querySelector(".edit")) return;
  const link = /** @type {HTMLElement} */ (task.querySelector(".open"));
  const title = task.dataset.title ?? "";
  const field = /** @type {HTMLInputElement} */ (
    element("input", { class: "input", value: title, "aria-label": `New title of ${title}`, maxlength: 500, autocomplete: "off" })
  );
  const error = element("p", { class: "error", role: "alert", id: "edit-error", hidden: true });
  const form = element("form", { class: "edit" }, field, error);
  let isOver = false;

  const end = (/** @type {boolean} */ hadFocus) => {
    isOver = true;
    form.remove();
    link.hidden = false;
    task.draggable = true;
    view.hold(false);
    if (hadFocus) /** @type {HTMLElement|null|undefined} */ (view.find(task.dataset.id ?? "")?.querySelector(".open"))?.focus({ preventScroll: true });
  };
  const commit = async () => {
    const hadFocus = form.contains(document.activeElement);
    const written = field.value.trim();
    if (isOver) return;
    if (!written || written === title) return end(hadFocus);
    isOver = true;
    field.readOnly = true;
    try {
      await save(written);
      link.textContent = written;
      end(hadFocus);
      await view.draw();
    } catch (problem) {
      isOver = false;
      field.readOnly = false;
      error.textContent = /** @type {Error} */ (problem).message;
      error.hidden = false;
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", error.id);
      field.focus();
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
      end(true);
    }
  });
  field.addEventListener("blur", () => error.hidden && !isOver && commit());
  view.hold(true);
  task.draggable = false; // Text in a field is selected by dragging.
  link.hidden = true;
  link.after(form);
  field.focus();
  field.select();
}
