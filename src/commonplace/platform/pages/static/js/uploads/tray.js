/**
 * Shows a queue of uploads: how far it is, how fast, how long still, and a way to stop it.
 *
 * However many files there are, only a few rows exist: what is being sent, what failed, what was done last, what is next.
 */

import { button, element } from "../dom.js";
import { countText, durationText, sizeText } from "../localise.js";

/** @typedef {import("./queue.js").UploadQueue} UploadQueue */
/** @typedef {import("./queue.js").Task} Task */

const REDRAW_MS = 150;
const MOST = { failed: 20, interrupted: 20, paused: 20, done: 1, waiting: 2 };

export class UploadTray {
  /**
   * @param {UploadQueue} queue
   * @param {(task: Task) => void} goOn with an interrupted one, whose file the person has to give again
   */
  constructor(queue, goOn = () => {}) {
    this.queue = queue;
    this.goOn = goOn;
    /** @type {Map<number, ReturnType<typeof makeRow>>} */
    this.rows = new Map();
    this.timer = 0;
    this.#build();
    queue.addEventListener("change", () => this.#soon());
    addEventListener("beforeunload", (event) => {
      if (queue.isBusy) event.preventDefault();
    });
  }

  #build() {
    this.title = element("h2", { id: "tray-title" });
    this.pace = element("p");
    this.bar = element("progress", { class: "progress", max: 1, value: 0, "aria-label": "All uploads" });
    this.summary = element("span");
    this.said = element("span", { class: "for-screen-readers", role: "status" });
    this.cancel = element("button", { type: "button", class: "link", onclick: () => this.queue.cancelAll() }, "Cancel all");
    this.retry = element("button", { type: "button", class: "link", onclick: () => this.queue.retry() }, "Try again");
    this.fold = button("Show less", { icon: "chevron-down", kind: "plain small", iconOnly: true, onclick: () => this.#fold() });
    this.close = button("Close", { icon: "x", kind: "plain small", iconOnly: true, onclick: () => this.queue.clear() });
    this.list = element("ul", { class: "tray-list", tabindex: 0, "aria-label": "Single uploads" });
    this.tray = element(
      "section",
      { class: "tray", "aria-labelledby": "tray-title", hidden: true },
      element(
        "div",
        { class: "tray-head" },
        element("div", { class: "tray-title" }, this.title, this.pace, this.fold, this.close),
        this.bar,
        element("div", { class: "tray-note" }, this.summary, this.cancel, this.retry),
        this.said,
      ),
      this.list,
    );
    document.body.append(this.tray);
  }

  #fold() {
    const isSmall = this.tray.classList.toggle("is-small");
    const label = isSmall ? "Show more" : "Show less";
    this.fold.setAttribute("aria-label", label);
    this.fold.title = label;
    this.fold.setAttribute("aria-expanded", String(!isSmall));
  }

  #soon() {
    this.timer ||= window.setTimeout(() => {
      this.timer = 0;
      this.#draw();
    }, REDRAW_MS);
  }

  #draw() {
    const totals = this.queue.totals();
    const isBusy = this.queue.isBusy;
    const isThere = totals.count + totals.interrupted > 0;
    this.tray.hidden = !isThere;
    document.documentElement.classList.toggle("has-tray", isThere);
    const finished = totals.done + totals.failed;
    this.#say(isBusy ? `Uploading ${Math.min(finished + 1, totals.count)} of ${totals.count}` : outcome(totals), isBusy);
    this.pace.textContent = isBusy ? pace(totals) : "";
    this.bar.value = totals.bytes ? totals.sent / totals.bytes : finished / Math.max(1, totals.count);
    this.bar.hidden = !isBusy;
    this.summary.textContent = isBusy
      ? `${sizeText(totals.sent)} of ${sizeText(totals.bytes)}${totals.failed ? `, ${totals.failed} failed` : ""}`
      : sizeText(totals.sent);
    this.cancel.hidden = !isBusy;
    this.retry.hidden = !totals.failed;
    this.close.hidden = isBusy;
    this.#drawRows();
    if (isBusy) this.#soon(); // The pace changes even when nothing else does.
  }

  #say(/** @type {string} */ title, /** @type {boolean} */ isBusy) {
    this.title.textContent = title;
    const [said] = isBusy ? ["Uploading"] : [title]; // Beginning and end, not every step.
    if (this.said.textContent !== said) this.said.textContent = said;
  }

  #drawRows() {
    const shown = chosen(this.queue.tasks);
    const wanted = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    for (const [at, task] of shown.entries()) {
      let row = this.rows.get(task.id);
      if (!row || row.task !== task) {
        row?.element.remove();
        row = makeRow(task, this.queue, this.goOn);
        this.rows.set(task.id, row);
      }
      if (this.list.children[at] !== row.element) this.list.insertBefore(row.element, this.list.children[at] ?? null);
      row.draw();
    }
    const hidden = this.queue.tasks.filter(({ state, id }) => state === "waiting" && !wanted.has(id)).length;
    this.more ??= element("li", { class: "tray-more" });
    this.more.textContent = hidden ? `and ${countText(hidden, "more", "more")}` : "";
    if (hidden) this.list.append(this.more);
    else this.more.remove();
  }
}

