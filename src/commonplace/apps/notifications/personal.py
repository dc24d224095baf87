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
        table="notifications.preference", member="preferences", columns=("kind", "inbox", "mail"), order="kind"
    ),
    PersonalTable(table="notifications.quiet_hours", member="quiet-hours", columns=("begins", "ends")),
)
