"""The archives of people, as the database knows them: asked for, at work, done, gone."""

from collections.abc import Sequence
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.leaving.errors import ArchiveNotFound, ArchiveUnderWay
from commonplace.platform.leaving.events import ArchiveAsked, ArchiveProgressed, ArchiveSent

Direction = Literal["out", "in"]

_COLUMNS: Final = """
    id, person_id, direction, state, asked_at, ended_at, expires_at, done_bytes, total_bytes, key, size_bytes, sha256,
    problem, report
"""
_ADD = Query(
    text(f"""
    INSERT INTO platform.archive (id, person_id, direction, key, size_bytes, sha256)
    VALUES (:id, :person_id, :direction, :key, :size_bytes, :sha256)
    ON CONFLICT (person_id, direction) WHERE state IN ('waiting', 'running') DO NOTHING RETURNING {_COLUMNS}
    """)
)
_LIST = Query(
    text(f"""
    SELECT {_COLUMNS} FROM platform.archive
    WHERE person_id = :person_id AND (CAST(:before AS uuid) IS NULL OR id < CAST(:before AS uuid))
    ORDER BY id DESC LIMIT :limit
    """)
)
_READ = Query(text(f"SELECT {_COLUMNS} FROM platform.archive WHERE id = :id"))
_IS_READING = Query(
    text("""
    SELECT EXISTS (SELECT FROM platform.archive
        WHERE person_id = :person_id AND direction = 'in' AND state IN ('waiting', 'running'))
    """)
)
#: What a command reads in has no key; if that command lives, it is told by its next sign of progress.
_TAKE_OVER = Query(
    text("""
    UPDATE platform.archive SET state = 'cancelled', ended_at = clock_timestamp()
    WHERE person_id = :person_id AND direction = 'in' AND key IS NULL AND state = 'running'
    """)
)
_BEGIN = Query(
    text("""
    UPDATE platform.archive SET state = 'running', done_bytes = 0
    WHERE id = :id AND state IN ('waiting', 'running') RETURNING id
    """)
)
_PROGRESS = Query(
    text("""
    UPDATE platform.archive SET done_bytes = :done_bytes, total_bytes = :total_bytes
    WHERE id = :id AND state = 'running' RETURNING id
    """)
)
_END = Query(
    text("""
    UPDATE platform.archive SET state = :state, ended_at = clock_timestamp(), problem = :problem, report = :report,
        key = :key, size_bytes = :size_bytes, sha256 = :sha256, done_bytes = coalesce(total_bytes, done_bytes),
        expires_at = clock_timestamp() + make_interval(days => CAST(:days AS integer))
    WHERE id = :id AND state = 'running' RETURNING person_id
    """)
)
_FAIL = Query(
    text("""
    UPDATE platform.archive SET state = 'failed', ended_at = clock_timestamp(), problem = :problem, report = :report
    WHERE id = :id AND state IN ('waiting', 'running') RETURNING person_id
    """)
)
_CANCEL = Query(
    text("""
    UPDATE platform.archive SET state = 'cancelled', ended_at = clock_timestamp()
    WHERE id = :id AND person_id = :person_id AND state IN ('waiting', 'running') RETURNING id
    """)
)
_REMOVE = Query(
    text("""
    DELETE FROM platform.archive WHERE id = :id AND person_id = :person_id AND state NOT IN ('waiting', 'running')
    RETURNING key
    """)
)
_OVER = Query(
    text("""
    SELECT id, key FROM platform.archive WHERE key IS NOT NULL AND state NOT IN ('waiting', 'running')
    AND (expires_at <= clock_timestamp() OR direction = 'in') ORDER BY id LIMIT 100
    """)
)
_FORGET_KEY = Query(text("UPDATE platform.archive SET key = NULL WHERE id = :id"))
_FORGET_OLD = Query(
    text("""
    DELETE FROM platform.archive WHERE key IS NULL AND state NOT IN ('waiting', 'running')
    AND ended_at < clock_timestamp() - interval '90 days'
    """)
)


async def ask(session: WriteSession, person_id: UUID) -> Row:
    """Ask for an archive of all that a person has; a job makes it.

    Raises:
        ArchiveUnderWay: one is being made.
    """
    row = await _add(session, person_id, "out")
    await log.tell(session, ArchiveAsked(archive_id=row.id), owner_id=person_id, by=person_id)
    return row


