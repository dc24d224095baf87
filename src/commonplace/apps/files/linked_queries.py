"""What is read of a file by a link: whoever holds it was found to be allowed to see it before (`platform/sharing`)."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

_FILE: Final = "platform.item JOIN files.file AS app USING (id) JOIN platform.object ON object.id = app.object_id"

CONTENT = Query(
    text(f"""
    SELECT item.title, item.updated_at, app.size_bytes, app.media_type, app.sha256, object.key
    FROM {_FILE} WHERE item.id = :file_id
    """)
)
PICTURE = Query(
    text("""
    SELECT app.sha256, processing.processed_at, rendition.key, rendition.media_type, rendition.size_bytes
    FROM files.file AS app JOIN files.processing USING (object_id)
    JOIN files.rendition ON rendition.object_id = app.object_id AND rendition.size = :size WHERE app.id = :file_id
    """)
)
