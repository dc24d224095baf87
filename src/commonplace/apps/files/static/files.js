/** The pages of files. What each does is in `js/`; here they are put together. */

import { onPage } from "../platform/js/page.js";
import { describeKeys, forgetKeys } from "../platform/js/keys.js";
import { Actions } from "./js/actions.js";
import { acceptBand } from "./js/band.js";
import { acceptClips } from "./js/clipboard.js";
import { offerCrumbs } from "./js/crumbs.js";
import { offerDetails } from "./js/details.js";
import { acceptDrops } from "./js/drop.js";
import { acceptKeys, KEYS } from "./js/keyboard.js";
import { Listing } from "./js/listing.js";
import { acceptMoves, MoveDialog } from "./js/move.js";
import { setUpPast, setUpRestored } from "./js/past.js";
import { Preview } from "./js/preview.js";
import { Selection } from "./js/selection.js";
import { offerSide } from "./js/side.js";
import { setUpTrash } from "./js/trash.js";
import { offerUploads } from "./js/uploads.js";
import { Windowing } from "./js/windowing.js";

onPage("files", (main, leaving) => {
  const listing = new Listing(main, leaving);
  const selection = new Selection(main, listing, leaving);
  const actions = new Actions(listing, selection);
  const preview = new Preview(main, listing, actions, leaving);
  actions.open = (entry) => preview.open(entry);
  const move = actions.move.bind(actions);
  const moving = new MoveDialog(main, listing, move);
  actions.askWhere = (entries) => moving.open(entries);
  acceptMoves(main, selection, move, leaving);
  actions.listen(main, leaving);
  new Windowing(listing, leaving);
  const side = offerSide(main, leaving);
  const details = offerDetails(main, listing, selection, leaving);
  actions.tell = details.show;
  offerCrumbs(main);
  acceptBand(main, listing, selection, leaving);
  acceptKeys(main, listing, selection, actions, { side: side.toggle, details: details.toggle }, leaving);
  const upload = offerUploads(main, listing, leaving);
  acceptDrops(main, listing, upload, leaving);
  acceptClips(selection, (clip) => actions.paste(clip), leaving);
  describeKeys("Files", KEYS);
  leaving.addEventListener("abort", () => forgetKeys("Files"));
  preview.openAsked();
});

onPage("trash", setUpTrash);
onPage("past", setUpPast);
onPage("restored", setUpRestored);
