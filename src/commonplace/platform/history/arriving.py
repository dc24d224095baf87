"""Items that come from elsewhere with their past: out of the archive of another installation.

One statement writes rows, items, all versions and events, as the record always does. Times and numbers of versions are
those of the archive; what the log tells is that they arrived, now.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events.event import Event, payload_of
from commonplace.platform.history.kind import Kind
from commonplace.platform.telemetry.correlation import correlation_id


class PastVersion(TypedDict):
    """A version that ended."""

    version: int
    parent_id: UUID | None
    title: str
    trashed_at: str | None
    state: Mapping[str, Any]  #: in the present shape
    valid_from: str
    valid_until: str
    is_mine: bool  #: whether the owner made it
    kept: bool


class ArrivingItem(TypedDict):
    """An item with its past. Times are RFC 3339, none is later than now, and they follow each other."""

    id: UUID
    parent_id: UUID | None
    title: str
    name_key: str | None
    version: int
    created_at: str
    updated_at: str
    trashed_at: str | None
    values: Mapping[str, Any]
    past: Sequence[PastVersion]
    fact: Event


async def arrive(session: WriteSession, kind: Kind, items: Sequence[ArrivingItem], *, owner_id: UUID) -> Sequence[Row]:
    """Write items of one kind, with the same columns; the ids of those whose id and name were free come back."""
    columns = tuple(sorted(items[0]["values"]))
    rows = [
        {
            **{name: value for name, value in item.items() if name not in {"values", "past", "fact"}},
            "row": item["values"],
            "event": item["fact"].name,
            "payload": payload_of(item["fact"]),
        }
        for item in items
    ]
    past = [{"item_id": item["id"], **version} for item in items for version in item["past"]]
    session.news = True
    return await session.all(
        _statement(kind, columns), input=rows, past=past, owner_id=owner_id, correlation_id=correlation_id.get()
    )


@cache
def _statement(kind: Kind, columns: tuple[str, ...]) -> Query:
    names = ", ".join(("id", *columns))
    values = ", ".join(("given.id", *(f"new.{column}" for column in columns)))
    return Query(
        text(
            f"""
    WITH given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:input AS jsonb)) AS given (id uuid, parent_id uuid, title text,
            name_key text, version integer, created_at timestamptz, updated_at timestamptz, trashed_at timestamptz,
            row jsonb, event text, payload jsonb)
    ), past AS (
        SELECT * FROM jsonb_to_recordset(CAST(:past AS jsonb)) AS past (item_id uuid, version integer, parent_id uuid,
            title text, trashed_at timestamptz, state jsonb, valid_from timestamptz, valid_until timestamptz,
            is_mine boolean, kept boolean)
    ), item AS (
        INSERT INTO platform.item
            (id, kind, owner_id, parent_id, title, name_key, version, created_at, updated_at, trashed_at)
        SELECT id, '{kind.name}', CAST(:owner_id AS uuid), parent_id, title, name_key, version, created_at, updated_at,
            trashed_at
        FROM given ON CONFLICT DO NOTHING RETURNING *
    ), app AS (
        INSERT INTO {kind.qualified_table} ({names})
        SELECT {values} FROM given JOIN item USING (id)
        CROSS JOIN LATERAL jsonb_populate_record(NULL::{kind.qualified_table}, given.row) AS new
        RETURNING *
    ), before AS (
        INSERT INTO platform.version
            (item_id, version, kind, owner_id, parent_id, title, trashed_at, state, schema, valid_from, valid_until,
            epoch, by, kept)
        SELECT past.item_id, past.version, item.kind, item.owner_id, past.parent_id, past.title, past.trashed_at,
            past.state, {kind.schema}, past.valid_from, past.valid_until, epoch.current,
            CASE WHEN past.is_mine THEN item.owner_id END, past.kept
        FROM past JOIN item ON item.id = past.item_id CROSS JOIN platform.epoch
    ), version AS (
        INSERT INTO platform.version
            (item_id, version, kind, owner_id, parent_id, title, trashed_at, state, schema, valid_from, epoch, by)
        SELECT item.id, item.version, item.kind, item.owner_id, item.parent_id, item.title, item.trashed_at,
            to_jsonb(app) - 'id', {kind.schema}, item.updated_at, epoch.current, item.owner_id
        FROM item JOIN app USING (id) CROSS JOIN platform.epoch
    ), event AS (
        INSERT INTO platform.event
            (epoch, at, name, kind, item_id, version, owner_id, parent_id, by, correlation_id, payload)
        SELECT epoch.current, clock_timestamp(), given.event, item.kind, item.id, item.version, item.owner_id,
            item.parent_id, item.owner_id, CAST(:correlation_id AS text), given.payload
        FROM item JOIN given USING (id) CROSS JOIN platform.epoch
    )
    SELECT item.id FROM item
    """
        )
    )
