"""The record: the one way in which items are written.

One statement writes the app's row, the item, the version and the event, so none can exist without the others. Nothing
else writes an item's table; `tests/contracts` looks for what goes round it.

A version's time is `greatest(clock_timestamp(), previous + 1 µs)`, taken after the item is locked: `now()` is the
transaction's beginning and runs backwards where one waits for a lock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import asyncpg
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.errors import Conflict, Problem
from commonplace.platform.events.event import Event, payload_of
from commonplace.platform.history.departures import tell_below, tell_departures
from commonplace.platform.history.kind import Kind
from commonplace.platform.sharing.rights import hidden
from commonplace.platform.telemetry.correlation import correlation_id


class NameTaken(Conflict):
    """Another item of the same place has this name already."""

    def __init__(self, title: str) -> None:
        super().__init__(f"There is already something named “{title}” here. Choose another name, or another place.")


class StaleVersion(Problem):
    """The item was changed by somebody else since the caller read it."""

    status = HTTPStatus.PRECONDITION_FAILED

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(
            f"You changed version {expected}, but it is at version {actual} now. Load it again and repeat the change.",
            expected_version=expected,
            actual_version=actual,
        )


class ItemFields(TypedDict):
    """What of `platform.item` a change may set."""

    title: NotRequired[str]
    name_key: NotRequired[str | None]
    parent_id: NotRequired[UUID | None]
    trashed_at: NotRequired[datetime | None]


class NewObject(TypedDict):
    """Bytes that were stored for an item, to be registered with it: see `storage/protocol.py`."""

    id: UUID
    key: str
    sha256: str  #: 64 hexadecimal digits
    size_bytes: int


class NewItem(TypedDict):
    """One item to be made by `create_many`.

    With an `object` the column `object_id` and the fact's field of that name become the id of the owner's object with
    these bytes: the one given, or another that was there before. The row's `object_key` tells which.
    """

    id: UUID
    owner_id: UUID
    parent_id: UUID | None
    title: str
    name_key: str | None
    values: Mapping[str, Any]
    fact: Event
    object: NotRequired[NewObject]


async def create(
    session: WriteSession,
    kind: Kind,
    *,
    id: UUID,  # noqa: A002 - the column's name
    owner_id: UUID,
    parent_id: UUID | None,
    title: str,
    values: Mapping[str, Any],
    fact: Event,
    by: UUID | None,
    name_key: str | None = None,
) -> Row:
    """Make an item at version 1 and tell `fact`; the item's and the table's columns come back as one row.

    `values` are the table's columns besides `id`, as JSON values. With a `name_key` the item shares its place with no
    other that has the same one.

    Raises:
        NameTaken: something else in the place has this `name_key`.
    """
    new = NewItem(
        id=id, owner_id=owner_id, parent_id=parent_id, title=title, name_key=name_key, values=values, fact=fact
    )
    return (await create_many(session, kind, [new], by=by))[0]


async def create_many(
    session: WriteSession, kind: Kind, items: Sequence[NewItem], *, by: UUID | None, returning: str | None = None
) -> Sequence[Row]:
    """Make several items of one kind in one statement, with one event each; see `create_where_free`.

    Raises:
        NameTaken: a `name_key` is taken, or given twice. Then the transaction must not be committed: the others were
            made. (A single item was not, and one may go on with another name.)
    """
    rows = await create_where_free(session, kind, items, by=by, returning=returning)
    if len(rows) < len(items):
        made = {row.id for row in rows}
        raise NameTaken(next(item["title"] for item in items if item["id"] not in made))
    return rows


async def create_where_free(
    session: WriteSession, kind: Kind, items: Sequence[NewItem], *, by: UUID | None, returning: str | None = None
) -> Sequence[Row]:
    """Make those of the items whose name is free, in one statement; the rows of these, in no order.

    The items have the same columns, and all of them an `object` or none. `returning` is an expression over the rows
    `item` and `app` (the kind's table), which comes back as the column `returned`; it costs no further round trip.
    """
    if not items:
        return []
    columns = tuple(sorted(items[0]["values"]))
    rows = [
        {
            "id": item["id"],
            "owner_id": item["owner_id"],
            "parent_id": item["parent_id"],
            "title": item["title"],
            "name_key": item["name_key"],
            "row": item["values"],
            "event": item["fact"].name,
            "payload": payload_of(item["fact"]),
            "object": item.get("object"),
        }
        for item in items
    ]
    session.news = True
    statement = _create_statement(kind, columns, "object" in items[0], returning)
    return await session.all(statement, input=rows, by=by, correlation_id=correlation_id.get())


async def lock(session: WriteSession, kind: Kind, item_id: UUID) -> Row | None:
    """The item and its row, locked until the transaction ends; None when there is none of this kind.

    `is_hidden` tells whether something above it is in the trash. The caller decides from the row who may change what;
    nobody's right is looked at here.
    """
    rows = await lock_many(session, kind, [item_id])
    return rows[0] if rows else None


async def lock_many(session: WriteSession, kind: Kind, item_ids: Sequence[UUID]) -> Sequence[Row]:
    """Those of the items that are of this kind, as `lock` gives one.

    They are locked in the order of their ids, so that two transactions never wait for each other in a ring.
    """
    return await session.all(_lock_statement(kind), ids=list(item_ids))


async def change(
    session: WriteSession,
    kind: Kind,
    locked: Row,
    *,
    fact: Event,
    by: UUID | None,
    values: Mapping[str, Any] | None = None,
    item: ItemFields | None = None,
    expected: int | None = None,
    returning: str | None = None,
) -> Row:
    """Write the next version of an item that `lock` gave, and tell `fact`; the new columns come back as one row.

    `values` are columns of the table, `item` those of the item; what is not given stays. `returning`: see
    `create_where_free`.

    Raises:
        StaleVersion: `expected` is given and is not the version that was locked.
        NameTaken: the new name or place is taken.
    """
    if expected is not None and expected != locked.version:
        raise StaleVersion(expected=expected, actual=locked.version)
    values, item = values or {}, item or {}
    statement = _change_statement(kind, tuple(sorted(values)), tuple(sorted(item)), returning)
    entry = {
        "id": locked.id,
        "version": locked.version,
        "row": values,
        "item": item,
        "event": fact.name,
        "payload": payload_of(fact),
    }
    session.news = True
    try:
        row = await session.first(statement, input=[entry], by=by, correlation_id=correlation_id.get())
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "item_name_is_free":
            raise NameTaken(item.get("title", locked.title)) from error
        raise
    if row is None:
        raise LookupError(f"{kind.name} {locked.id} was not locked by this transaction.")
    await _tell_others(session, kind, [(locked, row)], by=by)
    return row


class Changed(NamedTuple):
    """The next version of one locked item, for `change_many`."""

    locked: Row
    values: Mapping[str, Any]
    item: ItemFields
    fact: Event


async def change_many(session: WriteSession, kind: Kind, changes: Sequence[Changed], *, by: UUID | None) -> None:
    """Write the next versions of items that `lock_many` gave, with one event each; see `change`.

    It is one statement for each set of columns that changes have in common.

    Raises:
        NameTaken: a new name or place is taken. Then the transaction must not be committed.
    """
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Changed]] = {}
    for one in changes:
        alike.setdefault((tuple(sorted(one.values)), tuple(sorted(one.item))), []).append(one)
    for (columns, fields), group in alike.items():
        entries = [
            {
                "id": one.locked.id,
                "version": one.locked.version,
                "row": one.values,
                "item": one.item,
                "event": one.fact.name,
                "payload": payload_of(one.fact),
            }
            for one in group
        ]
        session.news = True
        statement = _change_statement(kind, columns, fields, None)
        try:
            rows = await session.all(statement, input=entries, by=by, correlation_id=correlation_id.get())
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "item_name_is_free":
                raise NameTaken(group[0].item.get("title", group[0].locked.title)) from error
            raise
        if len(rows) != len(group):
            raise LookupError(f"Some {kind.name} was not locked by this transaction, or is given twice.")
        now = {row.id: row for row in rows}
        await _tell_others(session, kind, [(one.locked, now[one.locked.id]) for one in group], by=by)


async def _tell_others(
    session: WriteSession, kind: Kind, changed: Sequence[tuple[Row, Row]], *, by: UUID | None
) -> None:
    """Tell whoever no event of these items reaches what it means to them; each is given as it was and as it is."""
    moved = [(now.id, was.parent_id) for was, now in changed if was.parent_id not in {None, now.parent_id}]
    if moved:
        await tell_departures(session, moved, by=by)
    if kind.is_container:
        for is_hidden in (True, False):
            ids = [
                now.id
                for was, now in changed
                if was.trashed_at != now.trashed_at and (now.trashed_at is not None) == is_hidden
            ]
            if ids:
                await tell_below(session, ids, is_hidden=is_hidden, by=by)


_VERSION_AND_EVENT = """
    version AS (
        INSERT INTO platform.version
            (item_id, version, kind, owner_id, parent_id, title, trashed_at, state, schema, valid_from, epoch, by)
        SELECT item.id, item.version, item.kind, item.owner_id, item.parent_id, item.title, item.trashed_at,
            to_jsonb(app) - 'id', {schema}, item.updated_at, epoch.current, CAST(:by AS uuid)
        FROM item JOIN app USING (id) CROSS JOIN platform.epoch
    ), event AS (
        INSERT INTO platform.event
            (epoch, at, name, kind, item_id, version, owner_id, parent_id, by, correlation_id, payload)
        SELECT epoch.current, item.updated_at, input.event, item.kind, item.id, item.version, item.owner_id,
            item.parent_id, CAST(:by AS uuid), CAST(:correlation_id AS text), input.payload
        FROM item JOIN input USING (id) CROSS JOIN platform.epoch
    )
    SELECT item.*, {columns} FROM item JOIN app USING (id)
"""
_PLACED_AT = """
    CASE WHEN given.parent_id IS DISTINCT FROM item.parent_id
        AND platform.brings_grants(item.parent_id, given.parent_id) THEN before.at ELSE item.placed_at END
"""
# An object that its owner has already is locked by the "update", as anyone must who refers to it: the sweep deletes
# under a lock of its own, and then the bytes just stored are registered after all. Items whose name was taken register
# nothing: a row may not remain whose bytes are removed because nothing came of them.
_OBJECTS = """
    object AS (
        INSERT INTO platform.object (id, owner_id, sha256, key, size_bytes)
        SELECT DISTINCT ON (item.owner_id, new.sha256)
            new.id, item.owner_id, decode(new.sha256, 'hex'), new.key, new.size_bytes
        FROM item JOIN given USING (id) CROSS JOIN LATERAL jsonb_to_record(given.object) AS new
            (id uuid, sha256 text, key text, size_bytes bigint)
        ORDER BY item.owner_id, new.sha256
        ON CONFLICT (owner_id, sha256) DO UPDATE SET size_bytes = excluded.size_bytes
        RETURNING id, owner_id, encode(sha256, 'hex') AS sha256, key
    ), """
_WITH_OBJECT = "JOIN object ON object.owner_id = given.owner_id AND object.sha256 = given.object ->> 'sha256'"


@cache
def _create_statement(kind: Kind, columns: tuple[str, ...], with_objects: bool, returning: str | None) -> Query:
    columns = tuple(sorted({*columns, "object_id"})) if with_objects else columns
    names = ", ".join(("id", *columns))
    values = ", ".join(("input.id", *(f"new.{column}" for column in columns)))
    added = " || jsonb_build_object('object_id', object.id)" if with_objects else ""
    selected = _own_columns(kind) + (", object.key AS object_key" if with_objects else "")
    selected += "" if returning is None else f", {returning} AS returned"
    return Query(
        text(
            f"""
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:input AS jsonb)) AS given (id uuid, owner_id uuid, parent_id uuid,
            title text, name_key text, row jsonb, event text, payload jsonb, object jsonb)
    ), item AS (
        INSERT INTO platform.item
            (id, kind, owner_id, parent_id, title, name_key, version, created_at, updated_at)
        SELECT id, '{kind.name}', owner_id, parent_id, title, name_key, 1, moment.at, moment.at
        FROM given CROSS JOIN (SELECT clock_timestamp() AS at) AS moment
        ORDER BY owner_id, parent_id, name_key
        ON CONFLICT (coalesce(parent_id, owner_id), name_key) WHERE trashed_at IS NULL AND name_key IS NOT NULL
        DO NOTHING
        RETURNING *
    ), {_OBJECTS if with_objects else ""} input AS (
        SELECT given.id, given.event, given.row{added} AS row, given.payload{added} AS payload
        FROM given JOIN item USING (id) {_WITH_OBJECT if with_objects else ""}
    ), app AS (
        INSERT INTO {kind.qualified_table} ({names})
        SELECT {values} FROM input
        CROSS JOIN LATERAL jsonb_populate_record(NULL::{kind.qualified_table}, input.row) AS new
        RETURNING *
    ), """
            + _VERSION_AND_EVENT.format(schema=kind.schema, columns=selected)
            + (" JOIN object ON object.id = app.object_id" if with_objects else "")
        )
    )


@cache
def _change_statement(
    kind: Kind, columns: tuple[str, ...], item_fields: tuple[str, ...], returning: str | None
) -> Query:
    sets = ", ".join(f"{column} = given.{column}" for column in columns) or "id = app.id"
    item_sets = "".join(f", {name} = given.{name}" for name in item_fields)
    if "parent_id" in item_fields:
        item_sets += f", placed_at = {_PLACED_AT}"
    selected = _own_columns(kind) + ("" if returning is None else f", {returning} AS returned")
    return Query(
        text(
            f"""
    WITH input AS (
        SELECT * FROM jsonb_to_recordset(CAST(:input AS jsonb)) AS input
            (id uuid, version integer, row jsonb, item jsonb, event text, payload jsonb)
    ), before AS (
        UPDATE platform.version SET valid_until = greatest(clock_timestamp(), version.valid_from + interval '1 us')
        FROM input WHERE version.item_id = input.id AND version.version = input.version AND version.valid_until IS NULL
        RETURNING version.item_id AS id, version.valid_until AS at
    ), item AS (
        UPDATE platform.item SET version = item.version + 1, updated_at = before.at{item_sets}
        FROM input JOIN before USING (id)
        CROSS JOIN LATERAL jsonb_populate_record(NULL::platform.item, input.item) AS given
        WHERE item.id = input.id AND item.version = input.version
        RETURNING item.*
    ), app AS (
        UPDATE {kind.qualified_table} AS app SET {sets}
        FROM input CROSS JOIN LATERAL jsonb_populate_record(NULL::{kind.qualified_table}, input.row) AS given
        WHERE app.id = input.id
        RETURNING app.*
    ), """
            + _VERSION_AND_EVENT.format(schema=kind.schema, columns=selected)
        )
    )


@cache
def _lock_statement(kind: Kind) -> Query:
    return Query(
        text(
            f"SELECT item.*, {_own_columns(kind)}, {hidden('item')} AS is_hidden"
            f" FROM platform.item JOIN {kind.qualified_table} AS app USING (id)"
            f" WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind = '{kind.name}'"
            # Both: of a row that is only joined, one who waited for the lock would read what stood there before.
            " ORDER BY item.id FOR UPDATE OF item, app"
        )
    )


def _own_columns(kind: Kind) -> str:
    own = [f"app.{column}" for column in kind.columns if column != "id"]
    return ", ".join(own) or "app.id"
