"""A sign-in on its way to an issuer and back.

What has to fit when the browser comes back (state, nonce, the verifier of PKCE, who was asked, what for) goes along in
a cookie that only this installation can read or make (AES-256-GCM). So nothing is stored for those who never come back,
and an answer counts only in the browser that asked. When it comes back the state is written down as spent: it counts
once, in whatever process.
"""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.responses import Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.factors import queries as factor_queries
from commonplace.apps.accounts.issuers.errors import SignInStrayed

Purpose = Literal["sign_in", "link", "prove"]
FLOW_COOKIE: Final = "commonplace_issuer"
FLOW_PATH: Final = "/app/sign-in/with"  #: the pages below which the cookie goes along
_SECONDS: Final = 600
_NONCE_BYTES: Final = 12
_LONGEST_COOKIE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One sign-in that is under way."""

    issuer: str  #: its name in the settings
    purpose: Purpose
    next: str
    redirect_uri: str
    expires_at: int
    session_id: str | None = None  #: of whoever links or proves something
    time_zone: str | None = None  #: of the device, for who comes the first time
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @property
    def challenge(self) -> str:
        """What the verifier is held against later (RFC 7636, section 4.2: S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def begin(
    accounts: Accounts,
    issuer: str,
    purpose: Purpose,
    *,
    wanted: str,
    redirect_uri: str,
    session_id: UUID | None = None,
) -> Flow:
    """A new one, good for ten minutes."""
    return Flow(
        issuer=issuer,
        purpose=purpose,
        next=wanted,
        redirect_uri=redirect_uri,
        expires_at=int(accounts.clock()) + _SECONDS,
        session_id=None if session_id is None else str(session_id),
    )


def keep(response: Response, accounts: Accounts, flow: Flow, device: Device) -> None:
    """Let the browser take the flow along. One at a time: the last one begun counts."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(accounts.keys.straying).encrypt(nonce, json.dumps(asdict(flow)).encode(), None)
    response.set_cookie(
        FLOW_COOKIE,
        base64.urlsafe_b64encode(nonce + sealed).decode(),
        max_age=_SECONDS,
        path=FLOW_PATH,
        secure=device.is_secure or accounts.settings.is_production,
        httponly=True,
        samesite="lax",  # it has to come back when another site leads here
    )


def forget(response: Response) -> None:
    """Let the browser forget the flow."""
    response.delete_cookie(FLOW_COOKIE, path=FLOW_PATH, httponly=True, samesite="lax")


def read(accounts: Accounts, cookie: str, *, issuer: str) -> Flow:
    """The flow of a browser that comes back from `issuer`.

    Raises:
        SignInStrayed: none is under way in it, or with another issuer, or its time is over.
    """
    try:
        raw = base64.urlsafe_b64decode(cookie.encode("ascii")) if len(cookie) <= _LONGEST_COOKIE else b""
        opened = AESGCM(accounts.keys.straying).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None)
        flow = Flow(**json.loads(opened))
    except (InvalidTag, ValueError, TypeError) as error:
        raise SignInStrayed from error
    # Who was asked decides who may answer: otherwise one issuer could pass on what another gave out (mix-up).
    if flow.issuer != issuer or accounts.clock() > flow.expires_at:
        raise SignInStrayed
    return flow


async def spend(accounts: Accounts, flow: Flow, state: str) -> None:
    """Hold the state that came back against the flow's own, and use it up.

    Raises:
        SignInStrayed: it is another, or was used before.
    """
    if not hmac.compare_digest(state.encode("utf-8", "replace"), flow.state.encode()):
        raise SignInStrayed
    async with accounts.database.writing() as session:
        added = await session.execute(
            factor_queries.SPEND_CHALLENGE,
            digest=hashlib.sha256(b"issuer state " + flow.state.encode()).digest(),
            expires_at=datetime.fromtimestamp(flow.expires_at, UTC),
        )
    if added != 1:
        raise SignInStrayed
