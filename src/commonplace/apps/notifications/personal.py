"""The tables of notifications: all of them are about a person."""

from typing import Final

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
