"""Who is to be erased, when, and what became of it."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.leaving.errors import ErasureNotFound, ErasureUnderWay
from commonplace.platform.leaving.events import ErasureAsked, ErasureDue, PersonErased
from commonplace.platform.leaving.ledger import Receipt

AskedBy = Literal["person", "administrator", "server", "ledger"]
_COLUMNS: Final = """
    id, person_id, state, asked_by, by_id, asked_at, due_at, ended_at, removed, problem, clock_timestamp() AS now
"""
_ADD = Query(
    text(f"""
    INSERT INTO platform.erasure (id, person_id, state, asked_by, by_id, due_at, token_digest)
    VALUES (:id, :person_id, 'waiting', :asked_by, :by_id,
        clock_timestamp() + CAST(:waiting AS interval), :token_digest)
    ON CONFLICT (person_id) WHERE state IN ('waiting', 'erasing') DO NOTHING RETURNING {_COLUMNS}
    """)
)
_READ = Query(text(f"SELECT {_COLUMNS} FROM platform.erasure WHERE id = :id"))
_BY_TOKEN = Query(text(f"SELECT {_COLUMNS} FROM platform.erasure WHERE token_digest = :token_digest"))
_LATEST = Query(
    text(f"""
    SELECT {_COLUMNS} FROM platform.erasure WHERE person_id = :person_id ORDER BY asked_at DESC LIMIT 1
    """)
)
_CANCEL = Query(
    text("""
    UPDATE platform.erasure SET state = 'cancelled', ended_at = clock_timestamp()
    WHERE person_id = :person_id AND state = 'waiting' AND asked_by = ANY(CAST(:asked_by AS text[])) RETURNING id
    """)
)
_BEGIN = Query(
    text("""
    UPDATE platform.erasure SET state = 'erasing'
    WHERE id = :id AND (state = 'erasing' OR (state = 'waiting' AND due_at <= clock_timestamp())) RETURNING id
    """)
)
_REFUSE = Query(
    text("""
    UPDATE platform.erasure SET state = 'refused', ended_at = clock_timestamp(), problem = :problem
    WHERE id = :id AND state IN ('waiting', 'erasing')
    """)
)
_DUE = Query(
    text("""
    SELECT id FROM platform.erasure WHERE state IN ('waiting', 'erasing') AND due_at <= clock_timestamp()
    AND NOT EXISTS (
        SELECT FROM platform.delivery WHERE delivery.event -> 'payload' ->> 'erasure_id' = CAST(erasure.id AS text))
    ORDER BY due_at LIMIT 100
    """)
)
_COUNT = Query(
    text("""
    UPDATE platform.erasure SET removed = removed || jsonb_build_object(
        CAST(:name AS text), coalesce(CAST(removed ->> CAST(:name AS text) AS bigint), 0) + CAST(:number AS bigint))
    WHERE id = :id
    """)
)
_DONE = Query(
    text(f"""
    UPDATE platform.erasure SET state = 'done', ended_at = :ended_at
    WHERE id = :id AND state = 'erasing' RETURNING {_COLUMNS}
    """)
)
#: A receipt's address works for so long; the receipt itself stays.
_FORGET_TOKENS = Query(
    text("""
    UPDATE platform.erasure SET token_digest = NULL
    WHERE token_digest IS NOT NULL AND ended_at < clock_timestamp() - interval '90 days'
    """)
)


class Asked(NamedTuple):
    """An erasure that was asked for, and the one credential that reads what comes of it."""

    row: Row
    token: str


async def ask(
    session: WriteSession, person_id: UUID, *, asked_by: AskedBy, by_id: UUID | None, waiting: timedelta
) -> Asked:
    """Note that a person is to be erased after a while; with none, the job is told at once.

    Raises:
        ErasureUnderWay: they are already.
    """
    token = secrets.token_urlsafe(32)
    row = await session.first(
        _ADD,
        id=new_id(),
        person_id=person_id,
        asked_by=asked_by,
        by_id=by_id,
        waiting=waiting,
        token_digest=_digest(token),
    )
    if row is None:
        raise ErasureUnderWay
    if waiting:
        await log.tell(session, ErasureAsked(erasure_id=row.id), owner_id=None, by=None)
    else:
        await tell_due(session, row.id)
    return Asked(row, token)


async def read(session: ReadSession, erasure_id: UUID) -> Row | None:
    """One erasure."""
    return await session.first(_READ, id=erasure_id)


async def by_token(session: ReadSession, token: str) -> Row:
    """The erasure of a token.

    Raises:
        ErasureNotFound: the token is none, or its time is over.
    """
    row = await session.first(_BY_TOKEN, token_digest=_digest(token))
    if row is None:
        raise ErasureNotFound
    return row


async def latest(session: ReadSession, person_id: UUID) -> Row | None:
    """What a person asked for last."""
    return await session.first(_LATEST, person_id=person_id)


async def cancel(session: WriteSession, person_id: UUID, *, asked_by: Sequence[AskedBy]) -> bool:
    """Cancel an erasure that waits and was asked for by one of these; whether there was one."""
    return await session.first(_CANCEL, person_id=person_id, asked_by=list(asked_by)) is not None


async def begin(session: WriteSession, erasure_id: UUID) -> bool:
    """Note that the erasure begins, or goes on; False: it was cancelled, or is done."""
    return await session.first(_BEGIN, id=erasure_id) is not None


async def refuse(session: WriteSession, erasure_id: UUID, problem: str) -> None:
    """Note that the person cannot be erased, and why."""
    await session.execute(_REFUSE, id=erasure_id, problem=problem)


async def due(session: ReadSession) -> Sequence[UUID]:
    """Some of the erasures whose time has come and that nobody works on."""
    return [row.id for row in await session.all(_DUE)]


async def tell_due(session: WriteSession, erasure_id: UUID) -> None:
    """Have the job begin."""
    await log.tell(session, ErasureDue(erasure_id=erasure_id), owner_id=None, by=None)


async def count(session: WriteSession, erasure_id: UUID, name: str, number: int) -> None:
    """Note that so many more of something were removed."""
    if number:
        await session.execute(_COUNT, id=erasure_id, name=name, number=number)


async def done(session: WriteSession, receipt: Receipt) -> None:
    """Note that the person is erased, and tell so without their id."""
    await session.execute(_DONE, id=receipt.id, ended_at=_moment(receipt.erased_at))
    await log.tell(session, PersonErased(erasure_id=receipt.id), owner_id=None, by=None)


async def forget_tokens(session: WriteSession) -> None:
    """Let the addresses of old receipts lead nowhere."""
    await session.execute(_FORGET_TOKENS)


def receipt_of(row: Row) -> Receipt:
    """The receipt of an erasure, as of now while it is not done."""
    return Receipt(
        id=row.id,
        person_id=row.person_id,
        asked_by=row.asked_by,
        asked_at=row.asked_at.isoformat(timespec="milliseconds"),
        erased_at=(row.ended_at or row.now).isoformat(timespec="milliseconds"),
        removed=dict(sorted(row.removed.items())),
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _moment(text_: str) -> datetime:
    return datetime.fromisoformat(text_)
