"""A person's own sign-ins and failed tries, for as long as `history_days`: page by page, or as CSV."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from commonplace.apps.accounts import history_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.csv_text import csv_lines
from commonplace.apps.accounts.limits import CUT_OFF_AFTER
from commonplace.apps.accounts.session_schemas import SignInPage, SignInRead
from commonplace.apps.accounts.user_agents import program_of
from commonplace.platform.database.pages import read_cursor, write_cursor
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.moments import moment_of_cursor

Outcome = Literal["signed_in", "second_step", "refused"]

CSV_COLUMNS: Final = (
    "at", "outcome", "method", "device", "is_on_new_device", "address", "network", "user_agent", "session_id",
)  # fmt: skip
_CSV_BATCH: Final = 500  # rows read at a time; no connection is held while they are sent


class _Cursor(NamedTuple):
    """Where a page ended."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which sign-ins are asked for; None: whatever it is."""

    outcome: Outcome | None = None
    address: str | None = None  #: or network
    since: datetime | None = None
    until: datetime | None = None  #: not itself


async def list_sign_ins(
    session: ReadSession, accounts: Accounts, person_id: UUID, wanted: Filter, *, limit: int, after: str | None
) -> SignInPage:
    """A person's sign-ins and tries, the latest first. Those under way are not among them.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    place = None if after is None else read_cursor(after, _Cursor)
    rows = await session.all(
        history_queries.SIGN_INS,
        person_id=person_id,
        now=accounts.now(),
        cut_off_before=accounts.now() - CUT_OFF_AFTER,
        before=place and moment_of_cursor(place.at),
        before_id=place and place.id,
        limit=limit + 1,
        **asdict(wanted),
    )
    items = [SignInRead(**row, device=str(program_of(row.user_agent))) for row in rows[:limit]]
    following = write_cursor(items[-1].at, items[-1].id) if len(rows) > limit else None
    return SignInPage(items=items, next=following)


async def sign_ins_as_csv(accounts: Accounts, person_id: UUID, wanted: Filter) -> AsyncIterator[bytes]:
    """The same as CSV, piece by piece; see `csv_lines`."""
    yield csv_lines([CSV_COLUMNS])
    after: str | None = None
    while True:
        async with accounts.database.reading() as session:
            page = await list_sign_ins(session, accounts, person_id, wanted, limit=_CSV_BATCH, after=after)
        if page.items:
            yield csv_lines([getattr(entry, column) for column in CSV_COLUMNS] for entry in page.items)
        if page.next is None:
            return
        after = page.next
