"""The tables of the past of folders that are about a person."""

from typing import Final

from commonplace.platform.leaving.personal import PersonalTable

TABLES: Final = (
    PersonalTable(
        table="files.restoration",
        person="owner_id",
        member="restorations",
        columns=("folder_id", "at", "undoes IS NOT NULL AS is_undoing", "created_at", "ended_at"),
        order="created_at, id",
    ),
)
