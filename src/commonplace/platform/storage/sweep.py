"""The sweep: bytes without a row, rows without bytes, and objects that nobody needs any more.

Bytes without a row are left by uploads that died between storing and committing; they are looked for among what is
older than the grace, since an upload under way looks the same. Rows without bytes are lost content: they are reported
and never touched. Objects that nothing points to are not a fault; they are what deleting leaves, and go here.

Memory is bounded: a page of objects and a page of rows at a time, both in the order of keys.
"""

import contextlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.storage.absent import absent_apps
from commonplace.platform.storage.errors import AppsNotInstalled, InvalidKey, ObjectNotFound
from commonplace.platform.storage.keys import ERASED, Category, validate_key
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectInfo, ObjectStorage
from commonplace.platform.storage.removal import MAY_REMOVE

PAGE: Final = 1000  # objects, or rows, at a time
REMOVED_AT_ONCE: Final = 100  # rows a transaction: it holds their locks
EXAMPLES: Final = 1000  # findings that a report names; it counts them all
DEFAULT_GRACE: Final = timedelta(hours=1)
_BEFORE_ALL, _BEHIND_ALL = "", "\x7f"  # keys are of ASCII, ordered by bytes

_KNOWN_KEYS: Final = "SELECT key FROM platform.object WHERE key = ANY(CAST(:keys AS text[]))"
_ROWS: Final = Query(
    text("""
    SELECT id, owner_id, key, size_bytes FROM platform.object
    WHERE key > :after AND key <= :upto ORDER BY key LIMIT :limit
    """)
)
_STILL_THERE: Final = Query(text("SELECT key FROM platform.object WHERE id = :id"))

log = structlog.get_logger(__name__)


@dataclass
class Findings:
    """Some of what was found, and how much it is in all."""

    number: int = 0
    size_bytes: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)  #: at most `EXAMPLES`

    def add(self, size_bytes: int, **example: Any) -> None:
        """Count one finding."""
        self.number += 1
        self.size_bytes += size_bytes
        if len(self.examples) < EXAMPLES:
            self.examples.append({**example, "size_bytes": size_bytes})


@dataclass
class SweepReport:
    """What a sweep found, and what it did about it."""

    is_repair: bool
    objects: int = 0  #: looked at
    without_row: Findings = field(default_factory=Findings)
    without_bytes: Findings = field(default_factory=Findings)
    not_needed: Findings = field(default_factory=Findings)
    strangers: Findings = field(default_factory=Findings)  #: files that are none of ours; never touched
    absent: Sequence[str] = ()  #: apps with tables that are not installed: what they need may be among the findings
    leftovers: int = 0  #: unfinished writes of dead processes, removed

    @property
    def faults(self) -> int:
        """How many discrepancies between bytes and rows are left."""
        return self.without_bytes.number + (0 if self.is_repair else self.without_row.number)


async def sweep(
    storage: ObjectStorage,
    database: Database,
    uses: ObjectUses,
    *,
    repair: bool = False,
    grace: timedelta = DEFAULT_GRACE,
    now: datetime | None = None,
    disregard: Collection[str] = (),
) -> SweepReport:
    """Compare bytes and rows; with `repair`, remove bytes without a row, and objects that nothing points to.

    Args:
        storage: The objects.
        database: Their rows.
        uses: Who may need an object: those of all apps that ever wrote to this database.
        repair: Whether to remove anything.
        grace: What is younger is left alone: an upload stores first and commits a moment later.
        now: The present, unless told otherwise.
        disregard: Schemas of the database that hold no use of this storage, though no installed app has them.

    Raises:
        AppsNotInstalled: there are others, and `repair` was asked for. Nothing was removed.
        StorageUnavailable: the storage as a whole is away. Then nothing is reported lost.
    """
    await storage.check()
    absent = await absent_apps(database, {*uses.apps, *disregard})
    if repair and absent:
        raise AppsNotInstalled(absent)
    report = SweepReport(is_repair=repair, absent=absent)
    before = (now or datetime.now(UTC)) - grace
    await _Sweep(storage, database, uses, report, before).run()
    if repair:
        report.leftovers = await storage.remove_leftovers()
    log.info(
        "storage.swept",
        objects=report.objects,
        without_row=report.without_row.number,
        without_bytes=report.without_bytes.number,
        not_needed=report.not_needed.number,
        repair=repair,
    )
    return report


