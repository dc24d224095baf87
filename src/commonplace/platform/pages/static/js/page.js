/**
 * Pages within the frame.
 *
 * A click inside of the frame replaces `<main>` and nothing else, so uploads and the live connection go on. An app's
 * module says by `onPage` what it does when one of its pages (`<main data-page="…">`) appears.
 */

/** @typedef {(main: HTMLElement, leaving: AbortSignal) => void} Setup */

/** @type {Map<string, Setup[]>} */
const setups = new Map();
let present = /** @type {{mark: Element|null, main: HTMLElement|null, leave: AbortController}} */ ({
  mark: null,
  main: null,
  leave: new AbortController(),
});

/**
 * Run `setup` whenever a page of this name appears; `leaving` is aborted when it goes.
 * @param {string} name
 * @param {Setup} setup
 */
export function onPage(name, setup) {
  setups.set(name, [...(setups.get(name) ?? []), setup]);
  if (present.main?.dataset.page === name) setup(present.main, present.leave.signal);
}

/** Look whether another page is there than before. */
function look(isFirst = false) {
  const main = document.getElementById("main");
  if (!main || (main === present.main && main.firstElementChild === present.mark)) return;
  present.leave.abort();
  present = { mark: main.firstElementChild, main, leave: new AbortController() };
  if (!isFirst) main.querySelector("h1")?.focus({ preventScroll: true });
  for (const setup of setups.get(main.dataset.page ?? "") ?? []) setup(main, present.leave.signal);
}

/** Go to another page within the frame. */
export function visit(/** @type {string} */ path) {
  const link = document.createElement("a");
  link.href = path;
  document.body.append(link);
  window.htmx.process(link);
  link.click();
  link.remove();
}

document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  if (ctx.target?.id === "main") document.documentElement.classList.add("is-loading");
});
for (const name of ["htmx:finally:request", "htmx:error"]) {
  document.addEventListener(name, () => document.documentElement.classList.remove("is-loading"));
}
for (const name of ["htmx:after:swap", "htmx:after:settle"]) document.addEventListener(name, () => look());
// An element that sent the request and is gone after the swap tells nobody: look for oneself.
new MutationObserver(() => look()).observe(document.querySelector(".frame") ?? document.body, { childList: true });
look(true);
