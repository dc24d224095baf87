"""The first run: a link that makes the first administrator, once.

The link is printed where Commonplace was started, so whoever follows it has access to the machine. Only the digest of
its token is stored, and each start replaces it until there is an administrator.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import LinkNotValid
from commonplace.apps.accounts.letters.asking import ask_verification
from commonplace.apps.accounts.profile import read_profile
from commonplace.apps.accounts.registration import admit, prepare
from commonplace.apps.accounts.schemas import PersonCreate, PersonRead
from commonplace.platform.database.row import Row
from commonplace.platform.parts import Parts

WELCOME_PATH: Final = "/app/welcome"
_TOKEN_BYTES: Final = 32


async def first_run_link(parts: Parts, base_url: str) -> str | None:
    """A new link to become the first administrator; None when there is one. The link given before holds no more."""
    accounts = parts[Accounts]
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    if not accounts.settings.keeps_passwords:
        return None
    async with accounts.database.writing() as session:
        if await session.scalar(queries.ADMINISTRATOR_EXISTS):
            return None
        now = accounts.now()
        await session.execute(
            queries.SET_FIRST_RUN,
            token_digest=_digest(token),
            now=now,
            expires_at=now + timedelta(hours=accounts.settings.first_run_link_hours),
        )
    return f"{base_url.rstrip('/')}{WELCOME_PATH}?{urlencode({'token': token})}"


async def link_is_valid(accounts: Accounts, token: str) -> bool:
    """Whether the link of this token can make the first administrator at this moment."""
    async with accounts.database.reading() as session:
        row = await session.first(queries.FIRST_RUN)
        return _holds(accounts, row, token) and not await session.scalar(queries.ADMINISTRATOR_EXISTS)


async def welcome(accounts: Accounts, *, token: str, person: PersonCreate) -> PersonRead:
    """Make the first administrator; of several who try at once, one becomes it.

    Raises:
        LinkNotValid: the link is wrong, too old, or was used; or there is an administrator.
        AddressTaken: the address has an account; the link still holds.
        MalformedAddress, PasswordNotAllowed, ProfileNotAllowed: something cannot be as it is; the link still holds.
        SignInBusy: too many wait for a hash in this process.
    """
    if not await link_is_valid(accounts, token):
        raise LinkNotValid
    accounts.require_passwords()
    newcomer = await prepare(accounts, person)
    async with accounts.database.writing() as session:
        row = await session.first(queries.FIRST_RUN_TO_USE)
        if not _holds(accounts, row, token) or await session.scalar(queries.ADMINISTRATOR_EXISTS):
            raise LinkNotValid
        person_id = await admit(session, accounts, newcomer, role="administrator", how="first_run")
        await session.execute(queries.END_FIRST_RUN)
        await ask_verification(session, accounts, person_id)
        return await read_profile(session, person_id)


def _holds(accounts: Accounts, row: Row | None, token: str) -> bool:
    if row is None or not hmac.compare_digest(row.token_digest, _digest(token)):
        return False
    return bool(accounts.now() < row.expires_at)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
