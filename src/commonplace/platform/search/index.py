"""Writing the index: entries, and the words that mistyped ones are compared with."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.parts import Parts
from commonplace.platform.search.document import Document, Indexers
from commonplace.platform.search.words import can_be_mistyped, folded, near

LONGEST_BODY: Final = 1_000_000  #: characters of a text that are indexed: a book of a thousand pages
_MOST_IN_WORDS: Final = 900_000  # bytes of a tsvector, which holds 1 MiB; names need some of it
_SURELY_FITS: Final = 400_000  # bytes of text that make no longer one, whatever its words are
_MOST_POSITIONS: Final = 255  # of one word that a tsvector keeps
_LONGEST_TAGS: Final = 100
_STATEMENT: Final = 1_000_000  # characters of text that one statement brings
_IN_A_THREAD: Final = 100_000  # characters from which on cutting words would hold up others
_WORDS_AT_ONCE: Final = 1000
_NEW_WORDS: Final = 20_000  # of one batch; more are unlikely to be words

_ITEMS = Query(
    text("""
    SELECT item.id, item.kind, item.owner_id, item.parent_id, item.title, item.version, item.updated_at
    FROM platform.item
    WHERE item.id = ANY(CAST(:ids AS uuid[])) AND item.kind = ANY(CAST(:kinds AS text[])) AND item.trashed_at IS NULL
    ORDER BY item.id
    """)
)
# Words of places are marked by a letter that no other word begins with: only their owner finds by them. An item that
# is gone by now is left out, and locked against going (as its reference would): deleting it deletes the entry.
_WRITE = Query(
    text("""
    INSERT INTO platform.search_entry (item_id, owner_id, parent_id, kind, is_container, version, changed_at, at,
        size_bytes, latitude, longitude, is_place_shared, media_type, places, folded, tags, place, thumbnail, names,
        words, body)
    SELECT given.id, given.owner_id, given.parent_id, given.kind, given.is_container, given.version, given.changed_at,
        given.at, given.size_bytes, given.latitude, given.longitude, given.is_place_shared,
        given.media_type,
        array_remove(ARRAY[given.owner_id, given.parent_id, given.id], NULL), given.title_words, given.tags,
        given.place, given.thumbnail, named.names,
        named.names || setweight(to_tsvector('simple', given.body_words), 'D'), given.body
    FROM jsonb_to_recordset(CAST(:entries AS jsonb)) AS given (id uuid, owner_id uuid, parent_id uuid, kind text,
        is_container boolean, version integer, changed_at timestamptz, at timestamptz, size_bytes bigint,
        latitude double precision, longitude double precision, is_place_shared boolean, media_type text,
        title_words text, tags text[], place text, place_words text[], thumbnail text, body_words text, body text)
    CROSS JOIN LATERAL (
        SELECT setweight(to_tsvector('simple', given.title_words), 'A')
            || setweight(to_tsvector('simple', array_to_string(given.tags, ' ')), 'B')
            || array_to_tsvector(given.place_words) AS names
    ) AS named
    WHERE EXISTS (SELECT FROM platform.item WHERE item.id = given.id FOR KEY SHARE)
    ORDER BY given.id
    ON CONFLICT (item_id) DO UPDATE SET owner_id = excluded.owner_id, parent_id = excluded.parent_id,
        kind = excluded.kind, is_container = excluded.is_container, version = excluded.version,
        changed_at = excluded.changed_at, at = excluded.at, size_bytes = excluded.size_bytes,
        latitude = excluded.latitude, longitude = excluded.longitude, is_place_shared = excluded.is_place_shared,
        media_type = excluded.media_type,
        places = excluded.places, folded = excluded.folded, tags = excluded.tags, place = excluded.place,
        thumbnail = excluded.thumbnail, names = excluded.names, words = excluded.words, body = excluded.body
    RETURNING search_entry.item_id
    """)
)
_REMOVE = Query(text("DELETE FROM platform.search_entry WHERE item_id = ANY(CAST(:ids AS uuid[]))"))
_NEW_WORDS_OF = Query(
    text("""
    SELECT given.owner_id, given.word FROM unnest(CAST(:owners AS uuid[]), CAST(:words AS text[]))
        AS given (owner_id, word)
    WHERE NOT EXISTS (
        SELECT FROM platform.search_word AS known WHERE known.owner_id = given.owner_id AND known.word = given.word)
    """)
)
_WRITE_WORDS = Query(
    text("""
    INSERT INTO platform.search_word (owner_id, word, near)
    SELECT given.owner_id, given.word, given.near
    FROM jsonb_to_recordset(CAST(:words AS jsonb)) AS given (owner_id uuid, word text, near integer[])
    ORDER BY given.owner_id, given.word
    ON CONFLICT DO NOTHING
    """)
)


async def write_entries(session: WriteSession, parts: Parts, ids: Iterable[UUID]) -> int:
    """Bring the entries of these items to what the items are now; how many there are of them.

    Idempotent. What is in the trash, gone, or of no kind that can be found, has no entry afterwards.
    """
    wanted = sorted(set(ids))
    indexers = parts[Indexers]
    items = await session.all(_ITEMS, ids=wanted, kinds=list(indexers.kinds))
    by_kind: dict[str, list[UUID]] = {}
    for item in items:
        by_kind.setdefault(item.kind, []).append(item.id)
    documents: dict[UUID, Document] = {}
    for kind, of_kind in by_kind.items():
        documents.update(await indexers.documents(session, kind, of_kind))
    found = [(item, documents[item.id]) for item in items if item.id in documents]
    gone = [item_id for item_id in wanted if item_id not in documents]
    if gone:
        await session.execute(_REMOVE, ids=gone)
    length = sum(len(document.body) for _, document in found)
    if length > _IN_A_THREAD:
        entries = await asyncio.to_thread(_entries, parts[Kinds], found)
    else:
        entries = _entries(parts[Kinds], found)
    written = {row.item_id for some in _by_length(entries) for row in await session.all(_WRITE, entries=some)}
    # Only of what is there and locked: of whom is being erased no word may come after the erasure looked.
    await _write_words(session, [entry for entry in entries if entry["id"] in written])
    return len(written)


def _entries(kinds: Kinds, found: Sequence[tuple[Row, Document]]) -> list[dict[str, Any]]:
    return [_entry(item, document, is_container=kinds[item.kind].is_container) for item, document in found]


def _entry(item: Row, document: Document, *, is_container: bool) -> dict[str, Any]:
    body = document.body[:LONGEST_BODY].replace("\0", " ").encode(errors="replace").decode()
    latitude, longitude = document.coordinates or (None, None)
    place = None if document.place is None else folded(document.place)
    return {
        "id": item.id,
        "owner_id": item.owner_id,
        "parent_id": item.parent_id,
        "kind": item.kind,
        "is_container": is_container,
        "version": item.version,
        "changed_at": item.updated_at,
        "at": document.at or item.updated_at,
        "size_bytes": document.size_bytes,
        "latitude": latitude,
        "longitude": longitude,
        "is_place_shared": document.is_place_shared,
        "media_type": document.media_type,
        "title_words": folded(item.title[:2000]),
        "tags": [words for tag in document.tags[:_LONGEST_TAGS] if (words := folded(tag[:200]))],
        "place": place,
        "place_words": sorted({f"@{word}"[:200] for word in (place or "").split()}),
        "thumbnail": document.thumbnail,
        "body_words": _fitting(folded(body)),
        "body": body,
    }


def _fitting(words: str) -> str:
    """As many of the words as a tsvector holds: all of them, unless nearly every one is another."""
    packed = words.encode()
    while len(packed) > _SURELY_FITS:
        counted = Counter(packed.split())
        # What PostgreSQL keeps of a word: its letters, how often it stands, and where, each in two bytes.
        size = sum(len(word) + 3 + 2 * min(number, _MOST_POSITIONS) for word, number in counted.items())
        if size <= _MOST_IN_WORDS:
            break
        packed = packed[: max(_SURELY_FITS, len(packed) * 3 // 4)]
    return packed.decode(errors="ignore")


def _by_length(entries: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Parts whose texts together are of a length that a statement can take in its time."""
    some: list[dict[str, Any]] = []
    length = 0
    for entry in entries:
        if some and length + len(entry["body"]) > _STATEMENT:
            yield some
            some, length = [], 0
        some.append(entry)
        length += len(entry["body"])
    if some:
        yield some


async def _write_words(session: WriteSession, entries: Sequence[dict[str, Any]]) -> None:
    """Remember which words there are, for each owner."""
    words: set[tuple[UUID, str]] = set()
    for entry in entries:
        owner_id: UUID = entry["owner_id"]
        texts = (entry["title_words"], *entry["tags"], entry["body_words"])
        words.update((owner_id, word) for part in texts for word in set(part.split()) if can_be_mistyped(word))
    some = sorted(words)[:_NEW_WORDS]
    if not some:
        return
    new = await session.all(_NEW_WORDS_OF, owners=[owner for owner, _ in some], words=[word for _, word in some])
    for start in range(0, len(new), _WORDS_AT_ONCE):  # a transaction that does nothing for seconds would be ended
        rows = new[start : start + _WORDS_AT_ONCE]
        given = [{"owner_id": row.owner_id, "word": row.word, "near": near(row.word)} for row in rows]
        await session.execute(_WRITE_WORDS, words=given)
