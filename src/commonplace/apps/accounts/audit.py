"""The trail of what those who look after people did: who, to whom, when. It is written with what it tells of."""

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from commonplace.apps.accounts import people_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.csv_text import csv_lines
from commonplace.apps.accounts.people_schemas import AuditEntryRead, AuditPage
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.pages import read_cursor, write_cursor
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.http.moments import moment_of_cursor

Action = Literal[
    "created", "invited", "invitation_revoked", "joined", "suspended", "reinstated", "role_changed", "password_reset",
    "signed_out", "erased", "second_factor_required", "second_factor_waived", "quota_changed",
]  # fmt: skip

CSV_COLUMNS: Final = (
    "at", "action", "detail", "person_id", "person_name", "person_email", "by_id", "by_name", "is_on_server",
)  # fmt: skip
_CSV_BATCH: Final = 500


class _Cursor(NamedTuple):
    """Where a page ended."""

    at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which entries are asked for; None: whatever it is."""

    action: Action | None = None
    person_id: UUID | None = None  #: to whom
    by_id: UUID | None = None  #: by whom
    words: str | None = None  #: in a name or the person's address
    since: datetime | None = None
    until: datetime | None = None  #: not itself


async def note(
    session: WriteSession,
    accounts: Accounts,
    action: Action,
    person_id: UUID | None,
    *,
    by: UUID | None,
    detail: str | None = None,
    address: str | None = None,
    invitation_id: UUID | None = None,
) -> None:
    """Write an entry in the given transaction. `by` is None for what was done on the server, by a command.

    `person_id` is None for what concerns nobody who has an account; `address` is whom it concerns then, if anybody.
    """
    await session.execute(
        people_queries.ADD_AUDIT_ENTRY,
        id=new_id(),
        now=accounts.now(),
        action=action,
        person_id=person_id,
        by_id=by,
        is_on_server=by is None,
        detail=detail,
        address=address,
        invitation_id=invitation_id,
    )


async def note_without_person(session: WriteSession, accounts: Accounts, erasure_id: UUID, *, by: UUID | None) -> None:
    """Write that somebody was erased: by whom, and by which receipt. Noted once, however often it is called."""
    await session.execute(
        people_queries.ADD_AUDIT_ENTRY_OF_ERASURE,
        id=erasure_id,
        now=accounts.now(),
        by_id=by,
        is_on_server=by is None,
        detail=f"receipt {erasure_id}",
    )


async def list_entries(session: ReadSession, wanted: Filter, *, limit: int, after: str | None) -> AuditPage:
    """The trail, the latest first.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    place = None if after is None else read_cursor(after, _Cursor)
    rows = await session.all(
        people_queries.LIST_AUDIT_ENTRIES,
        before=place and moment_of_cursor(place.at),
        before_id=place and place.id,
        limit=limit + 1,
        **asdict(wanted),
    )
    items = [AuditEntryRead(**row) for row in rows[:limit]]
    following = write_cursor(items[-1].at, items[-1].id) if len(rows) > limit else None
    return AuditPage(items=items, next=following)


async def entries_as_csv(accounts: Accounts, wanted: Filter) -> AsyncIterator[bytes]:
    """The same as CSV, piece by piece; see `csv_lines`."""
    yield csv_lines([CSV_COLUMNS])
    after: str | None = None
    while True:
        async with accounts.database.reading() as session:
            page = await list_entries(session, wanted, limit=_CSV_BATCH, after=after)
        if page.items:
            yield csv_lines([getattr(entry, column) for column in CSV_COLUMNS] for entry in page.items)
        if page.next is None:
            return
        after = page.next
