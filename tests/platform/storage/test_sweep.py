"""The sweep, with rows in PostgreSQL and bytes in each storage: what it finds, removes, and never touches."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import text
from structlog.testing import capture_logs

from commonplace.installed import APPS
from commonplace.platform.app import load
from commonplace.platform.database.address import Address
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.storage import commands
from commonplace.platform.storage import sweep as module
from commonplace.platform.storage.build import build_storage
from commonplace.platform.storage.errors import AppsNotInstalled, ObjectNotFound, StorageUnavailable
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.objects import (
    VERSIONS,
    ObjectUse,
    ObjectUses,
    RegisteredObject,
    reference,
    register,
)
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.removal import COPYING
from commonplace.platform.storage.sweep import Findings, SweepReport, sweep

pytestmark = pytest.mark.anyio

OWNER = UUID(int=1)
HOLDERS = ObjectUse(
    name="holders",
    condition="EXISTS (SELECT FROM test.holder WHERE holder.object_id = object.id)",
    keys="SELECT key FROM test.loose WHERE key = ANY(CAST(:keys AS text[]))",
)
INSTALLED = [load(reference).name for reference in APPS]
USES = ObjectUses([VERSIONS, HOLDERS], apps=[*INSTALLED, "test"])
NOW = timedelta(0)


@pytest.fixture
def database_address(cloned_database_address: Address) -> Address:
    """One that a test may alter: there are tables of an app."""
    return cloned_database_address


@pytest.fixture
async def tables(database: Database) -> Database:
    """An app's tables, which point to objects."""
    async with database.writing() as session:
        await session.execute(text("CREATE SCHEMA test"))
        await session.execute(text("CREATE TABLE test.holder (object_id uuid)"))
        await session.execute(text("CREATE TABLE test.loose (key text)"))
    return database


class Installation:
    """A storage and its rows."""

    def __init__(self, storage: ObjectStorage, database: Database) -> None:
        self.storage = storage
        self.database = database

    async def store(self, content: bytes, *, held: bool = True) -> RegisteredObject:
        """An object as an app makes it; `held`: something points to it."""
        stored = await self.storage.put(new_key(Category.FILES), content)
        async with self.database.writing() as session:
            made = await register(session, OWNER, stored)
            if held:
                await session.execute(text("INSERT INTO test.holder VALUES (:id)"), id=made.id)
        return made

    async def sweep(self, *, grace: timedelta = NOW, **arguments: Any) -> SweepReport:
        # A moment ahead: S3 counts whole seconds.
        return await sweep(
            self.storage, self.database, USES, grace=grace, now=datetime.now(UTC) + timedelta(seconds=2), **arguments
        )

    async def has(self, key: str) -> bool:
        try:
            await self.storage.stat(key)
        except ObjectNotFound:
            return False
        return True


@pytest.fixture
async def disk(tables: Database, local: Callable[..., Awaitable[LocalStorage]]) -> Installation:
    return Installation(await local(), tables)


@pytest.fixture(params=["local", "s3"])
async def installation(
    request: pytest.FixtureRequest, disk: Installation, s3_server: Any, tmp_path: Path
) -> AsyncIterator[Installation]:
    """On S3 in a bucket of its own, since a sweep looks at everything."""
    if request.param == "local":
        yield disk
        return
    settings = s3_server.settings(bucket=f"sweep-{uuid4().hex}")
    async with build_storage(settings, tmp_path, b"secret") as storage:
        await storage._client.send("PUT")  # type: ignore[attr-defined]
        yield Installation(storage, disk.database)


def keys(findings: Findings) -> set[str]:
    return {example["key"] for example in findings.examples}


