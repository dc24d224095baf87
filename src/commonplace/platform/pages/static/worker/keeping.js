/**
 * What the service worker keeps on this device: the static files of this release for everybody, pages for one person.
 *
 * `files-<digest>` holds the files. `kept-<person>` holds pages under their addresses, and pieces of pages (what htmx
 * asks for) under the same with `kept-as=piece`. There is one `kept-` cache at most: that of the person whom a page named last.
 */

const FILES = `files-${COMMONPLACE.digest}`;
const NOBODY = "";
const PIECE = "piece";
const WHOLE = "";
const MOST_KEPT = 200;

const keptName = (person) => `kept-${person}`;

/** Whose pages are kept at present. */
async function person() {
  const name = (await caches.keys()).find((key) => key.startsWith("kept-"));
  return name ? name.slice("kept-".length) : NOBODY;
}

/** What else goes when another person, or nobody, is here. @type {((next: string) => Promise<any>)[]} */
const forgetters = [];

/** Who is here: what was kept for anybody else goes. */
async function know(next) {
  for (const name of await caches.keys()) {
    if (name.startsWith("kept-") && name !== keptName(next)) await caches.delete(name);
  }
  for (const forget of forgetters) await forget(next);
  if (next !== NOBODY) await caches.open(keptName(next));
}

/** A cache leaves fragments out of its keys and takes two addresses that differ by one for the same; a parameter tells. */
const keyOf = (url, kind = WHOLE) => {
  const address = new URL(url, location.origin);
  address.hash = "";
  if (kind) address.searchParams.set("kept-as", kind);
  return address.href;
};

/** Keep an answer for the person it was given to. Only whole pages of theirs: no redirect to a sign-in, no error. */
async function keep(owner, url, answer, kind = WHOLE) {
  if (!owner || !answer.ok || answer.redirected || !answer.headers.get("content-type")?.startsWith("text/html")) return;
  if ((await person()) !== owner) return;
  const cache = await caches.open(keptName(owner));
  await cache.put(keyOf(url, kind), answer);
  const keys = await cache.keys();
  for (const old of keys.slice(0, Math.max(0, keys.length - MOST_KEPT))) await cache.delete(old);
}

/** What was kept of an address. A page stands in for the same with other parameters, unless `isExact`. */
async function kept(url, { kind = WHOLE, isExact = false } = {}) {
  const owner = await person();
  if (owner === NOBODY) return undefined;
  const cache = await caches.open(keptName(owner));
  const same = await cache.match(keyOf(url, kind));
  if (same || isExact) return same;
  const { origin, pathname } = new URL(url);
  return cache.match(origin + pathname);
}
