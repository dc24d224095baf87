"""A folder as of a past moment beside the same folder now, with a million events in the log."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from benchmarks.load import press
from benchmarks.report import Result
from benchmarks.servers import Commonplace
from commonplace.platform.database.embedded.server import EmbeddedServer

ROUNDS = 2  #: in turn, and the better is taken: the machine's speed drifts
PAGE = 50
FOLDERS, FILES, VERSIONS = 5, 200, 1000  #: folders, files in each, versions of each file: a million
DAYS = 300

# An earlier life of the database, a version each half minute: the first of every file, the second of every file, and so
# on. Transactions are numbered as they follow, and a moment is saved after every hundredth.
PAST = f"""
UPDATE platform.version SET version = {VERSIONS} + 1 WHERE kind = 'file';
UPDATE platform.item SET version = {VERSIONS} + 1 WHERE kind = 'file';
UPDATE platform.version SET epoch = 0, xid = '1', valid_from = now() - interval '{DAYS + 1} days' WHERE kind = 'folder';
CREATE TEMPORARY TABLE past AS
SELECT version.item_id, round.number AS version, (round.number - 1) * {FOLDERS * FILES} + version.place AS number,
    now() - interval '{DAYS} days' + ((round.number - 1) * {FOLDERS * FILES} + version.place)
        * interval '{DAYS} days' / {FOLDERS * FILES * VERSIONS + 1} AS at
FROM generate_series(1, {VERSIONS}) AS round (number)
CROSS JOIN (SELECT item_id, row_number() OVER (ORDER BY md5(CAST(item_id AS text))) AS place FROM platform.version
    WHERE kind = 'file') AS version;
INSERT INTO platform.moment (at, epoch, snapshot)
SELECT at + interval '1 second', 0, CAST(format('%s:%s:', number + 2, number + 2) AS pg_snapshot) FROM past
WHERE number % 100 = 0;
INSERT INTO platform.version (item_id, version, kind, owner_id, parent_id, title, state, schema, valid_from, valid_until,
    epoch, xid, by)
SELECT version.item_id, past.version, version.kind, version.owner_id, version.parent_id, version.title, version.state,
    version.schema, past.at, coalesce(lead(past.at) OVER (PARTITION BY past.item_id ORDER BY past.version),
    version.valid_from), 0, CAST(CAST(past.number + 1 AS text) AS xid8), version.by
FROM past JOIN platform.version USING (item_id) WHERE version.version = {VERSIONS} + 1;
INSERT INTO platform.event (epoch, xid, at, name, kind, item_id, version, owner_id, parent_id, by, payload)
SELECT 0, xid, valid_from, 'file.replaced', kind, item_id, version, owner_id, parent_id, by,
    jsonb_build_object('file_id', item_id, 'object_id', state ->> 'object_id')
FROM platform.version WHERE kind = 'file' AND epoch = 0;
"""


def past(directory: Path) -> Iterator[Result]:
    """A page of fifty files as of half a year ago, and of now."""
    ours = Commonplace(directory / "ours", LIMITS__REQUESTS_PER_ADDRESS="100000000")
    ours.sign_in()
    try:
        folders = [_fill(ours, number) for number in range(FOLDERS)]
        with EmbeddedServer(ours.directory).acquire() as lease:
            asyncio.run(_make_past(lease.connection_to("commonplace")))
        now = f"{ours.url}/api/files?folder_id={folders[0]}&limit={PAGE}"
        at = (datetime.now(UTC) - timedelta(days=DAYS / 2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        then = f"{ours.url}/api/folders/{folders[0]}/as-of?at={at}&limit={PAGE}"
        page = ours.client.get(then).raise_for_status().json()["items"]
        assert {abs(entry["version"] - VERSIONS / 2) < VERSIONS / 10 for entry in page} == {True}
        best = {now: 0.0, then: 0.0}
        for _ in range(ROUNDS):
            for url in (now, then):
                load = press(url, headers=ours.headers)
                assert load.errors == 0, f"{url}: {load.errors} errors"
                best[url] = max(best[url], load.per_second)
        yield Result(
            "page of 50 files as of a past moment, a million events in the log",
            best[then],
            best[now],
            "the same page of now",
            "req/s",
            0.5,
        )
    finally:
        ours.stop()


def _fill(ours: Commonplace, number: int) -> str:
    made = ours.client.post("/api/folders", json={"name": f"Folder {number}"}).raise_for_status().json()
    for start in range(0, FILES, 100):
        files = [("file", (f"File {start + one:04}.txt", b"x")) for one in range(100)]
        ours.client.post("/api/files/batch", params={"folder_id": made["id"]}, files=files).raise_for_status()
    return str(made["id"])


async def _make_past(server: dict[str, object]) -> None:
    connection = await asyncpg.connect(**server)
    try:
        await connection.execute(PAST, timeout=900)
        await connection.execute("VACUUM ANALYZE platform.version", timeout=300)
        await connection.execute("VACUUM ANALYZE platform.event", timeout=300)
    finally:
        await connection.close()
