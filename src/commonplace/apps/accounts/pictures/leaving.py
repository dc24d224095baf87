"""What pictures add to a person's archive, and what goes with a person who is erased."""

from commonplace.apps.accounts.pictures import queries
from commonplace.platform.database.session import WriteSession
from commonplace.platform.leaving.erasing import Erasing
from commonplace.platform.leaving.exporting import Export, StoredBytes


async def export(export: Export) -> None:
    """Place the picture as it came."""
    row = await export.session.first(queries.FOR_ARCHIVE, person_id=export.person_id)
    if row is not None:
        export.place(
            StoredBytes(row.object_id, row.key, row.size_bytes, row.sha256),
            f"profile/picture.{row.media_type.partition('/')[2].partition('+')[0]}",
            at=row.changed_at,
            media_type=row.media_type,
        )


async def erase(session: WriteSession, erasing: Erasing) -> None:
    """Part of erasing a person: what is shown of their picture. The picture as it came goes with all their objects."""
    keys = [row.key for row in await session.all(queries.KEYS, person_id=erasing.person_id)]
    await session.execute(queries.REMOVE, person_id=erasing.person_id)
    await erasing.count(session, "accounts.picture_variant", len(keys))
    await erasing.doom(session, keys)
