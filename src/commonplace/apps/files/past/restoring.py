"""Writing back how files and folders were, a batch at a time: each item as a whole, or not at all.

Somebody may be at work in the meantime. What is not at the version that it had when the plan was made is left as it is,
and noted: nothing is written over that nobody has seen. Every state that is written over stays a version.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.past import facts, queries
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events.event import Event
from commonplace.platform.history import places, record
from commonplace.platform.history.kind import Kind
from commonplace.platform.history.places import MoveIntoOwnSubtree, TooDeep, name_key
from commonplace.platform.history.record import Changed, ItemFields, NameTaken

Outcome = Literal["done", "numbered", "same", "left"]
Reason = Literal["gone", "changed", "changed_inside", "not_kept", "place_gone", "into_itself", "too_deep", "name_taken"]

_TRIES: Final = 3
_KINDS: Final = {kind.name: kind for kind in (FILE, FOLDER)}


class Came(NamedTuple):
    """What came of one item."""

    item_id: UUID
    outcome: Outcome
    to_version: int | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Write:
    """The next version of one item."""

    kind: Kind
    locked: Row
    values: dict[str, Any]
    fields: ItemFields
    fact: Event
    needs_name: bool  #: whether it takes a name that it does not have now


class Restorer:
    """Writes back items of one owner, within one transaction."""

    def __init__(self, session: WriteSession, owner_id: UUID, *, deepest: int) -> None:
        self._session = session
        self._owner_id = owner_id
        self._deepest = deepest
        self._open: dict[UUID, bool] = {}

    async def restore(self, items: Sequence[Row]) -> list[Came]:
        """Write back `items`, rows of `files.restored_item` of one phase and level; what came of each."""
        session = self._session
        if any(item.kind == FOLDER.name for item in items):
            await places.lock_moves(session, self._owner_id)
        locked: dict[UUID, Row] = {}
        for kind in _KINDS.values():
            ids = [item.item_id for item in items if item.kind == kind.name]
            if ids:
                locked |= {row.id: row for row in await record.lock_many(session, kind, ids)}
        wanted = [item for item in items if item.target_version is not None]
        rows = await session.all(
            queries.TARGETS,
            ids=[item.item_id for item in wanted],
            versions=[item.target_version for item in wanted],
        )
        targets = {row.item_id: row for row in rows}
        came: list[Came] = []
        writes: list[_Write] = []
        for item in items:
            decided = await self._decide(item, locked.get(item.item_id), targets.get(item.item_id))
            (came if isinstance(decided, Came) else writes).append(decided)  # type: ignore[arg-type]
        return came + await self._write(writes)

    async def rename(self, items: Sequence[Row]) -> list[Came]:
        """Give their own names to items that had to take others, where these are free by now."""
        came: list[Came] = []
        for item in items:
            kind = _KINDS[item.kind]
            locked = await record.lock(self._session, kind, item.item_id)
            rows = await self._session.all(queries.TARGETS, ids=[item.item_id], versions=[item.target_version])
            if locked is None or not rows or locked.version != item.to_version or locked.trashed_at is not None:
                continue
            title = locked.title if item.how == "place" else rows[0].title
            place = locked.parent_id or self._owner_id
            if await places.taken(self._session, place, [title]):
                continue
            fields = ItemFields(title=title, name_key=name_key(title))
            fact = facts.back(kind, locked, parent_id=locked.parent_id, values={}, version=rows[0].version)
            written = await self._try(
                _Write(kind=kind, locked=locked, values={}, fields=fields, fact=fact, needs_name=True), title
            )
            if written:
                came.append(Came(item.item_id, "done", locked.version + 1))
        return came

    async def _decide(self, item: Row, locked: Row | None, target: Row | None) -> Came | _Write:
        """What is to be written for an item; or what came of it, when that is nothing."""
        if locked is None:
            return Came(item.item_id, "left", reason="gone")
        if locked.version != item.from_version:
            return Came(item.item_id, "left", reason="changed")
        kind = _KINDS[item.kind]
        if item.how == "trash":
            return Came(locked.id, "same") if locked.trashed_at is not None else _to_trash(kind, locked)
        if target is None:
            return Came(locked.id, "left", reason="not_kept")
        refusal = await self._refusal(kind, locked, target.parent_id)
        if refusal is not None:
            # What must leave the folder, and has no place any more that it could go to, goes to the trash.
            return _to_trash(kind, locked) if item.how == "place" else Came(locked.id, "left", reason=refusal)
        return _back(kind, locked, target, only_place=item.how == "place")

    async def _refusal(self, kind: Kind, locked: Row, parent_id: UUID | None) -> Reason | None:
        """Why an item cannot lie there."""
        if parent_id is None:
            return None
        if parent_id not in self._open:
            self._open[parent_id] = await places.is_open(self._session, self._owner_id, parent_id)
        if not self._open[parent_id]:
            return "place_gone"
        if kind is FOLDER and parent_id != locked.parent_id:
            try:
                await places.require_move(self._session, self._owner_id, locked.id, parent_id, limit=self._deepest)
            except MoveIntoOwnSubtree:
                return "into_itself"
            except TooDeep:
                return "too_deep"
        return None

    async def _write(self, writes: Sequence[_Write]) -> list[Came]:
        """Write all at once those whose names are free, and one by one the others."""
        free, others = await self._sorted_by_names(writes)
        await self._session.execute(queries.SAVEPOINT)
        try:
            for kind in _KINDS.values():
                changes = [Changed(one.locked, one.values, one.fields, one.fact) for one in free if one.kind is kind]
                if changes:
                    await record.change_many(self._session, kind, changes, by=self._owner_id)
        except NameTaken:  # somebody was faster
            await self._session.execute(queries.TO_SAVEPOINT)
            free, others = [], list(writes)
        came = [Came(one.locked.id, "done", one.locked.version + 1) for one in free]
        return came + [await self._write_alone(one) for one in others]

    async def _sorted_by_names(self, writes: Sequence[_Write]) -> tuple[list[_Write], list[_Write]]:
        by_place: dict[UUID, list[str]] = {}
        for one in writes:
            if one.needs_name:
                by_place.setdefault(_place(one, self._owner_id), []).append(one.fields["title"])
        taken = {place: await places.taken(self._session, place, titles) for place, titles in by_place.items()}
        free: list[_Write] = []
        others: list[_Write] = []
        for one in writes:
            if one.needs_name:
                names, key = taken[_place(one, self._owner_id)], name_key(one.fields["title"])
                (others if key in names else free).append(one)
                names.add(key)
            else:
                free.append(one)
        return free, others

    async def _write_alone(self, one: _Write) -> Came:
        wanted, place = one.fields.get("title", one.locked.title), _place(one, self._owner_id)
        for _ in range(_TRIES):
            title = wanted
            if one.needs_name and await places.taken(self._session, place, [wanted]):
                await places.lock_name(self._session, place, wanted)
                numbered = facts.numbered(one.kind)
                title = await places.free_title(self._session, place, lambda number: numbered(wanted, number))  # noqa: B023 - called at once
            if await self._try(one, title):
                return Came(one.locked.id, "done" if title == wanted else "numbered", one.locked.version + 1)
        return Came(one.locked.id, "left", reason="name_taken")

    async def _try(self, one: _Write, title: str) -> bool:
        """Write one item under this name; whether it was free."""
        fields = one.fields | ItemFields(title=title, name_key=name_key(title)) if one.needs_name else one.fields
        await self._session.execute(queries.SAVEPOINT)
        try:
            await record.change(
                self._session, one.kind, one.locked, values=one.values, item=fields, fact=one.fact, by=self._owner_id
            )
        except NameTaken:
            await self._session.execute(queries.TO_SAVEPOINT)
            return False
        return True


def _to_trash(kind: Kind, locked: Row) -> _Write:
    return _Write(
        kind=kind,
        locked=locked,
        values={},
        fields=ItemFields(trashed_at=datetime.now(UTC)),
        fact=facts.trashed(kind, locked.id),
        needs_name=False,
    )


def _back(kind: Kind, locked: Row, target: Row, *, only_place: bool) -> Came | _Write:
    state = {} if only_place else kind.current_state(target.state, target.schema)
    values = {
        name: state[name]
        for name in kind.columns
        if name in state and state[name] != locked[name] and state[name] != str(locked[name])
    }
    if "object_id" in values:  # what is told of new bytes tells all of them
        values |= {name: state[name] for name in ("media_type", "size_bytes")}
    title = locked.title if only_place else target.title
    is_elsewhere = target.parent_id != locked.parent_id or locked.trashed_at is not None
    if not (values or is_elsewhere or title != locked.title):
        return Came(locked.id, "same")
    return _Write(
        kind=kind,
        locked=locked,
        values=values,
        fields=ItemFields(parent_id=target.parent_id, title=title, name_key=name_key(title), trashed_at=None),
        fact=facts.back(kind, locked, parent_id=target.parent_id, values=values, version=target.version),
        needs_name=is_elsewhere or name_key(title) != locked.name_key,
    )


def _place(one: _Write, owner_id: UUID) -> UUID:
    return one.fields.get("parent_id", one.locked.parent_id) or owner_id
