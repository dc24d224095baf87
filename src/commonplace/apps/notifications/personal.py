"""What of notifications is about a person: all its tables, and what others were told about them."""

from typing import Final

from commonplace.apps.notifications import queries
from commonplace.platform.leaving.erasing import Erasing
from commonplace.platform.leaving.personal import PersonalTable

TABLES: Final = (
    PersonalTable(
        table="notifications.notice",
        member="notices",
        columns=("id", "kind", "title", "text", "path", "item_id", "created_at", "read_at", "dismissed_at"),
        order="created_at, id",
    ),
    PersonalTable(
        table="notifications.preference", member="preferences", columns=("kind", "inbox", "mail", "push"), order="kind"
    ),
    PersonalTable(table="notifications.quiet_hours", member="quiet-hours", columns=("begins", "ends")),
    # With it goes what is on its way to it.
    PersonalTable(
        table="notifications.device",
        member="devices",
        columns=("name", "created_at", "seen_at"),
        order="created_at, id",
    ),
)
_BATCH: Final = 1000


async def erase(erasing: Erasing) -> None:
    """Part of erasing a person: the notices by which others were told of them."""
    async with erasing.database.reading() as session:
        ids = [row.id for row in await session.all(queries.ABOUT, person_id=erasing.person_id)]
    for start in range(0, len(ids), _BATCH):
        async with erasing.database.writing() as session:
            some = ids[start : start + _BATCH]
            await erasing.count(session, "notices_to_others", await session.execute(queries.FORGET_NOTICES, ids=some))
