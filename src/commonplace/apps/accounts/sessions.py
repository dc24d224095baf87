"""Sessions: how one begins, is refreshed and ends."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from commonplace.apps.accounts import known_devices, queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.errors import InvalidRefreshToken, RefreshTokenReused
from commonplace.apps.accounts.events import NewDeviceSignedIn, RefreshReused, SessionEnded, SignedIn
from commonplace.apps.accounts.factors import standing
from commonplace.apps.accounts.refresh_tokens import RefreshToken
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.caller import Caller, Role
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.leaving import erasures

Method = Literal[
    "password",
    "registration",
    "password_and_totp",
    "password_and_recovery_code",
    "password_and_passkey",
    "passkey",
    "identity",
    "identity_and_totp",
    "identity_and_recovery_code",
    "identity_and_passkey",
    "cognito_token",
]
EndReason = Literal["signed_out", "ended", "disowned", "refresh_reused", "password_reset", "suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserSession:
    """A session that a browser's cookie carries."""

    session_id: UUID
    person_id: UUID
    cookie: str = field(repr=False)  #: the cookie's value
    device_token: str = field(repr=False)  #: what the browser is known by from now on, or was before


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSession:
    """A session that a pair of tokens carries."""

    session_id: UUID
    person_id: UUID
    role: Role
    refresh_token: str = field(repr=False)


async def begin_browser_session(
    session: WriteSession, accounts: Accounts, *, session_id: UUID, person_id: UUID, method: Method, device: Device
) -> BrowserSession:
    """Begin a session in the given transaction; the cookie's value exists nowhere but in what comes back."""
    cookie = secrets.token_urlsafe(32)
    device = device if device.token else replace(device, token=secrets.token_urlsafe(32))
    begun = BrowserSession(session_id=session_id, person_id=person_id, cookie=cookie, device_token=device.token)
    await _begin(session, accounts, begun, method, device, cookie_digest=hashlib.sha256(cookie.encode()).digest())
    return begun


async def begin_token_session(
    session: WriteSession,
    accounts: Accounts,
    *,
    session_id: UUID,
    person_id: UUID,
    role: Role,
    method: Method,
    device: Device,
) -> TokenSession:
    """Begin a session in the given transaction; its refresh token exists nowhere but in what comes back."""
    token = RefreshToken.first(session_id)
    begun = TokenSession(session_id=session_id, person_id=person_id, role=role, refresh_token=str(token))
    await _begin(session, accounts, begun, method, device, token=token)
    return begun


async def open_browser_session(accounts: Accounts, *, person_id: UUID, device: Device) -> BrowserSession:
    """Sign a person in who has registered this moment; nobody else comes in without their password."""
    async with accounts.database.writing() as session:
        return await begin_browser_session(
            session, accounts, session_id=new_id(), person_id=person_id, method="registration", device=device
        )


async def refresh(accounts: Accounts, text: str) -> TokenSession:
    """Replace a refresh token by its successor and begin the idle time anew.

    A token works once. The one just replaced still gives the same successor for `refresh_grace_seconds`: two tabs may
    wake at the same moment, and an answer may be lost on its way. Any older one ends the session.

    Raises:
        InvalidRefreshToken: it is none of ours.
        RefreshTokenReused: it was used before; its session is ended now.
        SessionOver: its session has ended.
    """
    token = RefreshToken.parse(text)
    async with accounts.database.writing() as session:
        row = await session.first(queries.SESSION_TO_REFRESH, session_id=token.session_id)
        if row is None or row.family_digest is None:  # the tokens of a user pool are not refreshed here
            raise InvalidRefreshToken
        if not hmac.compare_digest(row.family_digest, token.family_digest):
            raise InvalidRefreshToken
        if row.ended_at is not None or row.expires_at <= accounts.now() or row.state != "active":
            raise SessionOver
        successor = token.successor(accounts.keys.refreshing)
        is_current = hmac.compare_digest(row.refresh_digest, token.digest)
        was_copied = not is_current and not _in_grace(accounts, row, token)
        if is_current:
            await _rotate(session, accounts, row, successor)
        elif was_copied:
            await _end_copied(session, accounts, row)
        elif not hmac.compare_digest(row.refresh_digest, successor.digest):
            raise InvalidRefreshToken  # replaced under another JWT secret, so its successor cannot be told again
    if was_copied:  # after the commit: the answer is an error, but the end must stand
        await accounts.announce_ended([row.id])
        raise RefreshTokenReused
    return TokenSession(session_id=row.id, person_id=row.person_id, role=row.role, refresh_token=str(successor))


async def sign_out(accounts: Accounts, caller: Caller) -> None:
    """End the caller's session; when this returns, no process admits it any more."""
    await _end_one(accounts, caller.session_id)


