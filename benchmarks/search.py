"""Search: how long a person waits at 100,000 documents, beside 10,000, a bare query of PostgreSQL, and `LIKE`."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks.report import Result
from benchmarks.servers import Commonplace
from commonplace import application
from commonplace.platform.database.address import Address
from commonplace.platform.database.embedded.server import EmbeddedServer
from commonplace.platform.database.session import Database
from commonplace.platform.search.keeping import rebuild
from commonplace.settings import load_settings

FEW, MANY = 10_000, 100_000  #: documents
QUERIES: Final = 300
_LIMIT_MILLISECONDS: Final = 100.0
_WORDS: Final = 40_000
_SYLLABLES: Final = [a + b + c for a in "bdfghjklmnprstvw" for b in "aeiou" for c in ("", "l", "n", "r", "s", "t")]
_BATCH: Final = 5000

_ADD: Final = """
    WITH given AS (
        SELECT gen_random_uuid() AS id, now() - random() * interval '3 years' AS at, *
        FROM unnest($2::text[], $3::text[], $4::text[]) AS one (title, body, tags)
    ), item AS (
        INSERT INTO platform.item (id, kind, owner_id, title, version, created_at, updated_at)
        SELECT id, 'task', $1, title, 1, at, at FROM given
    )
    INSERT INTO tasks.task (id, is_subtask, notes, status, priority, tags, position, reminders, attachments)
    SELECT id, false, body, 'open', 0, coalesce(string_to_array(nullif(tags, ''), ','), '{}'), 1, '[]', '[]' FROM given
"""


class Corpus:
    """Documents like people's: words as often as Zipf says, most texts short, some long; always the same."""

    def __init__(self) -> None:
        self.random = random.Random(22)
        words: dict[str, None] = {}
        while len(words) < _WORDS:
            words["".join(self.random.choices(_SYLLABLES, k=self.random.choice((1, 2, 2, 3, 3, 4))))] = None
        self.words = list(words)
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(_WORDS)))

    def text(self, number: int) -> str:
        return " ".join(self.random.choices(self.words, cum_weights=self._weights, k=number))

    def document(self) -> tuple[str, str, list[str]]:
        """A title, a text and tags."""
        length = min(3000, int(self.random.lognormvariate(4.2, 1.0)))
        tags = self.random.sample(self.words[:40], k=self.random.choice((0, 0, 1, 2)))
        return self.text(self.random.randint(2, 5)), self.text(length), tags

    def query(self) -> str:
        """What somebody types: words rare and frequent, beginnings, phrases, filters, and slips."""
        rank = min(_WORDS - 1, int(self.random.lognormvariate(7, 1.8)))
        word, other = self.words[rank], self.random.choice(self.words[:2000])
        slip = self.random.randrange(1, max(2, len(word) - 1))
        return self.random.choice(
            (
                word,
                f"{word} {other}",
                word[: max(2, len(word) - 2)],
                f"{other} {word[:3]}",
                other[:2],
                f'"{other}"',
                f"{other} -{word}",
                f"tag:{self.words[self.random.randrange(40)]} {other}",
                f"kind:task {word} after:2020",
                word[:slip] + word[slip + 1 :] + " ",
            )
        )


