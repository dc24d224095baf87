/** The sign of jobs in the bar: drawn anew when a job tells of itself, or when new files are being looked at. */

import { onChanges } from "./live.js";

const EVERY_MS = 1000;
const NAMES = ["job.asked", "job.progressed"];

let timer = 0;
let last = -EVERY_MS;

/** Have the piece drawn anew: at once, and once a second at most. */
function look() {
  if (timer) return;
  const wait = Math.max(0, last + EVERY_MS - performance.now());
  timer = window.setTimeout(() => {
    timer = 0;
    last = performance.now();
    document.body.dispatchEvent(new CustomEvent("commonplace:jobs"));
  }, wait);
}

onChanges({
  changed: (changes) => changes.some(({ name }) => NAMES.includes(name) || name === "file.uploaded" || name === "file.replaced") && look(),
  anew: look,
});
// The connection begins now, the piece was asked for a moment ago: what came in between is seen by asking again.
document.body.addEventListener("commonplace:live", look);
