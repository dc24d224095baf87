"""Downloads by a link, counted when they are finished.

A download is finished when its last byte was handed to the server: previews, downloads that were broken off and single
ranges are none. One that is resumed, or fetched in parts side by side, is one: what a visitor has of a file is kept as
a set of ranges until it is the whole. The count goes up before the last chunk leaves, in one statement that looks at
the limit; so never more than the limit are finished, however many run at once. Should the last chunk not be taken, the
count is given back.

All bytes by links come through us, on S3 too: a signed URL could neither be counted nor revoked.
"""

from time import monotonic
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.http import context
from commonplace.platform.media.serving import StreamResponse
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import DownloadsUsedUp, LinkNotKnown
from commonplace.platform.sharing.visits import ledger
from commonplace.platform.sharing.visits.opening import GOOD, Visit
from commonplace.platform.storage.protocol import ObjectReader

LOOK_SECONDS: Final = 1.0  #: how often it is looked whether the link of a running download is still good
_log = structlog.get_logger(__name__)

_IS_GOOD = Query(
    text(f"""
    SELECT EXISTS (SELECT FROM platform.item_link JOIN platform.item ON item.id = item_link.item_id
        WHERE item_link.id = :link_id AND item_link.access = 'download' AND {GOOD})
    """)
)
_CLAIM = Query(
    text("""
    UPDATE platform.item_link SET downloads = downloads + 1
    WHERE id = :link_id AND (most_downloads IS NULL OR downloads < most_downloads) AND revoked_at IS NULL
    """)
)
_GIVE_BACK = Query(text("UPDATE platform.item_link SET downloads = greatest(0, downloads - 1) WHERE id = :link_id"))
_ADD_PART = Query(
    text("""
    INSERT INTO platform.link_part (link_id, visitor, item_id, tag, sent)
    VALUES (:link_id, :visitor, :item_id, :tag,
        int8multirange(int8range(CAST(:first AS bigint), CAST(:end AS bigint))))
    ON CONFLICT (link_id, visitor, item_id, tag) DO UPDATE
    SET sent = link_part.sent + EXCLUDED.sent, at = clock_timestamp()
    RETURNING sent @> int8range(0, CAST(:size AS bigint)) AS is_whole
    """)
)
_FORGET_PARTS = Query(
    text("""
    DELETE FROM platform.link_part
    WHERE link_id = :link_id AND visitor = :visitor AND item_id = :item_id AND tag = :tag
    """)
)


def require_more(visit: Visit) -> None:
    """Refuse to begin a download that could not be finished.

    Raises:
        DownloadsUsedUp: the link is good for no more.
    """
    link = visit.link
    if link.most_downloads is not None and link.downloads >= link.most_downloads:
        raise DownloadsUsedUp


def through_us(request: Request) -> Request:
    """The request without the server's way to send a file by itself: of that nobody would hear when it ends."""
    return Request({**request.scope, "extensions": {}}, request.receive)


async def counted(request: Request, parts: Parts, visit: Visit, response: Response, item: tuple[UUID, str]) -> Response:
    """The answer to a download by a link, made to count when it was sent to its end."""
    tag = response.headers.get("etag", "")
    if isinstance(response, StreamResponse):
        return CountedResponse(Counting(parts, visit, item, tag, response.reader.size_bytes), response)
    if response.status_code < 300 and context.of(request.scope).method == "GET":  # noqa: PLR2004
        # Nothing is to be sent: it is finished before it begins.
        await Counting(parts, visit, item, tag, 0).finish(0, 0)
    return response


class Counting:
    """One download on its way to being counted."""

    def __init__(self, parts: Parts, visit: Visit, item: tuple[UUID, str], tag: str, size_bytes: int) -> None:
        self._database = parts[Database]
        self._visit = visit
        self._item = item
        self._size_bytes = size_bytes
        self._file = {"link_id": visit.link.link_id, "visitor": visit.key, "item_id": item[0], "tag": tag}

    async def require_good(self) -> None:
        """Refuse to go on when the link was revoked, or ended, meanwhile.

        Raises:
            LinkNotKnown: it was.
        """
        async with self._database.reading() as session:
            if not await session.scalar(_IS_GOOD, link_id=self._visit.link.link_id):
                raise LinkNotKnown

    async def finish(self, start: int, end: int) -> UUID | None:
        """The bytes from `start` to before `end` are about to be there; the line of the ledger, if that is the whole.

        Raises:
            DownloadsUsedUp: others were faster.
        """
        async with self._database.writing() as session:
            if (start, end) != (0, self._size_bytes) and not await self._add(session, start, end):
                return None
            if not await session.execute(_CLAIM, link_id=self._file["link_id"]):
                raise DownloadsUsedUp
            await session.execute(_FORGET_PARTS, **self._file)
            return await ledger.enter(session, self._visit, "download", item=self._item, size_bytes=self._size_bytes)

    async def give_back(self, entry_id: UUID) -> None:
        """What was about to be finished was not."""
        async with self._database.writing() as session:
            await session.execute(_GIVE_BACK, link_id=self._file["link_id"])
            await ledger.take_back(session, entry_id)

    async def broke_off(self, start: int, end: int) -> None:
        """Keep that these bytes were sent: whoever resumes has them."""
        if end > start:
            async with self._database.writing() as session:
                await self._add(session, start, end)

    async def _add(self, session: WriteSession, start: int, end: int) -> bool:
        whole: bool = await session.scalar(_ADD_PART, **self._file, first=start, end=end, size=self._size_bytes)
        return whole


class CountedResponse(Response):
    """Bytes read from the storage, and counted at their end. The last chunk waits until it is."""

    def __init__(self, counting: Counting, response: StreamResponse) -> None:
        super().__init__(status_code=response.status_code)
        self.raw_headers = response.raw_headers
        self._counting = counting
        self._reader: ObjectReader = response.reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        """Send the bytes. A client that goes away, and a link that ends, break it off."""
        reader, sent, entry_id = self._reader, self._reader.start, None
        try:
            async with reader as chunks:
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
                held, looked_at = b"", monotonic()
                async for chunk in chunks:
                    if held:
                        await send({"type": "http.response.body", "body": held, "more_body": True})
                        sent += len(held)
                    held = chunk
                    if monotonic() - looked_at >= LOOK_SECONDS:
                        await self._counting.require_good()
                        looked_at = monotonic()
                entry_id = await self._counting.finish(reader.start, reader.end)
                await send({"type": "http.response.body", "body": held, "more_body": True})
                sent = reader.end
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except BaseException:
            if sent < reader.end:
                await self._undo(sent, entry_id)
            raise

    async def _undo(self, sent: int, entry_id: UUID | None) -> None:
        try:
            if entry_id is not None:
                await self._counting.give_back(entry_id)
            await self._counting.broke_off(self._reader.start, sent)
        except Exception:  # noqa: BLE001 - what broke it off is told; a resumed download is then two, or none
            _log.exception("link.download_not_noted")
