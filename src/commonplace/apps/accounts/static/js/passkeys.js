/**
 * Passkeys: asks the browser for one, and sends its answer with the form that the button stands in.
 *
 * A button says by `data-passkey` what it wants (`get` or `create`), and by `data-options`, or by the address in
 * `data-options-from`, for what. The form has a hidden field `passkey` for the answer.
 */

if (window.PublicKeyCredential && navigator.credentials) document.documentElement.classList.add("has-passkeys");

const WORDS = {
  NotAllowedError: "That was given up, or took too long. Try again.",
  InvalidStateError: "There is a passkey for you on this device already.",
  SecurityError: "The browser makes no passkeys for this address. Open Commonplace by its own name, over HTTPS.",
};

document.addEventListener("click", async (event) => {
  const button = /** @type {Element} */ (event.target).closest?.("[data-passkey]");
  if (!(button instanceof HTMLButtonElement)) return;
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (button.form);
  if (!form.reportValidity()) return;
  const error = /** @type {HTMLElement} */ (form.querySelector("[data-passkey-error]"));
  error.hidden = true;
  button.disabled = true;
  try {
    form.elements.namedItem("passkey").value = JSON.stringify(await ask(button));
    form.submit();
  } catch (problem) {
    button.disabled = false;
    error.textContent = problem instanceof Refused ? problem.message : (WORDS[problem.name] ?? "The passkey could not be used. Try again.");
    error.hidden = false;
    button.focus();
  }
});

/** What the server refused, in its own words. */
class Refused extends Error {}

/** @returns {Promise<object>} what `PublicKeyCredential.toJSON()` gives */
async function ask(button) {
  const options = button.dataset.options ? JSON.parse(button.dataset.options) : await fetched(button.dataset.optionsFrom);
  options.challenge = bytes(options.challenge);
  for (const list of [options.allowCredentials, options.excludeCredentials]) {
    for (const known of list ?? []) known.id = bytes(known.id);
  }
  if (button.dataset.passkey === "get") return asJson(await navigator.credentials.get({ publicKey: options }));
  options.user.id = bytes(options.user.id);
  return asJson(await navigator.credentials.create({ publicKey: options }));
}

async function fetched(/** @type {string} */ address) {
  let response;
  try {
    response = await fetch(address, { method: "POST", credentials: "same-origin", headers: { Accept: "application/json" } });
  } catch {
    throw new Refused("The server could not be reached. Nothing was changed; try again.");
  }
  const answer = await response.json().catch(() => ({}));
  if (answer.continue_at && answer.prove_at) location.assign(answer.continue_at);
  if (!response.ok) throw new Refused(answer.detail ?? response.statusText);
  return answer.public_key;
}

/** As WebAuthn level 3 writes it; not every browser's own `toJSON` works with every password manager. */
function asJson(credential) {
  const { response } = credential;
  const written = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) written[name] = text(response[name]);
  }
  if (response.getTransports) written.transports = response.getTransports();
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: written };
}

function bytes(/** @type {string} */ base64url) {
  const plain = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

function text(/** @type {ArrayBuffer} */ buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
