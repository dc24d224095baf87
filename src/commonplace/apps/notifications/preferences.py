"""Who wants what: per kind of notice and channel, and when it is quiet."""

from datetime import datetime, time
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from commonplace.apps.notifications import queries
from commonplace.apps.notifications.errors import QuietHoursNotAllowed, UnknownNoticeKind
from commonplace.apps.notifications.quiet import quiet_until
from commonplace.apps.notifications.schemas import KindPreference, PreferencesChange, PreferencesRead, QuietHours
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events.registry import NamedNotice, Registry
from commonplace.platform.messages.mail import Mailer
from commonplace.platform.parts import Parts


class Wish(NamedTuple):
    """What a person wants of one kind of notice."""

    inbox: bool
    mail: bool
    push: bool
    quiet_hours: tuple[time, time] | None

    def quiet_until(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When the person's quiet hours end, if it is quiet now."""
        return None if self.quiet_hours is None else quiet_until(now, zone, *self.quiet_hours)


async def wish_of(session: ReadSession, person_id: UUID, notice: NamedNotice) -> Wish:
    """What the person chose; what they did not choose is as the kind has it."""
    row = await session.first(queries.PREFERENCE_OF, person_id=person_id, kind=notice.name)
    if row is None:
        raise LookupError("The statement always answers with a row.")
    return Wish(
        inbox=True if row["inbox"] is None else row["inbox"],
        mail=notice.kind.by_mail if row["mail"] is None else row["mail"],
        push=notice.kind.by_push if row["push"] is None else row["push"],
        quiet_hours=None if row["begins"] is None else (row["begins"], row["ends"]),
    )


async def read_preferences(session: ReadSession, parts: Parts, person_id: UUID, time_zone: str) -> PreferencesRead:
    """Every kind of notice there is, with what the person gets of it."""
    chosen = {row.kind: row for row in await session.all(queries.PREFERENCES, person_id=person_id)}
    quiet = await session.first(queries.QUIET_HOURS, person_id=person_id)
    kinds = []
    for notice in sorted(parts[Registry].notices, key=lambda notice: (notice.app_title, notice.kind.title)):
        preference = chosen.get(notice.name)
        kinds.append(
            KindPreference(
                kind=notice.name,
                app=notice.app_title,
                title=notice.kind.title,
                inbox=True if preference is None or preference.inbox is None else preference.inbox,
                mail=notice.kind.by_mail if preference is None or preference.mail is None else preference.mail,
                push=notice.kind.by_push if preference is None or preference.push is None else preference.push,
            )
        )
    return PreferencesRead(
        kinds=kinds,
        quiet_hours=None if quiet is None else QuietHours(begins=_text(quiet.begins), ends=_text(quiet.ends)),
        time_zone=time_zone,
        is_mail_configured=parts[Mailer].is_configured,
    )


async def change_preferences(session: WriteSession, parts: Parts, person_id: UUID, change: PreferencesChange) -> None:
    """Keep what a person chose; what is left out of `change` stays.

    Raises:
        UnknownNoticeKind: no app gives such notices.
        QuietHoursNotAllowed: they begin when they end.
    """
    known = {notice.name for notice in parts[Registry].notices}
    for preference in change.kinds:
        if preference.kind not in known:
            raise UnknownNoticeKind(preference.kind)
        await session.execute(
            queries.PREFER,
            person_id=person_id,
            kind=preference.kind,
            inbox=preference.inbox,
            mail=preference.mail,
            push=preference.push,
        )
    if change.quiet_hours is not None:
        begins, ends = time.fromisoformat(change.quiet_hours.begins), time.fromisoformat(change.quiet_hours.ends)
        if begins == ends:
            raise QuietHoursNotAllowed
        await session.execute(queries.SET_QUIET_HOURS, person_id=person_id, begins=begins, ends=ends)
    elif "quiet_hours" in change.model_fields_set:
        await session.execute(queries.NO_QUIET_HOURS, person_id=person_id)


def _text(wall: time) -> str:
    return f"{wall:%H:%M}"
