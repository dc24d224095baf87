/** This device, notified by Web Push: asking for it, and keeping what was asked for in order. */

import { ask } from "../../platform/js/http.js";
import { visit } from "../../platform/js/page.js";
import { registration } from "../../platform/js/worker.js";

const PUSH = "/api/notifications/push";
const SETTINGS = "/app/notifications/settings";
const RENEWED = "commonplace-device-renewed";
const DAY_MS = 86_400_000;

const NOT_HERE = "This browser cannot be notified.";
const NOT_YET = "On an iPhone or iPad, add Commonplace to the home screen first, and open it from there.";
const NOT_SAFE = "Devices can be notified where Commonplace has an https:// address.";
const BLOCKED = "This browser blocks notifications of this address. Its settings for the site can allow them.";

/** Offer on the page of preferences what this browser can do. */
export async function offerDevice(/** @type {HTMLElement} */ main, /** @type {AbortSignal} */ leaving) {
  const place = /** @type {HTMLElement|null} */ (main.querySelector("#this-device"));
  const state = /** @type {HTMLElement|null} */ (main.querySelector("#device-state"));
  const button = /** @type {HTMLButtonElement|null} */ (main.querySelector("#notify-device"));
  if (!place || !state || !button || main.querySelector("[data-is-current]")) return;
  const reason = await whyNot();
  if (leaving.aborted) return;
  state.textContent = reason || "This device is not notified.";
  button.hidden = Boolean(reason);
  place.hidden = false;
  const start = async () => {
    button.disabled = true;
    try {
      await notify();
      visit(SETTINGS);
    } catch (error) {
      state.textContent = (await whyNot()) || `This device could not be notified. ${/** @type {Error} */ (error).message}`;
    } finally {
      button.disabled = false;
    }
  };
  button.addEventListener("click", start, { signal: leaving });
}

/** Why this device cannot be notified; nothing when it can. */
async function whyNot() {
  if (!isSecureContext) return NOT_SAFE;
  const worker = await registration;
  if (!worker || !("Notification" in window)) return isApple() ? NOT_YET : NOT_HERE;
  if (!("pushManager" in worker)) return isApple() ? NOT_YET : NOT_HERE;
  return Notification.permission === "denied" ? BLOCKED : "";
}

const isApple = () => /iPhone|iPad/.test(navigator.userAgent);

async function notify() {
  if ((await Notification.requestPermission()) !== "granted") throw new Error("It was not allowed.");
  const { public_key: key } = await ask("GET", PUSH);
  await send(await subscribe(key));
}

/** A subscription made with the present key of the installation. */
async function subscribe(/** @type {string} */ key) {
  await registration;
  const { pushManager } = await navigator.serviceWorker.ready;
  const present = await pushManager.getSubscription();
  if (present && isOf(present, key)) return present;
  await present?.unsubscribe();
  return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

function isOf(/** @type {PushSubscription} */ subscription, /** @type {string} */ key) {
  const bytes = new Uint8Array(subscription.options.applicationServerKey ?? new ArrayBuffer(0));
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "") === key;
}

async function send(/** @type {PushSubscription} */ subscription) {
  const { endpoint, keys } = subscription.toJSON();
  await ask("POST", `${PUSH}/devices`, { json: { endpoint, keys, name: deviceName() } });
  localStorage.setItem(RENEWED, String(Date.now()));
}

/**
 * Once a day, where this device is notified: say that it is still there, or subscribe anew when the installation has
 * another key. What the server does not know of any more ends here too.
 */
export async function renewDevice() {
  try {
    if (!("Notification" in window) || Notification.permission !== "granted" || !document.documentElement.dataset.person) return;
    if (Date.now() - Number(localStorage.getItem(RENEWED) ?? 0) < DAY_MS) return;
    const subscription = await (await registration)?.pushManager?.getSubscription();
    if (!subscription) return;
    const { public_key: key, devices } = await ask("GET", PUSH);
    if (devices.some((/** @type {{is_current: boolean}} */ device) => device.is_current)) await send(await subscribe(key));
    else await subscription.unsubscribe();
  } catch (error) {
    console.info("This device could not be renewed.", error);
  }
}

/** What people know this device by: “Firefox on Android”. */
function deviceName() {
  const agent = navigator.userAgent;
  const named = (/** @type {[RegExp, string][]} */ names) => names.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = named([[/Edg/, "Edge"], [/OPR/, "Opera"], [/Firefox|FxiOS/, "Firefox"], [/Chrome|CriOS/, "Chrome"], [/Safari/, "Safari"]]);
  const system = named([
    [/iPhone/, "iPhone"],
    [/iPad/, "iPad"],
    [/Android/, "Android"],
    [/Windows/, "Windows"],
    [/Mac OS X/, "Mac"],
    [/CrOS/, "ChromeOS"],
    [/Linux/, "Linux"],
  ]);
  return `${browser ?? "A browser"}${system ? ` on ${system}` : ""}`;
}
