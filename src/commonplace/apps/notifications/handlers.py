"""What notifications does when something happens: fill the inbox, send mail and push to devices when it may."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from commonplace.apps.notifications import queries
from commonplace.apps.notifications.events import MailDue, NoticeGiven
from commonplace.apps.notifications.preferences import Wish, wish_of
from commonplace.apps.notifications.push_handlers import give_to_devices
from commonplace.apps.notifications.settings import NotificationsSettings
from commonplace.apps.notifications.times import now_of
from commonplace.platform.app import load
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.events import log
from commonplace.platform.events.event import Event, ScheduleTick
from commonplace.platform.events.registry import Context, NamedNotice, Registry
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.identity.people import People, Person
from commonplace.platform.messages.mail import Mail, Mailer
from commonplace.platform.messages.mailbox import one_line
from commonplace.platform.messages.notices import Notice
from commonplace.platform.pages.viewer import zone_named
from commonplace.platform.parts import Parts

_LONGEST_TITLE: Final = 200
_LONGEST_TEXT: Final = 4000
_BATCH: Final = 500  # rows in one transaction, which stays short
_log = structlog.get_logger(__name__)


async def take(event: Event, context: Context) -> None:
    """Have the apps say who is to be told what of an event, and tell them: once, however often it is delivered."""
    envelope = context.delivery.envelope
    for kind in context.parts[Registry].notices_of(envelope.name):
        notices: Sequence[Notice] = await load(kind.kind.tell)(event, context)
        for notice in notices:
            person = await context.parts[People].person(notice.person_id)
            if person is not None:
                await _give(context, kind, notice, person)


async def _give(context: Context, kind: NamedNotice, notice: Notice, person: Person) -> None:
    parts, envelope = context.parts, context.delivery.envelope
    async with parts[Database].writing() as session:
        wish = await wish_of(session, person.id, kind)
        mail, due_at = _mail_of(parts, wish, person)
        if not wish.inbox and mail == "none" and not wish.push:
            return
        notice_id = new_id()
        is_new = await session.execute(
            queries.GIVE,
            id=notice_id,
            person_id=person.id,
            kind=kind.name,
            event_seq=envelope.seq,
            title=_shortened(one_line(notice.title), _LONGEST_TITLE),
            text=_shortened(notice.text.replace("\0", ""), _LONGEST_TEXT),
            path=_own_path(notice.path),
            item_id=notice.item_id,
            at=envelope.at,
            in_inbox=wish.inbox,
            mail=mail,
            mail_due_at=due_at,
        )
        if not is_new:
            return
        if wish.inbox:
            fact = NoticeGiven(notice_id=notice_id, kind=kind.name)
            await log.tell(session, fact, owner_id=person.id, by=envelope.by)
        if mail == "due":
            await log.tell(session, MailDue(notice_id=notice_id), owner_id=person.id, by=envelope.by)
        if wish.push:
            await give_to_devices(session, parts, notice_id, person, wish, by=envelope.by)


async def send_mail(event: MailDue, context: Context) -> None:
    """Send a notice by mail: at least once, under one Message-ID. What was read meanwhile is not sent any more."""
    parts = context.parts
    async with parts[Database].reading() as session:
        row = await session.first(queries.NOTICE_TO_MAIL, notice_id=event.notice_id)
    if row is None or row.mail != "due":
        return
    person = await parts[People].person(row.person_id)
    kind = next((kind for kind in parts[Registry].notices if kind.name == row.kind), None)
    mail, due_at = "none", None
    if person is not None and kind is not None and row.read_at is None and row.dismissed_at is None:
        async with parts[Database].reading() as session:
            wish = await wish_of(session, person.id, kind)
        mail, due_at = _mail_of(parts, wish, person)  # a retry may have come into the quiet hours
        if mail == "due":
            await parts[Mailer].send(_mail(parts, row, person))
            mail = "sent"
    async with parts[Database].writing() as session:
        await session.execute(queries.SET_MAIL, notice_id=row.id, mail=mail, mail_due_at=due_at)


async def release_mail(_tick: ScheduleTick, context: Context) -> None:
    """Have sent what was held until now."""
    database, now = context.parts[Database], now_of(context.parts)
    released = _BATCH
    while released == _BATCH:
        async with database.writing() as session:
            rows = await session.all(queries.RELEASE, now=now, limit=_BATCH)
            for row in rows:
                await log.tell(session, MailDue(notice_id=row.id), owner_id=row.person_id, by=None)
        released = len(rows)


async def forget_notices(_tick: ScheduleTick, context: Context) -> None:
    """Delete notices that are older than they are kept."""
    before = now_of(context.parts) - timedelta(days=context.parts[NotificationsSettings].kept_days)
    deleted = _BATCH
    while deleted == _BATCH:
        async with context.parts[Database].writing() as session:
            deleted = await session.execute(queries.FORGET, before=before, limit=_BATCH)


def _mail_of(parts: Parts, wish: Wish, person: Person) -> tuple[str, datetime | None]:
    """What is to become of the mail of a notice now, and when."""
    if not wish.mail or not person.takes_mail or not parts[Mailer].is_configured:
        return "none", None
    quiet_until = wish.quiet_until(now_of(parts), zone_named(person.time_zone))
    return ("due", None) if quiet_until is None else ("held", quiet_until)


def _mail(parts: Parts, row: Row, person: Person) -> Mail:
    url = parts[PublicUrl]
    paragraphs = [row.title]
    if row.text:
        paragraphs.append(row.text)
    if row.path:
        paragraphs.append(url.to(row.path))
    paragraphs.append(f"-- \nWhat you are told, and how: {url.to('/app/notifications/settings')}")
    return Mail(
        to=person.email,
        subject=row.title,
        text="\n\n".join(paragraphs) + "\n",
        message_key=f"notice:{row.id}",
    )


def _own_path(path: str | None) -> str | None:
    """A page of ours; what leads anywhere else is a defect of the app, and is left out."""
    if path is None or (path.startswith("/app/") and path.isprintable() and "\\" not in path):
        return path
    _log.warning("notifications.foreign_path")
    return None


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"
