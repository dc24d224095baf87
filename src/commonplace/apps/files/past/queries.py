"""Every SELECT of the past of folders, each from what the caller may see."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import may, own, visible, written_since

ITEM: Final = Query(
    text(f"""
    SELECT item.owner_id, {own()} AS is_own, NOT {own()} AND {visible("write")} AS may_write,
        CASE WHEN NOT {own()} THEN {written_since()} END AS since
    FROM platform.item WHERE item.id = :item_id AND item.kind = :kind AND ({own()} OR {visible()})
    """)
)
#: Since when the person, who owns none of these, may know of each; those they may not know of are left out.
KNOWN_SINCE: Final = Query(
    text(f"""
    SELECT item.id, {written_since()} AS since FROM platform.item
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {written_since()} IS NOT NULL
    """)
)
READABLE: Final = Query(
    text(f"SELECT item.id FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {may('read')}")
)
