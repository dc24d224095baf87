/**
 * The service worker of the pages: `/sw.js` imports this after `keeping.js`, and then what apps bring.
 *
 * Online it changes nothing: pages come from the server. Offline it shows what was kept, or says that nothing was.
 * An app says by `keeping` which of its pages are worth keeping.
 */

const KEEP_AFTER_MS = 1500;
const FORGET_MS = 500;
const FRESH_MS = 10 * 60_000;
const SIGN_OUT = "/app/sign-out";

/** Beginnings of paths whose pages are kept, each with the pages that are kept even if they were not visited. */
/** @type {{path: string, always: string[]}[]} */
const keeping = [];
/** When a page was last kept for its own sake. */
const keptAt = new Map();
/** The latest wish to keep a page: pieces of it come in bursts. */
const wishes = new Map();

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const kindOf = (pathname) => keeping.find(({ path }) => pathname === path || pathname.startsWith(`${path}/`));

/** Whether htmx asks for a whole page, to put it into the frame. */
const isClick = (request) => request.headers.get("HX-Target") === "main#main";

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => event.waitUntil(heed(event.data ?? {})));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(file(request, url));
  else if (request.mode === "navigate") {
    if (request.method === "GET") event.respondWith(page(event, url));
    else if (url.pathname === SIGN_OUT) event.respondWith(signOut(event));
  } else if (request.method === "GET" && request.headers.get("HX-Request") && (kindOf(url.pathname) || isClick(request))) {
    event.respondWith(piece(event, url));
  }
});

async function install() {
  const cache = await caches.open(FILES);
  await cache.addAll(COMMONPLACE.assets);
  await cache.add(new Request(COMMONPLACE.offline, { cache: "reload" }));
  await self.skipWaiting(); // Pages of the release before find their files under any digest.
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith("files-") && name !== FILES) await caches.delete(name);
  }
  await self.clients.claim();
}

async function heed({ does, person: who = NOBODY, address = "" }) {
  await know(who);
  const url = new URL(address, location.origin);
  if (does !== "keep" || url.origin !== location.origin) return;
  await fetchAndKeep(who, url.href);
  for (const path of kindOf(url.pathname)?.always ?? []) {
    if (Date.now() - (keptAt.get(path) ?? 0) < FRESH_MS) continue;
    keptAt.set(path, Date.now());
    await fetchAndKeep(who, new URL(path, location.origin).href);
  }
}

/** A static file: of this release from the cache; of another from the server, or else the present one. */
async function file(request, url) {
  const name = url.pathname.split("/").slice(3).join("/");
  const present = () => caches.match(`/static/${COMMONPLACE.digest}/${name}`, { cacheName: FILES });
  if (url.pathname.startsWith(`/static/${COMMONPLACE.digest}/`)) return (await present()) ?? fetch(request);
  try {
    return await fetch(request);
  } catch (error) {
    const found = await present();
    if (found) return found;
    throw error;
  }
}

async function page(event, url) {
  try {
    const answer = await fetch(event.request);
    const owner = await person();
    if (kindOf(url.pathname) && answer.ok) event.waitUntil(keep(owner, url.href, answer.clone()));
    return answer;
  } catch {
    const first = keeping.find(({ path }) => path)?.path;
    if (url.pathname === "/app" && first && (await kept(location.origin + first))) return Response.redirect(first);
    return (await kept(url.href)) ?? (await caches.match(COMMONPLACE.offline, { cacheName: FILES })) ?? Response.error();
  }
}

async function piece(event, url) {
  const owner = await person();
  try {
    const answer = await fetch(event.request);
    if (answer.ok && kindOf(url.pathname)) {
      event.waitUntil(keep(owner, url.href, answer.clone(), PIECE));
      event.waitUntil(keepSoon(owner, url.href));
    }
    return answer;
  } catch (error) {
    const found = (await kept(url.href, { kind: PIECE, isExact: true })) ?? (await kept(url.href, { isExact: true }));
    if (found) return found;
    // A click that leads nowhere leads to the page that says so, without the frame.
    if (isClick(event.request)) return new Response(null, { headers: { "HX-Redirect": url.pathname + url.search } });
    throw error;
  }
}

/** Keep the whole page once the changes of this moment are in: its copy is to have them too. */
async function keepSoon(owner, url) {
  const wish = {};
  wishes.set(url, wish);
  await wait(KEEP_AFTER_MS);
  if (wishes.get(url) !== wish) return;
  wishes.delete(url);
  await fetchAndKeep(owner, url);
}

async function fetchAndKeep(owner, url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin", cache: "no-store" });
    await keep(owner, url, answer);
  } catch {
    // No connection: the copy before stays.
  }
}

/** Nothing of a person stays on the device that they sign out of. */
async function signOut(event) {
  try {
    const answer = await fetch(event.request);
    const gone = know(NOBODY);
    event.waitUntil(gone);
    await Promise.race([gone, wait(FORGET_MS)]); // A push service may take its time.
    return answer;
  } catch {
    return (await caches.match(COMMONPLACE.offline, { cacheName: FILES })) ?? Response.error();
  }
}
