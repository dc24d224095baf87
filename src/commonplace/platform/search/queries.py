"""Every SELECT of search. What may be seen is asked of the items themselves, each time (`sharing/rights.py`).

The index says what may match; then each of the best matches is held against its item: whose it is now, where it lies,
whether it or anything above it is in the trash. So a grant that was revoked a moment ago finds nothing any more, and an
entry that is behind tells nobody anything.
"""

from functools import lru_cache
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.sharing.rights import LEVELS, hidden, may

BEST: Final = 500  #: matches that are ranked and can be paged through; whoever has more to look through asks closer
MOST_PLACES: Final = 20_000  #: containers that one search begins from

#: Where a person's search begins: with what is theirs, what was granted to them, and the containers in that. Whose
#: those are; and the stems of the words.
REACH = Query(
    text("""
    WITH RECURSIVE reached AS (
        SELECT item_grant.item_id AS id FROM platform.item_grant WHERE item_grant.person_id = :person_id
        UNION
        SELECT entry.item_id FROM platform.search_entry AS entry JOIN reached ON entry.parent_id = reached.id
        WHERE entry.is_container
    )
    SELECT ARRAY(SELECT id FROM reached LIMIT :most) AS places,
        ARRAY(SELECT DISTINCT item_grant.owner_id FROM platform.item_grant WHERE item_grant.person_id = :person_id)
            AS owners,
        ARRAY(SELECT (ts_lexize(CAST(CAST(:stemmer AS text) AS regdictionary), word))[1]
            FROM unnest(CAST(:words AS text[])) AS word) AS stems
    """)
)
#: The containers of these names or ids, and those in them.
WITHIN = Query(
    text("""
    WITH RECURSIVE below AS (
        SELECT entry.item_id AS id FROM platform.search_entry AS entry
        WHERE entry.places && CAST(:places AS uuid[]) AND entry.is_container
        AND (entry.item_id = ANY(CAST(:ids AS uuid[]))
            OR entry.folded = ANY(CAST(:names AS text[]))
            OR EXISTS (SELECT FROM unnest(CAST(:names AS text[])) AS name WHERE entry.folded LIKE name || ' %'))
        UNION
        SELECT child.item_id FROM platform.search_entry AS child JOIN below ON child.parent_id = below.id
        WHERE child.is_container
    )
    SELECT ARRAY(SELECT id FROM below LIMIT :most)
    """)
)
#: Words of one's own items, and those of people who share with one, that differ little from a mistyped one.
NEAR = Query(
    text("""
    SELECT DISTINCT given.word AS mistyped, known.word
    FROM jsonb_to_recordset(CAST(:words AS jsonb)) AS given (word text, near integer[])
    JOIN platform.search_word AS known ON known.near && given.near
    WHERE known.owner_id = ANY(CAST(:owners AS uuid[])) AND known.word <> given.word LIMIT 2000
    """)
)

