"""What an archive holds, laid out on a temporary disk so that it can be taken in order: containers before content.

All functions block; callers run them in threads. The archive was verified before.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeVar

import msgspec

from commonplace.platform.leaving.errors import ArchiveRefused
from commonplace.platform.leaving.format import OBJECTS, ItemLine, ObjectLine, VersionLine
from commonplace.platform.leaving.zip_in import ZipIn

DEEPEST: Final = 200  #: levels of containers; deeper ones are not taken
MOST_VERSIONS: Final = 10_000  #: of an item; older ones are not taken
_TABLES: Final = """
CREATE TABLE item (
    id TEXT PRIMARY KEY, app INTEGER NOT NULL, kind TEXT NOT NULL, parent_id TEXT, line BLOB NOT NULL, level INTEGER);
CREATE INDEX item_by_parent ON item (parent_id);
CREATE INDEX item_by_level ON item (app, level, kind, id);
CREATE TABLE version (item_id TEXT, number INTEGER, line BLOB NOT NULL, PRIMARY KEY (item_id, number)) WITHOUT ROWID;
CREATE TABLE object (id TEXT PRIMARY KEY, line BLOB NOT NULL) WITHOUT ROWID;
"""
T = TypeVar("T")


class Staged(NamedTuple):
    """An item and what is known of its past, the oldest version first."""

    item: ItemLine
    past: list[VersionLine]


class Staging:
    """The layout; close it to remove it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="commonplace-read-in-")
        self._db = sqlite3.connect(Path(self._directory.name) / "staged.db", check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + _TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._directory.cleanup()

    def load(self, archive: ZipIn, kinds: Iterable[tuple[str, str]]) -> None:
        """Lay out the items of these kinds (`app`, `kind`) with their versions, and the objects.

        Raises:
            ArchiveRefused: a line is not what it should be, or something comes twice.
        """
        try:
            apps: dict[str, int] = {}
            for app, kind in kinds:
                number = apps.setdefault(app, len(apps))
                for line in archive.lines(f"{app}/{kind}.jsonl"):
                    item = _decoded(line, ItemLine, f"{app}/{kind}")
                    self._db.execute(
                        "INSERT INTO item VALUES (?, ?, ?, ?, ?, NULL)", (item.id, number, kind, item.parent_id, line)
                    )
                for line in archive.lines(f"{app}/{kind}.versions.jsonl"):
                    version = _decoded(line, VersionLine, f"{app}/{kind}.versions")
                    self._db.execute("INSERT INTO version VALUES (?, ?, ?)", (version.item_id, version.version, line))
            for line in archive.lines(OBJECTS):
                self._db.execute("INSERT INTO object VALUES (?, ?)", (_decoded(line, ObjectLine, OBJECTS).id, line))
        except sqlite3.IntegrityError as error:
            raise ArchiveRefused("The archive is refused: it has two things with the same id.") from error
        except (sqlite3.Error, OverflowError) as error:
            raise ArchiveRefused("The archive is refused: what it holds cannot be laid out.") from error
        self._find_levels()

    def batches(self, size: int) -> Iterator[tuple[str, list[Staged]]]:
        """Items of one kind at a time, app after app as they were laid out, containers before what lies in them."""
        groups = self._db.execute(
            "SELECT DISTINCT app, level, kind FROM item WHERE level IS NOT NULL ORDER BY app, level, kind"
        ).fetchall()
        for app, level, kind in groups:
            after = ""
            while rows := self._db.execute(
                "SELECT id, line FROM item WHERE app = ? AND level = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?",
                (app, level, kind, after, size),
            ).fetchall():
                after = rows[-1][0]
                yield kind, [self._staged(msgspec.json.decode(line, type=ItemLine)) for _, line in rows]

    def out_of_reach(self) -> Iterator[ItemLine]:
        """Items that lie too deep, or in themselves."""
        for (line,) in self._db.execute("SELECT line FROM item WHERE level IS NULL LIMIT 1000"):
            yield msgspec.json.decode(line, type=ItemLine)

    def content_bytes(self) -> int:
        """How many bytes of objects there are, by what the archive says of them."""
        lines = self._db.execute("SELECT line FROM object")
        return sum(msgspec.json.decode(line, type=ObjectLine).size_bytes for (line,) in lines)

    def object(self, object_id: str) -> ObjectLine | None:
        """Where the bytes of an object stand."""
        row = self._db.execute("SELECT line FROM object WHERE id = ?", (object_id,)).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=ObjectLine)

    def _staged(self, item: ItemLine) -> Staged:
        rows = self._db.execute(
            "SELECT line FROM version WHERE item_id = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (item.id, item.version, MOST_VERSIONS),
        ).fetchall()
        return Staged(item, [msgspec.json.decode(line, type=VersionLine) for (line,) in reversed(rows)])

    def _find_levels(self) -> None:
        self._db.execute("UPDATE item SET level = 0 WHERE parent_id IS NULL OR parent_id NOT IN (SELECT id FROM item)")
        for level in range(DEEPEST):
            found = self._db.execute(
                "UPDATE item SET level = ? WHERE level IS NULL AND parent_id IN (SELECT id FROM item WHERE level = ?)",
                (level + 1, level),
            )
            if not found.rowcount:
                return


def _decoded(line: bytes, shape: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(line, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArchiveRefused(f"The archive is refused: a line of {name} is not what it should be.") from error
