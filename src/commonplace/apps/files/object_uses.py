"""What of the storage files uses without a row of `platform.object`: the sweep asks before it removes anything."""

from typing import Final

from commonplace.platform.storage.objects import ObjectUse

RENDITIONS: Final = ObjectUse(
    name="files.renditions",
    keys="SELECT key FROM files.rendition WHERE key = ANY(CAST(:keys AS text[]))"
    " UNION SELECT key FROM files.form WHERE key = ANY(CAST(:keys AS text[]))",
)

#: What was not finished is not backed up: after a restore it begins anew.
UPLOADS: Final = ObjectUse(
    name="files.uploads",
    keys="SELECT key FROM files.upload_part WHERE key = ANY(CAST(:keys AS text[]))",
    is_backed_up=False,
)
