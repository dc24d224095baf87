/**
 * A field and a list of suggestions below it (WAI-ARIA, combobox with a listbox).
 *
 * The field keeps the focus; arrows choose, Enter goes, Escape closes. While one types on, what was asked before is
 * dropped; what is shown stays until there is something else to show.
 */

import { element, icon } from "../dom.js";
import { visit } from "../page.js";

const PAUSE_MS = 110;

/**
 * @typedef {{text: string, marks?: [number, number][]}} Marked
 * @typedef {{title: Marked, icon?: string, thumbnail?: string|null, where?: string, snippet?: Marked|null,
 *   path?: string, run?: () => void}} Entry
 * @typedef {{label: string, entries: Entry[]}} Group
 */

let lists = 0;

/**
 * @param {HTMLInputElement} field
 * @param {{gather: (value: string, signal: AbortSignal) => Promise<Group[]>, isOpenWhenEmpty?: boolean,
 *   onGo?: () => void, onClose?: () => void}} options
 */
export function suggest(field, { gather, isOpenWhenEmpty = false, onGo = () => {} }) {
  const id = `suggestions-${(lists += 1)}`;
  const list = element("div", { class: "suggestions", id, role: "listbox", "aria-label": "Suggestions", hidden: true });
  const told = element("p", { class: "for-screen-readers", role: "status" });
  field.after(list, told);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-autocomplete": "list", "aria-controls": id })) {
    field.setAttribute(name, value);
  }
  /** @type {Entry[]} */
  let entries = [];
  let active = -1;
  let asking = new AbortController();
  let timer = 0;

  const options = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=option]")]);

  function close() {
    clearTimeout(timer);
    asking.abort();
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    choose(-1);
  }

  function choose(/** @type {number} */ place) {
    const all = options();
    all[active]?.setAttribute("aria-selected", "false");
    active = place;
    if (place < 0) {
      field.removeAttribute("aria-activedescendant");
      return;
    }
    all[place].setAttribute("aria-selected", "true");
    all[place].scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", all[place].id);
  }

  function go(/** @type {number} */ place) {
    const entry = entries[place];
    close();
    onGo();
    if (entry.run) entry.run();
    else if (entry.path) visit(entry.path);
  }

  async function look() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const value = field.value;
    if (!value.trim() && !isOpenWhenEmpty) {
      close();
      return;
    }
    let groups;
    try {
      groups = await gather(value, signal);
    } catch {
      return; // The next letter asks again; the page of results tells what is wrong.
    }
    if (signal.aborted || document.activeElement !== field) return;
    show(groups);
  }

  function show(/** @type {Group[]} */ groups) {
    entries = groups.flatMap((group) => group.entries);
    let number = -1;
    list.replaceChildren(
      ...groups
        .filter((group) => group.entries.length)
        .map((group, index) =>
          element(
            "div",
            { role: "group", "aria-labelledby": `${id}-group-${index}` },
            element("div", { class: "suggestions-head", id: `${id}-group-${index}`, role: "presentation" }, group.label),
            ...group.entries.map((entry) => option(entry, `${id}-${(number += 1)}`)),
          ),
        ),
    );
    if (!entries.length) list.append(element("p", { class: "quiet suggestions-none" }, "Nothing is found."));
    told.textContent = entries.length === 1 ? "1 suggestion" : `${entries.length} suggestions`;
    active = -1;
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    if (isOpenWhenEmpty && entries.length) choose(0);
    else field.removeAttribute("aria-activedescendant");
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    asking.abort();
    timer = window.setTimeout(look, field.value.trim() ? PAUSE_MS : 0);
  });
  field.addEventListener("focus", () => {
    if (field.value.trim() && list.hidden) look();
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const isOpen = !list.hidden;
    if (event.key === "Escape" && isOpen && !isOpenWhenEmpty) {
      close();
      event.preventDefault();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && isOpen && entries.length) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      const least = isOpenWhenEmpty ? 0 : -1; // Before the first one is the field itself.
      const next = active + step;
      choose(next >= entries.length ? least : next < least ? entries.length - 1 : next);
      event.preventDefault();
    } else if (event.key === "Enter" && isOpen && active >= 0) {
      event.preventDefault();
      go(active);
    }
  });
  // Not at mousedown, which would take the focus off the field and close the list before the click.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const place = options().indexOf(/** @type {HTMLElement} */ (/** @type {Element} */ (event.target).closest("[role=option]")));
    if (place >= 0) go(place);
  });
  return { look, close };
}

function option(/** @type {Entry} */ entry, /** @type {string} */ id) {
  return element(
    "div",
    { class: "suggestion", role: "option", id, "aria-selected": "false" },
    entry.thumbnail ? element("img", { src: entry.thumbnail, alt: "", loading: "lazy" }) : icon(known(entry.icon)),
    element(
      "span",
      { class: "suggestion-text" },
      element("span", { class: "suggestion-title" }, ...marked(entry.title)),
      entry.where ? element("span", { class: "quiet suggestion-where" }, entry.where) : null,
      entry.snippet ? element("span", { class: "quiet suggestion-snippet" }, ...marked(entry.snippet)) : null,
    ),
  );
}

/** The text with `<mark>` around what was looked for; places count code points, as the server counts them. */
export function marked(/** @type {Marked} */ { text, marks = [] }) {
  const letters = [...text];
  const pieces = [];
  let last = 0;
  for (const [begin, end] of marks) {
    pieces.push(letters.slice(last, begin).join(""), element("mark", {}, letters.slice(begin, end).join("")));
    last = end;
  }
  pieces.push(letters.slice(last).join(""));
  return pieces.filter((piece) => piece !== "");
}

const known = (/** @type {string|undefined} */ name) => (name && document.getElementById(`i-${name}`) ? name : "box");
