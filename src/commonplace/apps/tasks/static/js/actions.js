/** What a person does with tasks: tick, rename, move, give them a day, delete; and undo it. */

import { showMenu } from "../../platform/js/menu.js";
import { countText } from "../../platform/js/localise.js";
import { toast } from "../../platform/js/toast.js";
import * as api from "./api.js";
import { daysAfter, dueOn } from "./dates.js";
import { startEditing } from "./edit.js";

/** @typedef {import("./view.js").Task} Task */

const UNDO_SECONDS = 12;
const STEP = 2 ** 20; // Microseconds, roughly a second: the distance that neighbours made one after the other have.

export class Actions {
  /**
   * @param {HTMLElement} main
   * @param {import("./view.js").View} view
   * @param {import("./selection.js").Selection} selection
   * @param {AbortSignal} leaving
   */
  constructor(main, view, selection, leaving) {
    this.main = main;
    this.view = view;
    this.selection = selection;
    /** @type {(() => void)|null} */
    this.lastUndo = null;
    /** @type {{close: () => void}|null} */
    this.lastToast = null;
    /** @type {string} the task that the menu is about */
    this.about = "";
    this.menu = /** @type {HTMLElement} */ (main.querySelector("#task-menu"));
    main.addEventListener("click", (event) => this.#clicked(event), { signal: leaving });
    main.addEventListener("dblclick", (event) => this.#doubleClicked(event), { signal: leaving });
    main.addEventListener("contextmenu", (event) => this.#asked(event), { signal: leaving });
    const form = /** @type {HTMLFormElement} */ (main.querySelector("#bulk-form"));
    form.addEventListener("submit", (event) => this.#changeAll(event, form), { signal: leaving });
  }

  #clicked(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target);
    const dots = target.closest(".task-dots");
    if (dots) {
      this.about = dots.closest(".task")?.getAttribute("data-id") ?? "";
      showMenu(this.menu, dots);
      return;
    }
    const what = target.closest("[data-does]")?.getAttribute("data-does");
    if (!what) return;
    const task = this.menu.contains(target) ? this.view.find(this.about) : /** @type {Task|null} */ (target.closest(".task"));
    this.do(what, task);
  }

  #doubleClicked(/** @type {MouseEvent} */ event) {
    const task = /** @type {Task|null} */ (/** @type {Element} */ (event.target).closest("#view .task"));
    if (task && !(/** @type {Element} */ (event.target).closest(".tick, .task-dots"))) this.edit(task);
  }

  #asked(/** @type {MouseEvent} */ event) {
    const task = /** @type {Task|null} */ (/** @type {Element} */ (event.target).closest("#view .task"));
    if (!task || event.shiftKey || task.dataset.writable === "no" || task.querySelector(".edit")) return;
    event.preventDefault();
    this.about = task.dataset.id ?? "";
    showMenu(this.menu, event.clientX ? { x: event.clientX, y: event.clientY } : task);
  }

  /** Do what a button or a key says; about `task`, or what is selected. */
  do(/** @type {string} */ what, /** @type {Task|null} */ task = null) {
    const isOfSelection = !task || (task.classList.contains("is-selected") && what !== "edit" && what !== "open");
    const meant = isOfSelection ? this.selection.meant : [task];
    const today = this.view.root.dataset.today ?? "";
    const acts = {
      tick: () => this.tick(meant),
      "done-all": () => this.tick(meant, true),
      open: () => meant[0] && this.view.open(meant[0].dataset.id ?? ""),
      edit: () => setTimeout(() => this.edit(meant[0])), // After the menu has given the focus back.
      select: () => this.selection.toggle(meant[0] ?? null),
      "due-today": () => this.setDay(meant, today),
      "due-tomorrow": () => this.setDay(meant, daysAfter(today, 1)),
      up: () => this.step(meant[0], -1),
      down: () => this.step(meant[0], 1),
      delete: () => this.trash(meant),
      clear: () => this.selection.clear(),
      "change-all": () => /** @type {HTMLDialogElement} */ (this.main.querySelector("#bulk-dialog")).showModal(),
    };
    acts[what]?.();
  }

  /** Tick tasks, or untick them when they all are ticked. */
  async tick(/** @type {Task[]} */ tasks, isDone = tasks.some(({ dataset }) => dataset.status !== "done")) {
    const meant = tasks.filter(({ dataset }) => dataset.writable === "yes" && (dataset.status === "done") !== isDone);
    if (!meant.length) return;
    const before = meant.map(({ dataset }) => ({ id: dataset.id ?? "", title: dataset.title ?? "", next: dataset.next, status: dataset.status }));
    for (const task of meant) {
      task.classList.toggle("is-done", isDone);
      task.querySelector(".tick")?.setAttribute("aria-checked", String(isDone));
    }
    if (meant.includes(/** @type {Task} */ (this.selection.at))) this.#goOn(meant);
    const answer = await this.view.doing(() => api.tick(before, isDone), "It was not ticked.");
    if (!answer) return;
    const made = new Map(answer.items.map((/** @type {{id: string, next_id: string|null}} */ one) => [one.id, one.next_id]));
    const undo = () =>
      isDone
        ? this.#undone(async () => {
            await api.tick(before.map(({ id }) => ({ id, next: made.get(id) })), false, { withNext: true });
            const begun = before.filter(({ status }) => status !== "open");
            if (begun.length) await api.batch({ change: begun.map(({ id, status }) => ({ id, status })) });
          }, before[0].id)
        : this.#undone(() => api.batch({ change: before.map(({ id, status }) => ({ id, status })) }), before[0].id);
    this.offer(`${named(before)} ${isDone ? "done" : "to do again"}.`, undo);
  }

  /** Offer to undo what was done. */
  offer(/** @type {string} */ message, /** @type {() => void} */ undo) {
    this.lastUndo = undo;
    this.lastToast?.close(); // Only what was done last can be undone.
    this.lastToast = toast(message, { action: "Undo", onAction: undo, seconds: UNDO_SECONDS });
  }

  async #undone(/** @type {() => Promise<any>} */ act, /** @type {string} */ id) {
    this.lastUndo = null;
    if (await this.view.doing(act, "It could not be undone.")) this.selection.go(this.view.find(id));
  }

  /** Undo the last thing that was done on this page; what is still on its way is waited for. */
  async undo() {
    await this.view.underWay;
    this.lastUndo?.();
    this.lastUndo = null;
  }

  /** Move tasks to the trash. They go from the page at once. */
  async trash(/** @type {Task[]} */ tasks) {
    const meant = tasks.filter(({ dataset }) => dataset.writable === "yes");
    if (!meant.length) return;
    const before = meant.map(({ dataset }) => ({ id: dataset.id ?? "", title: dataset.title ?? "" }));
    this.#goOn(meant);
    for (const task of meant) task.remove();
    await this.trashed(before);
  }

  async trashed(/** @type {{id: string, title: string}[]} */ things) {
    const ids = things.map(({ id }) => id);
    if (ids.includes(this.view.opened)) this.view.set("task", "");
    if (!(await this.view.doing(() => api.trash(ids), "Nothing was deleted."))) return;
    this.offer(`${named(things)} deleted.`, () => this.#undone(() => api.restore(ids), ids[0]));
  }

  /** Let the keyboard go on to the next task that stays. */
  #goOn(/** @type {Task[]} */ leaving) {
    const { activeElement } = document;
    if (activeElement !== document.body && !leaving.some((one) => one.contains(activeElement)) && !activeElement?.closest(".menu, .selection")) return;
    const tasks = this.view.tasks();
    const last = tasks.indexOf(leaving[leaving.length - 1]);
    const stays = (/** @type {Task} */ task) => !leaving.includes(task);
    this.selection.go(tasks.slice(last + 1).find(stays) ?? tasks.slice(0, last).findLast(stays));
  }

  /** Write a title anew, where it stands. */
  edit(/** @type {Task|undefined} */ task = this.selection.meant[0]) {
    if (!task || task.dataset.writable === "no") return;
    startEditing(task, this.view, async (title) => {
      const { id = "", title: before = "" } = task.dataset;
      await api.change(id, { title });
      this.lastUndo = () => this.#undone(() => api.change(id, { title: before }), id);
    });
  }

  /** Make tasks due on a day; an empty one takes their day away. */
  async setDay(/** @type {Task[]} */ tasks, /** @type {string} */ day) {
    const meant = tasks.filter(({ dataset }) => dataset.writable === "yes" && dataset.day !== day);
    await this.changeEach(meant, (task) => ({ due: dueOn(day, task.dataset) }), (task) => ({ due: dueOn(task.dataset.day ?? "", task.dataset) }));
  }

  async setPriority(/** @type {Task[]} */ tasks, /** @type {string} */ priority) {
    const meant = tasks.filter(({ dataset }) => dataset.writable === "yes" && dataset.priority !== priority);
    await this.changeEach(meant, () => ({ priority }), ({ dataset }) => ({ priority: dataset.priority }));
  }

  /** Change fields of tasks, and offer to undo it by what `back` says; `about` are those that it is about. */
  async changeEach(/** @type {Task[]} */ tasks, /** @type {(task: Task) => any} */ fields, /** @type {(task: Task) => any} */ back, about = tasks) {
    if (!about.length) return;
    const things = about.map(({ dataset }) => ({ id: dataset.id ?? "", title: dataset.title ?? "" }));
    const changes = tasks.map((task) => ({ id: task.dataset.id, ...fields(task) }));
    const backwards = tasks.map((task) => ({ id: task.dataset.id, ...back(task) }));
    if (!(await this.view.doing(() => api.batch({ change: changes }), "Nothing was changed."))) return;
    this.offer(`${named(things)} changed.`, () => this.#undone(() => api.batch({ change: backwards }), things[0].id));
  }

  /** Move a task one place up or down among its neighbours. */
  async step(/** @type {Task|undefined} */ task, /** @type {1|-1} */ by) {
    if (!task || task.dataset.writable === "no") return;
    const siblings = /** @type {Task[]} */ ([...(task.parentElement?.querySelectorAll(":scope > .task") ?? [])]);
    const at = siblings.indexOf(task);
    const to = at + by;
    if (to < 0 || to >= siblings.length) return;
    const others = siblings.filter((one) => one !== task);
    await this.place([task], others[to - 1] ?? null, others[to] ?? null, {});
    this.selection.go(this.view.find(task.dataset.id ?? ""));
  }

  /** Put tasks between two neighbours, and change what their new place says. */
  async place(/** @type {Task[]} */ tasks, /** @type {Task|null} */ before, /** @type {Task|null} */ after, /** @type {any} */ fields) {
    const meant = tasks.filter(({ dataset }) => dataset.writable === "yes");
    const numbers = between(before, after, meant) ?? numberedAnew(before, after, meant);
    const back = ({ dataset }) => ({
      order: Number(dataset.order),
      ...("due" in fields && { due: dueOn(dataset.day ?? "", dataset) }),
      ...("status" in fields && { status: dataset.status }),
      ...("priority" in fields && { priority: dataset.priority }),
    });
    const forth = (/** @type {Task} */ task) => ({
      order: numbers.get(task),
      ...(meant.includes(task) && fields),
      ...(meant.includes(task) && "due" in fields && { due: dueOn(fields.due ?? "", task.dataset) }),
    });
    await this.changeEach([...numbers.keys()], forth, back, meant);
  }

  async #changeAll(/** @type {Event} */ event, /** @type {HTMLFormElement} */ form) {
    event.preventDefault();
    const value = (/** @type {string} */ name) => /** @type {any} */ (form.elements.namedItem(`bulk-${name}`)).value.trim();
    const [status, priority, day, list, tag] = ["status", "priority", "day", "list", "tag"].map(value);
    /** @type {HTMLDialogElement} */ (this.main.querySelector("#bulk-dialog")).close();
    form.reset();
    const fields = {
      ...(status && { status }),
      ...(priority && { priority }),
      ...(list && { list_id: list === "none" ? null : list }),
    };
    const tags = ({ dataset }) => [...new Set([...JSON.parse(dataset.tags ?? "[]"), tag])];
    const meant = this.selection.meant.filter(({ dataset }) => dataset.writable === "yes");
    if (!Object.keys(fields).length && !day && !tag) return;
    await this.changeEach(
      meant,
      (task) => ({ ...fields, ...(day && { due: dueOn(day, task.dataset) }), ...(tag && { tags: tags(task) }) }),
      ({ dataset }) => ({
        ...(status && { status: dataset.status }),
        ...(priority && { priority: dataset.priority }),
        ...(list && (dataset.parent ? { parent_id: dataset.parent } : { list_id: dataset.list || null })),
        ...(day && { due: dueOn(dataset.day ?? "", dataset) }),
        ...(tag && { tags: JSON.parse(dataset.tags ?? "[]") }),
      }),
    );
  }
}

