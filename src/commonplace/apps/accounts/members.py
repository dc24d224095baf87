"""People as those see them who look after them."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from commonplace.apps.accounts import people, people_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.errors import PersonNotFound
from commonplace.apps.accounts.people_schemas import MemberChange, MemberPage, MemberRead
from commonplace.apps.accounts.picture_paths import SMALL, picture_path
from commonplace.platform.database.pages import read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.moments import moment_of_cursor


class _Cursor(NamedTuple):
    """Where a page ended."""

    created_at: datetime
    id: UUID


async def list_members(
    session: ReadSession,
    accounts: Accounts,
    *,
    words: str | None,
    role: str | None,
    state: str | None,
    limit: int,
    after: str | None,
) -> MemberPage:
    """People, the longest here first; `words` stands in their name or address.

    Raises:
        UnknownPage: `after` is no cursor of this list.
    """
    place = None if after is None else read_cursor(after, _Cursor)
    rows = await session.all(
        people_queries.LIST_PEOPLE,
        now=accounts.now(),
        words=words,
        role=role,
        state=state,
        since=place and moment_of_cursor(place.created_at),
        since_id=place and place.id,
        limit=limit + 1,
    )
    items = [_read(row) for row in rows[:limit]]
    following = write_cursor(items[-1].created_at, items[-1].id) if len(rows) > limit else None
    return MemberPage(items=items, next=following)


async def read_member(session: ReadSession, accounts: Accounts, person_id: UUID) -> MemberRead:
    """One person.

    Raises:
        PersonNotFound: there is none with this id.
    """
    row = await session.first(people_queries.ONE_PERSON, person_id=person_id, now=accounts.now())
    if row is None:
        raise PersonNotFound(person_id)
    return _read(row)


async def change_member(accounts: Accounts, person_id: UUID, change: MemberChange, *, by: UUID) -> MemberRead:
    """Change a person's role, state, quota, or what is asked of them, each at once for all of their sessions.

    Raises:
        PersonNotFound: there is none with this id.
        LastAdministrator: nobody would be left to look after the installation.
    """
    if change.role is not None:
        await people.set_role(accounts, person_id, change.role, by=by)
    if change.state == "suspended":
        await people.suspend(accounts, person_id, by=by)
    elif change.state == "active":
        await people.reinstate(accounts, person_id, by=by)
    if change.needs_second_factor is not None:
        await people.require_second_factor(accounts, person_id, is_required=change.needs_second_factor, by=by)
    if change.quota_bytes is not None:
        quota_bytes = None if change.quota_bytes == "default" else change.quota_bytes
        await people.give_quota(accounts, person_id, quota_bytes, by=by)
    async with accounts.database.reading() as session:
        return await read_member(session, accounts, person_id)


def _read(row: Row) -> MemberRead:
    known = dict(row)
    picture_id = known.pop("picture_id")
    return MemberRead(**known, picture=None if picture_id is None else picture_path(picture_id, SMALL))
