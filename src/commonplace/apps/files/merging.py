"""Merging a folder into another one: what lies in it moves over, and when it is empty it goes to the trash.

Each batch moves some of what lies in the folder on top of a stack of pairs; a folder that meets one of its name becomes
a pair itself. What was moved is not in the old folder any more, so whoever goes on needs nothing but the stack.
"""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from commonplace.apps.files import entry_queries as queries
from commonplace.apps.files.entries import lock_entries, require_in_place
from commonplace.apps.files.events import FolderTrashed
from commonplace.apps.files.models import FOLDER
from commonplace.apps.files.moving import move_entries
from commonplace.apps.files.schemas import Rule
from commonplace.apps.files.settings import FilesSettings
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.history import trash
from commonplace.platform.jobs.work import Job

MOST_AT_ONCE: Final = 200  #: entries that a request merges or copies itself; beyond, it is a job

Pairs = list[list[str]]
"""The folders that are being merged, each with the one it goes into; the last one first."""


async def is_long(session: ReadSession, ids: list[UUID]) -> bool:
    """Whether there is more at and below these folders than a request does by itself."""
    within: int = await session.scalar(queries.WITHIN, ids=ids, most=MOST_AT_ONCE + 1)
    return within > MOST_AT_ONCE


async def merge_some(
    session: WriteSession, person_id: UUID, pairs: Pairs, *, rule: Rule, deepest: int, most: int
) -> int:
    """Go on with merging; `pairs` is brought up to date. How many entries were moved or put away: 0 at the end.

    Raises:
        EntryNotFound, ContainerNotFound, MoveIntoOwnSubtree: somebody moved or trashed what is being merged.
    """
    handled = 0
    while pairs and handled < most:
        source, target = map(UUID, pairs[-1])
        found = await session.all(queries.CHILDREN, folder_id=source, limit=min(most - handled, MOST_AT_ONCE))
        if not found:
            await _put_away(session, person_id, source)
            pairs.pop()
            handled += 1
            continue
        entries = await lock_entries(session, person_id, [row.id for row in found])
        seen = [entry for entry in entries if not entry.is_away]
        outcome = await move_entries(session, person_id, seen, target, rule=rule, deepest=deepest)
        pairs.extend([str(one), str(other)] for one, other in outcome.merges)
        handled += len(outcome.placed) + len(outcome.replaced)
        if not (outcome.placed or outcome.replaced or outcome.merges or len(seen) < len(entries)):
            raise LookupError("Nothing of a folder that is being merged could be moved.")
    return handled


async def _put_away(session: WriteSession, person_id: UUID, folder_id: UUID) -> None:
    [entry] = await lock_entries(session, person_id, [folder_id])
    require_in_place([entry])
    await trash.trash(session, FOLDER, entry.row, fact=FolderTrashed(folder_id=folder_id), by=person_id)


async def merge(job: Job) -> Mapping[str, Any]:
    """The runner: `given` has the `pairs` and the `rule`."""
    deepest, rule = job.parts[FilesSettings].deepest_folder, job.given["rule"]
    pairs: Pairs = job.cursor if job.cursor is not None else job.given["pairs"]
    while pairs:
        async with job.step() as step:
            pairs = [list(pair) for pair in pairs]
            step.done += await merge_some(
                step.session, job.owner_id, pairs, rule=rule, deepest=deepest, most=MOST_AT_ONCE
            )
            step.cursor = pairs
    return {"merged": job.done}
