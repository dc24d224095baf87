// A real OpenID Connect issuer for tests, on loopback: `node server.mjs '{"clients": […], "apple": {…}}'`.
// It prints its port. Whoever is named in the form of `/interaction/…` is signed in; what is told of people is set by
// `PUT /control/people/NAME`, and `POST /control/rotate` gives it another key.

import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.argv[3]);
const { Provider } = await import(pathToFileURL(require.resolve("oidc-provider")).href);
const { clients, apple } = JSON.parse(process.argv[2]);
const people = new Map();
console.warn = () => {}; // that it is no issuer for production is known

let keys = 0;
const newKey = () => ({
  ...generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" }),
  use: "sig",
  alg: "RS256",
  kid: `key-${(keys += 1)}`,
});

function provider(issuer) {
  const made = new Provider(issuer, {
    clients,
    jwks: { keys: [newKey()] },
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups"], name: [] },
    scopes: ["openid", "email", "profile", "name", "public_profile"],
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    cookies: { keys: ["a key of the test"] },
    ttl: { Session: 600, Grant: 600, Interaction: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
  });
  made.use(async (context, next) => {
    await next();
    // Its own pages have a form that leads to any client, whom its policy for forms does not know.
    if (context.path.startsWith("/interaction")) context.set("content-security-policy", "default-src 'self'");
  });
  return made;
}

async function body(request) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** Apple asks for a client secret that is a token, signed by the key that the team has registered. */
function isApplesSecret(token) {
  const [header, claims, signature] = token.split(".").map((part) => Buffer.from(part, "base64url"));
  const key = createPublicKey(apple.publicKey);
  const isSigned = verify("sha256", Buffer.from(token.split(".", 2).join(".")), { key, dsaEncoding: "ieee-p1363" }, signature);
  const { alg, kid } = JSON.parse(header);
  const said = JSON.parse(claims);
  const inTime = said.exp > Date.now() / 1000 && said.exp - said.iat <= 15777000;
  return isSigned && alg === "ES256" && kid === apple.keyId && said.iss === apple.teamId && said.sub === apple.clientId && said.aud === issuer && inTime;
}

async function interaction(request, response) {
  const details = await current.interactionDetails(request, response);
  if (request.method === "GET") {
    response.setHeader("content-type", "text/html");
    response.end(`<title>The issuer</title><form method="post"><label>Who <input name="who"></label>
      <button name="do" value="go">Go on</button><button name="do" value="cancel">Cancel</button></form>`);
    return;
  }
  const form = new URLSearchParams(await body(request));
  if (form.get("do") === "cancel") {
    await current.interactionFinished(request, response, { error: "access_denied", error_description: "<b>no</b>" });
    return;
  }
  const who = form.get("who");
  const grant = new current.Grant({ accountId: who, clientId: details.params.client_id });
  grant.addOIDCScope(details.params.scope);
  const consent = { grantId: await grant.save() };
  await current.interactionFinished(request, response, { login: { accountId: who }, consent });
}

async function control(request, response) {
  const [, , what, name] = request.url.split("/");
  if (what === "people") people.set(name, JSON.parse(await body(request)));
  if (what === "rotate") current = provider(issuer);
  response.end();
}

/** What Facebook answers: by its own names, and only with the proof that the secret is known. */
async function graph(request, response) {
  const token = await current.AccessToken.find(request.headers.authorization?.slice(7) ?? "");
  const proof = new URL(request.url, issuer).searchParams.get("appsecret_proof");
  const known = proof && /^[0-9a-f]{64}$/.test(proof);
  response.statusCode = token && known ? 200 : 400;
  response.setHeader("content-type", "application/json");
  const { email, name } = people.get(token?.accountId) ?? {};
  response.end(JSON.stringify(token ? { id: token.accountId, name, email } : { error: "no" }));
}

let issuer, current;
const server = createServer(async (request, response) => {
  try {
    if (request.url.startsWith("/control/")) return await control(request, response);
    if (request.url.startsWith("/graph/me")) return await graph(request, response);
    if (request.url.startsWith("/interaction/")) return await interaction(request, response);
    if (apple && request.url === "/token") {
      const form = new URLSearchParams(await body(request));
      if (form.get("client_id") === apple.clientId) {
        const secret = isApplesSecret(form.get("client_secret") ?? "..") ? apple.secret : "wrong";
        form.set("client_secret", secret);
      }
      request.body = Object.fromEntries(form);
    }
    return await current.callback()(request, response);
  } catch (error) {
    response.statusCode = 500;
    response.end(`${error.stack}`);
  }
});
server.listen(0, "127.0.0.1", () => {
  issuer = `http://localhost:${server.address().port}`;
  current = provider(issuer);
  console.log(server.address().port);
});
process.stdin.on("end", () => process.exit()); // whoever started it is gone
process.stdin.resume();
