/** Keys of the pages of tasks. */

import { isModalOpen, isTyping } from "../../platform/js/dom.js";
import { daysAfter } from "./dates.js";
import { mayOrder, sayOrdered } from "./drag.js";

/** @typedef {import("./view.js").Task} Task */

/** @type {[string, string][]} */
export const KEYS = [
  ["N", "New task"],
  ["← ↑ → ↓", "Move among the tasks"],
  ["Space", "Done, or not; so does X"],
  ["Enter", "Open the details"],
  ["E", "Edit the title"],
  ["T", "Due today"],
  ["M", "Due tomorrow"],
  ["0 1 2 3", "No, low, medium, high priority"],
  ["S", "Select, or not"],
  ["Shift ↑", "Select up to there; so do Shift and a click"],
  ["Ctrl A", "Select everything that is shown"],
  ["Alt ↑", "Move up; in the calendar a week back"],
  ["Alt →", "To the next column; in the calendar to the next day"],
  ["Delete", "Delete"],
  ["Ctrl Z", "Undo"],
  ["G", "To the lists"],
];

const LEVELS = ["none", "low", "medium", "high"];
const STATUSES = ["open", "in_progress", "done", "cancelled"];

/**
 * @param {HTMLElement} main
 * @param {import("./view.js").View} view
 * @param {import("./selection.js").Selection} selection
 * @param {import("./actions.js").Actions} actions
 * @param {AbortSignal} leaving
 */
export function acceptKeys(main, view, selection, actions, leaving) {
  const tick = () => actions.tick(selection.meant);
  /** @type {Record<string, () => void>} */
  const plain = {
    n: () => /** @type {HTMLElement|null} */ (main.querySelector("#quick-text"))?.focus(),
    " ": tick,
    x: tick,
    e: () => actions.edit(),
    t: () => actions.do("due-today"),
    m: () => actions.do("due-tomorrow"),
    s: () => selection.toggle(selection.at),
    g: () => toLists(main),
    Delete: () => actions.trash(selection.meant),
    Backspace: () => actions.trash(selection.meant),
    Escape: () => (selection.ids.size ? selection.clear() : /** @type {HTMLElement|null} */ (main.querySelector("#detail-close"))?.click()),
  };
  LEVELS.forEach((level, number) => (plain[number] = () => actions.setPriority(selection.meant, level)));
  const withControl = { a: () => selection.all(), z: () => actions.undo() };

  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || isTyping(target) || isModalOpen()) return;
    if (!main.contains(target) && target !== document.body) return;
    if (target.closest("#detail") && event.key !== "Escape") return;
    const isControl = event.ctrlKey || event.metaKey;
    const isArrow = /^(Arrow(Up|Down|Left|Right)|Home|End)$/.test(event.key);
    if (isArrow && !isControl) {
      const isAtTasks = target.closest("#view .task") || target.matches("body, #main, h1");
      if (!isAtTasks) return;
      event.preventDefault();
      if (event.altKey) moveBy(event.key, view, selection, actions);
      else {
        const isEntering = !selection.at?.contains(document.activeElement);
        selection.go(isEntering ? selection.at : destination(view, selection.at, event.key), { extend: event.shiftKey && !isEntering });
      }
      return;
    }
    if (event.altKey) return;
    const isButton = target.closest("button, input, a:not(.open)");
    if (isButton && (event.key === "Enter" || (event.key === " " && !target.closest(".tick")))) return;
    const act = isControl ? withControl[event.key.toLowerCase()] : plain[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || (event.shiftKey && event.key !== "Escape")) return;
    event.preventDefault();
    act();
  };
  document.addEventListener("keydown", pressed, { signal: leaving });
}

function toLists(/** @type {HTMLElement} */ main) {
  const side = /** @type {HTMLElement} */ (main.querySelector("#side"));
  const opener = /** @type {HTMLElement|null} */ (main.querySelector(".side-button"));
  if (opener?.offsetParent) side.showPopover();
  /** @type {HTMLElement|null} */ (side.querySelector("[aria-current]") ?? side.querySelector("a"))?.focus();
}

/** Move a task by one: in its order, to the next column, to another day. */
async function moveBy(/** @type {string} */ key, view, selection, actions) {
  const task = /** @type {Task|null} */ (selection.at);
  const by = { ArrowUp: -1, ArrowDown: 1, ArrowLeft: -1, ArrowRight: 1 }[key];
  if (!task || !by || task.dataset.writable === "no") return;
  const isSideways = key === "ArrowLeft" || key === "ArrowRight";
  if (view.key === "calendar") {
    await actions.setDay([task], daysAfter(task.dataset.day ?? "", isSideways ? by : 7 * by));
  } else if (!isSideways) {
    const group = /** @type {HTMLElement|null} */ (task.closest(".group, .column"));
    if (mayOrder(view, group)) await actions.step(task, by);
    else sayOrdered();
    return;
  } else if (view.key === "board") {
    const status = STATUSES[STATUSES.indexOf(task.dataset.status ?? "") + by];
    if (status) await actions.changeEach([task], () => ({ status }), ({ dataset }) => ({ status: dataset.status }));
  }
  selection.go(view.find(task.dataset.id ?? ""));
}

/**
 * Where an arrow leads.
 * @returns {Task|undefined}
 */
function destination(view, /** @type {Task|null} */ from, /** @type {string} */ key) {
  const tasks = /** @type {Task[]} */ (view.tasks());
  if (!from || key === "Home") return tasks[0];
  if (key === "End") return tasks.at(-1);
  const isSideways = key === "ArrowLeft" || key === "ArrowRight";
  const by = key === "ArrowUp" || key === "ArrowLeft" ? -1 : 1;
  if (!isSideways || view.key === "calendar") return tasks[tasks.indexOf(from) + by];
  if (view.key !== "board") return undefined;
  const columns = [...view.main.querySelectorAll(".column")];
  const at = columns.indexOf(/** @type {Element} */ (from.closest(".column")));
  const row = [...(from.parentElement?.children ?? [])].indexOf(from);
  for (let index = at + by; columns[index]; index += by) {
    const there = /** @type {Task[]} */ ([...columns[index].querySelectorAll(".task")]);
    if (there.length) return there[Math.min(row, there.length - 1)];
  }
  return undefined;
}
