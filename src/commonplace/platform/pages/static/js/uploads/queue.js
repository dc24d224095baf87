/**
 * A queue of uploads: small ones and large ones side by side, each cancellable, repeated by itself when the network or the
 * server falters. Large ones can be paused, and go on after a reload.
 *
 * It knows neither addresses nor pages: `send` does the sending, `tray.js` the showing.
 */

import { Refusal } from "../http.js";

/**
 * @typedef {object} Task
 * @property {number} id
 * @property {File} file of an interrupted one only the name and the size are known
 * @property {boolean} isLarge whether it can be paused and resumed
 * @property {any} target what `send` needs besides, such as the folder
 * @property {"waiting"|"sending"|"paused"|"interrupted"|"done"|"failed"|"cancelled"} state
 * @property {number} sent bytes, as far as the browser knows
 * @property {number} tries
 * @property {string} why the reason of a failure, for people
 * @property {AbortController} control
 */

/** @typedef {(task: Task, onSent: (bytes: number) => void) => Promise<any>} Send */

const PARALLEL = { small: 3, large: 2 };
export const PAUSED = "paused";
const TRIES = 5;
const FIRST_WAIT_MS = 1000;
const SPEED_WINDOW_MS = 6000;

/** Tells `change` when anything moves, and `done` (with the task and the answer) after each upload. */
export class UploadQueue extends EventTarget {
  /** @param {Send} send */
  constructor(send) {
    super();
    this.send = send;
    /** @type {Task[]} */
    this.tasks = [];
    this.number = 0;
    this.next = { small: 0, large: 0 };
    this.active = { small: 0, large: 0 };
    /** @type {{at: number, sent: number}[]} */
    this.samples = [];
  }

  /** @param {{file: File, target: any, isLarge?: boolean, state?: Task["state"], sent?: number}[]} uploads */
  add(uploads) {
    if (!this.isBusy) this.#keep((task) => isWaitingForPeople(task));
    for (const { file, target, isLarge = false, state = "waiting", sent = 0 } of uploads) {
      this.number += 1;
      this.tasks.push({ id: this.number, file, target, isLarge, state, sent, tries: 0, why: "", control: new AbortController() });
    }
    this.#go();
  }

  get isBusy() {
    return this.tasks.some(({ state }) => state === "waiting" || state === "sending");
  }

  cancel(/** @type {Task} */ task) {
    if (!["waiting", "sending", "paused", "interrupted"].includes(task.state)) return;
    const wasSending = task.state === "sending";
    task.state = "cancelled";
    task.control.abort();
    if (!wasSending && task.isLarge) this.dispatchEvent(new CustomEvent("forgotten", { detail: { task } }));
    this.#changed();
  }

  /** Stop sending for now; what came stays. */
  pause(/** @type {Task} */ task) {
    if (!task.isLarge || (task.state !== "waiting" && task.state !== "sending")) return;
    task.state = "paused";
    task.control.abort(PAUSED);
    this.#changed();
  }

  /** Go on with one that was paused, or with an interrupted one whose file is there again. */
  resume(/** @type {Task} */ task, /** @type {File} */ file = task.file) {
    if (task.state !== "paused" && task.state !== "interrupted") return;
    Object.assign(task, { state: "waiting", file, tries: 0, why: "", control: new AbortController() });
    this.next = { small: 0, large: 0 };
    this.#go();
  }

  cancelAll() {
    for (const task of this.tasks) if (task.state !== "interrupted") this.cancel(task);
  }

  /** Try what has failed once more; the server knows a repetition by its key, so nothing comes twice. */
  retry(/** @type {Task[]} */ tasks = this.tasks) {
    for (const task of tasks) {
      if (task.state !== "failed") continue;
      Object.assign(task, { state: "waiting", sent: 0, tries: 0, why: "", control: new AbortController() });
    }
    this.next = { small: 0, large: 0 };
    this.#go();
  }

  /** Forget everything, when nothing is under way. */
  clear() {
    this.#keep(() => false);
    this.#changed();
  }

