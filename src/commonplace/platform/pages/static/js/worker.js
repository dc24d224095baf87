/**
 * The service worker: registered on every page, told who is signed in, and asked to keep pages for when there is no
 * connection. What it kept for one person it forgets when it hears of another, or of nobody.
 */

const person = document.documentElement.dataset.person ?? "";

/** The registration; null where the browser has none, or the address is not safe enough for one. */
export const registration = register();

async function register() {
  if (!("serviceWorker" in navigator) || !isSecureContext) return null;
  try {
    return await navigator.serviceWorker.register("/sw.js", { scope: "/app" });
  } catch (error) {
    console.info("There is no service worker.", error);
    return null;
  }
}

/** Send the worker a message, as soon as there is one at work. */
async function tell(/** @type {Record<string, any>} */ message) {
  if (!(await registration)) return;
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage(message);
}

/** Have this page, as it is now on the server, kept for when there is no connection. */
export const keepPage = (/** @type {string} */ address) => tell({ does: "keep", person, address });

// The page for signing in says that nobody is here. Other pages without a frame (a problem, a link) say nothing.
if (person || document.querySelector("main")?.dataset.page === "sign-in") tell({ does: "know", person });
