/** The pages of tasks. What each does is in `js/`; here they are put together. */

import { describeKeys, forgetKeys } from "../platform/js/keys.js";
import { onPage } from "../platform/js/page.js";
import { keepPage } from "../platform/js/worker.js";
import { Actions } from "./js/actions.js";
import { setUpDetail } from "./js/detail.js";
import { acceptDrags } from "./js/drag.js";
import { setUpImport } from "./js/import.js";
import { acceptKeys, KEYS } from "./js/keyboard.js";
import { setUpLists } from "./js/lists.js";
import { setUpQuickEntry } from "./js/quick.js";
import { Selection } from "./js/selection.js";
import { setUpTrash } from "./js/trash.js";
import { View } from "./js/view.js";
import { showWaiting } from "./js/waiting.js";

onPage("tasks", (main, leaving) => {
  const view = new View(main, leaving);
  const selection = new Selection(main, view, leaving);
  const actions = new Actions(main, view, selection, leaving);
  setUpQuickEntry(main, view, leaving);
  showWaiting(main, view, leaving);
  setUpDetail(main, view, actions, leaving);
  setUpLists(main, view, leaving);
  setUpImport(main, view, leaving);
  acceptDrags(main, view, selection, actions, leaving);
  acceptKeys(main, view, selection, actions, leaving);
  describeKeys("Tasks", KEYS);
  keepPage(location.href);
  leaving.addEventListener("abort", () => forgetKeys("Tasks"));
});

onPage("tasks-trash", setUpTrash);
