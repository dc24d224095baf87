"""Links for those who make them: settings, revocation, and the ledger of who came."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple
from uuid import UUID

from fastapi import Query as QueryParameter
from fastapi import Response
from starlette.responses import StreamingResponse

from commonplace.platform.database.pages import UnknownPage, read_cursor, write_cursor
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import AllParts, CurrentCaller, UnitOfWork, Writing
from commonplace.platform.http.problems import problems
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.http.routing import Router, answers_a_secret
from commonplace.platform.parts import Parts
from commonplace.platform.sharing import links
from commonplace.platform.sharing.csv_text import csv_lines
from commonplace.platform.sharing.errors import (
    LinkBusy,
    LinkCannot,
    LinkNotKnown,
    MalformedExpiry,
    NotYoursToShare,
    SharedItemNotFound,
    TooManyShares,
)
from commonplace.platform.sharing.link_schemas import (
    LinkChange,
    LinkCreate,
    LinkMade,
    LinkPage,
    LinkRead,
    LinkVisit,
    LinkVisitPage,
)
from commonplace.platform.sharing.loaders import Loaders
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.sharing.visits import ledger
from commonplace.platform.sharing.visits.gate import LinkGate

router = Router(prefix="/api/shares/links", tags=["sharing"])

_SEEN: Final = (NotAuthenticated, SharedItemNotFound, NotYoursToShare)
_LINES: Final = 1000  # of a ledger, in memory at once
_COLUMNS: Final = ("at", "what", "visitor_name", "address_class", "item_name", "size_bytes")
_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Lines of CSV (RFC 4180), the latest first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}
Limit = Annotated[int, QueryParameter(ge=1, le=200)]
After = Annotated[str | None, QueryParameter(description="`next` of the page before.")]
Item = Annotated[UUID, QueryParameter(description="The item whose own links are asked for.")]
VisitorName = Annotated[
    str | None,
    QueryParameter(
        max_length=80,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="Only what came under this name. Left out: all of it.",
    ),
]


class _AfterId(NamedTuple):
    """Where a page ended."""

    id: UUID


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    responses=problems(*_SEEN, MalformedExpiry, LinkCannot, TooManyShares, LinkBusy),
)
@answers_a_secret
async def make_link(new: LinkCreate, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts) -> LinkMade:
    """Make a link by which anybody can come to an item and all that lies in it. Its token is told this once.

    `Idempotency-Key` is not heeded, since the answer is kept nowhere: repeated, it makes another link.
    """
    values = await _values(parts, new.model_dump(exclude={"item_id"}))
    made = await links.make(
        await unit.writing(),
        caller.person_id,
        new.item_id,
        values=values,
        loaders=parts[Loaders],
        most=parts[SharingSettings].links_per_item,
    )
    return _made(parts, made)


@router.get("", responses=problems(*_SEEN, UnknownPage))
async def list_links(
    *,
    item_id: Item,
    caller: CurrentCaller,
    parts: AllParts,
    limit: Limit = 50,
    after: After = None,
    revoked: Annotated[
        bool, QueryParameter(description="Those too that were revoked and still have a ledger.")
    ] = False,
) -> LinkPage:
    """The links that lead to an item, expired ones too."""
    place = None if after is None else read_cursor(after, _AfterId).id
    loaders = parts[Loaders]
    async with parts[Database].reading() as session:
        rows = await links.links_of(
            session,
            caller.person_id,
            item_id,
            kinds=loaders.kinds,
            limit=limit + 1,
            after=place,
            revoked=revoked,
        )
        accesses = await links.accesses_to(session, item_id, loaders)
    items = [LinkRead(**_link(row)) for row in rows[:limit]]
    following = write_cursor(items[-1].id) if len(rows) > limit else None
    return LinkPage(items=items, next=following, accesses=accesses)


@router.patch(
    "/{link_id:uuid}", responses=problems(NotAuthenticated, LinkNotKnown, MalformedExpiry, LinkCannot, LinkBusy)
)
async def change_link(
    link_id: UUID, change: LinkChange, caller: CurrentCaller, unit: UnitOfWork, parts: AllParts
) -> LinkRead:
    """Change what a link is good for. It counts at once; with another password everybody is asked for it anew."""
    values = await _values(parts, change.model_dump(include=change.model_fields_set))
    row = await links.change(await unit.writing(), caller.person_id, link_id, values=values, loaders=parts[Loaders])
    return LinkRead(**_link(row))


@router.post("/{link_id:uuid}/renew", responses=problems(NotAuthenticated, LinkNotKnown))
@answers_a_secret
async def renew_link(link_id: UUID, caller: CurrentCaller, session: Writing, parts: AllParts) -> LinkMade:
    """Give a link a new token, told this once, with the same settings and ledger. The token of before opens no more."""
    return _made(parts, await links.renew(session, caller.person_id, link_id, kinds=parts[Loaders].kinds))


@router.delete("/{link_id:uuid}", status_code=HTTPStatus.NO_CONTENT, responses=problems(NotAuthenticated, LinkNotKnown))
async def revoke_link(link_id: UUID, caller: CurrentCaller, session: Writing, parts: AllParts) -> None:
    """Revoke a link. Whoever asks by it from now on is told that it leads nowhere; its ledger stays for a while."""
    await links.revoke(session, caller.person_id, link_id, kinds=parts[Loaders].kinds)


@router.get("/{link_id:uuid}/visits", responses=problems(NotAuthenticated, LinkNotKnown, UnknownPage))
async def list_visits(
    link_id: UUID, caller: CurrentCaller, parts: AllParts, limit: Limit = 50, after: After = None
) -> LinkVisitPage:
    """The ledger of a link: who came, when, and what they did, the latest first."""
    place = None if after is None else read_cursor(after, _AfterId).id
    async with parts[Database].reading() as session:
        await links.link_of(session, caller.person_id, link_id, kinds=parts[Loaders].kinds)
        rows = await ledger.page(session, link_id, limit=limit + 1, before=place)
    items = [LinkVisit(**row) for row in rows[:limit]]
    return LinkVisitPage(items=items, next=write_cursor(items[-1].id) if len(rows) > limit else None)


@router.get(
    "/{link_id:uuid}/visits.csv",
    response_class=Response,
    responses={**_CSV, **problems(NotAuthenticated, LinkNotKnown)},
)
async def export_visits(link_id: UUID, caller: CurrentCaller, parts: AllParts) -> Response:
    """The whole ledger of a link, for a spreadsheet."""
    async with parts[Database].reading() as session:
        await links.link_of(session, caller.person_id, link_id, kinds=parts[Loaders].kinds)
    headers = {"Content-Disposition": f'attachment; filename="link-{link_id}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_csv(parts, link_id), media_type="text/csv; charset=utf-8", headers=headers)


@router.delete(
    "/{link_id:uuid}/visits",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, LinkNotKnown),
)
async def forget_visits(link_id: UUID, caller: CurrentCaller, parts: AllParts, name: VisitorName = None) -> None:
    """Forget what stands in the ledger of a link: a visitor who wants to be forgotten has a right to it."""
    database = parts[Database]
    async with database.reading() as session:
        await links.link_of(session, caller.person_id, link_id, kinds=parts[Loaders].kinds)
    forgotten = _LINES
    while forgotten == _LINES:
        async with database.writing() as session:
            forgotten = await ledger.forget(session, link_id, name, batch=_LINES)


async def _csv(parts: Parts, link_id: UUID) -> AsyncIterator[bytes]:
    yield csv_lines([_COLUMNS])
    before: UUID | None = None
    while True:
        async with parts[Database].reading() as session:
            rows = await ledger.page(session, link_id, limit=_LINES, before=before)
        if not rows:
            return
        yield csv_lines([row[name] for name in _COLUMNS] for row in rows)
        before = rows[-1].id


async def _values(parts: Parts, given: dict[str, Any]) -> Mapping[str, Any]:
    """What is to be stored of what was sent: the password as its hash, the end in UTC.

    Raises:
        MalformedExpiry: the end has no time zone, is past, or is later than any calendar says.
        LinkBusy: many passwords are being hashed.
    """
    if "expires_at" in given:
        given["expires_at"] = _expiry(given["expires_at"])
    if "password" in given:
        password = given.pop("password")
        given["password_hash"] = None if password is None else await parts[LinkGate].hash(password)
    return given


def _expiry(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        raise MalformedExpiry from None
    if moment.tzinfo is None or in_utc <= datetime.now(UTC):
        raise MalformedExpiry
    return in_utc


def _made(parts: Parts, made: links.Made) -> LinkMade:
    from segno import make_qr  # noqa: PLC0415 - loaded when a link is made

    url = parts[PublicUrl].to(f"/s/{made.token}")
    qr = make_qr(url, error="m").svg_data_uri(scale=4, border=4, light="#fff")
    return LinkMade(**_link(made.row), token=made.token, url=url, qr=qr)


def _link(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in (*links.FIELDS, "has_password")}
