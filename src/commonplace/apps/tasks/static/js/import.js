/** Taking tasks in from a file of another program: first a look at what would happen, then all of it or nothing. */

import { element } from "../../platform/js/dom.js";
import { Refusal } from "../../platform/js/http.js";
import { countText } from "../../platform/js/localise.js";
import * as api from "./api.js";

const FORMATS = { ics: "icalendar", txt: "todo_txt", csv: "todoist" };

export function setUpImport(/** @type {HTMLElement} */ main, /** @type {import("./view.js").View} */ view, /** @type {AbortSignal} */ leaving) {
  const dialog = /** @type {HTMLDialogElement} */ (main.querySelector("#import-dialog"));
  const part = (/** @type {string} */ id) => /** @type {any} */ (dialog.querySelector(`#import-${id}`));
  const chosen = () => {
    const format = FORMATS[part("file").files[0]?.name.split(".").at(-1)?.toLowerCase() ?? ""];
    if (format) part("format").value = format;
    part("report").replaceChildren();
    part("error").hidden = true;
  };
  const send = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const isLook = event.submitter?.id === "import-look";
    part("error").hidden = true;
    part("report").textContent = "Reading …";
    const options = {
      format: part("format").value,
      dry_run: String(isLook),
      unreadable: part("skip").checked ? "skip" : "refuse",
      ...(part("list").value && { list_id: part("list").value }),
    };
    try {
      part("report").replaceChildren(...described(await api.takeIn(part("file").files[0], options)));
      if (!isLook) await view.draw();
    } catch (error) {
      const { troubles = [] } = error instanceof Refusal ? error.problem : {};
      part("report").replaceChildren(...list(troubles));
      part("error").textContent = /** @type {Error} */ (error).message;
      part("error").hidden = false;
    }
  };
  part("file").addEventListener("change", chosen, { signal: leaving });
  part("form").addEventListener("submit", send, { signal: leaving });
  main.addEventListener("click", (event) => {
    if (/** @type {Element} */ (event.target).closest("[data-does='import']")) dialog.showModal();
  }, { signal: leaving });
}

/** What an import did, or would do. */
function described(/** @type {any} */ report) {
  const made = `${countText(report.created, "task")} ${report.is_dry_run ? "would be" : report.created === 1 ? "was" : "were"} imported`;
  const words = [
    report.lists_created ? `${made}, with ${countText(report.lists_created, "new list")}` : made,
    report.present && `${countText(report.present, "task")} of the file ${report.present === 1 ? "is" : "are"} here already`,
    report.unreadable && `${countText(report.unreadable, "task")} cannot be read`,
  ];
  return [element("p", {}, `${words.filter(Boolean).join("; ")}.`), ...list(report.troubles)];
}

/** What could not be read, line by line. */
function list(/** @type {any[]} */ troubles) {
  if (!troubles.length) return [];
  const lines = troubles.map(({ line, path, what, why }) =>
    element("li", {}, element("span", {}, line ? `Line ${line}: ` : `${path ?? ""}: `), what, " ", element("span", {}, why)));
  return [element("ul", {}, ...lines)];
}