class _Sweep:
    def __init__(
        self, storage: ObjectStorage, database: Database, uses: ObjectUses, report: SweepReport, before: datetime
    ) -> None:
        self._storage = storage
        self._database = database
        self._report = report
        self._before = before
        self._known = [Query(text(sql)) for sql in (_KNOWN_KEYS, *uses.other_keys)]
        needed = uses.is_needed
        self._not_needed = Query(
            text(f"""
            SELECT object.id, object.owner_id, object.key, object.size_bytes FROM platform.object
            WHERE object.id > :after AND object.created_at < :before AND NOT ({needed})
            ORDER BY object.id LIMIT :limit
            """)
        )
        # Locked rows are somebody's who is about to point to them, or another sweep's.
        self._lock = Query(
            text("SELECT id FROM platform.object WHERE id = ANY(CAST(:ids AS uuid[])) FOR UPDATE SKIP LOCKED")
        )
        # A statement of its own: it sees what was committed while the locks were waited for.
        self._remove = Query(
            text(f"DELETE FROM platform.object WHERE id = ANY(CAST(:ids AS uuid[])) AND NOT ({needed}) RETURNING key")
        )

    async def run(self) -> None:
        after, is_ordered = _BEFORE_ALL, True
        async for page in self._pages():
            last = page[-1].key
            is_ordered = is_ordered and all(
                a < b for a, b in zip([after, *(i.key for i in page)], (i.key for i in page), strict=False)
            )
            await self._look_for_bytes_without_row(page)
            if is_ordered:
                await self._look_for_rows_without_bytes(after, last, {info.key for info in page})
                after = last
        # What is behind the last object; or all rows, when the storage's order is not that of keys.
        await self._look_for_rows_without_bytes(after if is_ordered else _BEFORE_ALL, _BEHIND_ALL, set())
        await self._look_for_objects_not_needed()

    async def _pages(self) -> AsyncIterator[Sequence[ObjectInfo]]:
        page: list[ObjectInfo] = []
        async for info in self._storage.list():
            page.append(info)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    async def _look_for_bytes_without_row(self, page: Sequence[ObjectInfo]) -> None:
        self._report.objects += len(page)
        old = {}
        for info in page:
            if not _is_ours(info.key):
                self._report.strangers.add(info.size_bytes, key=info.key)
            elif info.modified_at < self._before and not info.key.startswith(f"{ERASED}/"):
                old[info.key] = info
        known: set[str] = set()
        async with self._database.reading() as session:
            for query in self._known:
                known |= {row.key for row in await session.all(query, keys=list(old))}
        without_row = [info for key, info in old.items() if key not in known]
        for info in without_row:
            self._report.without_row.add(info.size_bytes, key=info.key, modified_at=info.modified_at.isoformat())
        if self._report.is_repair and without_row:
            await self._storage.delete(*(info.key for info in without_row))

    async def _look_for_rows_without_bytes(self, after: str, upto: str, seen: set[str]) -> None:
        while True:
            async with self._database.reading() as session:
                rows = await session.all(_ROWS, after=after, upto=upto, limit=PAGE)
            for row in rows:
                if row.key not in seen and await self._is_lost(row):
                    self._report.without_bytes.add(
                        row.size_bytes, key=row.key, object_id=str(row.id), owner_id=str(row.owner_id)
                    )
            if len(rows) < PAGE:
                return
            after = rows[-1].key

    async def _is_lost(self, row: Row) -> bool:
        """Whether the bytes are gone, and not only written or removed since the list was made."""
        with contextlib.suppress(ObjectNotFound):
            await self._storage.stat(row.key)
            return False
        async with self._database.reading() as session:
            return bool(await session.scalar(_STILL_THERE, id=row.id) == row.key)

    async def _look_for_objects_not_needed(self) -> None:
        after = UUID(int=0)
        while True:
            async with self._database.reading() as session:
                rows = await session.all(self._not_needed, after=after, before=self._before, limit=REMOVED_AT_ONCE)
            for row in rows:
                self._report.not_needed.add(
                    row.size_bytes, key=row.key, object_id=str(row.id), owner_id=str(row.owner_id)
                )
            if self._report.is_repair and rows:
                await self._remove_objects([row.id for row in rows])
            if len(rows) < REMOVED_AT_ONCE:
                return
            after = rows[-1].id

    async def _remove_objects(self, ids: Sequence[UUID]) -> None:
        async with self._database.writing() as session:
            if not await session.scalar(MAY_REMOVE):
                return  # A backup is copying; they go with the next sweep.
            locked = [row.id for row in await session.all(self._lock, ids=list(ids))]
            removed = await session.all(self._remove, ids=locked)
        # After the commit: bytes whose deletion fails are bytes without a row, and found by the next sweep.
        if removed:
            await self._storage.delete(*(row.key for row in removed))


def _is_ours(key: str) -> bool:
    try:
        return validate_key(key).partition("/")[0] in set(Category)
    except InvalidKey:
        return False