#: Conditions on an entry by the names of their parameters.
CONDITIONS: Final = {
    "everywhere": "entry.words @@ CAST(CAST(:everywhere AS text) AS tsquery)",
    "in_names": "entry.names @@ CAST(CAST(:in_names AS text) AS tsquery)",
    "not_in_words": "NOT entry.words @@ CAST(CAST(:not_in_words AS text) AS tsquery)",
    "kinds": "entry.kind = ANY(CAST(:kinds AS text[]))",
    "media_types": "(entry.media_type LIKE ANY(CAST(:media_types AS text[]))"
    " OR entry.folded LIKE ANY(CAST(:endings AS text[])))",
    "tags": "entry.tags @> CAST(:tags AS text[])",
    "smallest": "entry.size_bytes >= CAST(:smallest AS bigint)",
    "largest": "entry.size_bytes <= CAST(:largest AS bigint)",
    "since": "entry.at >= CAST(:since AS timestamptz)",
    "until": "entry.at < CAST(:until AS timestamptz)",
    "within": "entry.parent_id = ANY(CAST(:within AS uuid[]))",
    "owners": "entry.owner_id = ANY(CAST(:owners AS uuid[]))",
    "place": "(entry.owner_id = :person_id AND strpos(' ' || entry.place, ' ' || CAST(:place AS text)) > 0)",
    # Degrees are as long as at the equator to the north, and shorter by the cosine of the latitude to the east.
    "near": """
    ((entry.owner_id = :person_id OR entry.is_place_shared)
        AND abs(entry.latitude - CAST(:latitude AS float8)) * 111.2 <= CAST(:kilometres AS float8)
        AND 111.2 * sqrt(power(entry.latitude - CAST(:latitude AS float8), 2)
            + power((entry.longitude - CAST(:longitude AS float8)) * cos(radians(CAST(:latitude AS float8))), 2))
        <= CAST(:kilometres AS float8))
    """,
}
_DAYS: Final = 90  # after which what was changed counts half as new
_RECENCY: Final = f"""
    1 / (1 + greatest(extract(epoch FROM CAST(:now AS timestamptz) - {{entry}}.changed_at), 0) / {_DAYS * 86_400})
"""
#: Each order: what of a match it goes by, which way, its type, and what the best are chosen by before that.
SORTS: Final = {
    "relevance": ("score", "DESC", "float8", "in_names DESC, entry.changed_at DESC"),
    "newest": ("at", "DESC", "timestamptz", "entry.at DESC"),
    "oldest": ("at", "ASC", "timestamptz", "entry.at"),
    "largest": ("coalesce(size_bytes, -1)", "DESC", "bigint", "entry.size_bytes DESC NULLS LAST"),
    "smallest": ("coalesce(size_bytes, 9223372036854775807)", "ASC", "bigint", "entry.size_bytes"),
    "name": ("left(folded, 200)", "ASC", "text", "left(entry.folded, 200)"),
}
# Whether a container can be seen is asked once for each of them, not for each match.
_SEEN: Final = f"""
    live AS MATERIALIZED (
        SELECT candidate.*, item.title, item.version, item.updated_at, item.owner_id AS whose,
            item.parent_id AS place_id
        FROM candidate JOIN platform.item ON item.id = candidate.item_id WHERE item.trashed_at IS NULL
    ), place AS MATERIALIZED (
        SELECT container.id, container.title, {may("read", item="container")} AS may_read,
            container.trashed_at IS NULL AND NOT {hidden("container")} AS is_open
        FROM platform.item AS container
        WHERE container.id = ANY(ARRAY(SELECT DISTINCT live.place_id FROM live WHERE live.place_id IS NOT NULL))
    ), seen AS MATERIALIZED (
        SELECT live.*, CASE WHEN place.may_read THEN place.title END AS place_title
        FROM live LEFT JOIN place ON place.id = live.place_id
        WHERE (live.place_id IS NULL OR place.is_open IS NOT FALSE)
        AND (live.whose = :person_id OR place.may_read
            OR platform.granted_since(live.item_id, :person_id, ARRAY[{", ".join(f"'{one}'" for one in LEVELS)}])
                IS NOT NULL)
        {{public}}
    )
"""


