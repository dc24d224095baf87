"""Sharing over HTTP: grants to people, and what others share with the caller. Links have modules of their own."""

from collections.abc import Mapping
from datetime import MAXYEAR, datetime
from http import HTTPStatus
from typing import Annotated, Final, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter

from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, UnitOfWork, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.people import People, Person
from commonplace.platform.sharing import grants, link_api, link_owner_api
from commonplace.platform.sharing.errors import (
    GrantNotFound,
    MalformedGrantee,
    NotYoursToShare,
    SharedAlready,
    SharedItemNotFound,
    SharedWithOwner,
    TooManyShares,
    UnknownPerson,
)
from commonplace.platform.sharing.grants import Grantee
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.schemas import (
    GrantChange,
    GrantCreate,
    GrantPage,
    GrantRead,
    ReceivedItem,
    ReceivedPage,
    ReceivedRead,
    SharedPerson,
)
from commonplace.platform.sharing.settings import SharingSettings

shares = Router(prefix="/api/shares", tags=["sharing"])

_SEEN: Final = (NotAuthenticated, SharedItemNotFound, NotYoursToShare)
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
After = Annotated[str | None, QueryParameter(description="`next` of the page before.")]
Item = Annotated[UUID, QueryParameter(description="The item whose own shares are asked for.")]


class _AfterId(NamedTuple):
    """Where a page of grants ended."""

    id: UUID


class _AfterTime(NamedTuple):
    """Where a page of what is shared with one ended."""

    granted_at: datetime
    id: UUID


@shares.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(*_SEEN, UnknownPerson, MalformedGrantee, SharedAlready, SharedWithOwner, TooManyShares),
)
async def share(new: GrantCreate, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts) -> GrantRead:
    """Share an item, and all that lies in it, with a person.

    An `email` that no account has is answered like any other, and leads to nobody, now or later.
    """
    grantee, known = await _grantee(parts[People], new)
    row = await grants.grant(
        await unit.writing(),
        caller.person_id,
        new.item_id,
        grantee,
        level=new.level,
        kinds=parts[Loaders].kinds,
        most=parts[SharingSettings].grants_per_item,
    )
    return _read(row, known)


@shares.get("", responses=problems(*_SEEN, UnknownPage))
async def list_shares(
    item_id: Item, caller: CurrentCaller, parts: AllParts, limit: Limit = 50, after: After = None
) -> GrantPage:
    """With whom an item is shared. What was shared with somebody by a folder above it is listed with that folder."""
    place = None if after is None else read_cursor(after, _AfterId).id
    async with parts[Database].reading() as session:
        rows = await grants.grants_of(
            session, caller.person_id, item_id, kinds=parts[Loaders].kinds, limit=limit + 1, after=place
        )
    known = await parts[People].people({row.person_id for row in rows[:limit] if row.address is None})
    items = [_read(row, known) for row in rows[:limit]]
    return GrantPage(items=items, next=write_cursor(items[-1].id) if len(rows) > limit else None)


@shares.get("/received", responses=problems(NotAuthenticated, UnknownPage))
async def list_received(caller: CurrentCaller, parts: AllParts, limit: Limit = 50, after: After = None) -> ReceivedPage:
    """What others share with the caller, the latest first. What is in their trash is not listed."""
    place = None if after is None else read_cursor(after, _AfterTime)
    if place is not None and (place.granted_at.tzinfo is None or not 1 < place.granted_at.year < MAXYEAR):
        raise UnknownPage  # beyond these years a time zone leads out of the calendar
    async with parts[Database].reading() as session:
        rows = await grants.received(session, caller.person_id, limit=limit + 1, after=place)
    owners = await parts[People].people({row.owner_id for row in rows[:limit]})
    items = [_received(row, owners) for row in rows[:limit]]
    following = write_cursor(items[-1].granted_at, items[-1].id) if len(rows) > limit else None
    return ReceivedPage(items=items, next=following)


@shares.patch("/{grant_id:uuid}", responses=problems(NotAuthenticated, GrantNotFound, NotYoursToShare))
async def change_share(
    grant_id: UUID, change: GrantChange, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts
) -> GrantRead:
    """Let somebody do more, or less, with an item. It counts at once."""
    async with parts[Database].reading() as session:
        person_id = await grants.known_person(session, grant_id)
    known = await parts[People].people([] if person_id is None else [person_id])
    row = await grants.change(
        await unit.writing(), caller.person_id, grant_id, change.level, kinds=parts[Loaders].kinds
    )
    return _read(row, known)


@shares.delete(
    "/{grant_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, GrantNotFound, NotYoursToShare),
)
async def end_share(grant_id: UUID, caller: CurrentCaller, session: Writing, parts: AllParts) -> None:
    """Revoke what was shared, or leave what others share with the caller. It counts at once."""
    await grants.end(session, caller.person_id, grant_id, kinds=parts[Loaders].kinds)


@shares.post(
    "/{grant_id:uuid}/accept",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, GrantNotFound),
)
async def accept_share(grant_id: UUID, caller: CurrentCaller, session: Writing) -> None:
    """Let those who shared an item with one's address see that it has reached one, and who one is."""
    await grants.accept(session, caller.person_id, grant_id)


async def _grantee(people: People, new: GrantCreate) -> tuple[Grantee, Mapping[UUID, Person]]:
    """To whom access is to be given, and what may be told of them. Asked before a transaction begins.

    Raises:
        MalformedGrantee: nobody is named, or somebody in two ways.
        UnknownPerson: the id is nobody's. (Ids cannot be guessed; an address can, and is refused nothing.)
    """
    if (new.person_id is None) == (new.email is None):
        raise MalformedGrantee
    if new.email is not None:
        return Grantee(await people.person_at(new.email), new.email), {}
    known = await people.people([] if new.person_id is None else [new.person_id])
    if new.person_id not in known:
        raise UnknownPerson
    return Grantee(new.person_id), known


def _read(row: Row, known: Mapping[UUID, Person]) -> GrantRead:
    person = None if row.address is not None else known.get(row.person_id)
    return GrantRead(
        id=row.id,
        item_id=row.item_id,
        person=SharedPerson.of(person),
        email=row.address,
        level=row.level,
        granted_at=row.granted_at,
        granted_by=row.granted_by,
    )


def _received(row: Row, owners: Mapping[UUID, Person]) -> ReceivedRead:
    owner = owners.get(row.owner_id)
    return ReceivedRead(
        id=row.id,
        item=ReceivedItem(
            id=row.item_id, kind=row.kind, name=row.title, version=row.version, updated_at=row.updated_at
        ),
        owner=SharedPerson.of(owner),
        level=row.level,
        granted_at=row.granted_at,
        granted_by=row.granted_by,
        is_accepted=row.address is None,
    )


router = Router()
for part in (shares, link_owner_api.router, link_api.router):
    router.routes.extend(part.routes)
