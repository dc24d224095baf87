"""An issuer, a network or a browser that cheats: forged ID tokens, mixed-up answers, replays, strange ways back."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.issuers import id_tokens
from commonplace.apps.accounts.issuers.errors import IssuerNotBelieved, IssuerUnavailable
from commonplace.apps.accounts.issuers.id_tokens import TokenNotBelieved
from commonplace.apps.accounts.issuers.issuer import issuers_of
from commonplace.apps.accounts.issuers.provider import Provider
from commonplace.apps.accounts.issuers.settings import IssuerSettings
from commonplace.apps.accounts.issuers.web import Web
from tests.apps.accounts.conftest import ClientAt, SetClock
from tests.apps.accounts.elsewhere import CALLBACK

pytestmark = pytest.mark.anyio
ISSUER = "https://id.example.org"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FOREIGN = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SHORT = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - so short that it is refused
NONCE = "the-nonce-of-this-sign-in"


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**shown, "kid": kid, "use": "sig"}


KEYS = [
    jwk(KEY, "good"),
    jwk(SHORT, "short"),
    {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "oct"},
]


class Hostile:
    """Answers like an issuer; a test says what."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
        }
        self.keys: list[dict[str, Any]] = list(KEYS)
        self.token: Callable[[dict[str, str]], httpx.Response] = lambda _form: httpx.Response(500)
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self.metadata)
        if request.url.path == "/jwks":
            return httpx.Response(200, json={"keys": self.keys})
        return self.token({name: values[0] for name, values in parse_qs(request.content.decode()).items()})


@pytest.fixture
def hostile() -> Hostile:
    return Hostile()


@pytest.fixture
def provider(hostile: Hostile) -> Provider:
    settings = {"evil": IssuerSettings(issuer=ISSUER, client_id="us", client_secret="s")}  # type: ignore[arg-type]
    return Provider(issuers_of(settings)["evil"], Web(httpx.MockTransport(hostile)))


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    said = {"iss": ISSUER, "aud": "us", "sub": "42", "iat": now, "exp": now + 600, "nonce": NONCE, **other}
    return {name: value for name, value in said.items() if value is not None}


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(key: Any = KEY, alg: str = "RS256", *, header: dict[str, Any] | None = None, **said: Any) -> str:
    return jwt.encode(claims(**said), key, algorithm=alg, headers={"kid": "good", **(header or {})})


def with_mac(secret: bytes, **header: Any) -> str:
    text = f"{encoded({'alg': 'HS256', 'kid': 'good', **header})}.{encoded(claims())}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def signed_by_hand(key: rsa.RSAPrivateKey, kid: str) -> str:
    text = f"{encoded({'alg': 'RS256', 'kid': kid})}.{encoded(claims())}"
    return f"{text}.{encoded(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def unsigned(alg: str, signature: str = "") -> str:
    return f"{encoded({'alg': alg, 'kid': 'good'})}.{encoded(claims())}.{signature}"


PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
FORGERIES: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned("none"),
    "alg None": lambda: unsigned("None", encoded(b"x")),
    "no alg": lambda: f"{encoded({'kid': 'good'})}.{encoded(claims())}.{encoded(b'x')}",
    "HS256 with the public key as PEM": lambda: with_mac(PEM),
    "HS256 with the public key as JSON": lambda: with_mac(json.dumps(KEYS[0]).encode()),
    "HS256 with a secret that stands among the keys": lambda: with_mac(b"secret-secret-secret-secret", kid="oct"),
    "HS256 with the client secret": lambda: with_mac(b"s"),
    "a foreign key under a known id": lambda: signed(FOREIGN),
    "a foreign key under its own id": lambda: signed(FOREIGN, header={"kid": "mine"}),
    "a foreign key in the header": lambda: signed(FOREIGN, header={"jwk": jwk(FOREIGN, "good")}),
    "a foreign key at an address": lambda: signed(FOREIGN, header={"jku": "https://evil.example/jwks", "kid": "mine"}),
    "a key id that is a path": lambda: signed(header={"kid": "../../etc/passwd"}),
    "a key id that is SQL": lambda: signed(header={"kid": "good' OR '1'='1"}),
    "a key id of another algorithm": lambda: signed(header={"kid": "oct"}),
    "a key too short": lambda: signed_by_hand(SHORT, "short"),
    "what must be understood and is not": lambda: signed(header={"crit": ["b64"], "b64": False}),
    "another issuer": lambda: signed(iss="https://evil.example"),
    "no issuer": lambda: signed(iss=None),
    "another audience": lambda: signed(aud="somebody-else"),
    "no audience": lambda: signed(aud=None),
    "several audiences, and no party": lambda: signed(aud=["us", "evil"]),
    "another party": lambda: signed(aud=["us", "evil"], azp="evil"),
    "another party alone": lambda: signed(azp="evil"),
    "another nonce": lambda: signed(nonce="of-another-sign-in"),
    "no nonce": lambda: signed(nonce=None),
    "a nonce that is no text": lambda: signed(nonce=[NONCE]),
    "over": lambda: signed(exp=int(time.time()) - 61),
    "without an end": lambda: signed(exp=None),
    "made out in the future": lambda: signed(iat=int(time.time()) + 120),
    "not valid yet": lambda: signed(nbf=int(time.time()) + 120),
    "times that are none": lambda: signed(iat=True),
    "nobody": lambda: signed(sub=None),
    "an empty name": lambda: signed(sub=""),
    "a name that is none": lambda: signed(sub="a\nb"),
    "changed after it was signed": lambda: ".".join(
        (signed().split(".")[0], encoded(claims(sub="43")), signed().split(".")[2])
    ),
    "cut off": lambda: signed()[:-2],
    "very long": lambda: "a." * 9000,
    "empty": lambda: "",
}


