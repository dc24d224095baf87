"""Putting folders back to how they were, over HTTP: what it would change, doing it, undoing it."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

import asyncpg
from fastapi import Query as QueryParameter

from commonplace.apps.files.errors import FolderNotFound
from commonplace.apps.files.past import looking, planning, queries, store
from commonplace.apps.files.past.api import After, At, Limit
from commonplace.apps.files.past.errors import (
    NotThereThen,
    NotYoursToPutBack,
    RestorationAtWork,
    RestorationNotFound,
    UndoneAlready,
)
from commonplace.apps.files.past.schemas import (
    ChangePage,
    ChangeRead,
    LeftPage,
    LeftRead,
    RestorationCreate,
    RestorationPage,
    RestorationRead,
    SumsRead,
)
from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.asof import NotKept
from commonplace.platform.http.dependencies import CurrentCaller, Reading, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.jobs.errors import TooManyJobs
from commonplace.platform.sharing.errors import ReadOnly

folders = Router(prefix="/api/folders", tags=["folders"])
router = Router(prefix="/api/restorations", tags=["restorations"])

_ACTIVE: Final = frozenset({"queued", "running"})
Chosen = Annotated[
    list[UUID] | None,
    QueryParameter(alias="item", max_length=100, description="Only these, with what lies in them; may be repeated."),
]
_PLAN: Final = problems(
    NotAuthenticated, FolderNotFound, NotThereThen, NotYoursToPutBack, ReadOnly, NotKept, UnknownPage
)


class _AfterPath(NamedTuple):
    """Where a page of a plan ended."""

    path: str
    id: UUID


class _AfterId(NamedTuple):
    """Where a page ended."""

    id: UUID


@folders.get("/as-of/changes", responses=problems(NotAuthenticated, NotKept, UnknownPage))
async def preview_drive(
    caller: CurrentCaller, session: Reading, at: At, item: Chosen = None, limit: Limit = 50, after: After = None
) -> ChangePage:
    """What would change if the whole drive were put back to how it was at a time."""
    return await _preview(session, caller, None, at, item, limit, after)


@folders.get("/{folder_id:uuid}/as-of/changes", responses=_PLAN)
async def preview_folder(  # noqa: PLR0917 - called by name only
    folder_id: UUID,
    caller: CurrentCaller,
    session: Reading,
    at: At,
    item: Chosen = None,
    limit: Limit = 50,
    after: After = None,
) -> ChangePage:
    """What would change if a folder were put back to how it was at a time. It stays where it is, under its name."""
    return await _preview(session, caller, folder_id, at, item, limit, after)


async def _preview(  # noqa: PLR0917 - only above
    session: ReadSession,
    caller: Caller,
    folder_id: UUID | None,
    at: Any,
    chosen: list[UUID] | None,
    limit: int,
    after: str | None,
) -> ChangePage:
    place = None if after is None else read_cursor(after, _AfterPath)
    await require_own_folder(session, caller, folder_id)
    then = await looking.look_at(session, caller, folder_id, at)
    made = await planning.plan(session, caller.person_id, folder_id, then.moment, chosen)
    rest = [change for change in made.changes if place is None or (change.path, change.id) > place]
    page = [ChangeRead.model_validate(change, from_attributes=True) for change in rest[:limit]]
    sums = await planning.sums(session, made)
    return ChangePage(
        at=then.moment.at,
        is_whole=then.is_whole,
        whole_since=then.whole_since,
        lost=made.lost,
        sums=SumsRead.model_validate({what: asdict(one) for what, one in sums.items()}),
        items=page,
        next=write_cursor(page[-1].path, page[-1].id) if len(rest) > limit else None,
    )


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(
        NotAuthenticated, FolderNotFound, NotThereThen, NotYoursToPutBack, ReadOnly, NotKept, TooManyJobs
    ),
)
async def put_back(new: RestorationCreate, caller: CurrentCaller, session: Writing) -> RestorationRead:
    """Put a folder, the whole drive, or a part of it back to how it was at a time; a job does it.

    Only what differs is written, each as a new version; nothing is lost. What came since goes to the trash. What
    somebody changes while this is at work is left as they make it.
    """
    return restoration_read(await begin(session, caller, new))


@router.get("", responses=problems(NotAuthenticated, UnknownPage))
async def list_restorations(
    caller: CurrentCaller, session: Reading, limit: Limit = 50, after: After = None
) -> RestorationPage:
    """What the caller put back, the latest first."""
    before = None if after is None else read_cursor(after, _AfterId).id
    rows = await store.page(session, caller.person_id, limit=limit + 1, before=before)
    items = [restoration_read(row) for row in rows[:limit]]
    return RestorationPage(items=items, next=write_cursor(items[-1].id) if len(rows) > limit else None)


@router.get("/{restoration_id:uuid}", responses=problems(NotAuthenticated, RestorationNotFound))
async def read_restoration(restoration_id: UUID, caller: CurrentCaller, session: Reading) -> RestorationRead:
    """Something that was put back, or is being put back."""
    return restoration_read(await _required(session, caller, restoration_id))


@router.get("/{restoration_id:uuid}/left", responses=problems(NotAuthenticated, RestorationNotFound, UnknownPage))
async def list_left(
    restoration_id: UUID, caller: CurrentCaller, session: Reading, limit: Limit = 50, after: After = None
) -> LeftPage:
    """What a restoration left as it was, and what could come back only under another name."""
    await _required(session, caller, restoration_id)
    behind = None if after is None else read_cursor(after, _AfterId).id
    rows = await store.left(session, restoration_id, limit=limit + 1, after=behind)
    items = [
        LeftRead(id=row.item_id, kind=row.kind, name=row.title, outcome=row.outcome, reason=row.reason)
        for row in rows[:limit]
    ]
    return LeftPage(items=items, next=write_cursor(items[-1].id) if len(rows) > limit else None)


@router.post(
    "/{restoration_id:uuid}/undo",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(NotAuthenticated, RestorationNotFound, RestorationAtWork, UndoneAlready, TooManyJobs),
)
async def undo(restoration_id: UUID, caller: CurrentCaller, session: Writing) -> RestorationRead:
    """Undo a restoration, as a job: what it wrote goes back to the version before.

    What somebody has changed since stays as it is, and so does a folder that something was put into. It is itself a
    restoration, and can be undone.
    """
    return restoration_read(await begin_undo(session, caller, restoration_id))


async def begin(session: WriteSession, caller: Caller, new: RestorationCreate) -> Row:
    """Have a job put something back; see `put_back`."""
    name = await require_own_folder(session, caller, new.folder_id)
    then = await looking.look_at(session, caller, new.folder_id, new.at)
    if not (then.is_whole or new.accept_gaps):
        raise NotKept(then.whole_since)
    title = f"Putting back “{name}”"
    return await store.ask(
        session,
        caller.person_id,
        title=title,
        folder_id=new.folder_id,
        at=then.moment.at,
        chosen=new.items,
    )


async def begin_undo(session: WriteSession, caller: Caller, restoration_id: UUID) -> Row:
    """Have a job undo a restoration; see `undo`."""
    row = await _required(session, caller, restoration_id)
    if row.job_state in _ACTIVE:
        raise RestorationAtWork
    if row.undone_by is not None:
        raise UndoneAlready
    try:
        return await store.ask(
            session,
            caller.person_id,
            title="Undoing what was put back",
            folder_id=row.folder_id,
            at=row.created_at,
            chosen=None,
            undoes=restoration_id,
        )
    except asyncpg.UniqueViolationError as error:  # somebody else did in the same moment
        raise UndoneAlready from error


async def require_own_folder(session: ReadSession, caller: Caller, folder_id: UUID | None) -> str:
    """The name of a folder that is the caller's own and can be seen; of the whole drive: “Files”.

    Raises:
        FolderNotFound: there is no such folder, or the caller may not see it.
        NotYoursToPutBack: it was shared with the caller.
    """
    if folder_id is None:
        return "Files"
    row = await session.first(queries.OWN_FOLDER, folder_id=folder_id, person_id=caller.person_id)
    if row is None:
        raise FolderNotFound
    if not row.is_own:
        raise NotYoursToPutBack
    title: str = row.title
    return title


async def _required(session: ReadSession, caller: Caller, restoration_id: UUID) -> Row:
    row = await store.read(session, caller.person_id, restoration_id)
    if row is None:
        raise RestorationNotFound
    return row


def restoration_read(row: Row) -> RestorationRead:
    """A restoration's row as it is told."""
    return RestorationRead(
        id=row.id,
        folder_id=row.folder_id,
        at=row.at,
        undoes=row.undoes,
        undone_by=row.undone_by,
        job_id=row.job_id,
        is_over=row.ended_at is not None or row.job_state not in _ACTIVE,
        items=row["items"],
        written=row.written,
        numbered=row.numbered,
        left=row.kept,
        created_at=row.created_at,
        ended_at=row.ended_at,
    )
