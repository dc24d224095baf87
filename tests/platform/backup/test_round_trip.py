"""A backup, restored elsewhere: everything is there, the past too, and nothing else."""

import asyncio
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace.apps.files.models import FILE
from commonplace.platform.backup import programs
from commonplace.platform.backup.errors import InTheWay, ProgramFailed
from commonplace.platform.backup.making import make_backup
from commonplace.platform.backup.restoring import MARK, restore
from commonplace.platform.backup.verifying import verify
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.session import Database
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.events.registry import Registry
from commonplace.platform.events.settings import EventsSettings
from commonplace.platform.events.worker import Worker
from commonplace.platform.history.asof import children_as_of, moment_at
from commonplace.platform.parts import Parts
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.sweep import sweep
from tests.seaweedfs import S3Server
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.anyio


BUSY = text("""
    SELECT EXISTS (SELECT FROM platform.delivery) OR EXISTS (
        SELECT FROM platform.event, platform.consumer WHERE consumer.name = 'dispatcher'
        AND (event.epoch, event.xid, event.seq) > (consumer.epoch, consumer.xid, consumer.seq))
""")


def quietly(_line: str) -> None:
    """Progress that nobody reads."""


async def sign_in(client: Any) -> None:
    answer = await client.post("/auth/login", json={"email": "ana@example.org", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def files_of(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    after = None
    while True:
        page = (await client.get("/api/files", params={"limit": 200} | ({"after": after} if after else {}))).json()
        found |= {item["id"]: item for item in page["items"]}
        after = page["next"]
        if after is None:
            return found


async def test_everything_comes_back_and_works(
    ana: Visitor, life: Any, parts: Parts, backup_path: Path, other_parts: Parts, serve_other: Any
) -> None:
    before = await files_of(ana)
    trash = (await ana.get("/api/trash")).json()["items"]
    made = await make_backup(parts, backup_path)
    assert made.header.tables["files.file"] == len(before) + len(trash)
    assert (await verify(backup_path)).objects == made.header.objects

    restored = await restore(other_parts, backup_path, say=quietly)
    assert restored.damaged == 0
    async with serve_other() as client:
        await sign_in(client)
        assert await files_of(client) == before
        assert (await client.get("/api/trash")).json()["items"] == trash
        for identifier, content in life.contents.items():
            assert (await client.get(f"/api/files/{identifier}/content")).content == content
        report = await sweep(client.parts[ObjectStorage], client.parts[Database], client.parts[ObjectUses])
        assert (report.faults, report.strangers.number) == (0, 0)


@pytest.mark.long
async def test_the_past_comes_back_too(
    ana: Visitor, life: Any, parts: Parts, backup_path: Path, other_parts: Parts, serve_other: Any
) -> None:
    await make_backup(parts, backup_path)
    await restore(other_parts, backup_path, say=quietly)
    async with serve_other() as client:
        await sign_in(client)
        (draft,) = life.versions
        assert ana.person is not None
        assert (await client.post(f"/api/files/{draft}/restore")).status_code == 200
        for number, content in enumerate(life.versions[draft], start=1):
            answer = await client.get(f"/api/files/{draft}/versions/{number}/content")
            assert answer.content == content
        async with client.parts[Database].reading() as session:
            moment = await moment_at(session, life.then)
            then = await children_as_of(session, FILE, UUID(ana.person["id"]), UUID(life.folder), moment, limit=9)
        assert [state.title for state in then] == ["draft"]
        picture = next(item for item in (await files_of(client)).values() if item["name"] == "picture.jpg")
        thumbnail = await client.get(f"/api/files/{picture['id']}/thumbnail", params={"size": 256})
        assert thumbnail.status_code == 200
        assert thumbnail.headers["content-type"].startswith("image/")


@pytest.mark.long
async def test_those_who_follow_changes_begin_anew(
    ana: Visitor, life: Any, parts: Parts, backup_path: Path, other_parts: Parts, serve_other: Any
) -> None:
    assert (await ana.get("/api/sync", params={"since": life.cursor})).status_code == 200
    await make_backup(parts, backup_path)
    await restore(other_parts, backup_path, say=quietly)
    async with serve_other() as client:
        await sign_in(client)
        assert (await client.get("/api/sync", params={"since": life.cursor})).status_code == 410
        cursor = (await client.get("/api/sync")).json()["next"]
        assert (await client.post("/api/files", params={"name": "after"}, content=b"x")).status_code == 201
        (event, *_) = (await client.get("/api/sync", params={"since": cursor})).json()["events"]
        assert event["name"] == "file.uploaded"
        async with client.parts[Database].reading() as session:
            told = await session.all(text("SELECT payload FROM platform.event WHERE name = 'installation.restored'"))
        assert len(told) == 1


@pytest.mark.long
async def test_what_was_on_its_way_arrives(
    ana: Visitor, parts: Parts, backup_path: Path, other_parts: Parts, serve_other: Any
) -> None:
    """Events that nobody had dispatched when the backup was made are dispatched where it was restored."""
    assert (await ana.post("/api/files", params={"name": "a.txt"}, content=b"text")).status_code == 201
    await make_backup(parts, backup_path)
    await restore(other_parts, backup_path, say=quietly)
    async with serve_other() as client:
        await sign_in(client)
        await deliver_in(client.parts)
        (item,) = (await files_of(client)).values()
        assert item["processing"]["state"] != "pending"


@pytest.mark.long
async def test_it_is_as_of_one_moment_while_people_go_on(
    ana: Visitor,
    life: Any,
    parts: Parts,
    backup_path: Path,
    *,
    other_parts: Parts,
    serve_other: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Uploads, deletions for good and a sweep, between the snapshot and the copying of the objects."""
    before = await files_of(ana)
    dump = programs.dump

    async def dump_while_things_happen(*arguments: Any, **options: Any) -> None:
        await dump(*arguments, **options)
        for identifier in [*life.contents][:10]:
            assert (await ana.delete(f"/api/files/{identifier}")).status_code == 204
        async with parts[Database].writing() as session:  # as the purge of the trash, a month later
            await session.execute(text("DELETE FROM platform.version WHERE trashed_at IS NULL"))
            await session.execute(text("DELETE FROM platform.version"))
        assert (await ana.post("/api/files", params={"name": "later"}, content=b"later")).status_code == 201
        await sweep(
            parts[ObjectStorage],
            parts[Database],
            parts[ObjectUses],
            repair=True,
            now=datetime.now(UTC) + timedelta(days=365),
        )

    monkeypatch.setattr(programs, "dump", dump_while_things_happen)
    made = await make_backup(parts, backup_path)
    assert (made.left_out, made.end.damaged) == (0, [])
    await restore(other_parts, backup_path, say=quietly)
    async with serve_other() as client:
        await sign_in(client)
        assert await files_of(client) == before
        for identifier, content in life.contents.items():
            assert (await client.get(f"/api/files/{identifier}/content")).content == content
    report = await sweep(
        parts[ObjectStorage],
        parts[Database],
        parts[ObjectUses],
        repair=True,
        now=datetime.now(UTC) + timedelta(days=365),
    )
    assert report.not_needed.number > 0  # what was held back goes now


@pytest.mark.long
async def test_two_restores_of_one_backup_begin_different_epochs(
    ana: Visitor, parts: Parts, backup_path: Path, other_parts: Parts
) -> None:
    assert ana.person
    await make_backup(parts, backup_path)
    await restore(other_parts, backup_path, say=quietly)
    async with other_parts[Database].reading() as session:
        epoch = await session.scalar(text("SELECT current FROM platform.epoch"))
    assert epoch > 27_000_000  # the seconds of this year so far: no later restore has the same


@pytest.mark.long
async def test_what_is_an_installations_own_state_does_not_come_along(
    ana: Visitor, parts: Parts, backup_path: Path, other_parts: Parts
) -> None:
    answer = await ana.post("/api/folders", json={"name": "A", "parent_id": None}, headers={"Idempotency-Key": "key-1"})
    assert answer.status_code == 201
    await make_backup(parts, backup_path)
    await restore(other_parts, backup_path, say=quietly)
    async with other_parts[Database].reading() as session:
        for table in ("idempotency", "worker"):
            assert await session.scalar(text(f"SELECT count(*) FROM platform.{table}")) == 0


async def test_it_is_a_tar_archive_that_only_its_owner_reads(ana: Visitor, parts: Parts, backup_path: Path) -> None:
    await ana.post("/api/files", params={"name": "a"}, content=b"abc")
    await make_backup(parts, backup_path)
    assert backup_path.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in backup_path.parent.glob("backup*")) == ["backup.tar"]
    with tarfile.open(backup_path) as archive:
        names = archive.getnames()
        content = archive.extractfile(names[1])
        assert content is not None
        assert content.read() == b"abc"
    assert [names[0], *names[-2:]] == ["commonplace-backup.json", "database.dump", "end.json"]


@pytest.mark.long
class TestOnS3:
    @pytest.fixture
    def other_environ(self, other_environ: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
        server: S3Server = request.getfixturevalue("s3_server").with_new_bucket()
        return other_environ | server.environ()

    async def test_from_a_disk_to_a_bucket_and_back(
        self, source: tuple[Any, Parts], made: Path, other_parts: Parts, tmp_path: Path
    ) -> None:
        """The same objects under the same keys, whatever keeps them; and a bucket can be backed up as well."""
        await restore(other_parts, made, say=quietly)
        assert await contents(other_parts) == await contents(source[1])
        again = await make_backup(other_parts, tmp_path / "again.tar")
        assert (again.header.objects, again.end.damaged) == (3, [])
        assert members(tmp_path / "again.tar") == members(made)


async def contents(parts: Parts) -> dict[str, bytes]:
    found = {}
    async for info in parts[ObjectStorage].list():
        async with await parts[ObjectStorage].read(info.key) as reader:
            found[info.key] = b"".join([chunk async for chunk in reader])
    return found


def members(path: Path) -> dict[str, str]:
    """The objects of a backup with their digests."""
    with tarfile.open(path) as archive:
        return {member.name: member.pax_headers["comment"] for member in archive if member.name.startswith("objects/")}


class TestInterrupted:
    @pytest.mark.long
    async def test_before_the_database_was_loaded_it_can_be_repeated(
        self,
        ana: Visitor,
        life: Any,
        parts: Parts,
        backup_path: Path,
        *,
        other_parts: Parts,
        serve_other: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = await files_of(ana)
        await make_backup(parts, backup_path)
        with monkeypatch.context() as broken:
            broken.setattr(programs, "load", _die)
            with pytest.raises(KeyboardInterrupt):
                await restore(other_parts, backup_path, say=quietly)
        async with other_parts[Database].reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM platform.item")) == 0
        assert len([info async for info in other_parts[ObjectStorage].list()]) > len(life.contents)
        await restore(other_parts, backup_path, say=quietly)
        async with serve_other() as client:
            await sign_in(client)
            assert await files_of(client) == before

    async def test_while_the_database_was_loaded_it_is_as_it_was(
        self, ana: Visitor, life: Any, parts: Parts, backup_path: Path, other_parts: Parts
    ) -> None:
        assert life.contents
        assert ana.person
        await make_backup(parts, backup_path)
        database = other_parts[Database]
        dumping = asyncio.Event()
        load = programs.load

        async def half(*arguments: Any, after: str, **options: Any) -> None:
            dumping.set()
            await load(*arguments, after=f"SELECT 1 / 0;\n{after}", **options)

        with pytest.MonkeyPatch.context() as broken:
            broken.setattr(programs, "load", half)
            with pytest.raises(ProgramFailed, match="division by zero"):
                await restore(other_parts, backup_path, say=quietly)
        assert dumping.is_set()
        async with database.reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM platform.item")) == 0
            assert await session.scalar(text("SELECT current FROM platform.epoch")) == 1
        await restore(other_parts, backup_path, say=quietly)

    @pytest.mark.long
    async def test_before_the_last_check_only_that_is_repeated(
        self, ana: Visitor, parts: Parts, backup_path: Path, other_parts: Parts, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await ana.post("/api/files", params={"name": "a"}, content=b"abc")
        await make_backup(parts, backup_path)
        with monkeypatch.context() as broken:
            broken.setattr("commonplace.platform.backup.restoring.migrate", _die)
            with pytest.raises(KeyboardInterrupt):
                await restore(other_parts, backup_path, say=quietly)
        monkeypatch.setattr(programs, "load", _die)  # it must not be loaded again
        await restore(other_parts, backup_path, say=quietly)
        keys = [info.key async for info in other_parts[ObjectStorage].list()]
        assert MARK not in keys


async def test_a_running_installation_is_not_restored_into(
    ana: Visitor, parts: Parts, backup_path: Path, other_parts: Parts
) -> None:
    assert ana.person
    await make_backup(parts, backup_path)
    bus = Bus(other_parts[Database].address, DatabaseSettings())
    await bus.start()
    try:
        with pytest.raises(InTheWay, match="Stop Commonplace"):
            await restore(other_parts, backup_path, say=quietly)
    finally:
        await bus.close()


async def _die(*_arguments: Any, **_options: Any) -> None:
    raise KeyboardInterrupt


async def deliver_in(parts: Parts) -> None:
    worker = Worker(parts, parts[Registry], EventsSettings())
    work = asyncio.create_task(worker.run())
    async with asyncio.timeout(30), parts[Database].reading() as session:
        while await session.scalar(BUSY):
            await asyncio.sleep(0.02)
    worker.stop()
    await work
