/** The headings of days between the files of the grid. */

/**
 * Put `fresh` between two files, with the heading of its day where that is not there yet.
 * @param {HTMLElement} container
 * @param {HTMLElement|null} before
 * @param {HTMLElement|null} after
 * @param {HTMLElement} fresh
 * @param {Element|null} heading
 */
export function addHeading(container, before, after, fresh, heading) {
  const { day } = fresh.dataset;
  // The heading of the next file's day stays with that file.
  const isDayAfter = after?.previousElementSibling?.matches(".day") && after.dataset.day !== day;
  const place = isDayAfter ? after.previousElementSibling : after;
  container.insertBefore(fresh, place);
  if (before?.dataset.day !== day && after?.dataset.day !== day && heading) container.insertBefore(heading, fresh);
}

/** Take away headings that nothing stands under any more. */
export function dropEmptyHeadings(/** @type {HTMLElement} */ root) {
  for (const day of root.querySelectorAll(".day")) {
    if (!day.nextElementSibling?.matches(".entry")) day.remove();
  }
}