async def sign_out_by_refresh_token(accounts: Accounts, text: str) -> None:
    """End the session of a refresh token, current or not; one that ended before stays so.

    Raises:
        InvalidRefreshToken: it is none of ours.
    """
    token = RefreshToken.parse(text)
    async with accounts.database.reading() as session:
        digest = await session.scalar(queries.FAMILY_OF_SESSION, session_id=token.session_id)
    if digest is None or not hmac.compare_digest(digest, token.family_digest):
        raise InvalidRefreshToken
    await _end_one(accounts, token.session_id)


async def end_sessions_of(
    session: WriteSession, accounts: Accounts, person_id: UUID, *, reason: EndReason, by: UUID | None
) -> Sequence[UUID]:
    """End every session of a person in the given transaction; pass what comes back to `announce_ended` after it."""
    rows = await session.all(queries.END_SESSIONS_OF_PERSON, person_id=person_id, now=accounts.now(), reason=reason)
    for row in rows:
        await tell_ended(session, row, reason, by=by)
    return [row.id for row in rows]


async def _begin(
    session: WriteSession,
    accounts: Accounts,
    begun: BrowserSession | TokenSession,
    method: Method,
    device: Device,
    *,
    token: RefreshToken | None = None,
    cookie_digest: bytes | None = None,
) -> None:
    now = accounts.now()
    kind: Literal["api", "browser"] = "api" if token is not None else "browser"
    latest_end_at = now + timedelta(days=accounts.settings.session_absolute_days)
    row = await session.first(
        queries.ADD_SESSION,
        id=begun.session_id,
        person_id=begun.person_id,
        kind=kind,
        method=method,
        address=device.address,
        network=device.network,
        user_agent=device.user_agent,
        now=now,
        expires_at=min(latest_end_at, _idle_end(accounts)),
        latest_end_at=latest_end_at,
        family_digest=token.family_digest if token else None,
        refresh_digest=token.digest if token else None,
        cookie_digest=cookie_digest,
        device_digest=known_devices.digest_of(device),
        seen_before=now - known_devices.SEEN_EVERY,
        notice_until=now + timedelta(hours=accounts.settings.new_device_link_hours),
    )
    await erasures.cancel(session, begun.person_id, asked_by=["person"])  # who comes back has changed their mind
    fact = SignedIn(person_id=begun.person_id, session_id=begun.session_id, method=method, kind=kind)
    await log.tell(session, fact, owner_id=begun.person_id, by=begun.person_id)
    await standing.note_beginning(session, accounts, begun.session_id, method)
    if row is not None and row.is_on_new_device:
        news = NewDeviceSignedIn(person_id=begun.person_id, session_id=begun.session_id)
        await log.tell(session, news, owner_id=begun.person_id, by=begun.person_id)


def _idle_end(accounts: Accounts) -> datetime:
    return accounts.now() + timedelta(days=accounts.settings.session_idle_days)


def _in_grace(accounts: Accounts, row: Row, token: RefreshToken) -> bool:
    """Whether the token is the one just replaced, and was so only a moment ago."""
    if row.rotated_at is None or not hmac.compare_digest(row.previous_refresh_digest, token.digest):
        return False
    return bool(accounts.now() - row.rotated_at <= timedelta(seconds=accounts.settings.refresh_grace_seconds))


async def _rotate(session: WriteSession, accounts: Accounts, row: Row, successor: RefreshToken) -> None:
    await session.execute(
        queries.ROTATE, session_id=row.id, digest=successor.digest, now=accounts.now(), idle_end=_idle_end(accounts)
    )


async def _end_copied(session: WriteSession, accounts: Accounts, row: Row) -> None:
    ended = await session.first(queries.END_SESSION, session_id=row.id, now=accounts.now(), reason="refresh_reused")
    fact = RefreshReused(person_id=row.person_id, session_id=row.id)
    await log.tell(session, fact, owner_id=row.person_id, by=None)
    if ended is not None:
        await tell_ended(session, ended, "refresh_reused", by=None)


async def _end_one(accounts: Accounts, session_id: UUID) -> None:
    async with accounts.database.writing() as session:
        row = await session.first(queries.END_SESSION, session_id=session_id, now=accounts.now(), reason="signed_out")
        if row is not None:
            await tell_ended(session, row, "signed_out", by=row.person_id)
    # Also when it had ended before: whoever ended it may still be telling the others.
    await accounts.announce_ended([session_id])


async def tell_ended(session: WriteSession, row: Row, reason: EndReason, *, by: UUID | None) -> None:
    """Tell that the session of this row (id, person_id) has ended; pass its id to `announce_ended` after the commit."""
    fact = SessionEnded(person_id=row.person_id, session_id=row.id, reason=reason)
    await log.tell(session, fact, owner_id=row.person_id, by=by)
