/**
 * Sharing, for every page: whatever has `data-share="<id of an item>"` (and `data-share-name`) opens the dialog, and so
 * does an address that ends in `#share=<id>`, or in `#share=<id>/<id of a link>` for the ledger of a link.
 */

const ADDRESS = /^#share=([0-9a-f-]{36})(?:\/([0-9a-f-]{36}))?$/;

/** Open the dialog for an item; with `link` at the ledger of that link. @param {{id: string, name?: string, link?: string}} item */
export async function openShare(item) {
  const { ShareDialog } = await import("./share/dialog.js");
  new ShareDialog(item).open();
}

document.addEventListener("click", (event) => {
  const opener = /** @type {Element} */ (event.target).closest?.("[data-share]");
  if (!(opener instanceof HTMLElement) || !opener.dataset.share) return;
  event.preventDefault();
  openShare({ id: opener.dataset.share, name: opener.dataset.shareName });
});

function lookAtAddress() {
  const found = ADDRESS.exec(location.hash);
  if (!found) return;
  const name = /** @type {HTMLElement|null} */ (document.querySelector(`[data-id="${found[1]}"]`))?.dataset.name;
  history.replaceState(history.state, "", location.pathname + location.search);
  openShare({ id: found[1], name, link: found[2] });
}

addEventListener("hashchange", lookAtAddress);
lookAtAddress();
