"""Every SELECT of the past of folders, each from what the caller may see."""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.history.asof import seen, way_of
from commonplace.platform.sharing.rights import may, own, visible, written_since

ITEM: Final = Query(
    text(f"""
    SELECT item.title, item.owner_id, {own()} AS is_own, NOT {own()} AND {visible("write")} AS may_write,
        CASE WHEN NOT {own()} THEN {written_since()} END AS since
    FROM platform.item WHERE item.id = :item_id AND item.kind = :kind AND ({own()} OR {visible()})
    """)
)
_MOMENT: Final = """
    SELECT moment.at, moment.epoch, moment.snapshot FROM platform.moment WHERE moment.at <= :at
    ORDER BY moment.at DESC LIMIT 1
"""
_WAY: Final = f"""
    SELECT jsonb_agg(jsonb_build_array(way.item_id, way.title, way.trashed_at IS NOT NULL))
    FROM ({way_of("item.id", epoch="moment.epoch", snapshot="moment.snapshot")}) AS way
"""
#: An item, the moment that a time means, and the way to the item at that moment, in one.
ITEM_THEN: Final = Query(
    text(f"""
    SELECT item.owner_id, {own()} AS is_own, NOT {own()} AND {visible("write")} AS may_write,
        CASE WHEN NOT {own()} THEN {written_since()} END AS since, moment.at, moment.epoch,
        CAST(moment.snapshot AS text) AS snapshot, forgotten_versions.since AS whole_since, ({_WAY}) AS way
    FROM platform.item LEFT JOIN LATERAL ({_MOMENT}) AS moment ON true
    LEFT JOIN platform.forgotten_versions ON forgotten_versions.owner_id = item.owner_id
    WHERE item.id = :item_id AND item.kind = :kind AND ({own()} OR {visible()})
    """)
)
DRIVE_THEN: Final = Query(
    text(f"""
    SELECT moment.at, moment.epoch, CAST(moment.snapshot AS text) AS snapshot,
        (SELECT since FROM platform.forgotten_versions WHERE owner_id = CAST(:person_id AS uuid)) AS whole_since
    FROM ({_MOMENT}) AS moment
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
#: Of each of an owner's files and folders that changed since a moment: how it is, and how it was then.
CHANGED: Final = Query(
    text(f"""
    WITH changed AS (
        SELECT DISTINCT version.item_id FROM platform.version
        WHERE version.owner_id = :owner_id AND version.kind IN ('file', 'folder')
        AND (version.epoch, version.xid)
            >= (CAST(:epoch AS integer), pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot)))
        AND NOT {seen()}
    )
    SELECT item.id, item.kind, item.version, item.parent_id, item.title, item.trashed_at,
        coalesce(to_jsonb(file), to_jsonb(folder)) - 'id' AS state, past.version AS past_version,
        past.parent_id AS past_parent_id, past.title AS past_title, past.trashed_at AS past_trashed_at,
        past.state AS past_state, past.schema AS past_schema,
        coalesce(past.valid_until <= :at AND NOT EXISTS (SELECT FROM platform.version AS after
            WHERE after.item_id = item.id AND after.version = past.version + 1), past.version IS NULL AND NOT EXISTS (
            SELECT FROM platform.version AS first WHERE first.item_id = item.id AND first.version = 1)) AS is_lost
    FROM changed JOIN platform.item ON item.id = changed.item_id
    LEFT JOIN files.file ON file.id = item.id LEFT JOIN files.folder ON folder.id = item.id
    LEFT JOIN LATERAL (
        SELECT version.* FROM platform.version WHERE version.item_id = item.id AND {seen()}
        ORDER BY version.version DESC LIMIT 1
    ) AS past ON true
    """)
)
_LINK_THEN: Final = f"""
    SELECT version.item_id AS id, version.parent_id, version.title, version.trashed_at
    FROM platform.version WHERE version.item_id = {{item}} AND {seen()} ORDER BY version.version DESC LIMIT 1
