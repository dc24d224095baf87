"""What of the storage files uses without a row of `platform.object`: the sweep asks before it removes anything."""

from typing import Final

from commonplace.platform.storage.objects import ObjectUse

RENDITIONS: Final = ObjectUse(
    name="files.renditions",
    keys="SELECT key FROM files.rendition WHERE key = ANY(CAST(:keys AS text[]))"
    " UNION SELECT key FROM files.form WHERE key = ANY(CAST(:keys AS text[]))",
)
