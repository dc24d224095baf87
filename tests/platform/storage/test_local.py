"""What local disk alone has: links, leftovers of the dead, full disks, durability, a directory that goes away."""

import asyncio
import errno
import os
import resource
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commonplace.platform.storage import local_disk, local_incoming, local_tree
from commonplace.platform.storage.errors import (
    InvalidKey,
    ObjectExists,
    ObjectNotFound,
    StorageFull,
    StorageUnavailable,
)
from commonplace.platform.storage.local import LocalStorage

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
KEY = "files/2026/11/21/a.bin"
MakeLocal = Callable[..., Awaitable[LocalStorage]]
Files = Callable[[], list[str]]


async def blocks(number: int, block: bytes = b"x" * MB) -> AsyncIterator[bytes]:
    for _ in range(number):
        yield block


async def read(storage: LocalStorage, key: str) -> bytes:
    async with await storage.read(key) as reader:
        return b"".join([chunk async for chunk in reader])


class TestLayout:
    async def test_a_key_is_a_path(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        await storage.put(KEY, b"1")
        assert (root / KEY).read_bytes() == b"1"
        assert await storage.local_path(KEY) == root / KEY
        with pytest.raises(ObjectNotFound):
            await storage.local_path("files/2026/11/21/b.bin")

    async def test_others_of_the_machine_cannot_look_in(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        await storage.put(KEY, b"1")
        await storage.put(KEY + "2", blocks(2))
        for path in (root / KEY, root / (KEY + "2"), *(root / KEY).parents[: len(Path(KEY).parts)]):
            assert stat.S_IMODE(path.stat().st_mode) & 0o007 == 0, path

    async def test_the_root_may_be_a_link(self, local: MakeLocal, root: Path, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        root.symlink_to(tmp_path / "disk")
        storage = await local()
        await storage.put(KEY, b"1")
        assert (tmp_path / "disk" / KEY).read_bytes() == b"1"

    async def test_what_is_dated_back_counts_from_its_arrival(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        await storage.put(KEY, b"1")
        os.utime(root / KEY, (0, 0))
        assert datetime.now(UTC) - (await storage.stat(KEY)).modified_at < timedelta(minutes=1)

    async def test_a_list_has_the_order_of_keys_also_around_folders(self, local: MakeLocal) -> None:
        storage = await local()
        keys = ["a-b/x", "a.b/x", "a/b-2/z", "a/b.txt", "a/b/c", "a/c/d.txt", "ab", "b"]
        await storage.put_many([(key, b"") for key in keys])
        assert [info.key async for info in storage.list()] == sorted(keys)

    async def test_a_list_passes_over_what_is_deleted_meanwhile(
        self, local: MakeLocal, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(local_disk, "LIST_PAGE", 10)
        storage = await local()
        await storage.put_many([(f"files/{n:02}", b"") for n in range(60)])
        listing = storage.list()
        await anext(listing)
        for n in range(30, 60):
            (root / f"files/{n}").unlink()
        (root / "files").rename(root / "other")
        assert [info.key async for info in listing][-1] == "files/29"


class TestLinks:
    """Somebody planted something in the directory."""

    @pytest.fixture
    async def storage(self, local: MakeLocal, root: Path, tmp_path: Path) -> LocalStorage:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret").write_bytes(b"secret")
        storage = await local()
        await storage.put("files/real", b"real")
        (root / "files/folder").symlink_to(outside)
        (root / "files/file").symlink_to(outside / "secret")
        (root / "files/relative").symlink_to("../../outside/secret")
        (root / "files/inside").symlink_to("real")
        os.mkfifo(root / "files/pipe")
        return storage

    @pytest.mark.parametrize("name", ["folder/secret", "file", "relative", "inside", "pipe", "real/below"])
    async def test_there_is_no_object_behind_it(self, storage: LocalStorage, name: str) -> None:
        for attempt in (storage.read, storage.stat, storage.local_path):
            with pytest.raises(ObjectNotFound):
                await attempt(f"files/{name}")
        with pytest.raises(ObjectNotFound):
            await storage.copy(f"files/{name}", "files/copy")

    @pytest.mark.parametrize("size", [10, 3 * MB])
    @pytest.mark.parametrize("name", ["folder/new", "folder/deeper/new", "file/new", "real/new"])
    async def test_nothing_is_written_through_it(
        self, storage: LocalStorage, files: Files, tmp_path: Path, name: str, size: int
    ) -> None:
        before = files()
        with pytest.raises(InvalidKey, match="not a folder"):
            await storage.put(f"files/{name}", b"x" * size)
        assert files() == before
        assert os.listdir(tmp_path / "outside") == ["secret"]  # noqa: PTH208

    async def test_a_write_replaces_the_link_itself(self, storage: LocalStorage, tmp_path: Path) -> None:
        await storage.put("files/file", b"mine")
        assert await read(storage, "files/file") == b"mine"
        assert (tmp_path / "outside/secret").read_bytes() == b"secret"

    async def test_deleting_touches_nothing_outside(self, storage: LocalStorage, tmp_path: Path) -> None:
        await storage.delete("files/folder/secret", "files/file", "files/folder", "files/real/below")
        assert (tmp_path / "outside/secret").read_bytes() == b"secret"
        assert await read(storage, "files/real") == b"real"

    async def test_lists_pass_over_it(self, storage: LocalStorage) -> None:
        assert [info.key async for info in storage.list()] == ["files/real"]
        assert [info.key async for info in storage.list("files/folder")] == []

    async def test_unfinished_files_do_not_go_through_it(self, local: MakeLocal, root: Path, tmp_path: Path) -> None:
        root.mkdir()
        (root / ".incoming").symlink_to(tmp_path)
        with pytest.raises(StorageUnavailable):
            await local()


WRITER = """
import asyncio, sys
from pathlib import Path
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.signing import UrlSigner

async def main():
    async with LocalStorage(Path(sys.argv[1]), signer=UrlSigner(b"x"), minimum_free_bytes=0) as storage:
        writers = [await storage.open_writer(f"files/unfinished-{n}") for n in range(2)]
        for writer in writers:
            for _ in range(5):
                await writer.write(b"x" * 2**20)
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def other_process(root: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process in the middle of two uploads."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, root], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process, process.stdout:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


class TestLeftovers:
    async def test_starting_twice_is_starting_once(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        await storage.start()
        assert len(os.listdir(root / ".incoming")) == 2  # noqa: PTH208

    async def test_what_a_killed_process_left_goes_at_the_next_start(
        self, local: MakeLocal, files: Files, other_process: "subprocess.Popen[str]", root: Path
    ) -> None:
        assert len(files()) == 2
        other_process.kill()
        other_process.wait()
        assert len(files()) == 2
        storage = await local()
        assert files() == []
        assert len(os.listdir(root / ".incoming")) == 2  # noqa: PTH208 — our own folder, and its lock.
        assert [info async for info in storage.list()] == []

    async def test_what_a_living_process_writes_stays(
        self, local: MakeLocal, files: Files, other_process: "subprocess.Popen[str]"
    ) -> None:
        storage = await local()
        assert await storage.remove_leftovers() == 0
        assert len(files()) == 2
        other_process.kill()
        other_process.wait()
        assert await storage.remove_leftovers() == 2
        assert files() == []

    async def test_two_storages_of_one_process_leave_each_other_alone(self, local: MakeLocal) -> None:
        first, second = await local(), await local()
        writer = await first.open_writer(KEY)
        await writer.write(b"x" * 2 * MB)
        assert await second.remove_leftovers() == 0
        await writer.commit()
        assert (await second.stat(KEY)).size_bytes == 2 * MB

    async def test_a_closed_storage_leaves_nothing(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        writer = await storage.open_writer(KEY)
        await writer.write(b"x" * 2 * MB)
        await writer.abort()
        await storage.close()
        assert os.listdir(root / ".incoming") == []  # noqa: PTH208

    async def test_a_writer_that_is_forgotten_says_so_and_leaves_nothing(self, local: MakeLocal, files: Files) -> None:
        storage = await local()

        async def forget() -> None:
            writer = await storage.open_writer(KEY)
            await writer.write(b"x" * 2 * MB)
            for lane in writer._lanes:
                await lane.finish()

        with pytest.warns(ResourceWarning, match="neither committed nor aborted"):
            await forget()
        assert files() == []


def fails_after(calls: int, error: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which from its n-th call on fails with an error of the operating system."""
    left = iter(range(calls))

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise OSError(error, os.strerror(error))
        return function(*arguments, **named)

    return wrapped


class TestFullDisk:
    async def test_below_the_minimum_nothing_is_taken(self, local: MakeLocal, files: Files) -> None:
        storage = await local(minimum_free_bytes=10**18)
        for attempt in (
            storage.put(KEY, b"x"),
            storage.put(KEY, blocks(3)),
            storage.put_many([(KEY, b"x")]),
            storage.open_writer(KEY),
        ):
            with pytest.raises(StorageFull, match="kept free") as full:
                await attempt
            assert full.value.status == 507
        assert files() == []

    async def test_what_announces_itself_as_too_large_is_refused_at_once(self, local: MakeLocal) -> None:
        with pytest.raises(StorageFull):
            await (await local()).open_writer(KEY, expected_bytes=10**18)

    async def test_it_is_asked_again_while_bytes_come(
        self, local: MakeLocal, files: Files, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = await local(minimum_free_bytes=MB)
        real = os.fstatvfs
        shrinking = iter([10, 5, 3])

        class Space:
            f_frsize = MB

            def __init__(self) -> None:
                self.f_bavail = next(shrinking, 1)

        monkeypatch.setattr(os, "fstatvfs", lambda _: Space())
        with pytest.raises(StorageFull):
            await storage.put(KEY, blocks(50))
        assert next(shrinking, None) is None
        monkeypatch.setattr(os, "fstatvfs", real)
        assert files() == []
        await storage.put(KEY, blocks(2))

    @pytest.mark.parametrize("size", [100_000, 30 * MB])
    async def test_a_write_that_the_system_cuts_short_leaves_nothing(
        self, local: MakeLocal, files: Files, size: int
    ) -> None:
        storage = await local()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
        try:
            with pytest.raises(StorageFull, match="disk is full"):
                await storage.put(KEY, b"x" * size)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert files() == []
        await storage.put(KEY, b"x" * size)

    @pytest.mark.parametrize("size", [100, 3 * MB])
    @pytest.mark.parametrize(("name", "calls"), [("write", 0), ("rename", 0), ("fsync", 0), ("fsync", 1), ("fsync", 5)])
    async def test_whatever_step_fails_nothing_is_left(
        self, local: MakeLocal, files: Files, monkeypatch: pytest.MonkeyPatch, name: str, calls: int, size: int
    ) -> None:
        storage = await local()
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fails_after(calls, errno.ENOSPC, getattr(os, name)))
            with pytest.raises(StorageFull):
                await storage.put(KEY, b"x" * size)
        assert files() == []
        await storage.put(KEY, b"x" * size)

    @pytest.mark.parametrize("error", [errno.EIO, errno.EROFS, errno.EACCES])
    async def test_other_failures_are_an_unavailable_storage(
        self, local: MakeLocal, files: Files, monkeypatch: pytest.MonkeyPatch, error: int
    ) -> None:
        storage = await local()
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", fails_after(0, error, os.write))
            with pytest.raises(StorageUnavailable) as failed:
                await storage.put(KEY, b"x" * 3 * MB)
        assert failed.value.status == 503
        assert failed.value.headers() == {"Retry-After": "5"}
        assert files() == []

    async def test_a_real_disk_that_is_full_keeps_what_it_has(self, tmp_path: Path) -> None:
        """On a file system of 16 MB, in a namespace where any user may mount one."""
        script = f"mount -t tmpfs -o size=16m tmpfs {tmp_path} && exec {sys.executable} - {tmp_path}"
        result = await asyncio.to_thread(
            subprocess.run,
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
            input=FILL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout) == (0, "well\n"), result.stderr


FILL = """
import asyncio, os, sys
from pathlib import Path
from commonplace.platform.storage.errors import StorageFull
from commonplace.platform.storage.local import LocalStorage
from commonplace.platform.storage.signing import UrlSigner

async def blocks(number):
    for _ in range(number):
        yield b"x" * 2**20

async def main(root):
    async with LocalStorage(root, signer=UrlSigner(b"x"), minimum_free_bytes=0) as storage:
        await storage.put("files/first", blocks(9))
        for content in (blocks(9), blocks(100)):
            try:
                await storage.put("files/second", content)
                sys.exit("It fitted.")
            except StorageFull:
                pass
        kept = []
        try:
            for n in range(1000):
                await storage.put(f"files/small-{n}", b"y" * 100_000)
                kept.append(f"files/small-{n}")
            sys.exit("They fitted.")
        except StorageFull:
            pass
        assert sorted(["files/first", *kept]) == [info.key async for info in storage.list()], "a torn object"
        assert all([(await storage.stat(key)).size_bytes == 100_000 for key in kept]), "a short object"
        assert not [name for _, _, names in os.walk(root / ".incoming") for name in names if ".lock" not in name]
        await storage.delete("files/first")
        await storage.put("files/second", blocks(3))
        print("well")

asyncio.run(main(Path(sys.argv[1])))
"""


class TestDurability:
    """A power cut cannot be had in a test; that the steps it needs happen, and in their order, can be seen."""

    @pytest.fixture
    def steps(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> list[tuple[str, str]]:
        steps: list[tuple[str, str]] = []
        rename = os.rename

        def sync(descriptor: int) -> None:
            path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))  # noqa: PTH115 — of a descriptor.
            name = path.relative_to(root).as_posix()
            steps.append(("sync", "file" if name.startswith(".incoming") else name))

        def moved(source: str, target: str, **folders: int) -> None:
            steps.append(("rename", target))
            rename(source, target, **folders)

        monkeypatch.setattr(local_tree, "sync", sync)
        monkeypatch.setattr(local_incoming, "sync", sync)
        monkeypatch.setattr(os, "rename", moved)
        return steps

    @pytest.mark.parametrize("size", [100, 3 * MB])
    async def test_content_then_folders_then_the_name(
        self, local: MakeLocal, steps: list[tuple[str, str]], size: int
    ) -> None:
        storage = await local()
        await storage.put("files/21/a", b"x" * size)
        assert steps == [
            ("sync", "file"),
            ("sync", "."),  # the root, which has the new name "files"
            ("sync", "files"),  # which has the new name "21"
            ("rename", "a"),
            ("sync", "files/21"),
        ]
        steps.clear()
        await storage.put("files/21/b", b"x" * size)
        assert steps == [("sync", "file"), ("rename", "b"), ("sync", "files/21")]

    async def test_a_folder_that_another_process_made_is_synced_too(
        self, local: MakeLocal, root: Path, steps: list[tuple[str, str]]
    ) -> None:
        storage = await local()
        (root / "files").mkdir()
        await storage.put("files/a", b"x")
        assert ("sync", ".") in steps

    async def test_a_group_syncs_each_file_and_each_folder_once(
        self, local: MakeLocal, steps: list[tuple[str, str]]
    ) -> None:
        storage = await local()
        await storage.put("files/a", b"")
        steps.clear()
        await storage.put_many([(f"files/{n}", b"x") for n in range(5)])
        assert steps == [*[("sync", "file")] * 5, *[("rename", str(n)) for n in range(5)], ("sync", "files")]


class TestGroups:
    async def test_one_that_fails_does_not_harm_the_others(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        await storage.put("files/taken", b"old")
        (root / "link").symlink_to(root / "files")
        wishes = ["files/a", "files/taken", "link/b", "files/c"]
        outcomes = await asyncio.gather(
            *(storage.put(key, b"new", only_if_absent=True) for key in wishes), return_exceptions=True
        )
        assert [type(outcome).__name__ for outcome in outcomes] == ["Stored", "ObjectExists", "InvalidKey", "Stored"]
        assert isinstance(outcomes[1], ObjectExists)
        assert await read(storage, "files/taken") == b"old"
        assert await read(storage, "files/c") == b"new"

    async def test_one_that_is_cancelled_does_not_harm_the_others(self, local: MakeLocal) -> None:
        storage = await local()
        writes = [asyncio.create_task(storage.put(f"files/{n}", b"x")) for n in range(200)]
        await asyncio.sleep(0)
        for write in writes[::2]:
            write.cancel()
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        assert all(not isinstance(outcome, BaseException) for outcome in outcomes[1::2])
        assert {f"files/{n}" for n in range(1, 200, 2)} <= {info.key async for info in storage.list()}

    async def test_closing_waits_for_what_was_begun(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        writes = [asyncio.create_task(storage.put(f"files/{n:03}", b"x")) for n in range(150)]
        await asyncio.sleep(0)
        await storage.close()
        await asyncio.gather(*writes)
        assert len(os.listdir(root / "files")) == 150  # noqa: PTH208

    async def test_a_defect_in_a_group_reaches_every_caller(
        self, local: MakeLocal, monkeypatch: pytest.MonkeyPatch, files: Files
    ) -> None:
        storage = await local()
        with monkeypatch.context() as patch:
            patch.setattr(local_incoming.IncomingFile, "sync", lambda _: 1 // 0)
            outcomes = await asyncio.gather(
                *(storage.put(f"files/{n}", b"x") for n in range(3)), return_exceptions=True
            )
            with pytest.raises(ZeroDivisionError):
                await storage.put(KEY, b"x" * 3 * MB)
        assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 3
        assert files() == []


class TestCancelled:
    """Whoever is cancelled while a thread works for it leaves neither a file nor a descriptor."""

    @pytest.fixture
    def held(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[type, str], threading.Event]]:
        """`entered = held(Class, "method")`: the method waits, once it was entered, until the test lets go."""
        go = threading.Event()

        def hold(owner: type, name: str) -> threading.Event:
            entered, method = threading.Event(), getattr(owner, name)

            def waiting(*arguments: Any) -> Any:
                entered.set()
                assert go.wait(20)
                return method(*arguments)

            monkeypatch.setattr(owner, name, waiting)
            return entered

        hold.go = go  # type: ignore[attr-defined]
        yield hold
        go.set()

    async def cancel_within(self, work: Any, held: Any, owner: type, name: str) -> None:
        entered = held(owner, name)
        task = asyncio.create_task(work)
        assert await asyncio.to_thread(entered.wait, 20)
        task.cancel()
        held.go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_a_write_that_is_just_beginning(self, local: MakeLocal, files: Files, held: Any) -> None:
        storage = await local()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        await self.cancel_within(storage.put(KEY, blocks(3)), held, local_disk.LocalDisk, "begin")
        async with asyncio.timeout(10):
            while files() or len(os.listdir("/proc/self/fd")) != before:  # noqa: PTH208 — a thread's doing.
                await asyncio.sleep(0.005)

    async def test_a_write_in_the_middle(self, local: MakeLocal, files: Files, held: Any) -> None:
        storage = await local()
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        await self.cancel_within(storage.put(KEY, blocks(9)), held, local_incoming.IncomingFile, "append")
        assert files() == []
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    async def test_a_read_that_is_just_beginning(self, local: MakeLocal, held: Any) -> None:
        storage = await local()
        await storage.put(KEY, b"x" * MB)
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        await self.cancel_within(storage.read(KEY), held, local_disk.LocalDisk, "open_content")
        await storage.close()
        assert len(os.listdir("/proc/self/fd")) < before  # noqa: PTH208

    async def test_a_read_in_the_middle(self, local: MakeLocal, held: Any) -> None:
        storage = await local()
        await storage.put(KEY, b"x" * 3 * MB)
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208

        async def read_on() -> None:
            async with reader:
                async for _ in reader:
                    pass

        reader = await storage.read(KEY)
        await self.cancel_within(read_on(), held, local_disk.PlainContent, "read_at")
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

    async def test_a_list_in_the_middle(self, local: MakeLocal, held: Any) -> None:
        storage = await local()
        await storage.put(KEY, b"x")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        await self.cancel_within(anext(storage.list()), held, local_tree.LocalTree, "_open_folder")
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


class TestRaces:
    async def test_of_several_large_ones_that_need_absence_at_once_one_wins(self, local: MakeLocal) -> None:
        # SeaweedFS, unlike S3, looks for the object before it completes an upload, not while: hence not for both.
        storage = await local()
        attempts = [storage.put(KEY, blocks(3, bytes([n]) * MB), only_if_absent=True) for n in range(6)]
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        (winner,) = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
        assert all(isinstance(outcome, ObjectExists) for n, outcome in enumerate(outcomes) if n != winner)
        assert await read(storage, KEY) == bytes([winner]) * 3 * MB


class TestDirectoryGone:
    async def test_health_and_calls_say_so_and_nothing_is_made_elsewhere(
        self, local: MakeLocal, root: Path, tmp_path: Path
    ) -> None:
        storage = await local()
        await storage.put(KEY, b"x")
        await storage.check()
        root.rename(tmp_path / "unmounted")
        for attempt in (storage.check(), storage.put(KEY, b"y"), storage.stat(KEY), storage.read(KEY)):
            with pytest.raises(StorageUnavailable):
                await attempt
        with pytest.raises(StorageUnavailable):
            await anext(storage.list())
        assert not root.exists()
        (tmp_path / "unmounted").rename(root)
        await storage.check()
        assert await read(storage, KEY) == b"x"

    async def test_another_directory_in_its_place_is_noticed(
        self, local: MakeLocal, root: Path, tmp_path: Path
    ) -> None:
        storage = await local()
        root.rename(tmp_path / "unmounted")
        root.mkdir()
        with pytest.raises(StorageUnavailable, match="not the directory it was"):
            await storage.check()
        (tmp_path / "unmounted/.incoming").rename(root / ".incoming")

    async def test_one_that_cannot_be_written_to_is_unhealthy(
        self, local: MakeLocal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = await local()
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(StorageUnavailable, match="cannot be written"):
            await storage.check()

    async def test_a_root_that_is_a_file_refuses_the_start(self, local: MakeLocal, root: Path) -> None:
        root.write_bytes(b"")
        with pytest.raises(StorageUnavailable, match="making its directory"):
            await local()


class TestDamage:
    async def test_a_file_that_became_shorter_is_told_not_cut(self, local: MakeLocal, root: Path) -> None:
        storage = await local()
        await storage.put(KEY, b"x" * 3 * MB)
        reader = await storage.read(KEY)
        await anext(reader)
        os.truncate(root / KEY, MB)
        with pytest.raises(StorageUnavailable, match="shorter"):
            [chunk async for chunk in reader]
        await reader.aclose()

    async def test_what_is_deleted_while_it_is_read_is_read_to_its_end(self, local: MakeLocal) -> None:
        storage = await local()
        await storage.put(KEY, b"x" * 3 * MB)
        reader = await storage.read(KEY)
        await storage.delete(KEY)
        assert len(b"".join([chunk async for chunk in reader])) == 3 * MB