class TestFinding:
    async def test_where_all_is_well_nothing_is_found(self, installation: Installation) -> None:
        for content in (b"", b"1", b"22"):
            await installation.store(content)
        report = await installation.sweep()
        assert (report.objects, report.faults, report.without_row.number, report.not_needed.number) == (3, 0, 0, 0)

    async def test_bytes_without_a_row_are_found_and_removed_on_repair(self, installation: Installation) -> None:
        kept = await installation.store(b"kept")
        orphans = {new_key(Category.FILES), new_key(Category.THUMBNAILS)}
        await installation.storage.put_many([(key, b"orphan") for key in orphans])
        report = await installation.sweep()
        assert (report.faults, report.without_row.number, report.without_row.size_bytes) == (2, 2, 12)
        assert keys(report.without_row) == orphans
        assert all([await installation.has(key) for key in orphans])
        report = await installation.sweep(repair=True)
        assert (report.faults, report.without_row.number) == (0, 2)
        assert not any([await installation.has(key) for key in orphans])
        assert await installation.has(kept.key)
        assert (await installation.sweep()).without_row.number == 0

    async def test_rows_without_bytes_are_found_and_never_removed(self, installation: Installation) -> None:
        objects = [await installation.store(str(n).encode()) for n in range(5)]
        for lost in (objects[0], objects[2], objects[4]):
            await installation.storage.delete(lost.key)
        for repair in (False, True):
            report = await installation.sweep(repair=repair)
            assert (report.faults, report.without_bytes.number) == (3, 3)
            assert {example["object_id"] for example in report.without_bytes.examples} == {
                str(objects[n].id) for n in (0, 2, 4)
            }
        async with installation.database.reading() as session:
            assert await session.scalar(text("SELECT count(*) FROM platform.object")) == 5

    async def test_objects_that_nothing_points_to_are_no_fault_and_go_on_repair(
        self, installation: Installation
    ) -> None:
        kept = await installation.store(b"kept")
        dropped = await installation.store(b"dropped", held=False)
        report = await installation.sweep()
        assert (report.faults, report.not_needed.number, keys(report.not_needed)) == (0, 1, {dropped.key})
        assert await installation.has(dropped.key)
        await installation.sweep(repair=True)
        assert not await installation.has(dropped.key)
        assert await installation.has(kept.key)
        async with installation.database.reading() as session:
            assert await session.scalar(text("SELECT id FROM platform.object")) == kept.id

    async def test_what_is_young_is_left_alone(self, installation: Installation) -> None:
        loose = new_key(Category.FILES)
        await installation.storage.put(loose, b"an upload under way")
        dropped = await installation.store(b"dropped", held=False)
        report = await installation.sweep(repair=True, grace=timedelta(hours=1))
        assert (report.faults, report.without_row.number, report.not_needed.number) == (0, 0, 0)
        assert await installation.has(loose)
        assert await installation.has(dropped.key)

    async def test_a_storage_that_is_away_loses_nothing(self, disk: Installation, root: Path, tmp_path: Path) -> None:
        await disk.store(b"1")
        root.rename(tmp_path / "unmounted")
        with pytest.raises(StorageUnavailable):
            await disk.sweep(repair=True)
        (tmp_path / "unmounted").rename(root)
        assert (await disk.sweep()).faults == 0


class TestUses:
    async def test_a_key_that_an_app_uses_without_a_row_is_left(self, disk: Installation) -> None:
        key = new_key(Category.THUMBNAILS)
        await disk.storage.put(key, b"derived")
        async with disk.database.writing() as session:
            await session.execute(text("INSERT INTO test.loose VALUES (:key)"), key=key)
        report = await disk.sweep(repair=True)
        assert (report.faults, report.without_row.number) == (0, 0)
        assert await disk.has(key)

    async def test_a_kept_version_holds_its_object(self, disk: Installation) -> None:
        held, other = await disk.store(b"1", held=False), await disk.store(b"2", held=False)
        async with disk.database.writing() as session:
            await session.execute(
                text("""
                INSERT INTO platform.version
                    (item_id, version, kind, owner_id, title, state, schema, valid_from, epoch)
                VALUES (:id, 1, 'file', :id, 'a', CAST(:state AS jsonb), 1, now(), 1)
                """),
                id=uuid4(),
                state={"object_id": str(held.id)},
            )
        report = await disk.sweep(repair=True)
        assert keys(report.not_needed) == {other.key}
        assert await disk.has(held.key)

    async def test_files_that_are_none_of_ours_are_told_and_left(self, disk: Installation, root: Path) -> None:
        (root / "files").mkdir()
        strangers = {"README", "files/my notes.txt", "lost+found/x"}
        for name in strangers:
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes(b"mine")
        report = await disk.sweep(repair=True)
        assert (report.faults, report.strangers.number, keys(report.strangers)) == (0, 3, strangers)
        assert all((root / name).exists() for name in strangers)


