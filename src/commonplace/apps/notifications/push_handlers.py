"""What becomes of notices on their way to devices, and of devices whose session ends."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog

from commonplace.apps.accounts.events import PersonSuspended, SessionEnded
from commonplace.apps.notifications import device_queries as queries
from commonplace.apps.notifications.events import DevicesChanged, PushDue
from commonplace.apps.notifications.preferences import Wish, wish_of
from commonplace.apps.notifications.times import now_of
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database, WriteSession
from commonplace.platform.events import log
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context, NamedNotice, Registry
from commonplace.platform.identity.live_sessions import LiveSessions
from commonplace.platform.identity.people import People, Person
from commonplace.platform.messages.errors import PushGone
from commonplace.platform.messages.push import LARGEST_CONTENT, PushMessage, Receiver
from commonplace.platform.messages.web_push import WebPush
from commonplace.platform.pages.viewer import zone_named
from commonplace.platform.parts import Parts

_LONGEST_BODY: Final = 500  # characters; screens show about 150
_LONGEST_PATH: Final = 1000
_TOPIC_BYTES: Final = 24  # 32 characters, as many as a topic may have (RFC 8030, section 5.4)
_BATCH: Final = 500
_log = structlog.get_logger(__name__)


async def give_to_devices(
    session: WriteSession, parts: Parts, notice_id: UUID, person: Person, wish: Wish, *, by: UUID | None
) -> None:
    """Have a new notice pushed to every device of the person, when it is not quiet any more."""
    held_until = wish.quiet_until(now_of(parts), zone_named(person.time_zone))
    for device in await session.all(queries.DEVICE_IDS, person_id=person.id):
        await session.execute(queries.ADD_PUSH, notice_id=notice_id, device_id=device.id, held_until=held_until)
        if held_until is None:
            fact = PushDue(notice_id=notice_id, device_id=device.id)
            await log.tell(session, fact, owner_id=person.id, by=by)


async def send_push(event: PushDue, context: Context) -> None:
    """Push a notice to a device: at least once, under one topic and tag; not any more what was read meanwhile."""
    parts = context.parts
    async with parts[Database].reading() as session:
        row = await session.first(queries.PUSH_TO_SEND, notice_id=event.notice_id, device_id=event.device_id)
    if row is None or row.held_until is not None:
        return
    if not await _is_in_use(parts, row):
        await _forget(parts, event.device_id)
        return
    person = await parts[People].person(row.person_id)
    kind = next((kind for kind in parts[Registry].notices if kind.name == row.kind), None)
    held_until = None
    if person is not None and kind is not None and row.read_at is None and row.dismissed_at is None:
        async with parts[Database].reading() as session:
            wish = await wish_of(session, person.id, kind)
        if wish.push:
            held_until = wish.quiet_until(
                now_of(parts), zone_named(person.time_zone)
            )  # a retry may come into the night
            if held_until is None and not await _is_sent(parts, event.device_id, row, kind):
                return
    await _settle(parts, event, held_until)


async def release_pushes(_tick: ScheduleTick, context: Context) -> None:
    """Have sent what was held until now."""
    database, now = context.parts[Database], now_of(context.parts)
    released = _BATCH
    while released == _BATCH:
        async with database.writing() as session:
            rows = await session.all(queries.RELEASE_PUSHES, now=now, limit=_BATCH)
            for row in rows:
                fact = PushDue(notice_id=row.notice_id, device_id=row.device_id)
                await log.tell(session, fact, owner_id=row.person_id, by=None)
        released = len(rows)


async def forget_session(event: SessionEnded, context: Context) -> None:
    """Notify the device no more whose session ended."""
    async with context.parts[Database].writing() as session:
        if await session.all(queries.FORGET_DEVICES_OF_SESSION, session_id=event.session_id):
            await log.tell(session, DevicesChanged(), owner_id=event.person_id, by=None)


async def forget_suspended(event: PersonSuspended, context: Context) -> None:
    """Notify no device of a person who may not sign in."""
    async with context.parts[Database].writing() as session:
        if await session.all(queries.FORGET_DEVICES_OF_PERSON, person_id=event.person_id):
            await log.tell(session, DevicesChanged(), owner_id=event.person_id, by=None)


async def _is_in_use(parts: Parts, row: Row) -> bool:
    """Whether the device subscribed with our present key, for this person, in a session that still lasts.

    A session may end without a fact: by its time, or in the moment in which the device was added.
    """
    if row.our_key != parts[WebPush].public_key or row.owner_id != row.person_id:
        return False
    return LiveSessions not in parts or await parts[LiveSessions].is_live(row.session_id)


async def _is_sent(parts: Parts, device_id: UUID, row: Row, kind: NamedNotice) -> bool:
    """Send; False when there is no such device any more, which is forgotten then."""
    try:
        await parts[WebPush].send(_receiver(row), _message(parts, row, kind))
    except PushGone as gone:
        _log.info("notifications.device_gone", reason=gone.detail)
        await _forget(parts, device_id)
        return False
    return True


async def _forget(parts: Parts, device_id: UUID) -> None:
    async with parts[Database].writing() as session:
        row = await session.first(queries.FORGET_DEVICE, device_id=device_id)
        if row is not None:
            await log.tell(session, DevicesChanged(), owner_id=row.person_id, by=None)


async def _settle(parts: Parts, event: PushDue, held_until: datetime | None) -> None:
    async with parts[Database].writing() as session:
        if held_until is None:
            await session.execute(queries.PUSHED, notice_id=event.notice_id, device_id=event.device_id)
        else:
            await session.execute(
                queries.HOLD_PUSH, notice_id=event.notice_id, device_id=event.device_id, held_until=held_until
            )


def _receiver(row: Row) -> Receiver:
    return Receiver(endpoint=row.endpoint, public_key=row.public_key, auth=row.auth)


def _message(parts: Parts, row: Row, kind: NamedNotice) -> PushMessage:
    topic = urlsafe_b64encode(hashlib.sha256(f"notice:{row.id}".encode()).digest()[:_TOPIC_BYTES]).decode()
    return PushMessage(
        content=_content(row, topic),
        topic=topic,
        ttl_seconds=parts[WebPush].kept_seconds,
        urgency="high" if kind.kind.is_urgent else "normal",
    )


def _content(row: Row, tag: str) -> bytes:
    """What the service worker reads; the text gives way until all of it fits."""
    path = row.path if row.path is not None and len(row.path) <= _LONGEST_PATH else None
    shown = {"id": str(row.id), "title": row.title, "path": path, "tag": tag, "at": row.created_at.isoformat()}
    body = row.text if len(row.text) <= _LONGEST_BODY else row.text[: _LONGEST_BODY - 1].rstrip() + "…"
    while len(content := msgspec.json.encode(shown | {"body": body})) > LARGEST_CONTENT and body:
        body = body[: len(body) // 2]
    return content
