"""Every statement about people's pictures."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

READ: Final = Query(
    text("""
    SELECT picture.id, picture.object_id, picture.media_type, picture.width, picture.height, picture.side, picture.x,
        picture.y, picture.changed_at, object.key
    FROM accounts.picture JOIN platform.object ON object.id = picture.object_id
    WHERE picture.person_id = :person_id
    """)
)
# Two changes at once wait for each other here: one of them is the later.
LOCK: Final = Query(text("SELECT FROM accounts.account WHERE person_id = :person_id FOR UPDATE"))
IS_THERE: Final = Query(text("SELECT id FROM accounts.picture WHERE person_id = :person_id"))
KEYS: Final = Query(
    text("""
    SELECT key FROM accounts.picture_variant JOIN accounts.picture ON picture.id = picture_variant.picture_id
    WHERE picture.person_id = :person_id
    """)
)
FOR_ARCHIVE: Final = Query(
    text("""
    SELECT picture.object_id, picture.media_type, picture.changed_at, object.key, object.size_bytes,
        encode(object.sha256, 'hex') AS sha256
    FROM accounts.picture JOIN platform.object ON object.id = picture.object_id
    WHERE picture.person_id = :person_id
    """)
)
REMOVE: Final = Query(text("DELETE FROM accounts.picture WHERE person_id = :person_id"))
ADD: Final = Query(
    text("""
    INSERT INTO accounts.picture (person_id, id, object_id, media_type, width, height, side, x, y, changed_at)
    VALUES (:person_id, :id, :object_id, :media_type, :width, :height, :side, :x, :y, :now)
    """)
)
ADD_VARIANT: Final = Query(
    text("""
    INSERT INTO accounts.picture_variant (picture_id, name, key, media_type, size_bytes)
    VALUES (:picture_id, :name, :key, :media_type, :size_bytes)
    """)
)
VARIANT: Final = Query(
    text("""
    SELECT variant.key, variant.media_type, variant.size_bytes, picture.changed_at, picture.person_id
    FROM accounts.picture_variant AS variant JOIN accounts.picture ON picture.id = variant.picture_id
    WHERE variant.picture_id = :picture_id AND variant.name = :name
    """)
)
