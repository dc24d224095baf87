/**
 * Sizes, numbers and dates as the person writes them.
 *
 * The server writes them in English, day before month. For other languages they are written anew from the exact value
 * beside them (`<time datetime>`, `<data value>`), in what is there and in what comes.
 */

const { language = "en", timeZone = "UTC" } = document.documentElement.dataset;
const locale = supported(language);
const isServers = /^en(-GB)?$/.test(locale);

function supported(/** @type {string} */ tag) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag)[0] ?? "en-GB";
  } catch {
    return "en-GB";
  }
}

/** @type {Record<string, Intl.DateTimeFormatOptions>} */
const STYLES = {
  day: { day: "numeric", month: "short" },
  heading: { day: "numeric", month: "long" },
  weekday: { weekday: "short" },
  date: { weekday: "long", day: "numeric", month: "long" },
  month: { month: "long", year: "numeric" },
  full: { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
  time: { hour: "2-digit", minute: "2-digit" },
};
const ALWAYS_SO = ["full", "month", "time", "weekday"]; // The others tell the year where it is not this one.
const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"];

/** A size in decimal units, as `formats.py` writes it: `212 kB`, `2.4 MB`. */
export function sizeText(/** @type {number} */ bytes) {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  const digits = unit >= 2 && amount < 99.95 ? 1 : 0;
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: UNITS[unit],
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: digits,
  }).format(amount);
}

/** A number of things: `1 file`, `10,000 files`. */
export function countText(/** @type {number} */ number, /** @type {string} */ one, many = `${one}s`) {
  return `${new Intl.NumberFormat(locale).format(number)} ${number === 1 ? one : many}`;
}

/** How long something will still take, roughly: `14 s`, `3 min`, `1 h 20 min`. */
export function durationText(/** @type {number} */ seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function write(/** @type {ParentNode} */ root) {
  for (const time of root.querySelectorAll("time[data-when]")) {
    const moment = new Date(/** @type {HTMLTimeElement} */ (time).dateTime);
    const { when = "day", zone = timeZone } = /** @type {HTMLElement} */ (time).dataset;
    const inZone = (/** @type {Intl.DateTimeFormatOptions} */ style) =>
      new Intl.DateTimeFormat(locale, { ...style, timeZone: zone }).format(moment);
    const isThisYear = inZone({ year: "numeric" }) === new Intl.DateTimeFormat(locale, { year: "numeric", timeZone: zone }).format(new Date());
    time.textContent = inZone(ALWAYS_SO.includes(when) || isThisYear ? STYLES[when] : { ...STYLES[when], year: "numeric" });
    if (time.hasAttribute("title")) time.setAttribute("title", inZone(STYLES.full));
  }
  for (const size of root.querySelectorAll('data[data-unit="byte"]')) {
    size.textContent = sizeText(Number(/** @type {HTMLDataElement} */ (size).value));
  }
}

if (!isServers) {
  write(document);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node instanceof Element) write(node);
    }
  }).observe(document.body, { childList: true, subtree: true });
}
