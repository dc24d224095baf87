"""What others are shown of tasks and lists besides their names: for links, which know no app."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from commonplace.apps.tasks import queries
from commonplace.apps.tasks.filters import PRIORITIES
from commonplace.platform.database.session import ReadSession


async def task_details(session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """What is to be done and when; neither reminders nor attachments, which are the owner's own."""
    rows = await session.all(queries.TASK_DETAILS, ids=list(ids))
    return {
        row.id: {
            "notes": row.notes,
            "status": row.status,
            "priority": PRIORITIES[row.priority],
            "start": row.start,
            "due": row.due,
            "tags": row.tags,
            "recurrence": row.recurrence,
        }
        for row in rows
    }


async def list_details(session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    """The colour of each of these lists."""
    rows = await session.all(queries.LIST_DETAILS, ids=list(ids))
    return {row.id: {"colour": row.colour} for row in rows}
