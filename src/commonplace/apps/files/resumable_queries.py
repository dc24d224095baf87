"""Every statement about uploads that can be resumed. What is a person's, only they find."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

# A claim ends with its process, which is known by its connection to the bus; and by itself in the end.
_IS_FREE: Final = """
    (upload.claim IS NULL OR upload.claimed_until < clock_timestamp() OR upload.process IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = upload.process))
"""
_MINE: Final = "upload.id = :upload_id AND upload.person_id = :person_id AND NOT upload.is_over"
_WAITS: Final = "(upload.expires_at > clock_timestamp() OR upload.claim IS NOT NULL)"

ADD: Final = Query(
    text("""
    INSERT INTO files.upload (id, person_id, purpose, size_bytes, sent_metadata, concat, name, folder_id, replaces_id,
        replaces_version, on_conflict, sha256, expires_at)
    VALUES (:upload_id, :person_id, :purpose, :size_bytes, :metadata, :concat, :name, :folder_id, :replaces_id,
        :replaces_version, :on_conflict, :sha256,
        clock_timestamp() + make_interval(days => CAST(:days AS integer)))
    """)
)
UNFINISHED: Final = Query(
    text("""
    SELECT count(*) AS number, CAST(coalesce(sum(received_bytes), 0) AS bigint) AS received_bytes
    FROM files.upload WHERE person_id = :person_id AND NOT is_over AND made_id IS NULL
    """)
)
FIND: Final = Query(text(f"SELECT upload.* FROM files.upload WHERE {_MINE} AND {_WAITS}"))
FIND_ALL: Final = Query(
    text("""
    SELECT upload.* FROM files.upload
    WHERE id = ANY(CAST(:ids AS uuid[])) AND person_id = :person_id AND NOT is_over
    AND (expires_at > clock_timestamp() OR claim IS NOT NULL)
    """)
)
CLAIM: Final = Query(
    text(f"""
    UPDATE files.upload SET claim = :claim, process = CAST(:process AS text),
        claimed_until = clock_timestamp() + interval '1 hour'
    WHERE {_MINE} AND {_IS_FREE} RETURNING upload.*
    """)
)
RELEASE: Final = Query(
    text("""
    UPDATE files.upload SET claim = NULL, process = NULL, claimed_until = NULL
    WHERE id = :upload_id AND (claim = :claim OR claim IS NULL)
    RETURNING is_over OR made_id IS NOT NULL AS has_rubbish
    """)
)
#: Nothing, when somebody else has the claim by now.
ADVANCE: Final = Query(
    text("""
    UPDATE files.upload SET received_bytes = :received_bytes, size_bytes = :size_bytes,
        claimed_until = clock_timestamp() + interval '1 hour',
        expires_at = clock_timestamp() + make_interval(days => CAST(:days AS integer))
    WHERE id = :upload_id AND claim = :claim AND NOT is_over RETURNING expires_at
    """)
)
FINISH: Final = Query(
    text("""
    UPDATE files.upload SET received_bytes = :size_bytes, size_bytes = :size_bytes, made_id = :made_id,
        claim = NULL, process = NULL, claimed_until = NULL
    WHERE id = :upload_id AND claim = :claim AND NOT is_over
    """)
)
#: What was put together needs its parts no longer, unless the answer was lost and it is asked for again.
EXPIRE_SOON: Final = Query(
    text("""
    UPDATE files.upload SET expires_at = least(expires_at, clock_timestamp() + interval '1 hour')
    WHERE id = ANY(CAST(:ids AS uuid[])) AND person_id = :person_id
    """)
)
END: Final = Query(
    text("""
    UPDATE files.upload SET is_over = true, claim = NULL, process = NULL, claimed_until = NULL
    WHERE id = :upload_id AND claim = :claim
    """)
)

PARTS: Final = Query(
    text("SELECT number, key, size_bytes FROM files.upload_part WHERE upload_id = :upload_id ORDER BY number")
)
PARTS_OF: Final = Query(
    text("""
    SELECT upload_id, number, key, size_bytes FROM files.upload_part
    WHERE upload_id = ANY(CAST(:ids AS uuid[])) AND number > 0 AND size_bytes > 0 ORDER BY number
    """)
)
#: Nothing, when the claim is somebody else's by now.
ADD_PART: Final = Query(
    text("""
    INSERT INTO files.upload_part (upload_id, number, key)
    SELECT id, CAST(:number AS integer), CAST(:key AS text) FROM files.upload
    WHERE id = :upload_id AND claim = :claim AND NOT is_over
    """)
)
GROW_PART: Final = Query(text("UPDATE files.upload_part SET size_bytes = :size_bytes WHERE key = :key"))
#: Its bytes are an object's from now on.
KEEP_PART: Final = Query(text("DELETE FROM files.upload_part WHERE key = :key"))
FORGET_PARTS: Final = Query(text("DELETE FROM files.upload_part WHERE key = ANY(CAST(:keys AS text[]))"))

#: What is over: given up, made into a file, or forgotten by whoever began it. Nobody writes to it.
MARK_EXPIRED: Final = Query(
    text(f"UPDATE files.upload SET is_over = true WHERE expires_at < clock_timestamp() AND NOT is_over AND {_IS_FREE}")
)
RUBBISH: Final = Query(
    text(f"""
    SELECT upload.id, array_remove(array_agg(part.key), NULL) AS keys_
    FROM files.upload LEFT JOIN files.upload_part AS part ON part.upload_id = upload.id
    WHERE (upload.is_over OR upload.made_id IS NOT NULL AND part.key IS NOT NULL) AND {_IS_FREE}
    GROUP BY upload.id LIMIT :limit
    """)
)
RUBBISH_OF: Final = Query(
    text(f"""
    SELECT part.key FROM files.upload_part AS part JOIN files.upload ON upload.id = part.upload_id
    WHERE upload.id = :upload_id AND (upload.is_over OR upload.made_id IS NOT NULL) AND {_IS_FREE}
    """)
)
FORGET: Final = Query(
    text("""
    DELETE FROM files.upload WHERE id = ANY(CAST(:ids AS uuid[])) AND is_over
    AND NOT EXISTS (SELECT FROM files.upload_part WHERE upload_id = upload.id)
    """)
)

#: The person's own object of these bytes: another's is never asked for.
OWN_OBJECT: Final = Query(
    text("""
    SELECT id, key, size_bytes FROM platform.object
    WHERE owner_id = :person_id AND sha256 = decode(:sha256, 'hex') AND size_bytes = :size_bytes
    """)
)

UPLOADS_OF: Final = Query(text("SELECT id FROM files.upload WHERE person_id = :person_id LIMIT :limit"))
KEYS_OF: Final = Query(text("SELECT key FROM files.upload_part WHERE upload_id = ANY(CAST(:ids AS uuid[]))"))
ERASE_PARTS: Final = Query(text("DELETE FROM files.upload_part WHERE upload_id = ANY(CAST(:ids AS uuid[]))"))
ERASE: Final = Query(text("DELETE FROM files.upload WHERE id = ANY(CAST(:ids AS uuid[]))"))
