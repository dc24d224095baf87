/** Dragging tasks: to another place in the order, to another day, column or list. By keyboard: Alt and the arrows. */

import { toast } from "../../platform/js/toast.js";

/** @typedef {import("./view.js").Task} Task */

const MINE = "application/x-commonplace-tasks";

/**
 * @param {HTMLElement} main
 * @param {import("./view.js").View} view
 * @param {import("./selection.js").Selection} selection
 * @param {import("./actions.js").Actions} actions
 * @param {AbortSignal} leaving
 */
export function acceptDrags(main, view, selection, actions, leaving) {
  /** @type {Task[]} */
  let dragged = [];
  /** @type {Element|null} */
  let marked = null;
  const mark = (/** @type {Element|null} */ one, name = "is-target") => {
    if (marked !== one) marked?.classList.remove("is-target", "is-before");
    marked = one;
    one?.classList.add(name);
  };
  const over = () => {
    mark(null);
    for (const task of dragged) task.classList.remove("is-dragged");
    dragged = [];
    view.hold(false);
  };
  main.addEventListener(
    "dragstart",
    (event) => {
      const task = /** @type {Task|null} */ (/** @type {Element} */ (event.target).closest?.("#view .task"));
      if (!task || !event.dataTransfer) return;
      dragged = task.classList.contains("is-selected") ? selection.selected : [task];
      event.dataTransfer.setData(MINE, "");
      event.dataTransfer.setData("text/plain", dragged.map(({ dataset }) => dataset.title).join("\n"));
      event.dataTransfer.effectAllowed = "move";
      view.hold(true);
      setTimeout(() => dragged.forEach((one) => one.classList.add("is-dragged")));
    },
    { signal: leaving },
  );
  main.addEventListener(
    "dragover",
    (event) => {
      const place = dragged.length ? placeAt(view, event, dragged) : null;
      if (!place) return mark(null);
      event.preventDefault();
      if (place.after) mark(place.after, "is-before");
      else mark(place.target);
    },
    { signal: leaving },
  );
  main.addEventListener(
    "drop",
    (event) => {
      const tasks = dragged;
      const place = tasks.length ? placeAt(view, event, tasks) : null;
      over();
      if (!place) return;
      event.preventDefault();
      place.drop(actions, tasks);
    },
    { signal: leaving },
  );
  main.addEventListener("dragend", over, { signal: leaving });
}

/**
 * Where something would be dropped: what shows it, the task behind it, and what happens.
 * @returns {{target: Element, after?: Task|null, drop: (actions: import("./actions.js").Actions, tasks: Task[]) => void}|null}
 */
function placeAt(view, /** @type {DragEvent} */ event, /** @type {Task[]} */ dragged) {
  const target = /** @type {Element} */ (event.target);
  const list = /** @type {HTMLElement|null} */ (target.closest("[data-takes-tasks]"));
  if (list) return { target: list, drop: (actions, tasks) => moveTo(actions, tasks, list.dataset.listId ?? "") };
  const day = /** @type {HTMLElement|null} */ (target.closest(".month-day"));
  if (day) return { target: day, drop: (actions, tasks) => actions.setDay(tasks, day.dataset.day ?? "") };
  const group = /** @type {HTMLElement|null} */ (target.closest(".column, .group"));
  if (!group) return null;
  const fields = fieldsOf(group);
  const isOwn = dragged.every((one) => group.contains(one));
  if (!isOwn && !fields) return null;
  if (!mayOrder(view, group)) return isOwn ? null : { target: group, drop: (actions, tasks) => actions.place(tasks, null, null, fields ?? {}) };
  const others = /** @type {Task[]} */ ([...group.querySelectorAll(".task")]).filter((one) => !dragged.includes(one));
  const index = others.findIndex((one) => {
    const box = one.getBoundingClientRect();
    return event.clientY < box.top + box.height / 2;
  });
  const after = index < 0 ? null : others[index];
  const before = index < 0 ? (others.at(-1) ?? null) : (others[index - 1] ?? null);
  return { target: group, after, drop: (actions, tasks) => actions.place(tasks, before, after, isOwn ? {} : (fields ?? {})) };
}

/** What becomes of tasks that are put into a group; null: it cannot be chosen. */
function fieldsOf(/** @type {HTMLElement} */ { dataset }) {
  if (dataset.status) return { status: dataset.status };
  if (dataset.day !== undefined) return { due: dataset.day };
  if (dataset.group === "done") return { status: "done" };
  return dataset.level ? { priority: dataset.level } : null;
}

/** Whether tasks of a group stand in the person's own order. */
export function mayOrder(/** @type {import("./view.js").View} */ view, /** @type {HTMLElement|null} */ group) {
  if (!group || group.dataset.group === "done" || group.dataset.status === "done" || group.dataset.status === "cancelled") return false;
  return view.key === "board" || view.root.dataset.order === "order" || (view.root.dataset.order === "date" && group.dataset.day !== undefined);
}

/** Say why nothing moved. */
export const sayOrdered = () => toast("These stand by their dates or names. Choose “My order” to order them by hand.");

function moveTo(/** @type {import("./actions.js").Actions} */ actions, /** @type {Task[]} */ tasks, /** @type {string} */ list) {
  const meant = tasks.filter(({ dataset }) => dataset.writable === "yes" && dataset.list !== list);
  const back = ({ dataset }) => (dataset.parent ? { parent_id: dataset.parent } : { list_id: dataset.list || null });
  actions.changeEach(meant, () => ({ list_id: list }), back);
}
