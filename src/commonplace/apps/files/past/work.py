"""The job that puts a folder back: plans what is to be written, writes it in batches, and knows exactly what it wrote.

The order makes every step leave a tree. First new files go, which frees their names. Then folders and files come to
their places, level by level from the top, so that what something lies in is there before it. Then new folders go, with
what is left in them. At last whatever had to take another name, since its own was still taken, gets its own if it can.

To undo it is the same work with another plan: each item that it wrote goes back to the version before, the last first.
An item that somebody has changed since stays as it is, and so does a folder that somebody has put something into.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.past import planning, queries, store
from commonplace.apps.files.past.planning import Change
from commonplace.apps.files.past.restoring import Came, Restorer
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.history import asof
from commonplace.platform.jobs.work import Job

_PLANNED: Final = 2000  #: items whose plan is written at once
_BATCH: Final = 100  #: items that are written at once
_FILES_GO, _COME_BACK, _FOLDERS_GO = 1, 2, 3


async def put_back(job: Job) -> Mapping[str, Any]:
    """The runner: plan, unless it is planned, and write what is not written yet."""
    restoration_id = UUID(job.given["restoration_id"])
    restoration = await _read(job, restoration_id)
    if restoration.planned_at is None:
        await _plan(job, restoration)
    while True:
        async with job.step() as step:
            waiting = await step.session.all(queries.WAITING, id=restoration_id, limit=_BATCH)
            if waiting:
                restorer = Restorer(step.session, job.owner_id, deepest=job.parts[FilesSettings].deepest_folder)
                await _note(step.session, restoration_id, await restorer.restore(waiting))
                step.done += len(waiting)
        if not waiting:
            break
    await _rename(job, restoration_id)
    async with job.step() as step:
        await step.session.execute(queries.END, id=restoration_id)
    done = await _read(job, restoration_id)
    return {
        "restoration_id": str(restoration_id),
        "written": done.written,
        "numbered": done.numbered,
        "left": done.kept,
    }


async def _read(job: Job, restoration_id: UUID) -> Row:
    async with job.parts[Database].reading() as session:
        row = await store.read(session, job.owner_id, restoration_id)
    if row is None:
        raise LookupError("A job of a restoration that is gone.")
    return row


async def _plan(job: Job, restoration: Row) -> None:
    """Write down what is to be done. One that a kill cut short is made anew: nothing was done for it yet."""
    async with job.step() as step:
        await step.session.execute(queries.BEGIN_PLAN, id=restoration.id)
        await step.session.execute(queries.FORGET_PLAN, id=restoration.id)
    async with job.parts[Database].reading() as session:
        if restoration.undoes is None:
            moment = await asof.moment_at(session, restoration.at)
            made = await planning.plan(session, job.owner_id, restoration.folder_id, moment, chosen=restoration.chosen)
            items = [_planned(change) for change in made.changes]
        else:
            items = await _plan_undo(session, job.owner_id, restoration.undoes)
    for start in range(0, len(items), _PLANNED):
        async with job.step() as step:
            some = items[start : start + _PLANNED]
            await step.session.execute(queries.ADD_ITEMS, id=restoration.id, items=some)
    async with job.step() as step:
        await step.session.execute(queries.END_PLAN, id=restoration.id)
        step.total = sum(item["outcome"] is None for item in items)


def _planned(change: Change) -> dict[str, Any]:
    phase = _phase(change.kind, goes=change.how == "trash")
    return {
        "item_id": change.id,
        "kind": change.kind,
        "how": change.how,
        "phase": phase,
        "level": change.level,
        "from_version": change.version,
        "target_version": change.target_version,
        "outcome": None,
        "reason": None,
    }


def _phase(kind: str, *, goes: bool) -> int:
    if not goes:
        return _COME_BACK
    return _FILES_GO if kind == FILE.name else _FOLDERS_GO


async def _plan_undo(session: ReadSession, owner_id: UUID, undone_id: UUID) -> list[dict[str, Any]]:
    """Each item that was written, back to the version before: in the opposite order."""
    undone = await store.read(session, owner_id, undone_id)
    if undone is None or undone.snapshot is None:
        return []
    written = await session.all(queries.WRITTEN, id=undone_id)
    touched = await _touched_since(session, owner_id, undone, {row.item_id: row.to_version for row in written})
    order = sorted({(row.phase, row.level) for row in written}, reverse=True)
    levels = {place: number for number, place in enumerate(order)}
    items = []
    for row in written:
        goes = row.was_trashed
        reason = None
        if row.version is None:
            reason = "gone"
        elif row.version != row.to_version:
            reason = "changed"
        elif not row.is_kept:
            reason = "not_kept"
        elif goes and row.kind == FOLDER.name and row.item_id in touched:
            reason = "changed_inside"
        items.append(
            {
                "item_id": row.item_id,
                "kind": row.kind,
                "how": "trash" if goes else "state",
                "phase": _phase(row.kind, goes=goes),
                "level": levels[row.phase, row.level],
                "from_version": row.to_version,
                "target_version": None if goes else row.from_version,
                "outcome": None if reason is None else "left",
                "reason": reason,
            }
        )
    return items


async def _touched_since(
    session: ReadSession, owner_id: UUID, restoration: Row, written: Mapping[UUID, int]
) -> set[UUID]:
    """The folders in which something lies that others made or changed after the restoration was planned."""
    rows = await session.all(
        queries.CHANGED,
        owner_id=owner_id,
        at=restoration.at,
        epoch=restoration.epoch,
        snapshot=restoration.snapshot,
    )
    others = [row for row in rows if row.trashed_at is None and written.get(row.id) != row.version]
    parents = list({row.parent_id for row in others if row.parent_id is not None})
    return {row.id for row in await session.all(queries.ABOVE_NOW, ids=parents)}


async def _rename(job: Job, restoration_id: UUID) -> None:
    """Give what had to take another name its own, where that is free by now."""
    while True:
        async with job.step() as step:
            after = UUID(int=0) if step.cursor is None else UUID(step.cursor)
            numbered = await step.session.all(queries.NUMBERED, id=restoration_id, after=after, limit=_BATCH)
            if numbered:
                restorer = Restorer(step.session, job.owner_id, deepest=job.parts[FilesSettings].deepest_folder)
                await _note(step.session, restoration_id, await restorer.rename(numbered))
                step.cursor = str(numbered[-1].item_id)
        if not numbered:
            return


async def _note(session: Any, restoration_id: UUID, came: Sequence[Came]) -> None:
    if came:
        await store.note(session, restoration_id, [one._asdict() for one in came])
