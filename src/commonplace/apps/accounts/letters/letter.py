"""A letter: a mail with a link that does one thing, once, within its time.

The link's token is the letter's id and a code over it (`link_tokens`), so the handler that sends the mail makes the
same link at each attempt. A token of a letter that was used, has expired or never was finds no row.
"""

from datetime import timedelta
from typing import Final, Literal
from uuid import UUID

from commonplace.apps.accounts import link_tokens
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.letters import queries
from commonplace.apps.accounts.letters.errors import LetterNotValid
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession

Purpose = Literal["verify", "reset", "change", "undo", "register"]
LIFETIMES: Final[dict[Purpose, timedelta]] = {
    "verify": timedelta(hours=24),
    "reset": timedelta(minutes=30),
    "change": timedelta(hours=24),
    "undo": timedelta(days=7),
    "register": timedelta(hours=24),
}


def token_of(accounts: Accounts, letter_id: UUID) -> str:
    """The token in the letter's link."""
    return link_tokens.token_of(accounts.keys.lettering, letter_id)


def letter_id_of(accounts: Accounts, token: str) -> UUID:
    """The letter that a token belongs to.

    Raises:
        LetterNotValid: to none that this installation wrote.
    """
    letter_id = link_tokens.id_of(accounts.keys.all("lettering"), token)
    if letter_id is None:
        raise LetterNotValid
    return letter_id


async def add_letter(
    session: WriteSession,
    accounts: Accounts,
    purpose: Purpose,
    *,
    email: str,
    email_key: str,
    person_id: UUID | None = None,
    network: str = "",
    name: str | None = None,
    password_hash: str | None = None,
    invitation_id: UUID | None = None,
) -> UUID:
    """Write a letter down in the given transaction; its id comes back. It is sent by whoever is told of it."""
    letter_id, now = new_id(), accounts.now()
    await session.execute(
        queries.ADD,
        id=letter_id,
        purpose=purpose,
        person_id=person_id,
        email=email,
        email_key=email_key,
        network=network,
        name=name,
        password_hash=password_hash,
        invitation_id=invitation_id,
        now=now,
        expires_at=now + LIFETIMES[purpose],
    )
    return letter_id


async def read_letter(session: ReadSession, accounts: Accounts, token: str) -> Row:
    """The letter of a token, unused, with who has its address now.

    Raises:
        LetterNotValid: it was used, has expired, or is none of ours.
    """
    letter = await session.first(queries.READ, letter_id=letter_id_of(accounts, token), now=accounts.now())
    if letter is None:
        raise LetterNotValid
    return letter


async def take_letter(session: WriteSession, accounts: Accounts, token: str) -> Row:
    """Use a letter up in the given transaction; of several who try at once, one gets it.

    Raises:
        LetterNotValid: it was used, has expired, or is none of ours.
    """
    letter = await session.first(queries.TAKE, letter_id=letter_id_of(accounts, token), now=accounts.now())
    if letter is None:
        raise LetterNotValid
    return letter