"""
#: The folders of these ids, and all above them, as of a moment.
ABOVE_THEN: Final = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT link.* FROM unnest(CAST(:ids AS uuid[])) AS given (id)
        CROSS JOIN LATERAL ({_LINK_THEN.format(item="given.id")}) AS link
        UNION
        SELECT link.* FROM above CROSS JOIN LATERAL ({_LINK_THEN.format(item="above.parent_id")}) AS link
    )
    SELECT * FROM above
    """)
)
#: The same, as they are now.
ABOVE_NOW: Final = Query(
    text("""
    WITH RECURSIVE above AS (
        SELECT item.id, item.parent_id, item.title, item.trashed_at
        FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[]))
        UNION
        SELECT item.id, item.parent_id, item.title, item.trashed_at
        FROM above JOIN platform.item ON item.id = above.parent_id
    )
    SELECT * FROM above
    """)
)
#: How much lies in these folders, counted up to a limit.
INSIDE: Final = Query(
    text("""
    WITH RECURSIVE below AS (
        SELECT item.id, item.kind FROM platform.item WHERE item.parent_id = ANY(CAST(:ids AS uuid[]))
        AND item.trashed_at IS NULL
        UNION ALL
        SELECT item.id, item.kind FROM below JOIN platform.item ON item.parent_id = below.id
        WHERE below.kind = 'folder' AND item.trashed_at IS NULL
    )
    SELECT count(*) AS items, CAST(coalesce(sum(file.size_bytes), 0) AS bigint) AS size_bytes
    FROM (SELECT id FROM below LIMIT :limit) AS counted LEFT JOIN files.file USING (id)
    """)
)
OWN_FOLDER: Final = Query(
    text(f"""
    SELECT item.title, {own()} AS is_own FROM platform.item
    WHERE item.id = :folder_id AND item.kind = 'folder' AND {visible()}
    """)
)
ADD_RESTORATION: Final = Query(
    text("""
    INSERT INTO files.restoration (id, owner_id, folder_id, at, chosen, undoes, job_id)
    VALUES (:id, :owner_id, :folder_id, :at, :chosen, :undoes, :job_id)
    """)
)
_RESTORATION: Final = """
    SELECT restoration.id, restoration.folder_id, restoration.at, restoration.undoes, restoration.job_id,
        restoration.created_at, restoration.planned_at, restoration.ended_at, CAST(restoration.snapshot AS text) AS
        snapshot, restoration.epoch, restoration.chosen, job.state AS job_state, job.done AS job_done,
        job.total AS job_total,
        (SELECT undoing.id FROM files.restoration AS undoing WHERE undoing.undoes = restoration.id) AS undone_by,
        counted.*
    FROM files.restoration LEFT JOIN platform.job ON job.id = restoration.job_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS items, count(*) FILTER (WHERE outcome IN ('done', 'numbered')) AS written,
            count(*) FILTER (WHERE outcome = 'numbered') AS numbered, count(*) FILTER (WHERE outcome = 'left') AS kept
        FROM files.restored_item WHERE restored_item.restoration_id = restoration.id
    ) AS counted
    WHERE restoration.owner_id = :owner_id
"""
RESTORATION: Final = Query(text(f"{_RESTORATION} AND restoration.id = :id"))
RESTORATIONS: Final = Query(
    text(f"""
    {_RESTORATION} AND (CAST(:before AS uuid) IS NULL OR restoration.id < CAST(:before AS uuid))
    ORDER BY restoration.id DESC LIMIT :limit
    """)
)
LEFT: Final = Query(
    text("""
    SELECT restored_item.item_id, restored_item.kind, restored_item.outcome, restored_item.reason, item.title
    FROM files.restored_item LEFT JOIN platform.item ON item.id = restored_item.item_id
    WHERE restored_item.restoration_id = :restoration_id AND restored_item.outcome IN ('left', 'numbered')
    AND (CAST(:after AS uuid) IS NULL OR restored_item.item_id > CAST(:after AS uuid))
    ORDER BY restored_item.item_id LIMIT :limit
    """)
)
BEGIN_PLAN: Final = Query(
    text("""
    UPDATE files.restoration SET snapshot = pg_current_snapshot(), epoch = (SELECT current FROM platform.epoch)
    WHERE id = :id
    """)
)
FORGET_PLAN: Final = Query(text("DELETE FROM files.restored_item WHERE restoration_id = :id"))
ADD_ITEMS: Final = Query(
    text("""
    INSERT INTO files.restored_item (restoration_id, item_id, kind, how, phase, level, from_version, target_version,
        outcome, reason)
    SELECT :id, given.* FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS given (item_id uuid, kind text, how text,
        phase smallint, level integer, from_version integer, target_version integer, outcome text, reason text)
    """)
)
END_PLAN: Final = Query(text("UPDATE files.restoration SET planned_at = clock_timestamp() WHERE id = :id"))
END: Final = Query(text("UPDATE files.restoration SET ended_at = clock_timestamp() WHERE id = :id"))
#: The next ones to be done: all of one phase and one level, so that what they lie in was done before.
WAITING: Final = Query(
    text("""
    SELECT * FROM files.restored_item
    WHERE restoration_id = :id AND outcome IS NULL AND (phase, level) = (
        SELECT phase, level FROM files.restored_item WHERE restoration_id = :id AND outcome IS NULL
        ORDER BY phase, level, item_id LIMIT 1)
    ORDER BY item_id LIMIT :limit
    """)
)
NUMBERED: Final = Query(
    text("""
    SELECT * FROM files.restored_item
    WHERE restoration_id = :id AND outcome = 'numbered' AND item_id > :after ORDER BY item_id LIMIT :limit
    """)
)
#: Whoever refers to a version's object anew keeps the version from being dropped meanwhile, and so the object.
TARGETS: Final = Query(
    text("""
    SELECT version.item_id, version.version, version.title, version.parent_id, version.trashed_at, version.state,
        version.schema
    FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS integer[])) AS given (item_id, version)
    JOIN platform.version ON version.item_id = given.item_id AND version.version = given.version
    FOR KEY SHARE OF version
    """)
)
NOTE: Final = Query(
    text("""
    UPDATE files.restored_item SET outcome = given.outcome, to_version = given.to_version, reason = given.reason
    FROM jsonb_to_recordset(CAST(:outcomes AS jsonb)) AS given (item_id uuid, outcome text, to_version integer,
        reason text)
    WHERE restored_item.restoration_id = :restoration_id AND restored_item.item_id = given.item_id
    """)
)
#: What a restoration wrote, and how each item is now.
WRITTEN: Final = Query(
    text("""
    SELECT restored_item.item_id, restored_item.kind, restored_item.phase, restored_item.level,
        restored_item.from_version, restored_item.to_version, item.version,
        before.trashed_at IS NOT NULL AS was_trashed, before.version IS NOT NULL AS is_kept
    FROM files.restored_item LEFT JOIN platform.item ON item.id = restored_item.item_id
    LEFT JOIN platform.version AS before
        ON before.item_id = restored_item.item_id AND before.version = restored_item.from_version
    WHERE restored_item.restoration_id = :id AND restored_item.outcome IN ('done', 'numbered')
    """)
)
SAVEPOINT: Final = Query(text("SAVEPOINT before_writing_back"))
TO_SAVEPOINT: Final = Query(text("ROLLBACK TO SAVEPOINT before_writing_back"))
#: How many versions an owner's files and folders got, by the day or hour and by where they lay then.
ACTIVITY: Final = Query(
    text("""
    WITH begun AS (
        SELECT moment.epoch, pg_snapshot_xmin(moment.snapshot) AS xid FROM platform.moment
        WHERE moment.at <= CAST(:since AS timestamptz) ORDER BY moment.at DESC LIMIT 1
    )
    SELECT date_trunc(CAST(:unit AS text), version.valid_from, CAST(:zone AS text)) AS at, version.parent_id,
        count(*) AS changes
    FROM platform.version
    WHERE version.owner_id = :owner_id AND version.kind IN ('file', 'folder')
    AND (version.epoch, version.xid) >= (coalesce((SELECT epoch FROM begun), 0), coalesce((SELECT xid FROM begun),
        CAST('0' AS xid8)))
    AND version.valid_from >= CAST(:since AS timestamptz) AND version.valid_from < CAST(:until AS timestamptz)
    GROUP BY 1, 2
    """)
)