def search(directory: Path) -> Iterator[Result]:
    """What a person waits for when they search, in milliseconds; the 95th of a hundred."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    owner = ours.client.get("/api/auth/profile").raise_for_status().json()["id"]
    corpus = Corpus()
    waits: dict[int, float] = {}
    like = sqlite3.connect(directory / "like.db")
    like.execute("CREATE TABLE document (id INTEGER PRIMARY KEY, title TEXT, body TEXT)")
    try:
        with EmbeddedServer(ours.directory).acquire() as lease:
            address = Address(**lease.dsn)
            known = 0
            for number in (FEW, MANY):
                seconds = asyncio.run(_fill(address, owner, corpus, number - known, like))
                known = number
                queries = [corpus.query() for _ in range(QUERIES)]
                waits[number] = _p95(queries, lambda query: _ask(ours, query))
            bare = asyncio.run(_bare(address, queries))
        plain = _p95(queries[:60], lambda query: _like(like, query))  # each reads all there is
    finally:
        like.close()
        ours.stop()
    yield Result(
        f"search, p95 of {MANY:,}", waits[MANY], _LIMIT_MILLISECONDS, "the limit", "ms", 1.0, less_is_better=True
    )
    yield Result(
        f"search, p95 of {MANY:,}", waits[MANY], waits[FEW], f"{FEW:,} documents", "ms", 3.0, less_is_better=True
    )
    yield Result(
        f"search, p95 of {MANY:,}", waits[MANY], bare, "tsquery and ts_rank alone", "ms", 1.5, less_is_better=True
    )
    yield Result(
        f"search, p95 of {MANY:,}", waits[MANY], plain, "LIKE, as PocketBase's ~", "ms", 0.5, less_is_better=True
    )
    yield Result("documents indexed", MANY / seconds, 100, "a second, at least", "/s", 1.0)


def _ask(ours: Commonplace, query: str) -> None:
    ours.client.get("/api/search", params={"q": query}).raise_for_status()


def _p95(queries: Sequence[str], ask: Callable[[str], Any]) -> float:
    for query in queries[:20]:
        ask(query)
    waits = []
    for query in queries:
        began = time.perf_counter()
        ask(query)
        waits.append(time.perf_counter() - began)
    return sorted(waits)[int(len(waits) * 0.95)] * 1000


def _like(connection: sqlite3.Connection, query: str) -> None:
    words = [word.strip('"-') for word in query.split() if ":" not in word]
    condition = " AND ".join("(title LIKE ? OR body LIKE ?)" for _ in words) or "true"
    parameters = [f"%{word}%" for word in words for _ in range(2)]
    connection.execute(
        f"SELECT id, title FROM document WHERE {condition} ORDER BY id DESC LIMIT 20",
        parameters,
    ).fetchall()


async def _fill(address: Address, owner: str, corpus: Corpus, number: int, like: sqlite3.Connection) -> float:
    """Add tasks with these texts, and index them; how many seconds that took."""
    connection = await asyncpg.connect(**address.driver_arguments())
    for start in range(0, number, _BATCH):
        some = [corpus.document() for _ in range(min(_BATCH, number - start))]
        titles, texts, tags = ([document[column] for document in some] for column in range(3))
        like.executemany("INSERT INTO document (title, body) VALUES (?, ?)", zip(titles, texts, strict=True))
        await connection.execute(_ADD, owner, titles, texts, [",".join(one) for one in tags])
    like.commit()
    settings = load_settings({"JWT__SECRET_KEY": "benchmark" * 8}, env_file=None)
    parts = application.compose(settings, address, application.served_apps(settings))
    began = time.perf_counter()
    await rebuild(parts, lambda _number: None)
    seconds = time.perf_counter() - began
    await parts[Database].close()
    await connection.execute("ANALYZE")
    await connection.close()
    return seconds


async def _bare(address: Address, queries: Sequence[str]) -> float:
    """The same words as a tsquery of whoever's documents, ranked by what PostgreSQL has for it."""
    connection = await asyncpg.connect(**address.driver_arguments())
    try:
        waits = []
        for query in queries:
            words = " ".join(word for word in query.split() if ":" not in word)
            began = time.perf_counter()
            await connection.fetch(
                """
                SELECT item_id FROM platform.search_entry, websearch_to_tsquery('simple', $1) AS query
                WHERE words @@ query ORDER BY ts_rank(words, query) DESC LIMIT 20
                """,
                words,
            )
            waits.append(time.perf_counter() - began)
    finally:
        await connection.close()
    return sorted(waits)[int(len(waits) * 0.95)] * 1000