class TestOrder:
    async def test_pages_of_objects_and_rows_meet(self, disk: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PAGE", 3)
        monkeypatch.setattr(module, "REMOVED_AT_ONCE", 2)
        objects = [await disk.store(str(n).encode(), held=n % 2 == 0) for n in range(20)]
        lost = {objects[n].key for n in (0, 4, 5, 6, 7, 8, 18)}
        await disk.storage.delete(*lost)
        loose = {new_key(Category.FILES) for _ in range(7)}
        await disk.storage.put_many([(key, b"x") for key in loose])
        report = await disk.sweep()
        assert keys(report.without_bytes) == lost
        assert keys(report.without_row) == loose
        assert keys(report.not_needed) == {one.key for n, one in enumerate(objects) if n % 2}
        await disk.sweep(repair=True)
        async with disk.database.reading() as session:
            left = {row.key for row in await session.all(text("SELECT key FROM platform.object"))}
        assert left == {one.key for n, one in enumerate(objects) if n % 2 == 0}

    async def test_a_storage_that_lists_in_another_order_is_swept_too(
        self, disk: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PAGE", 3)
        objects = [await disk.store(str(n).encode()) for n in range(10)]
        lost = {objects[n].key for n in (1, 5, 9)}
        await disk.storage.delete(*lost)
        listed = disk.storage.list

        async def backwards(prefix: str = "") -> AsyncIterator[Any]:
            for info in reversed([info async for info in listed(prefix)]):
                yield info

        monkeypatch.setattr(disk.storage, "list", backwards)
        report = await disk.sweep()
        assert keys(report.without_bytes) == lost
        assert report.without_row.number == 0

    async def test_a_report_names_some_and_counts_all(
        self, disk: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "EXAMPLES", 2)
        await disk.storage.put_many([(new_key(Category.FILES), b"x") for _ in range(5)])
        report = await disk.sweep()
        assert (report.without_row.number, len(report.without_row.examples)) == (5, 2)


class TestRaces:
    async def test_an_object_pointed_to_between_the_look_and_the_lock_stays(
        self, disk: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dropped = await disk.store(b"1", held=False)
        remove = module._Sweep._remove_objects

        async def late(self: Any, ids: Any) -> None:
            async with disk.database.writing() as session:
                await reference(session, dropped.id)
                await session.execute(text("INSERT INTO test.holder VALUES (:id)"), id=dropped.id)
            await remove(self, ids)

        monkeypatch.setattr(module._Sweep, "_remove_objects", late)
        await disk.sweep(repair=True)
        assert await disk.has(dropped.key)
        assert (await disk.sweep()).faults == 0

    async def test_an_object_that_somebody_is_about_to_point_to_stays(self, disk: Installation) -> None:
        dropped = await disk.store(b"1", held=False)
        async with disk.database.writing() as session:
            await reference(session, dropped.id)
            await disk.sweep(repair=True)
            await session.execute(text("INSERT INTO test.holder VALUES (:id)"), id=dropped.id)
        assert await disk.has(dropped.key)

    async def test_while_a_backup_copies_no_object_goes(self, disk: Installation) -> None:
        dropped = await disk.store(b"1", held=False)
        async with disk.database.writing() as backup:
            await backup.execute(COPYING)
            await disk.sweep(repair=True)
        assert await disk.has(dropped.key)
        await disk.sweep(repair=True)
        assert not await disk.has(dropped.key)

    async def test_uploads_of_the_same_bytes_and_sweeps_never_lose_any(self, disk: Installation) -> None:
        """Everybody uploads the same, points to it and lets go again, while sweeps without grace run."""
        stop = asyncio.Event()

        async def sweeps() -> None:
            while not stop.is_set():
                await sweep(disk.storage, disk.database, USES, repair=False, grace=NOW)
                await _Rows(disk).remove_unneeded()

        async def uploads(n: int) -> None:
            for round_ in range(15):
                stored = await disk.storage.put(new_key(Category.FILES), b"%d" % (round_ % 3))
                async with disk.database.writing() as session:
                    made = await register(session, OWNER, stored)
                    await session.execute(text("INSERT INTO test.holder VALUES (:id)"), id=made.id)
                assert await disk.has(made.key), (n, round_)
                async with disk.database.writing() as session:
                    await session.execute(text("DELETE FROM test.holder WHERE object_id = :id"), id=made.id)

        sweeping = asyncio.create_task(sweeps())
        try:
            # One at a time: who lets go lets go for all.
            for n in range(3):
                await uploads(n)
        finally:
            stop.set()
            await sweeping
        assert (await disk.sweep(repair=True)).without_bytes.number == 0

    async def test_bytes_whose_row_was_removed_are_found_if_the_process_dies_before_it_deletes_them(
        self, disk: Installation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dropped = await disk.store(b"1", held=False)

        async def die(*_: str) -> None:
            raise ConnectionError

        with monkeypatch.context() as patch:
            patch.setattr(disk.storage, "delete", die)
            with pytest.raises(ConnectionError):
                await disk.sweep(repair=True)
        report = await disk.sweep(repair=True)
        assert keys(report.without_row) == {dropped.key}
        assert not await disk.has(dropped.key)


class TestAppsThatAreNotInstalled:
    @pytest.fixture
    async def narrowed(self, disk: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
        """Where an app's tables need an object and a key, and nobody says so."""
        await disk.store(b"held")
        loose = await disk.storage.put(new_key(Category.THUMBNAILS), b"loose")
        async with disk.database.writing() as session:
            await session.execute(text("INSERT INTO test.loose VALUES (:key)"), key=loose.key)
        monkeypatch.setitem(globals(), "USES", ObjectUses([VERSIONS], apps=INSTALLED))
        return disk

    async def test_nothing_is_removed_and_they_are_named(self, narrowed: Installation) -> None:
        with pytest.raises(AppsNotInstalled, match=r"\(test\).*APPS.*--disregard"):
            await narrowed.sweep(repair=True)
        assert len([info async for info in narrowed.storage.list()]) == 2

    async def test_the_report_goes_on_and_says_so(self, narrowed: Installation) -> None:
        report = await narrowed.sweep()
        assert list(report.absent) == ["test"]
        assert (report.without_row.number, report.not_needed.number) == (1, 1)

    async def test_what_the_operator_answers_for_is_no_obstacle(self, narrowed: Installation) -> None:
        report = await narrowed.sweep(repair=True, disregard=["test"])
        assert not report.absent
        assert [info async for info in narrowed.storage.list()] == []

    async def test_a_schema_without_tables_is_no_app(self, disk: Installation) -> None:
        async with disk.database.writing() as session:
            await session.execute(text("CREATE SCHEMA bare"))
        assert not (await disk.sweep(repair=True)).absent


class _Rows:
    """The half of a sweep that removes objects which nothing points to."""

    def __init__(self, disk: Installation) -> None:
        report = SweepReport(is_repair=True)
        self._sweep = module._Sweep(disk.storage, disk.database, USES, report, datetime.now(UTC))

    async def remove_unneeded(self) -> None:
        await self._sweep._look_for_objects_not_needed()


class TestCommand:
    @pytest.fixture
    async def run(self, disk: Installation) -> Callable[..., Awaitable[Any]]:
        """`await run("--json")`: the command's result, over this test's installation."""
        parts = Parts()
        parts.add(disk.storage, as_=ObjectStorage)
        parts.add(disk.database)
        parts.add(USES)
        loop = asyncio.get_running_loop()

        class Root:
            def run(self, work: Any) -> Any:
                with capture_logs():  # The command writes them to standard error.
                    return asyncio.run_coroutine_threadsafe(work(parts), loop).result()

        @click.group()
        @click.pass_context
        def main(context: click.Context) -> None:
            context.obj = Root()

        main.add_command(commands.storage)
        return lambda *arguments: asyncio.to_thread(CliRunner().invoke, main, ["storage", "sweep", *arguments])

    async def test_it_exits_with_0_when_all_is_well(self, disk: Installation, run: Any) -> None:
        await disk.store(b"1")
        result = await run()
        assert (result.exit_code, result.output) == (0, "1 objects looked at.\n")

    async def test_it_exits_with_1_and_names_what_is_wrong(self, disk: Installation, run: Any) -> None:
        lost = await disk.store(b"1")
        await disk.storage.delete(lost.key)
        loose = [new_key(Category.FILES) for _ in range(22)]
        await disk.storage.put_many([(key, b"x") for key in loose])
        result = await run("--min-age-minutes", "0")
        assert result.exit_code == 1
        assert "22 objects without a row, 22 bytes: --repair removes them." in result.output
        assert "2 more" in result.output
        assert f"1 rows without an object, 1 bytes: lost; look in a backup.\n  {lost.key}" in result.output

    async def test_by_default_it_waits_an_hour(self, disk: Installation, run: Any) -> None:
        await disk.storage.put(new_key(Category.FILES), b"x")
        assert (await run()).exit_code == 0

    async def test_its_report_can_be_read_by_programs(self, disk: Installation, run: Any) -> None:
        key = new_key(Category.FILES)
        await disk.storage.put(key, b"x")
        result = await run("--json", "--min-age-minutes", "0")
        report = json.loads(result.output)
        assert (result.exit_code, report["faults"], report["without_row"]["number"]) == (1, 1, 1)
        assert report["without_row"]["examples"][0]["key"] == key

    async def test_repair_leaves_nothing_to_find(self, disk: Installation, run: Any) -> None:
        await disk.storage.put(new_key(Category.FILES), b"x")
        dropped = await disk.store(b"1", held=False)
        result = await run("--repair", "--min-age-minutes", "0")
        assert result.exit_code == 0
        assert "removed" in result.output
        assert not await disk.has(dropped.key)
        assert json.loads((await run("--json", "--min-age-minutes", "0")).output)["objects"] == 0
