"""The past of folders and files over HTTP: what lay where, as of any moment that is kept."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Request, Response

from commonplace.apps.files import queries
from commonplace.apps.files.errors import FileNotFound, FolderNotFound
from commonplace.apps.files.past import listing, looking
from commonplace.apps.files.past.activity import Unit, activity
from commonplace.apps.files.past.errors import NotThereThen
from commonplace.apps.files.past.schemas import ActiveRead, ActivityRead, PastPage
from commonplace.platform.database.pages import UnknownPage
from commonplace.platform.database.plans import kept_plans
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history import asof
from commonplace.platform.history.asof import NotKept
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, Reading
from commonplace.platform.http.moments import Moment
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import Caller
from commonplace.platform.media.serving import Content, disposition_of, respond, served
from commonplace.platform.pages.viewer import zone_named
from commonplace.platform.sharing.errors import ReadOnly
from commonplace.platform.storage.protocol import ObjectStorage

folders = Router(prefix="/api/folders", tags=["folders"])
files = Router(prefix="/api/files", tags=["files"])

At = Annotated[Moment, QueryParameter(description="The time to look at, with its offset.")]
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
After = Annotated[str | None, QueryParameter(description="`next` of the page before.")]
_DRIVE = problems(NotAuthenticated, NotKept, UnknownPage)
_FOLDER = problems(NotAuthenticated, FolderNotFound, NotThereThen, ReadOnly, NotKept, UnknownPage)


@folders.hot_get("/as-of", response_model=PastPage, responses=_DRIVE)
async def list_drive_as_of(
    caller: CurrentCaller, session: Reading, at: At, limit: Limit = 50, after: After = None
) -> Response:
    """What lay at the top level at a time: folders first, each by name."""
    async with kept_plans(session):
        then = await looking.look_at(session, caller, None, at)
        listed = await listing.page_of(session, caller, then, limit=limit, after=after)
    return listing.as_json(then, listed)


@folders.hot_get("/{folder_id:uuid}/as-of", response_model=PastPage, responses=_FOLDER)
async def list_folder_as_of(
    folder_id: UUID, caller: CurrentCaller, session: Reading, at: At, limit: Limit = 50, after: After = None
) -> Response:
    """What lay in a folder at a time: folders first, each by name. The folder itself may be in the trash by now.

    Its owner sees all that is kept; who may edit it, what was since it was shared with them.
    """
    async with kept_plans(session):
        then = await looking.look_at(session, caller, folder_id, at)
        listed = await listing.page_of(session, caller, then, limit=limit, after=after)
    return listing.as_json(then, listed)


@files.get(
    "/{file_id:uuid}/as-of/content",
    response_class=Response,
    response_model=None,
    responses={
        **served("The bytes."),
        **problems(NotAuthenticated, FileNotFound, NotThereThen, ReadOnly, NotKept),
    },
)
async def read_content_as_of(
    file_id: UUID,
    request: Request,
    caller: CurrentCaller,
    parts: AllParts,
    at: At,
    download: Annotated[bool, QueryParameter(description="As an attachment, whatever it is.")] = False,
) -> Response:
    """The bytes of a file as of a time, also when it is in the trash by now; ranges and conditions as for today's."""
    async with parts[Database].reading() as session:
        then = await looking.file_then(session, caller, file_id, at)
        key = await session.scalar(queries.OBJECT_KEY, object_id=UUID(then.state["object_id"]))
    if key is None:
        raise NotKept(None)
    content = Content(
        key=key,
        size_bytes=then.state["size_bytes"],
        media_type=then.state["media_type"],
        tag=then.state["sha256"],
        modified_at=then.valid_from,
        disposition=disposition_of(then.title, then.state["media_type"], as_download=download),
    )
    return await respond(request, parts[ObjectStorage], content)


Since = Annotated[Moment, QueryParameter(description="From this moment on.")]
Until = Annotated[Moment | None, QueryParameter(description="To before this moment; left out: until now.")]
By = Annotated[Unit, QueryParameter(alias="by", description="Days or hours.")]
Zone = Annotated[str, QueryParameter(max_length=64, description="By whose clock: a zone of the IANA.")]


@folders.get("/activity", responses=problems(NotAuthenticated))
async def drive_activity(
    caller: CurrentCaller, session: Reading, since: Since, until: Until = None, by: By = "day", zone: Zone = "UTC"
) -> ActivityRead:
    """The days or hours in which something in the drive changed, and how much: for choosing a time to look at."""
    return await _activity(session, caller, None, since, until, by, zone)


@folders.get("/{folder_id:uuid}/activity", responses=problems(NotAuthenticated, FolderNotFound, ReadOnly))
async def folder_activity(  # noqa: PLR0917 - called by name only
    folder_id: UUID,
    caller: CurrentCaller,
    session: Reading,
    since: Since,
    until: Until = None,
    by: By = "day",
    zone: Zone = "UTC",
) -> ActivityRead:
    """The days or hours in which something in a folder changed, and how much."""
    return await _activity(session, caller, folder_id, since, until, by, zone)


async def _activity(  # noqa: PLR0917 - only above
    session: ReadSession,
    caller: Caller,
    folder_id: UUID | None,
    since: datetime,
    until: datetime | None,
    unit: Unit,
    zone: str,
) -> ActivityRead:
    place = await looking.place_of(session, caller, folder_id)
    found = await activity(
        session,
        place.owner_id,
        folder_id,
        since=since if place.since is None else max(since, place.since),
        until=until or datetime.now(UTC),
        unit=unit,
        zone=zone_named(zone).key,
    )
    return ActivityRead(
        whole_since=await asof.whole_since(session, place.owner_id),
        items=[ActiveRead(at=one.at, changes=one.changes) for one in found],
    )
