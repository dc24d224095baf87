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
        on_erasure="apart",
    ),
    PersonalTable(
        table="platform.item_grant",
        person="person_id",
        member="shared-with-me",
        columns=("item_id", "owner_id", "level", "granted_at"),
        order="granted_at",
        on_erasure="apart",
    ),
    PersonalTable(table="platform.item_grant", person="granted_by", on_erasure="apart"),
    PersonalTable(
        table="platform.item_link",
        person="created_by",
        member="links",
        columns=(
            "id",
            "item_id",
            "access",
            "label",
            "created_at",
            "expires_at",
            "revoked_at",
            "asks_name",
            "password_hash IS NOT NULL AS has_password",
            "most_downloads",
            "downloads",
            "most_files",
            "most_bytes",
            "files_taken",
            "bytes_taken",
        ),
        order="created_at",
        on_erasure="apart",
    ),
    # Goes with the link. Names that visitors gave are theirs; whoever asked for them takes them along.
    PersonalTable(
        table="platform.link_visit",
        person="made_by",
        member="link-visits",
        columns=("link_id", "at", "what", "visitor_name", "address_class", "item_id", "item_name", "size_bytes"),
        order="id",
        on_erasure="apart",
    ),
    PersonalTable(
        table="platform.event",
        person="owner_id",
        member="log",
        columns=("at", "name", "kind", "item_id", "version", "payload"),
        order="epoch, xid, seq",
        on_erasure="apart",
    ),
    PersonalTable(table="platform.event", person="by", on_erasure="apart"),
    PersonalTable(table="platform.item", person="owner_id", on_erasure="apart"),
    PersonalTable(table="platform.version", person="owner_id", on_erasure="apart"),
    PersonalTable(table="platform.version", person="by", on_erasure="apart"),
    PersonalTable(table="platform.object", person="owner_id", on_erasure="apart"),
    PersonalTable(table="platform.space", person="owner_id", member="space", columns=("used_bytes", "quota_bytes")),
    PersonalTable(table="platform.erasure", on_erasure="apart"),  # the ledger itself
    PersonalTable(table="platform.erasure", person="by_id", on_erasure="clear"),
    PersonalTable(
        table="platform.job",
        person="owner_id",
        member="jobs",
        columns=("kind", "title", "state", "done", "total", "unit", "result", "problem", "created_at", "ended_at"),
        order="created_at",
    ),
    PersonalTable(table="platform.idempotency", person="caller_id"),
    # Derived: what it was made from is handed out. The entries go with their items.
    PersonalTable(table="platform.search_entry", person="owner_id"),
    PersonalTable(table="platform.search_word", person="owner_id"),
    PersonalTable(table="platform.forgotten_versions", person="owner_id"),
    PersonalTable(table="platform.archive_item"),
    PersonalTable(
        table="platform.archive",
        member="archives",
        columns=("direction", "state", "asked_at", "ended_at", "size_bytes"),
        order="asked_at",
    ),
)
