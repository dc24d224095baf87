/** What waits to be sent, on the pages of tasks: new tasks at the top, changes where the tasks stand. */

import { button, element, icon } from "../../platform/js/dom.js";
import { again, onOutbox, outbox, remove } from "../../platform/js/outbox.js";

const WORDS = "waiting to be sent";

/**
 * @param {HTMLElement} main
 * @param {import("./view.js").View} view
 * @param {AbortSignal} leaving
 */
export function showWaiting(main, view, leaving) {
  let number = 0;
  const show = () => {
    const mine = outbox().filter(({ path }) => path.startsWith("/api/tasks"));
    for (const one of mine) if (!one.problem) mark(one, view);
    list(mine.filter((one) => one.problem || one.path.endsWith("/quick")), main, view);
    if (mine.length < number) view.soon(); // What was sent, or given up, is as the server has it.
    number = mine.length;
  };
  view.watch(show);
  onOutbox(show, leaving);
  show();
}

/** New tasks, and what was refused, under a heading of their own. */
function list(/** @type {import("../../platform/js/outbox.js").Waiting[]} */ waiting, /** @type {HTMLElement} */ main, /** @type {import("./view.js").View} */ view) {
  main.querySelector("#group-waiting")?.remove();
  if (!waiting.length) return;
  const rows = waiting.map((one) =>
    element(
      "li",
      { class: "waiting-row" },
      icon(one.problem ? "circle-alert" : "cloud-off"),
      element("div", {}, titleOf(one, view), one.problem && element("p", { class: "error" }, one.problem)),
      one.problem && button("Send again", { kind: "small", onclick: () => again(one) }),
      button(`Discard ${titleOf(one, view)}`, { icon: "x", kind: "plain small", iconOnly: true, onclick: () => remove(one) }),
    ),
  );
  const heading = element("h2", { class: "divider", id: "heading-waiting" }, waiting.some(({ problem }) => problem) ? "Not sent" : "Waiting to be sent");
  const section = element("section", { class: "group", id: "group-waiting", "aria-labelledby": "heading-waiting" }, heading, element("ul", { class: "task-list" }, ...rows));
  main.querySelector("#view")?.before(section);
}

function titleOf(/** @type {import("../../platform/js/outbox.js").Waiting} */ { path, json }, /** @type {import("./view.js").View} */ view) {
  if (path.endsWith("/quick")) return json.text;
  const titles = changesOf({ path, json }).map(({ id }) => view.find(id)?.dataset.title);
  return titles.length === 1 ? `A change of “${titles[0] ?? "a task"}”` : `A change of ${titles.length} tasks`;
}

/** What a change does to which tasks. @returns {any[]} */
function changesOf(/** @type {{path: string, json?: any}} */ { path, json = {} }) {
  if (!path.endsWith("/batch")) return path.endsWith("/quick") ? [] : [{ id: path.split("/").at(-1), ...json }];
  const { change = [], trash = [], restore = [] } = json;
  const isGone = (/** @type {string} */ id) => ({ id, isGone: true });
  return [...change, ...trash.map(isGone), ...restore.map((/** @type {string} */ id) => ({ id }))];
}

/** Show a change as if it were made, and say that it is not yet. */
function mark(/** @type {import("../../platform/js/outbox.js").Waiting} */ one, /** @type {import("./view.js").View} */ view) {
  for (const { id, status, title, isGone } of changesOf(one)) {
    const task = view.find(id);
    if (!task) continue;
    if (isGone) {
      task.remove();
      continue;
    }
    if (status) {
      task.dataset.status = status;
      task.classList.toggle("is-done", status === "done" || status === "cancelled");
      task.querySelector(".tick")?.setAttribute("aria-checked", status === "done" ? "true" : status === "in_progress" ? "mixed" : "false");
    }
    const link = task.querySelector(".open");
    if (title && link) {
      task.dataset.title = title;
      link.textContent = title;
    }
    if (!task.querySelector(".task-waiting")) {
      (task.querySelector(".task-words") ?? task).append(element("p", { class: "task-facts task-waiting" }, element("span", {}, icon("cloud-off"), WORDS)));
    }
  }
}
