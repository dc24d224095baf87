"""Forged, foreign and outdated tokens on a real route: always 401, never anything else."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commonplace.apps.accounts.context import Accounts

from .conftest import sign_in

pytestmark = pytest.mark.anyio


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Forger:
    """Somebody who holds a genuine token and, where said, our own key."""

    def __init__(self, token: str, genuine_key: Ed25519PrivateKey) -> None:
        self.header = jwt.get_unverified_header(token)
        self.claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        self.token = token
        self.genuine_key = genuine_key

    def signed(self, key: Any = None, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        head, body = {**self.header, **(header or {})}, {**self.claims, **claims}
        text = f"{encoded(head)}.{encoded({name: value for name, value in body.items() if value is not None})}"
        return f"{text}.{encoded((key or self.genuine_key).sign(text.encode()))}"

    def with_mac(self) -> str:
        public = self.genuine_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        text = f"{encoded({**self.header, 'alg': 'HS256'})}.{encoded(self.claims)}"
        return f"{text}.{encoded(hmac.new(public, text.encode(), hashlib.sha256).digest())}"

    def unsigned(self) -> str:
        return f"{encoded({**self.header, 'alg': 'none'})}.{encoded(self.claims)}."


foreign = Ed25519PrivateKey.generate()
FORGERIES: dict[str, Callable[[Forger], str]] = {
    "no algorithm": lambda f: f.unsigned(),
    "no algorithm, with the old signature": lambda f: f.unsigned() + f.token.rpartition(".")[2],
    "HS256 with the public key": lambda f: f.with_mac(),
    "a foreign key under our id": lambda f: f.signed(foreign),
    "a foreign key under its own id": lambda f: f.signed(foreign, header={"kid": "fedcba9876543210"}),
    "an id that is a path": lambda f: f.signed(header={"kid": "../../../../dev/null"}),
    "an id that is SQL": lambda f: f.signed(header={"kid": "x' UNION SELECT 1 --"}),
    "no id": lambda f: f.signed(header={"kid": None}),
    "a key in the header": lambda f: f.signed(foreign, header={"jwk": {"kty": "OKP"}}),
    "a wrong audience": lambda f: f.signed(aud="elsewhere"),
    "a wrong issuer": lambda f: f.signed(iss="elsewhere"),
    "no audience": lambda f: f.signed(aud=None),
    "expired": lambda f: f.signed(exp=int(time.time()) - 1),
    "never expires": lambda f: f.signed(exp=None),
    "not yet valid": lambda f: f.signed(nbf=int(time.time()) + 600),
    "made out in the future": lambda f: f.signed(iat=int(time.time()) + 600),
    "a session that never was": lambda f: f.signed(sid=str(uuid4())),
    "another person's session": lambda f: f.signed(sub=str(uuid4())),
    "no session": lambda f: f.signed(sid=None),
    "a role that is none": lambda f: f.signed(role="root"),
    "administrator, signature kept": lambda f: ".".join(
        (f.token.split(".")[0], encoded({**f.claims, "role": "administrator"}), f.token.split(".")[2])
    ),
    "cut off": lambda f: f.token[:-1],
    "one character more": lambda f: f.token + "A",
    "of three dots": lambda _: "...",
    "empty": lambda _: "",
    "very long": lambda _: "e30." * 5000,
}


@pytest.fixture
async def forger(ana: Any, accounts: Accounts) -> Forger:
    key = await accounts.tokens.keys.signing_key()
    return Forger(ana.tokens["access_token"], key.private_key)


async def test_every_forged_token_answers_401(nobody: Any, forger: Forger) -> None:
    for how, forge in FORGERIES.items():
        answer = await nobody.get("/auth/profile", headers={"Authorization": f"Bearer {forge(forger)}"})
        assert (how, answer.status_code) == (how, 401)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "email" not in answer.text


async def test_the_forgers_own_way_of_writing_a_token_is_right(nobody: Any, forger: Forger) -> None:
    """Otherwise the refusals above would prove nothing."""
    answer = await nobody.get("/auth/profile", headers={"Authorization": f"Bearer {forger.signed()}"})
    assert answer.status_code == 200


async def test_the_role_in_a_token_gives_no_power(nobody: Any, forger: Forger) -> None:
    bearer = {"Authorization": f"Bearer {forger.signed(role='administrator')}"}
    assert (await nobody.get("/auth/profile", headers=bearer)).json()["role"] == "user"


async def test_the_token_of_an_ended_session_answers_401(ana: Any) -> None:
    tokens = (await sign_in(ana, ana.email)).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await ana.get("/auth/profile", headers=bearer)).status_code == 200
    await ana.post("/auth/logout", headers=bearer)
    assert (await ana.get("/auth/profile", headers=bearer)).status_code == 401
    assert (await ana.get("/auth/profile")).status_code == 200