async def test_no_forged_id_token_is_believed(provider: Provider) -> None:
    for how, forge in FORGERIES.items():
        try:
            await id_tokens.verify(forge(), provider, nonce=NONCE, now=time.time())
        except TokenNotBelieved:
            continue
        pytest.fail(f"Believed: {how}")
    # The way in which they are made is right: otherwise the refusals would prove nothing.
    for genuine in (signed(), signed_by_hand(KEY, "good"), signed(aud=["us", "them"], azp="us"), signed(KEY, "PS256")):
        assert (await id_tokens.verify(genuine, provider, nonce=NONCE, now=time.time()))["sub"] == "42"


async def test_unknown_key_ids_ask_the_issuer_once(provider: Provider, hostile: Hostile) -> None:
    for number in range(20):
        with pytest.raises(TokenNotBelieved):
            await id_tokens.verify(signed(header={"kid": f"new-{number}"}), provider, nonce=NONCE, now=time.time())
    assert hostile.asked.count("/jwks") == 1
    hostile.keys.append(jwk(FOREIGN, "rotated"))
    provider._keys_at -= 11
    rotated = signed(FOREIGN, header={"kid": "rotated"})
    assert (await id_tokens.verify(rotated, provider, nonce=NONCE, now=time.time()))["sub"] == "42"
    assert hostile.asked.count("/jwks") == 2


async def test_who_answers_as_another_is_not_believed(provider: Provider, hostile: Hostile) -> None:
    hostile.metadata["issuer"] = "https://accounts.google.com"
    with pytest.raises(IssuerNotBelieved):
        await provider.metadata()
    hostile.metadata = {"x": "y" * 2_000_000}
    with pytest.raises(IssuerUnavailable):
        await provider.metadata()
    hostile.metadata = {"issuer": ISSUER, "token_endpoint": "http://id.example.org/token"}
    assert (await provider.metadata()).token_endpoint is None  # the secret would go over the wire for all to read


# In front of the whole application


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    found = {}
    for name in ("evil", "other"):
        prefix = f"ACCOUNTS__ISSUERS__{name.upper()}__"
        found |= {f"{prefix}ISSUER": ISSUER, f"{prefix}CLIENT_ID": "us", f"{prefix}CLIENT_SECRET": "s"}
    return environ | found


@pytest.fixture
def parts(parts: Any, hostile: Hostile) -> Any:
    parts.add(Web(httpx.MockTransport(hostile)))
    return parts


class Begun:
    """A sign-in that went to the issuer."""

    def __init__(self, answer: httpx.Response, hostile: Hostile) -> None:
        assert answer.status_code == 303, answer.text
        self.query = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
        said = {"email": "eva@example.org", "email_verified": True, "nonce": self.query["nonce"]}
        hostile.token = self.answer_with(lambda: signed(**said))
        self.forms: list[dict[str, str]] = []

    def answer_with(self, token: Callable[[], str]) -> Callable[[dict[str, str]], httpx.Response]:
        def answer(form: dict[str, str]) -> httpx.Response:
            self.forms.append(form)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert encoded(digest) == self.query["code_challenge"]
            return httpx.Response(200, json={"id_token": token(), "access_token": "at", "token_type": "Bearer"})

        return answer


async def begin(browser: Any, hostile: Hostile, name: str = "evil", **query: str) -> Begun:
    return Begun(await browser.get(f"/app/sign-in/with/{name}", params=query), hostile)


