"""The archives among the stored objects: no row of `platform.object` names them. They are not backed up."""

from typing import Final

from commonplace.platform.storage.objects import ObjectUse

ARCHIVES: Final = ObjectUse(
    name="archives",
    keys="SELECT key FROM platform.archive WHERE key = ANY(CAST(:keys AS text[]))",
    is_backed_up=False,
)