@lru_cache(maxsize=512)
def matches(conditions: tuple[str, ...], sort: str, *, has_words: bool, is_later_page: bool) -> Query:
    """A page of what matches and may be seen, with how many of the best there are by kind and type.

    Parameters: `person_id`, `places`, `limit`, `body` (characters of the text that come along); those of `conditions`,
    names of `CONDITIONS`; by relevance `now`; with `has_words` also `any_name`, by relevance `exact` and `plain`, and
    `public` beside `everywhere`; when `is_later_page` also `key` and `id`.
    """
    column, direction, type_, choice = SORTS[sort]
    key = _score(has_words=has_words) if sort == "relevance" else column
    where = " AND ".join(["entry.places && CAST(:places AS uuid[])", *(CONDITIONS[name] for name in conditions)])
    beyond = "<" if direction == "DESC" else ">"
    later = (
        f"WHERE key {beyond} CAST(:key AS {type_}) OR key = CAST(:key AS {type_}) AND item_id > :id"
        if is_later_page
        else ""
    )
    in_names = "entry.names @@ CAST(CAST(:any_name AS text) AS tsquery)" if has_words else "false"
    public = (
        "AND (live.whose = :person_id OR live.words @@ CAST(CAST(:public AS text) AS tsquery))"
        if "everywhere" in conditions
        else ""
    )
    return Query(
        text(f"""
    WITH candidate AS MATERIALIZED (
        SELECT entry.item_id, entry.kind, entry.media_type, entry.size_bytes, entry.changed_at, entry.at, entry.folded,
            entry.names, entry.words, {in_names} AS in_names
        FROM platform.search_entry AS entry WHERE {where} ORDER BY {choice} LIMIT {BEST}
    ), {_SEEN.format(public=public)}, ranked AS MATERIALIZED (
        SELECT seen.item_id, {key} AS key FROM seen
    ), page AS (
        SELECT item_id, key FROM ranked {later} ORDER BY key {direction}, item_id LIMIT :limit
    )
    SELECT seen.item_id AS id, seen.kind, seen.title, seen.version, seen.updated_at, seen.at, seen.whose AS owner_id,
        seen.place_id, seen.place_title, seen.media_type, seen.size_bytes, entry.tags, entry.thumbnail,
        left(entry.body, :body) AS body, page.key,
        (SELECT count(*) FROM candidate) AS candidates, (SELECT count(*) FROM seen) AS number,
        (SELECT jsonb_object_agg(kind, number) FROM (SELECT kind, count(*) AS number FROM seen GROUP BY kind) AS one)
            AS by_kind,
        (SELECT jsonb_object_agg(type, number) FROM (
            SELECT media_type AS type, count(*) AS number FROM seen WHERE media_type IS NOT NULL GROUP BY media_type
            ORDER BY count(*) DESC LIMIT 20) AS one) AS by_type
    FROM page JOIN seen USING (item_id) JOIN platform.search_entry AS entry USING (item_id)
    ORDER BY page.key {direction}, page.item_id
    """)
    )


def _score(*, has_words: bool) -> str:
    """How well a match fits: its name before the text inside, the very words before others, then what is new."""
    recency = _RECENCY.format(entry="seen")
    if not has_words:
        return f"CAST({recency} AS float8)"
    exact = "CAST(CAST(:exact AS text) AS tsquery)"
    return f"""
        CAST(8 * CAST(seen.folded = :plain AS integer) + 4 * CAST(seen.names @@ {exact} AS integer)
        + 2 * CAST(seen.in_names AS integer)
        + 3 * ts_rank('{{0.15, 0.3, 0.6, 1.0}}', seen.words, {exact}, 1) + {recency} AS float8)
    """


#: All of a text, for those few whose beginning has none of the words.
BODIES = Query(text("SELECT item_id AS id, body FROM platform.search_entry WHERE item_id = ANY(CAST(:ids AS uuid[]))"))
#: The names of the containers above these, outermost first, as far as the person may see them.
TRAILS = Query(
    text(f"""
    WITH RECURSIVE above AS (
        SELECT item.id AS start, item.id, item.parent_id, item.title, 0 AS level
        FROM platform.item WHERE item.id = ANY(CAST(:ids AS uuid[])) AND {may("read")}
        UNION ALL
        SELECT above.start, item.id, item.parent_id, item.title, above.level + 1
        FROM above JOIN platform.item ON item.id = above.parent_id WHERE above.level < 64 AND {may("read")}
    )
    SELECT start AS id, array_agg(title ORDER BY level DESC) AS titles FROM above GROUP BY start
    """)
)
