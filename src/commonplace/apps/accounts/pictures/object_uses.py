"""What pictures use of the storage: the sweep asks before it removes anything."""

from typing import Final

from commonplace.platform.storage.objects import ObjectUse

PICTURES: Final = ObjectUse(
    name="accounts.pictures",
    condition="EXISTS (SELECT FROM accounts.picture WHERE picture.object_id = object.id)",
    keys="SELECT key FROM accounts.picture_variant WHERE key = ANY(CAST(:keys AS text[]))",
)