/** What is worth a row. */
function chosen(/** @type {Task[]} */ tasks) {
  const of = (/** @type {Task["state"]} */ state) => tasks.filter((task) => task.state === state);
  return [
    ...of("failed").slice(0, MOST.failed),
    ...of("interrupted").slice(0, MOST.interrupted),
    ...of("paused").slice(0, MOST.paused),
    ...of("done").slice(-MOST.done),
    ...of("sending"),
    ...of("waiting").slice(0, MOST.waiting),
  ].sort((a, b) => a.id - b.id);
}

function makeRow(/** @type {Task} */ task, /** @type {UploadQueue} */ queue, /** @type {(task: Task) => void} */ goOn) {
  const { name } = task.file;
  const state = element("span", { class: "state" });
  const bar = /** @type {HTMLProgressElement} */ (element("progress", { class: "progress", max: 1, "aria-label": name }));
  const why = element("p", { class: "why", hidden: true });
  const stop = button(`Cancel ${name}`, { icon: "x", kind: "plain small", iconOnly: true, onclick: () => queue.cancel(task) });
  const pause = button(`Pause ${name}`, { icon: "pause", kind: "plain small", iconOnly: true, onclick: () => queue.pause(task) });
  const resume = button(`Go on with ${name}`, {
    icon: "play",
    kind: "plain small",
    iconOnly: true,
    onclick: () => (task.state === "interrupted" ? goOn(task) : queue.resume(task)),
  });
  const acts = element("span", { class: "acts" }, pause, resume, stop);
  const row = element("li", { class: "tray-row" }, element("span", { class: "name", title: name }, name), state, acts, bar, why);
  const draw = () => {
    const part = task.state === "done" ? 1 : task.file.size ? Math.min(task.sent / task.file.size, 1) : 0;
    bar.value = part;
    state.textContent = stateText(task, part);
    row.classList.toggle("failed", task.state === "failed");
    why.textContent = task.why;
    why.hidden = !task.why;
    bar.hidden = task.state === "failed";
    stop.hidden = task.state === "done" || task.state === "failed";
    pause.hidden = !task.isLarge || (task.state !== "sending" && task.state !== "waiting");
    resume.hidden = task.state !== "paused" && task.state !== "interrupted";
  };
  return { element: row, draw, task };
}

function stateText(/** @type {Task} */ task, /** @type {number} */ part) {
  if (task.state === "sending" && task.tries > 1 && !task.isLarge) return `trying again (${task.tries})`;
  if (task.state === "sending") return part >= 1 ? "checking" : `${Math.floor(part * 100)} %`;
  if (task.state === "paused" || task.state === "interrupted") return `${task.state} at ${Math.floor(part * 100)} %`;
  return task.state;
}

function pace(/** @type {{speed: number, secondsLeft: number|null}} */ { speed, secondsLeft }) {
  if (!speed || secondsLeft === null) return "";
  return `${sizeText(speed)}/s · ${durationText(secondsLeft)} left`;
}

function outcome(/** @type {{count: number, done: number, failed: number, paused: number, interrupted: number}} */ totals) {
  const { count, done, failed, paused, interrupted } = totals;
  if (paused) return `${countText(paused, "upload")} paused`;
  if (!count && interrupted) return `${countText(interrupted, "upload")} interrupted`;
  const uploaded = `${countText(done, "file")} uploaded`;
  return failed ? `${uploaded}, ${failed} not` : uploaded;
}
