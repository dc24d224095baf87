/** Days of the calendar as text, `2026-11-21`. */

/** The day that many days after. */
export function daysAfter(/** @type {string} */ day, /** @type {number} */ number) {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + number);
  return date.toISOString().slice(0, 10);
}

/** What the API takes for a task's `due`: another day at the same time, if it had one; null for no day. */
export function dueOn(/** @type {string} */ day, /** @type {DOMStringMap} */ { time = "", zone = "" }) {
  if (!day) return null;
  return time ? { date: day, time, time_zone: zone || null } : { date: day };
}

/** The person's time zone. */
export const zone = () => document.documentElement.dataset.timeZone ?? "UTC";
