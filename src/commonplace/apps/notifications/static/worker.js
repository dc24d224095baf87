/** Notices that are pushed to this device: shown, and opened when they are clicked. */

const INBOX = "/app/notifications";
const PUSH = "/api/notifications/push";

self.addEventListener("push", (event) => event.waitUntil(showNotice(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openNotice(event.notification.data ?? {}));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renewSubscription()));

// Who signs out, or signs in after somebody else, is told nothing here until they ask for it.
let lastKnown = "";
forgetters.push(async (next) => {
  const isSame = next !== NOBODY && (lastKnown === "" || lastKnown === next);
  lastKnown = next;
  if (!isSame) await (await self.registration.pushManager?.getSubscription())?.unsubscribe();
});

/** A push that shows nothing costs a page its permission, so there is always something to show. */
function showNotice(data) {
  let notice = {};
  try {
    notice = data?.json() ?? {};
  } catch {
    // Not of ours, or of another release.
  }
  const { id, title = "Something is new", body = "", path = null, tag = "commonplace", at } = notice;
  return self.registration.showNotification(title, {
    body,
    tag, // The same notice once more takes the place of the first, in silence.
    icon: iconNamed("icon-192"),
    badge: iconNamed("badge-96"),
    timestamp: at ? Date.parse(at) : Date.now(),
    data: { id, path },
  });
}

const iconNamed = (name) => `/static/${COMMONPLACE.digest}/platform/icons/${name}.png`;

async function openNotice({ id, path }) {
  const address = new URL(path ?? INBOX, location.origin);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const there = windows.find((client) => client.url === address.href);
  await (there ? there.focus() : self.clients.openWindow(address.href));
  if (id && path) await markRead(id);
}

const markRead = (id) =>
  fetch(`/api/notifications/${id}`, {
    method: "PATCH",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ is_read: true }),
  }).catch(() => null);

/** The browser's push service gave it another subscription: tell the server, under the name that it has there. */
async function renewSubscription() {
  const { public_key: applicationServerKey, devices } = await (await fetch(PUSH, { credentials: "same-origin" })).json();
  const name = devices.find((device) => device.is_current)?.name;
  if (name === undefined) return;
  const subscription = await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  await fetch(`${PUSH}/devices`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...subscription.toJSON(), name }),
  });
}
