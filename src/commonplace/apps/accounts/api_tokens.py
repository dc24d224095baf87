"""API tokens: a person's keys for programs, each for some apps, until a day or until it is revoked.

An app password is the same thing: a token in the place of the password, for programs that know nothing else. A token
acts as an ordinary user, also that of an administrator, and opens no route of accounts: what it could do there, making
more of itself for one, no scope admits.
"""

import hashlib
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from commonplace.apps.accounts import token_queries as queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import TokenNotAllowed, TokenNotFound, TooManyTokens
from commonplace.apps.accounts.events import ApiTokenMade, ApiTokenRevoked, TokenEndReason
from commonplace.apps.accounts.profile_rules import is_line
from commonplace.apps.accounts.token_schemas import LONGEST_TOKEN_NAME, TokenCreate, TokenMade, TokenPage, TokenRead
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.pages import read_cursor, write_cursor
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.api_tokens import new_token
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.identity.scopes import Scopes

MOST_TOKENS: Final = 100  #: of one person, expired ones included


async def make_token(accounts: Accounts, scopes: Scopes, person_id: UUID, wanted: TokenCreate) -> TokenMade:
    """Make a token; its text exists nowhere but in what comes back.

    Raises:
        TokenNotAllowed: the name, a scope or the day cannot be.
        TooManyTokens: the person has as many as one may have.
        SessionOver: the account is gone since the caller was verified.
    """
    name = _clean_name(wanted.name)
    _refuse_unknown(wanted.scopes, scopes)
    now = accounts.now()
    expires_at = _clean_end(wanted.expires_at, now)
    token, token_id = new_token(), new_id()
    kept = sorted(set(wanted.scopes))
    async with accounts.database.writing() as session:
        if await session.scalar(queries.LOCK_ACCOUNT, person_id=person_id) is None:
            raise SessionOver
        if await session.scalar(queries.COUNT_TOKENS, person_id=person_id) >= MOST_TOKENS:
            raise TooManyTokens(MOST_TOKENS)
        await session.execute(
            queries.ADD_TOKEN,
            id=token_id,
            person_id=person_id,
            name=name,
            scopes=kept,
            digest=hashlib.sha256(token.encode()).digest(),
            now=now,
            expires_at=expires_at,
        )
        fact = ApiTokenMade(person_id=person_id, token_id=token_id, scopes=tuple(kept), expires_at=expires_at)
        await log.tell(session, fact, owner_id=person_id, by=person_id)
    return TokenMade(
        id=token_id,
        name=name,
        scopes=kept,
        created_at=now,
        expires_at=expires_at,
        last_used_at=None,
        is_expired=False,
        token=token,
    )


async def list_tokens(
    session: ReadSession, accounts: Accounts, person_id: UUID, *, limit: int, after: str | None
) -> TokenPage:
    """A page of the person's tokens, the newest first.

    Raises:
        UnknownPage: `after` leads to none.
    """
    before = None if after is None else read_cursor(after, tuple[UUID])[0]
    rows = await session.all(queries.TOKENS, person_id=person_id, before=before, limit=limit + 1, now=accounts.now())
    items = [TokenRead.model_validate(dict(row)) for row in rows[:limit]]
    return TokenPage(items=items, next=write_cursor(items[-1].id) if len(rows) > limit else None)


async def revoke_token(accounts: Accounts, person_id: UUID, token_id: UUID) -> None:
    """Revoke one of the person's tokens; when this returns, no process admits it any more.

    Raises:
        TokenNotFound: the person has no such token.
    """
    async with accounts.database.writing() as session:
        if await session.scalar(queries.REVOKE_TOKEN, token_id=token_id, person_id=person_id) is None:
            raise TokenNotFound
        await _tell_revoked(session, person_id, token_id, "revoked", by=person_id)
    await accounts.announce_ended([token_id])


async def revoke_tokens_of(
    session: WriteSession, person_id: UUID, *, reason: TokenEndReason, by: UUID | None
) -> Sequence[UUID]:
    """Revoke all of a person's tokens in the given transaction; pass what comes back to `announce_ended` after it."""
    rows = await session.all(queries.REVOKE_TOKENS_OF_PERSON, person_id=person_id)
    for row in rows:
        await _tell_revoked(session, person_id, row.id, reason, by=by)
    return [row.id for row in rows]


async def token_ids_of(session: ReadSession, person_id: UUID) -> Sequence[UUID]:
    """The ids of a person's tokens: for `announce_ended`, when what they admit may have changed."""
    return [row.id for row in await session.all(queries.TOKEN_IDS, person_id=person_id)]


async def _tell_revoked(
    session: WriteSession, person_id: UUID, token_id: UUID, reason: TokenEndReason, *, by: UUID | None
) -> None:
    fact = ApiTokenRevoked(person_id=person_id, token_id=token_id, reason=reason)
    await log.tell(session, fact, owner_id=person_id, by=by)


def _clean_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text.strip())
    if not name or len(name) > LONGEST_TOKEN_NAME or not is_line(name):
        raise TokenNotAllowed(
            "name", f"Give the token a name of 1 to {LONGEST_TOKEN_NAME} characters, such as what it is for."
        )
    return name


def _clean_end(moment: datetime | None, now: datetime) -> datetime | None:
    try:
        ends_at = None if moment is None else moment.astimezone(UTC)
    except OverflowError:  # a year that UTC does not have
        ends_at = now
    if ends_at is not None and ends_at <= now:
        raise TokenNotAllowed("expires_at", "The day on which the token ends must lie ahead; null means never.")
    return ends_at


def _refuse_unknown(wanted: Sequence[str], scopes: Scopes) -> None:
    unknown = sorted(set(wanted) - scopes.all)
    if unknown or not wanted:
        what = f"There is no scope {', '.join(unknown)}" if unknown else "A token without a scope opens nothing"
        raise TokenNotAllowed("scopes", f"{what}; there are {', '.join(sorted(scopes.all))}.")
