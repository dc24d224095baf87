/**
 * What changes elsewhere: another tab, the phone, a job.
 *
 * One WebSocket for the page. After a break it goes on where it was (`since`); when that is too long ago, listeners are
 * told to look anew.
 */

/** @typedef {{name: string, at: string, item: null|{kind: string, id: string, version: number, parent_id: string|null}, payload: any}} Change */
/** @typedef {{changed: (changes: Change[]) => void, anew: () => void}} Listener */

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const RECENT_MS = 10_000;
const LEAVING_MS = 2000;
const SUBMITTED_MS = 30_000;
const SESSION_ENDED = 4401;
const CURSOR_USELESS = [4400, 4410]; // Not understood, or older than the log.

/** @type {Set<Listener>} */
const listeners = new Set();
/** @type {WebSocket|null} */
let socket = null;
let cursor = "";
let wait = FIRST_WAIT_MS;
let timer = 0;
let hadBreak = false;
let isGreeted = false;
let submittedAt = -SUBMITTED_MS;
/** What came in a moment ago, for a page that was drawn before it and listens only now. */
/** @type {{at: number, changes: Change[]}[]} */
let recent = [];

/** Be told of changes until `leaving` is aborted; also of those since the page was drawn, some of them perhaps twice. */
export function onChanges(/** @type {Listener} */ listener, /** @type {AbortSignal|undefined} */ leaving) {
  listeners.add(listener);
  leaving?.addEventListener("abort", () => listeners.delete(listener));
  // The page says where in the log it was drawn; so nothing is missed between then and the connection.
  if (!socket) cursor = /** @type {HTMLElement|null} */ (document.querySelector("[data-cursor]"))?.dataset.cursor ?? "";
  connect();
  const missed = recent.filter(({ at }) => performance.now() - at < RECENT_MS).flatMap(({ changes }) => changes);
  if (missed.length) queueMicrotask(() => listener.changed(missed));
}

/** Whether changes are coming in at this moment. */
export const isLive = () => socket?.readyState === WebSocket.OPEN;

function connect() {
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  clearTimeout(timer);
  const address = new URL("/api/live", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  if (cursor) address.searchParams.set("since", cursor);
  socket = new WebSocket(address);
  socket.addEventListener("open", opened);
  socket.addEventListener("message", ({ data }) => received(JSON.parse(data)));
  socket.addEventListener("close", closed);
}

function opened() {
  wait = FIRST_WAIT_MS;
  isGreeted = false;
  document.documentElement.classList.remove("is-offline");
  if (hadBreak && !cursor) tell("anew");
  hadBreak = false;
}

function received(/** @type {{cursor?: string, events?: Change[]}} */ message) {
  if (message.cursor) cursor = message.cursor;
  if (message.cursor && !isGreeted) {
    isGreeted = true;
    document.body.dispatchEvent(new CustomEvent("commonplace:live")); // From here on nothing is missed.
  }
  if (message.events?.length) {
    recent = [...recent.filter(({ at }) => performance.now() - at < RECENT_MS), { at: performance.now(), changes: message.events }];
    tell("changed", message.events);
    document.body.dispatchEvent(new CustomEvent("commonplace:changed"));
  }
}

function closed(/** @type {CloseEvent} */ event) {
  hadBreak = true;
  if (event.code === SESSION_ENDED) {
    // Leads to the sign-in page, and back to this one. Who signed out on this very page is on the way elsewhere: the
    // connection often ends before that answer is there, and then this timer goes with the page. After a form was sent
    // it gives the answer all the time it needs: that may be shown once.
    const isSubmitted = performance.now() - submittedAt < SUBMITTED_MS;
    timer = window.setTimeout(() => location.reload(), isSubmitted ? SUBMITTED_MS : LEAVING_MS);
    return;
  }
  if (CURSOR_USELESS.includes(event.code)) cursor = "";
  document.documentElement.classList.add("is-offline");
  timer = window.setTimeout(connect, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_WAIT_MS);
}

function tell(/** @type {"changed"|"anew"} */ what, /** @type {Change[]} */ changes = []) {
  for (const listener of listeners) listener[what](changes);
}

addEventListener("submit", (event) => {
  if (!event.defaultPrevented) submittedAt = performance.now();
});

// A laptop that wakes, a network that is back: do not wait for the timer.
for (const name of ["online", "focus", "pageshow"]) {
  addEventListener(name, () => {
    if (listeners.size && !isLive()) {
      wait = FIRST_WAIT_MS;
      connect();
    }
  });
}
