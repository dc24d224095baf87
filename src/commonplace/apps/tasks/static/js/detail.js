/** The details of one task: each field is saved when it is changed. */

import { ask, Refusal } from "../../platform/js/http.js";
import { toast } from "../../platform/js/toast.js";
import * as api from "./api.js";
import { zone } from "./dates.js";

/**
 * @param {HTMLElement} main
 * @param {import("./view.js").View} view
 * @param {import("./actions.js").Actions} actions
 * @param {AbortSignal} leaving
 */
export function setUpDetail(main, view, actions, leaving) {
  const panel = () => /** @type {HTMLElement} */ (main.querySelector("#detail"));
  const part = (/** @type {string} */ id) => /** @type {any} */ (panel().querySelector(`#detail-${id}`));
  const id = () => panel().dataset.id ?? "";

  const say = (/** @type {string} */ message) => {
    const error = part("error");
    if (!error) return;
    error.textContent = message;
    error.hidden = !message;
  };
  /** Save fields; what is refused is said beside them, and what was written stays. */
  const save = async (/** @type {any} */ fields, /** @type {string|undefined} */ version = undefined) => {
    try {
      await api.change(id(), fields, version);
      say("");
    } catch (error) {
      if (error instanceof Refusal && error.status === 412) throw error;
      say(/** @type {Error} */ (error).message);
      return false;
    } finally {
      if (version === undefined) await view.draw();
    }
    return true;
  };

  /** Show a further field, which stays until it is done with, whatever is drawn meanwhile. */
  const unfold = (/** @type {HTMLElement} */ field, /** @type {boolean} */ isShown) => {
    field.hidden = !isShown;
    field.classList.toggle("is-held", isShown);
    if (isShown) field.focus();
  };

  /** A day and a time of two fields, as the API takes them. */
  const moment = (/** @type {"due"|"start"} */ name) => {
    const day = part(name).value;
    const time = part(`${name}-time`);
    if (!day) return null;
    return time.value ? { date: day, time: time.value, time_zone: time.dataset.zone || zone() } : { date: day };
  };
  const reminders = async (/** @type {(present: any[]) => any[]} */ change) => {
    const task = await ask("GET", `/api/tasks/${id()}`);
    await save({ reminders: change(task.reminders) }, undefined);
  };

  const changes = {
    title: async (/** @type {any} */ field) => {
      const title = field.value.replace(/\s+/g, " ").trim();
      if (!title || title === field.defaultValue) {
        field.value = field.defaultValue;
        return;
      }
      if (await save({ title })) field.defaultValue = field.value = title;
    },
    due: () => save({ due: moment("due") }),
    start: () => save({ start: moment("start") }),
    priority: (/** @type {any} */ field) => save({ priority: field.value }),
    status: (/** @type {any} */ field) => save({ status: field.value }),
    list_id: (/** @type {any} */ field) => field.value !== "stay" && save({ list_id: field.value || null, ...(!field.value && { parent_id: null }) }),
    tags: async (/** @type {any} */ field) => {
      const tags = field.value.split(",").map((/** @type {string} */ tag) => tag.trim().replace(/^#/, "").replace(/\s+/g, " ")).filter(Boolean);
      if (await save({ tags })) field.defaultValue = field.value = tags.join(", ");
    },
    recurrence: (/** @type {any} */ field) => {
      unfold(part("rule"), field.value === "own");
      if (field.value !== "own") save({ recurrence: field.value || null });
    },
    rule: async (/** @type {any} */ field) => {
      const rule = field.value.trim();
      if (await save({ recurrence: rule || null })) unfold(field, false);
    },
    reminder: async (/** @type {any} */ field) => {
      const { value } = field;
      unfold(part("remind-at"), value === "at");
      if (value === "at") return;
      field.value = "";
      field.blur();
      if (value) await reminders((present) => [...present, { minutes_before: Number(value), of: "due" }]);
    },
    "remind-at": async (/** @type {any} */ field) => {
      if (!field.value) return;
      const at = new Date(field.value).toISOString(); // By the clocks of this device, which the field shows.
      field.value = "";
      unfold(field, false);
      part("reminder").value = "";
      await reminders((present) => [...present, { at }]);
    },
  };
  main.addEventListener(
    "change",
    (event) => {
      const field = /** @type {HTMLElement} */ (event.target);
      const name = panel().contains(field) && field.dataset.field;
      if (name) changes[name]?.(field);
    },
    { signal: leaving },
  );

  const showNotes = (/** @type {boolean} */ isEditing) => {
    const form = part("notes-form");
    form.hidden = !isEditing;
    form.classList.toggle("is-held", isEditing);
    part("notes").hidden = isEditing || !part("notes").textContent?.trim();
    if (isEditing) {
      form.dataset.version = panel().dataset.version ?? "";
      form.dataset.id = id();
      part("notes-text").focus();
    }
  };
  /** Save the notes, if nobody else has written in them meanwhile. */
  const saveNotes = async () => {
    const text = part("notes-text");
    const { version = "" } = part("notes-form").dataset;
    const notes = text.value;
    try {
      if (!(await save({ notes }, version))) return;
    } catch {
      const present = await ask("GET", `/api/tasks/${id()}`);
      if (present.notes !== text.defaultValue && present.notes !== notes) {
        part("notes-form").dataset.version = String(present.version);
        text.defaultValue = present.notes;
        say("Somebody else has changed the notes meanwhile. What you wrote is still here: save it again to put it in their place; theirs stays in the history.");
        return;
      }
      if (!(await save({ notes }, String(present.version)))) return;
    }
    text.defaultValue = notes;
    showNotes(false);
    await view.draw();
    /** @type {HTMLElement|null} */ (panel().querySelector("[data-detail='edit-notes']"))?.focus();
  };
  const attach = () => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.addEventListener("change", async () => {
      const task = id();
      try {
        const made = [];
        for (const file of input.files ?? []) {
          const query = new URLSearchParams({ name: file.name, on_conflict: "keep_both" });
          const response = await fetch(`/api/files?${query}`, { method: "POST", body: file, headers: { "Content-Type": file.type || "application/octet-stream" } });
          if (!response.ok) throw new Refusal(response.status, await response.json().catch(() => ({})));
          made.push({ kind: "file", id: (await response.json()).id });
        }
        const { attachments } = await ask("GET", `/api/tasks/${task}`);
        await api.change(task, { attachments: [...attachments, ...made] });
      } catch (error) {
        toast(`It was not attached. ${/** @type {Error} */ (error).message}`);
      }
      await view.draw();
    });
    input.click();
  };

  /** @type {Record<string, (button: HTMLElement) => any>} */
  const does = {
    tick: () => save({ status: panel().querySelector(".detail-title .tick")?.getAttribute("aria-checked") === "true" ? "open" : "done" }),
    "tick-step": async (button) => {
      const { dataset } = /** @type {HTMLElement} */ (button.closest(".step"));
      const isDone = dataset.status !== "done";
      button.setAttribute("aria-checked", String(isDone));
      await view.doing(() => api.tick([{ id: dataset.id ?? "", next: dataset.next }], isDone), "It was not ticked.");
    },
    "drop-reminder": ({ dataset }) => reminders((present) => present.filter((_, index) => index !== Number(dataset.index))),
    "edit-notes": () => showNotes(true),
    "leave-notes": () => {
      part("notes-text").value = part("notes-text").defaultValue;
      say("");
      showNotes(false);
    },
    "save-notes": saveNotes,
    attach,
    detach: async ({ dataset }) => {
      const task = await ask("GET", `/api/tasks/${id()}`);
      await save({ attachments: task.attachments.filter((/** @type {{id: string}} */ one) => one.id !== dataset.file) });
    },
    restore: async ({ dataset }) => {
      const number = Number(dataset.versionNumber);
      const { id: task = "", version } = panel().dataset;
      if (!(await view.doing(() => api.restoreVersion(task, number), "It was not put back."))) return;
      actions.offer(`The task is as it was in version ${number}.`, () => view.doing(() => api.restoreVersion(task, Number(version)), "It could not be undone."));
    },
    delete: () => actions.trashed([{ id: id(), title: part("name").value }]),
  };
  main.addEventListener(
    "click",
    (event) => {
      const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest("[data-detail]"));
      if (button) does[button.dataset.detail ?? ""]?.(button);
    },
    { signal: leaving },
  );
  main.addEventListener(
    "submit",
    async (event) => {
      const form = /** @type {HTMLFormElement} */ (event.target);
      if (form.id !== "step-form") return;
      event.preventDefault();
      const field = /** @type {HTMLInputElement} */ (form.querySelector("input"));
      const text = field.value.trim();
      if (!text) return;
      field.value = "";
      const made = await view.doing(() => api.addQuickly({ text, parent_id: id() }), "The subtask was not added.");
      if (!made && !field.value) field.value = text;
    },
    { signal: leaving },
  );
  main.addEventListener(
    "keydown",
    (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (event.defaultPrevented || !panel().contains(target)) return;
      if (event.key === "Enter" && target.id === "detail-name") {
        event.preventDefault();
        target.blur();
      }
      if (event.key === "Enter" && target.id === "detail-notes-text" && (event.ctrlKey || event.metaKey)) saveNotes();
      if (event.key !== "Escape") return;
      event.preventDefault();
      if (target.closest("#detail-notes-form")) does["leave-notes"](target);
      else /** @type {HTMLElement|null} */ (panel().querySelector("#detail-close"))?.click();
    },
    { signal: leaving },
  );
  let shown = id();
  view.watch(() => {
    if (shown === id()) return;
    shown = id();
    say("");
    // Another task's: what was begun there is not this one's.
    const begun = panel().querySelectorAll(".is-held:not(.error)");
    for (const one of begun) {
      one.classList.remove("is-held");
      /** @type {HTMLElement} */ (one).hidden = true;
    }
    if (begun.length) view.draw();
  });
}
