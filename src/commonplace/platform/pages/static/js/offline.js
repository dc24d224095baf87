/** The page that stands for those that cannot be reached: it names what was kept, and goes on when it can. */

const AGAIN_MS = 5000;

const isElsewhere = location.pathname !== "/app/offline"; // The worker shows it under the address that was asked for.

/** The kept pages by their titles. */
async function kept() {
  const found = [];
  for (const name of await caches.keys()) {
    if (!name.startsWith("kept-")) continue;
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const { pathname, search } = new URL(request.url);
      if (search) continue;
      const html = await (await cache.match(request))?.text();
      const title = new DOMParser().parseFromString(html ?? "", "text/html").title.split(" · ")[0];
      if (title) found.push({ path: pathname, title });
    }
  }
  return found;
}

async function show() {
  const pages = "caches" in window ? await kept() : [];
  const list = /** @type {HTMLElement} */ (document.getElementById("kept-pages"));
  for (const { path, title } of pages) {
    const link = document.createElement("a");
    link.href = path;
    link.textContent = title;
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  /** @type {HTMLElement} */ (document.getElementById("kept")).hidden = pages.length === 0;
}

show();
if (isElsewhere) {
  addEventListener("online", () => location.reload());
  setInterval(async () => {
    const answer = await fetch("/health", { cache: "no-store" }).catch(() => null);
    if (answer) location.reload();
  }, AGAIN_MS);
}