/** One by its title, several by their number. */
function named(/** @type {{title: string}[]} */ things) {
  return things.length === 1 ? `“${things[0].title}”` : countText(things.length, "task");
}

const orderOf = (/** @type {Task} */ { dataset }) => Number(dataset.order);

/** Orders for tasks between two neighbours; null where there is no room left. @returns {Map<Task, number>|null} */
function between(/** @type {Task|null} */ before, /** @type {Task|null} */ after, /** @type {Task[]} */ tasks) {
  const room = STEP * (tasks.length + 1);
  const from = before ? orderOf(before) : after ? orderOf(after) - room : Date.now() * 1000;
  const to = after ? orderOf(after) : from + room;
  const step = (to - from) / (tasks.length + 1);
  return step < 1 ? null : new Map(tasks.map((task, index) => [task, Math.round(from + step * (index + 1))]));
}

/** Orders for all that stand there, with room between them. @returns {Map<Task, number>} */
function numberedAnew(/** @type {Task|null} */ before, /** @type {Task|null} */ after, /** @type {Task[]} */ tasks) {
  const list = /** @type {Element} */ ((before ?? after)?.parentElement);
  const others = /** @type {Task[]} */ ([...list.querySelectorAll(":scope > .task")]).filter((one) => !tasks.includes(one));
  const at = before ? others.indexOf(before) + 1 : 0;
  const least = Math.min(...others.map(orderOf));
  const all = [...others.slice(0, at), ...tasks, ...others.slice(at)].filter(({ dataset }) => dataset.writable === "yes");
  return new Map(all.map((task, index) => [task, least + STEP * index]));
}