async def sent(session: WriteSession, person_id: UUID, *, key: str, size_bytes: int, sha256: str) -> Row:
    """Note an archive whose bytes were stored; a job reads it in.

    Raises:
        ArchiveUnderWay: one is being read in.
    """
    row = await _add(session, person_id, "in", key=key, size_bytes=size_bytes, sha256=sha256)
    await log.tell(session, ArchiveSent(archive_id=row.id), owner_id=person_id, by=person_id)
    return row


async def begin_here(session: WriteSession, person_id: UUID) -> Row:
    """Note an archive that this process reads in, from a file of the server's. It takes over from one that was killed.

    Raises:
        ArchiveUnderWay: one that was sent is being read in.
    """
    await session.execute(_TAKE_OVER, person_id=person_id)
    row = await _add(session, person_id, "in")
    await begin(session, row.id)
    return row


async def refuse_if_reading(session: ReadSession, person_id: UUID) -> None:
    """Refuse an archive before its bytes come.

    Raises:
        ArchiveUnderWay: one is being read in.
    """
    if await session.scalar(_IS_READING, person_id=person_id):
        raise ArchiveUnderWay(making=False)


async def _add(
    session: WriteSession,
    person_id: UUID,
    direction: Direction,
    *,
    key: str | None = None,
    size_bytes: int | None = None,
    sha256: str | None = None,
) -> Row:
    row = await session.first(
        _ADD, id=new_id(), person_id=person_id, direction=direction, key=key, size_bytes=size_bytes, sha256=sha256
    )
    if row is None:
        raise ArchiveUnderWay(making=direction == "out")
    return row


async def of_person(session: ReadSession, person_id: UUID, *, limit: int, before: UUID | None = None) -> Sequence[Row]:
    """A person's archives, the latest first; those made before another one where that is given."""
    return await session.all(_LIST, person_id=person_id, limit=limit, before=before)


async def read(session: ReadSession, archive_id: UUID, person_id: UUID | None = None) -> Row:
    """One archive.

    Raises:
        ArchiveNotFound: there is none, or not of this person.
    """
    row = await session.first(_READ, id=archive_id)
    if row is None or (person_id is not None and row.person_id != person_id):
        raise ArchiveNotFound
    return row


async def begin(session: WriteSession, archive_id: UUID) -> bool:
    """Note that work begins, for the first time or anew; False: there is nothing to do any more."""
    return await session.first(_BEGIN, id=archive_id) is not None


async def progress(session: WriteSession, row: Row, done_bytes: int, total_bytes: int) -> bool:
    """Note how far the work is; False: it was cancelled."""
    if await session.first(_PROGRESS, id=row.id, done_bytes=done_bytes, total_bytes=total_bytes) is None:
        return False
    await _tell(session, row)
    return True


async def end(
    session: WriteSession,
    row: Row,
    *,
    days: int,
    key: str | None = None,
    size_bytes: int | None = None,
    sha256: str | None = None,
    report: Any = None,
) -> bool:
    """Note that the work is done; False: it was cancelled meanwhile, and what was made is of no use."""
    ended = await session.first(
        _END,
        id=row.id,
        state="done",
        problem=None,
        report=report,
        key=key,
        size_bytes=size_bytes,
        sha256=sha256,
        days=days,
    )
    if ended is None:
        return False
    await _tell(session, row)
    return True


async def fail(session: WriteSession, row: Row, problem: str, report: Any = None) -> None:
    """Note that the work failed for good, with a text for the person."""
    if await session.first(_FAIL, id=row.id, problem=problem, report=report):
        await _tell(session, row)


async def cancel_or_remove(session: WriteSession, archive_id: UUID, person_id: UUID) -> str | None:
    """Cancel an archive that is at work; remove one that is not. The key of bytes to be deleted after the commit.

    Raises:
        ArchiveNotFound: the person has none such.
    """
    row = await read(session, archive_id, person_id)
    if await session.first(_CANCEL, id=archive_id, person_id=person_id) is not None:
        await _tell(session, row)
        return None
    key: str | None = await session.scalar(_REMOVE, id=archive_id, person_id=person_id)
    await _tell(session, row)
    return key


async def over(session: ReadSession) -> Sequence[Row]:
    """Some archives whose bytes are to go: their time is over, or they were read in."""
    return await session.all(_OVER)


async def forget_key(session: WriteSession, archive_id: UUID) -> None:
    """Note that the bytes of an archive are gone."""
    await session.execute(_FORGET_KEY, id=archive_id)


async def forget_old(session: WriteSession) -> int:
    """Forget archives that ended long ago; how many."""
    return await session.execute(_FORGET_OLD)


async def _tell(session: WriteSession, row: Row) -> None:
    await log.tell(session, ArchiveProgressed(archive_id=row.id), owner_id=row.person_id, by=None)
