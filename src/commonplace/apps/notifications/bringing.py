"""What of notifications comes along in an archive: choices about kinds that were not chosen here, and quiet hours."""

from collections.abc import Mapping
from contextlib import suppress

import msgspec
from pydantic import ValidationError

from commonplace.apps.notifications import queries
from commonplace.apps.notifications.errors import QuietHoursNotAllowed
from commonplace.apps.notifications.preferences import change_preferences
from commonplace.apps.notifications.schemas import KindChange, PreferencesChange, QuietHours
from commonplace.platform.database.session import Database
from commonplace.platform.events.registry import Registry
from commonplace.platform.leaving.bringing import Bringing


class _Choice(msgspec.Struct):
    kind: str
    inbox: bool | None = None
    mail: bool | None = None
    push: bool | None = None


class _Quiet(msgspec.Struct):
    begins: str
    ends: str


async def bring(bringing: Bringing) -> Mapping[str, int]:
    """Take what was not chosen here; how much, by the archive's members."""
    parts, person_id = bringing.parts, bringing.person_id
    choices = await bringing.lines("notifications/preferences", _Choice)
    quiet = await bringing.lines("notifications/quiet-hours", _Quiet)
    known = {notice.name for notice in parts[Registry].notices}
    async with parts[Database].writing() as session:
        chosen = {row.kind for row in await session.all(queries.PREFERENCES, person_id=person_id)}
        new = {choice.kind: choice for choice in choices if choice.kind in known - chosen}
        kinds = [KindChange(**msgspec.structs.asdict(choice)) for choice in new.values()]
        await change_preferences(session, parts, person_id, PreferencesChange(kinds=kinds))
        taken = {"preferences": len(new)} if new else {}
        if quiet and await session.first(queries.QUIET_HOURS, person_id=person_id) is None:
            with suppress(ValidationError, QuietHoursNotAllowed):
                hours = QuietHours(begins=quiet[0].begins[:5], ends=quiet[0].ends[:5])  # a time has seconds there
                await change_preferences(session, parts, person_id, PreferencesChange(quiet_hours=hours))
                taken["quiet-hours"] = 1
    return taken
