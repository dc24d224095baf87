"""By what tasks and lists are found: for search, which knows no app."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from commonplace.apps.tasks import queries
from commonplace.platform.database.session import ReadSession
from commonplace.platform.search.document import Document


async def task_documents(session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Document]:
    """Notes, tags and the day on which they are due."""
    rows = await session.all(queries.TASKS_TO_INDEX, ids=list(ids))
    return {row.id: Document(body=row.notes, tags=row.tags, at=row.due_at) for row in rows}


async def list_documents(_session: ReadSession, ids: Sequence[UUID]) -> Mapping[UUID, Document]:
    """Lists are found by their titles."""
    return {list_id: Document() for list_id in ids}
