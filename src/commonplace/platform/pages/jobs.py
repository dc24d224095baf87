"""The sign of jobs in the bar and what opens below it: what is done for the person, how far it is, how to stop it.

It is one piece of the frame, drawn anew whenever a job tells of itself (`static/js/jobs.js`).
"""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from sqlalchemy import text
from starlette.responses import HTMLResponse

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession
from commonplace.platform.http.dependencies import Reading, Writing
from commonplace.platform.http.routing import Router
from commonplace.platform.jobs import store
from commonplace.platform.pages.formats import size_text
from commonplace.platform.pages.render import render
from commonplace.platform.pages.viewer import CurrentViewer, Viewer

router = Router(prefix="/app/jobs", include_in_schema=False)

MOST_SHOWN: Final = 30
_SHOWN_SECONDS: Final = 3600  #: how long the sign shows a job that has ended; one that failed until it is put away
_GUESS_AFTER_SECONDS: Final = 5.0
_MINUTE: Final = 60
_HOUR: Final = 3600
_MOST_WAITING: Final = 1000  # counted: more than that is told as this many
# What is not a job of its own: looking at new files, say.
_WAITING = Query(
    text("""
    SELECT count(*) FROM (
        SELECT FROM platform.delivery
        WHERE queue = 'processing' AND handler <> :run
        AND event ->> 'owner_id' = CAST(CAST(:person_id AS uuid) AS text) LIMIT :most
    ) AS waiting
    """)
)


@router.get("")
async def jobs(request: Request, viewer: CurrentViewer, session: Reading) -> HTMLResponse:
    """The piece."""
    return await _piece(request, viewer, session)


@router.post("/{job_id:uuid}/stop")
async def stop(job_id: UUID, request: Request, viewer: CurrentViewer, session: Writing) -> HTMLResponse:
    """Stop a job, or put one away that has ended; and the piece as it is then."""
    await store.stop_or_forget(session, job_id, viewer.caller.person_id)
    return await _piece(request, viewer, session)


@router.post("/clear")
async def clear(request: Request, viewer: CurrentViewer, session: Writing) -> HTMLResponse:
    """Put away all that have ended; and the piece as it is then."""
    await store.forget_ended(session, viewer.caller.person_id)
    return await _piece(request, viewer, session)


async def _piece(request: Request, viewer: Viewer, session: ReadSession) -> HTMLResponse:
    person_id, now = viewer.caller.person_id, datetime.now(UTC)
    rows = await store.jobs_of(session, person_id, limit=MOST_SHOWN)
    shown = [_shown(row, now) for row in rows if _is_shown(row, now)]
    return render(
        request,
        "jobs.html",
        viewer=viewer,
        jobs=shown,
        active=sum(job["is_active"] for job in shown),
        failed=sum(job["state"] == "failed" for job in shown),
        waiting=await session.scalar(_WAITING, person_id=person_id, run=store.RUN, most=_MOST_WAITING),
        headers={"Cache-Control": "no-store"},
    )


def _is_shown(row: Row, now: datetime) -> bool:
    is_recent = row.ended_at is None or (now - row.ended_at).total_seconds() < _SHOWN_SECONDS
    return is_recent or row.state == "failed"


def _shown(row: Row, now: datetime) -> dict[str, Any]:
    path = (row.result or {}).get("path")
    return {
        "id": row.id,
        "title": row.title,
        "state": row.state,
        "is_active": row.ended_at is None,
        "done": row.done,
        "total": row.total,
        "words": _words(row, now),
        "path": path if isinstance(path, str) and path.startswith("/app/") else None,
    }


def _words(row: Row, now: datetime) -> str:
    """How far a job is, for people: `1,200 of 100,000 items, about 2 minutes left`."""
    if row.state == "queued":
        return "Waiting for its turn"
    if row.state == "failed":
        return str(row.problem)
    done = _amount(row.done, row.unit)
    if row.ended_at is not None:
        return f"Stopped after {done}" if row.state == "cancelled" else f"Done: {done}"
    if not row.total:
        return done
    of = _amount(row.total, row.unit)
    done = size_text(row.done) if row.unit == "bytes" else f"{row.done:,}"
    return f"{done} of {of}{_left(row, now)}"


def _amount(number: int, unit: str) -> str:
    if unit == "bytes":
        return size_text(number)
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def _left(row: Row, now: datetime) -> str:
    """How long it will take, by how long it took so far; nothing where that would be a mere guess."""
    elapsed = (now - row.started_at).total_seconds()
    if elapsed < _GUESS_AFTER_SECONDS or not 0 < row.done < row.total:
        return ""
    seconds = elapsed * (row.total - row.done) / row.done
    if seconds < _MINUTE:
        return ", less than a minute left"
    number, unit = (round(seconds / _MINUTE), "minute") if seconds < 2 * _HOUR else (round(seconds / _HOUR), "hour")
    return f", about {number} {unit if number == 1 else unit + 's'} left"