  #keep(/** @type {(task: Task) => boolean} */ isKept) {
    this.tasks = this.tasks.filter(isKept);
    this.next = { small: 0, large: 0 };
    this.samples = [];
  }

  /** How far everything is. Cancelled uploads do not count. */
  totals() {
    const totals = { count: 0, done: 0, failed: 0, paused: 0, interrupted: 0, bytes: 0, sent: 0, cancelled: 0 };
    for (const { state, file, sent } of this.tasks) {
      if (state === "cancelled") {
        totals.cancelled += 1;
        continue;
      }
      if (state === "interrupted") {
        totals.interrupted += 1;
        continue;
      }
      totals.count += 1;
      totals.done += Number(state === "done");
      totals.failed += Number(state === "failed");
      totals.paused += Number(state === "paused");
      totals.bytes += file.size;
      totals.sent += state === "done" ? file.size : Math.min(sent, file.size);
    }
    return { ...totals, ...this.#speed(totals.sent, totals.bytes) };
  }

  /** Bytes a second over the last seconds, and how long the rest will take; null while it is too early to say. */
  #speed(/** @type {number} */ sent, /** @type {number} */ bytes) {
    const now = performance.now();
    const last = this.samples.at(-1);
    if (!last || now - last.at > 200) this.samples.push({ at: now, sent });
    while (this.samples.length > 2 && now - this.samples[0].at > SPEED_WINDOW_MS) this.samples.shift();
    const [first] = this.samples;
    const seconds = (now - first.at) / 1000;
    const speed = seconds < 0.8 ? 0 : Math.max(0, sent - first.sent) / seconds;
    return { speed, secondsLeft: speed > 0 ? (bytes - sent) / speed : null };
  }

  #go() {
    for (const lane of /** @type {("small"|"large")[]} */ (["small", "large"])) {
      while (this.active[lane] < PARALLEL[lane] && this.next[lane] < this.tasks.length) {
        const task = this.tasks[this.next[lane]];
        this.next[lane] += 1;
        if (task.state === "waiting" && laneOf(task) === lane) this.#run(task);
      }
    }
    this.#changed();
  }

  async #run(/** @type {Task} */ task) {
    const lane = laneOf(task);
    const { control } = task;
    this.active[lane] += 1;
    task.state = "sending";
    try {
      const answer = await this.#attempts(task);
      task.state = "done";
      this.dispatchEvent(new CustomEvent("done", { detail: { task, answer } }));
    } catch (error) {
      if (!control.signal.aborted) Object.assign(task, { state: "failed", why: reason(error) });
    }
    this.active[lane] -= 1;
    this.#go();
  }

  async #attempts(/** @type {Task} */ task) {
    const { control } = task;
    for (;;) {
      try {
        task.tries += 1;
        return await this.send(task, (bytes) => {
          if (!control.signal.aborted) task.sent = bytes;
          this.#changed();
        });
      } catch (error) {
        if (control.signal.aborted) throw error;
        if (!task.isLarge) task.sent = 0;
        if (task.tries >= TRIES || !isPassing(error)) throw error;
        await pause(waitMs(error, task.tries), control.signal);
      }
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

const laneOf = (/** @type {Task} */ task) => (task.isLarge ? "large" : "small");
const isWaitingForPeople = (/** @type {Task} */ { state }) => state === "paused" || state === "interrupted";
const reason = (/** @type {unknown} */ error) => (error instanceof Error ? error.message : String(error));

/** Whether trying again may help: no network, too much at once, or the first try of the same upload still running. */
function isPassing(/** @type {unknown} */ error) {
  if (!(error instanceof Refusal)) return false;
  return [0, 408, 429, 502, 503, 504].includes(error.status) || error.type === "still-running";
}

function waitMs(/** @type {any} */ error, /** @type {number} */ tries) {
  const asked = Number(error.retryAfterSeconds) * 1000;
  return asked > 0 ? asked : FIRST_WAIT_MS * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
}

/** Wait, or stop waiting when the signal says so. */
function pause(/** @type {number} */ milliseconds, /** @type {AbortSignal} */ signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
