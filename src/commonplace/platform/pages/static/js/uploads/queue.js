/**
 * A queue of uploads: three at a time, each cancellable, repeated by itself when the network or the server falters.
 *
 * It knows neither addresses nor pages: `send` does the sending, `tray.js` the showing.
 */

import { Refusal } from "../http.js";

/**
 * @typedef {object} Task
 * @property {number} id
 * @property {File} file
 * @property {any} target what `send` needs besides, such as the folder
 * @property {"waiting"|"sending"|"done"|"failed"|"cancelled"} state
 * @property {number} sent bytes, as far as the browser knows
 * @property {number} tries
 * @property {string} why the reason of a failure, for people
 * @property {AbortController} control
 */

/** @typedef {(task: Task, onSent: (bytes: number) => void) => Promise<any>} Send */

const PARALLEL = 3;
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
    this.next = 0;
    this.active = 0;
    /** @type {{at: number, sent: number}[]} */
    this.samples = [];
  }

  /** @param {{file: File, target: any}[]} uploads */
  add(uploads) {
    if (!this.isBusy) this.clear();
    for (const { file, target } of uploads) {
      this.tasks.push({
        id: this.tasks.length,
        file,
        target,
        state: "waiting",
        sent: 0,
        tries: 0,
        why: "",
        control: new AbortController(),
      });
    }
    this.#go();
  }

  get isBusy() {
    return this.tasks.some(({ state }) => state === "waiting" || state === "sending");
  }

  cancel(/** @type {Task} */ task) {
    if (task.state !== "waiting" && task.state !== "sending") return;
    task.state = "cancelled";
    task.control.abort();
    this.#changed();
  }

  cancelAll() {
    for (const task of this.tasks) this.cancel(task);
  }

  /** Try what has failed once more; the server knows a repetition by its key, so nothing comes twice. */
  retry(/** @type {Task[]} */ tasks = this.tasks) {
    for (const task of tasks) {
      if (task.state !== "failed") continue;
      Object.assign(task, { state: "waiting", sent: 0, tries: 0, why: "", control: new AbortController() });
    }
    this.next = 0;
    this.#go();
  }

  /** Forget everything, when nothing is under way. */
  clear() {
    this.tasks = [];
    this.next = 0;
    this.samples = [];
    this.#changed();
  }

  /** How far everything is. Cancelled uploads do not count. */
  totals() {
    const totals = { count: 0, done: 0, failed: 0, bytes: 0, sent: 0, cancelled: 0 };
    for (const { state, file, sent } of this.tasks) {
      if (state === "cancelled") {
        totals.cancelled += 1;
        continue;
      }
      totals.count += 1;
      totals.done += Number(state === "done");
      totals.failed += Number(state === "failed");
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
    while (this.active < PARALLEL && this.next < this.tasks.length) {
      const task = this.tasks[this.next];
      this.next += 1;
      if (task.state === "waiting") this.#run(task);
    }
    this.#changed();
  }

  async #run(/** @type {Task} */ task) {
    this.active += 1;
    task.state = "sending";
    try {
      const answer = await this.#attempts(task);
      task.state = "done";
      this.dispatchEvent(new CustomEvent("done", { detail: { task, answer } }));
    } catch (error) {
      if (!isCancelled(task)) Object.assign(task, { state: "failed", why: reason(error) });
    }
    this.active -= 1;
    this.#go();
  }

  async #attempts(/** @type {Task} */ task) {
    for (;;) {
      try {
        task.tries += 1;
        return await this.send(task, (bytes) => {
          task.sent = bytes;
          this.#changed();
        });
      } catch (error) {
        task.sent = 0;
        if (isCancelled(task) || task.tries >= TRIES || !isPassing(error)) throw error;
        await pause(waitMs(error, task.tries), task.control.signal);
      }
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

const isCancelled = (/** @type {Task} */ task) => task.state === "cancelled";
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
