"""Items that are a title and a few columns, in nobody's container: lists and saved filters. One service for both."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from starlette.responses import Response

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.errors import TaskFilterNotFound, TaskListNotFound
from commonplace.apps.tasks.events import (
    TaskFilterChanged,
    TaskFilterCreated,
    TaskFilterRestored,
    TaskFilterTrashed,
    TaskListChanged,
    TaskListCreated,
    TaskListRestored,
    TaskListTrashed,
)
from commonplace.apps.tasks.models import TASK_FILTER, TASK_LIST
from commonplace.apps.tasks.order import last
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.pages import json_page, read_cursor, whole_of_cursor, write_cursor
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.errors import Problem
from commonplace.platform.events.event import Event
from commonplace.platform.history import record, trash
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.record import ItemFields, StaleVersion
from commonplace.platform.identity.caller import Caller
from commonplace.platform.sharing.errors import PlaceNotYours, ReadOnly


class Written(NamedTuple):
    """An item as it is now."""

    json: str
    version: int
    id: UUID


class _Cursor(NamedTuple):
    """Where a page ended."""

    key: str
    id: UUID


@dataclass(frozen=True, kw_only=True, eq=False)
class Plain:
    """What the two have in common, and what tells them apart."""

    kind: Kind
    json: str
    not_found: Callable[[], Problem]
    created: Callable[[UUID], Event]
    changed: Callable[[UUID], Event]
    trashed: Callable[[UUID], Event]
    restored: Callable[[UUID], Event]
    one: Query
    first_page: Query
    later_page: Query

    async def page(self, session: ReadSession, caller: Caller, *, limit: int, after: str | None) -> Response:
        """A page, in the person's order.

        Raises:
            UnknownPage: `after` is no cursor of this list.
        """
        place: dict[str, Any] = {}
        if after is not None:
            cursor = read_cursor(after, _Cursor)
            place = {"key": str(whole_of_cursor(cursor.key)), "id": cursor.id}
        statement = self.later_page if place else self.first_page
        row = await session.first(statement, person_id=caller.person_id, limit=limit + 1, **place)
        if row is None:
            raise LookupError("An aggregate always answers with a row.")
        following = write_cursor(row["key"], row["id"]) if row["found"] > limit else None
        return Response(json_page(row["items"], following), media_type="application/json")

    async def read(self, session: ReadSession, caller: Caller, item_id: UUID) -> Written:
        """One that the caller can see; otherwise `not_found` is raised."""
        row = await session.first(self.one, id=item_id, person_id=caller.person_id)
        if row is None:
            raise self.not_found()
        return Written(row.json, row.version, item_id)

    async def create(self, session: WriteSession, caller: Caller, title: str, values: Mapping[str, Any]) -> Written:
        """A new one, of the caller; it is one statement. A `position` of None is the last."""
        item_id = new_id()
        new = record.NewItem(
            id=item_id,
            owner_id=caller.person_id,
            parent_id=None,
            title=title,
            name_key=None,
            values={**values, "position": last() if values["position"] is None else values["position"]},
            fact=self.created(item_id),
        )
        (row,) = await record.create_many(session, self.kind, [new], by=caller.person_id, returning=self.json)
        return Written(row.returned, row.version, item_id)

    async def change(
        self,
        session: WriteSession,
        caller: Caller,
        item_id: UUID,
        *,
        title: str | None,
        values: Mapping[str, Any],
        expected: int | None,
    ) -> Written:
        """Change what differs; nothing is written where nothing does.

        Raises:
            StaleVersion: `expected` is given and is not the item's version.
            ReadOnly: the caller may only see it.
        """
        locked = await self._locked(session, caller, item_id, expected)
        values = {name: value for name, value in values.items() if locked[name] != value}
        fields: ItemFields = {} if title is None or title == locked.title else {"title": title}
        if not values and not fields:
            return await self.read(session, caller, item_id)
        row = await record.change(
            session,
            self.kind,
            locked,
            values=values,
            item=fields,
            fact=self.changed(item_id),
            by=caller.person_id,
            returning=self.json,
        )
        return Written(row.returned, row.version, item_id)

    async def trash(self, session: WriteSession, caller: Caller, item_id: UUID, *, expected: int | None) -> None:
        """Move it to the trash, as only its owner may, and what lies in it out of sight.

        Raises:
            StaleVersion: `expected` is given and is not the item's version.
            ReadOnly, PlaceNotYours: it belongs to somebody else.
        """
        locked = await self._locked(session, caller, item_id, expected)
        if locked.owner_id != caller.person_id:
            raise PlaceNotYours
        await trash.trash(session, self.kind, locked, fact=self.trashed(item_id), by=caller.person_id)

    async def restore(self, session: WriteSession, caller: Caller, item_id: UUID) -> Written:
        """Take it out of the trash, as only its owner may; one that can be seen stays as it is."""
        locked = await record.lock(session, self.kind, item_id)
        right = await self._right(session, caller, item_id)
        if locked is None or right is None or not right.may_read:
            raise self.not_found()
        if locked.trashed_at is not None:
            if not right.may_put_back:
                raise self.not_found()
            fact = self.restored(item_id)
            fields: ItemFields = {"trashed_at": None}
            await record.change(session, self.kind, locked, item=fields, fact=fact, by=caller.person_id)
        return await self.read(session, caller, item_id)

    async def _locked(self, session: WriteSession, caller: Caller, item_id: UUID, expected: int | None) -> Row:
        locked = await record.lock(session, self.kind, item_id)
        right = await self._right(session, caller, item_id)
        if locked is None or right is None or not right.is_seen:
            raise self.not_found()
        if not right.may_write:
            raise ReadOnly
        if expected is not None and expected != locked.version:
            raise StaleVersion(expected=expected, actual=locked.version)
        return locked

    async def _right(self, session: ReadSession, caller: Caller, item_id: UUID) -> Row | None:
        return await session.first(queries.RIGHTS, ids=[item_id], kind=self.kind.name, person_id=caller.person_id)


def _plain(kind: Kind, json: str, **what: Any) -> Plain:
    first_page, later_page = queries.plain_page(kind.qualified_table, json, kind.name)
    one = queries.plain_one(kind.qualified_table, json, kind.name)
    return Plain(kind=kind, json=json, one=one, first_page=first_page, later_page=later_page, **what)


LISTS = _plain(
    TASK_LIST,
    queries.TASK_LIST_JSON,
    not_found=TaskListNotFound,
    created=lambda item_id: TaskListCreated(list_id=item_id),
    changed=lambda item_id: TaskListChanged(list_id=item_id),
    trashed=lambda item_id: TaskListTrashed(list_id=item_id),
    restored=lambda item_id: TaskListRestored(list_id=item_id),
)
FILTERS = _plain(
    TASK_FILTER,
    queries.TASK_FILTER_JSON,
    not_found=TaskFilterNotFound,
    created=lambda item_id: TaskFilterCreated(filter_id=item_id),
    changed=lambda item_id: TaskFilterChanged(filter_id=item_id),
    trashed=lambda item_id: TaskFilterTrashed(filter_id=item_id),
    restored=lambda item_id: TaskFilterRestored(filter_id=item_id),
)