async def test_what_comes_back_counts_once_and_where_it_began(
    hostile: Hostile, client_at: ClientAt, clock: SetClock, accounts: Accounts
) -> None:
    browser, thief = client_at(), client_at("203.0.113.66")
    callback = CALLBACK.format("evil")

    async def came(who: Any, path: str = callback, **query: str) -> int:
        answer: httpx.Response = await who.get(path, params=query)
        assert answer.status_code != 303 or "commonplace_session" in answer.headers["set-cookie"]
        return answer.status_code

    # Login CSRF: the attacker's own answer in the victim's browser, which began nothing or something else.
    begun = await begin(thief, hostile)
    assert await came(browser, code="c", state=begun.query["state"]) == 403
    await begin(browser, hostile)
    assert await came(browser, code="c", state=begun.query["state"]) == 403
    # Without a state, with another, twice.
    begun = await begin(browser, hostile)
    assert await came(browser, code="c") == 403
    begun = await begin(browser, hostile)
    kept = browser.cookies["commonplace_issuer"]
    assert await came(browser, code="c", state=begun.query["state"]) == 303
    assert "commonplace_issuer" not in browser.cookies
    thief.cookies.set("commonplace_issuer", kept)  # with everything that there was to steal
    assert await came(thief, code="c", state=begun.query["state"]) == 403
    assert len(begun.forms) == 1  # the code goes to the issuer once
    # Mix-up: asked the one, answered as the other; or by a name that was not asked.
    begun = await begin(browser, hostile)
    assert await came(browser, CALLBACK.format("other"), code="c", state=begun.query["state"]) == 403
    begun = await begin(browser, hostile)
    assert await came(browser, code="c", state=begun.query["state"], iss="https://evil.example") == 403
    hostile.metadata["authorization_response_iss_parameter_supported"] = True
    accounts.issuers["evil"]._metadata = None
    begun = await begin(browser, hostile)
    assert await came(browser, code="c", state=begun.query["state"]) == 403
    begun = await begin(browser, hostile)
    assert await came(browser, code="c", state=begun.query["state"], iss=ISSUER) == 303
    # A token for another sign-in, however genuine.
    begun = await begin(browser, hostile)
    hostile.token = begun.answer_with(lambda: signed(nonce=NONCE, email="eva@example.org", email_verified=True))
    assert await came(browser, code="c", state=begun.query["state"], iss=ISSUER) == 403
    # Too late, and with a cookie that was changed.
    begun = await begin(browser, hostile)
    clock.pass_(601)
    assert await came(browser, code="c", state=begun.query["state"], iss=ISSUER) == 403
    begun = await begin(browser, hostile)
    cookie = browser.cookies["commonplace_issuer"]
    browser.cookies.clear()
    browser.cookies.set("commonplace_issuer", cookie[:-4] + "AAA=")
    assert await came(browser, code="c", state=begun.query["state"], iss=ISSUER) == 403
    # A code that the issuer does not take.
    begun = await begin(browser, hostile)
    hostile.token = lambda _form: httpx.Response(400, json={"error": "invalid_grant"})
    browser.cookies.delete("commonplace_issuer", path="/")
    assert await came(browser, code="c", state=begun.query["state"], iss=ISSUER) == 403


async def test_no_way_back_leads_elsewhere(hostile: Hostile, client_at: ClientAt) -> None:
    browser = client_at()
    evil = (
        "https://evil.example/",
        "//evil.example/",
        "/app//../\\evil.example",
        "/\\evil.example",
        "javascript:x",
        "",
    )
    for wanted in evil:
        begun = await begin(browser, hostile, next=wanted)
        answer = await browser.get(CALLBACK.format("evil"), params={"code": "c", "state": begun.query["state"]})
        assert (wanted, answer.status_code, answer.headers["location"]) == (wanted, 303, "/app")


async def test_only_the_way_back_takes_what_another_site_posts(client_at: ClientAt) -> None:
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    browser = client_at()
    form = {"code": "c", "state": "s", "user": '{"name": {"firstName": "<b>"}}'}
    answer = await browser.post(CALLBACK.format("evil"), data=form, headers=foreign)
    assert answer.headers["location"] == "/app/sign-in/with/evil/callback?code=c&state=s&name=%3Cb%3E"
    assert "set-cookie" not in answer.headers
    for path in ("/app/sign-in/with/evil", "/app/sign-in", "/app/account/security/identities/evil/link"):
        assert (await browser.post(path, data=form, headers=foreign)).status_code == 403
