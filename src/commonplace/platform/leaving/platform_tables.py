"""The platform's own tables about a person, other than the record."""

from typing import Final

from commonplace.platform.leaving.personal import PersonalTable

TABLES: Final = (
    PersonalTable(
        table="platform.item_grant",
        person="owner_id",
        member="shared-by-me",
        # Whose an address is stays unknown until they say so.
        columns=(
            "item_id",
            "CASE WHEN address IS NULL THEN person_id END AS person_id",
            "address",
            "level",
            "granted_at",
        ),
        order="granted_at",
    ),
    PersonalTable(
        table="platform.item_grant",
        person="person_id",
        member="shared-with-me",
        columns=("item_id", "owner_id", "level", "granted_at"),
        order="granted_at",
    ),
    PersonalTable(table="platform.item_grant", person="granted_by"),
    PersonalTable(
        table="platform.item_link",
        person="created_by",
        member="links",
        columns=("item_id", "created_at", "expires_at"),
        order="created_at",
    ),
    PersonalTable(
        table="platform.event",
        person="owner_id",
        member="log",
        columns=("at", "name", "kind", "item_id", "version", "payload"),
        order="epoch, xid, seq",
    ),
    PersonalTable(table="platform.idempotency", person="caller_id"),
    PersonalTable(table="platform.forgotten_versions", person="owner_id"),
    PersonalTable(
        table="platform.archive",
        member="archives",
        columns=("direction", "state", "asked_at", "ended_at", "size_bytes"),
        order="asked_at",
    ),
)
