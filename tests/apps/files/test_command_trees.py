"""`commonplace files` with whole directories: up and down again, in both directions, and cut off in the middle."""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from commonplace.apps.files.cli import fetching, getting, resuming, sending, sync_plan
from commonplace.apps.files.cli.fetching import fetch, is_part
from commonplace.apps.files.cli.sync_state import NAME
from commonplace.apps.files.client import Client, Refused, Sessions
from commonplace.cli import main
from tests.acceptance.serving import listening

pytestmark = pytest.mark.anyio

Run = Callable[..., Awaitable[Result]]
ODD_NAMES = ("über.txt", "u\u0308ber 2.txt", 'quote".txt', "100%25.txt", " space ", "日本.md", ".hidden", "a;b=c.txt")


@pytest.fixture
async def run(ana: Any, app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Run]:
    """`await run("ls")`: what `commonplace files ls` of ana said and how it ended, in an empty directory."""
    async with listening(app) as address:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        monkeypatch.setenv("COMMONPLACE_SERVER", address)
        monkeypatch.setenv("COMMONPLACE_TOKEN", ana.tokens["access_token"])
        (tmp_path / "work").mkdir()
        monkeypatch.chdir(tmp_path / "work")

        async def invoke(*arguments: str, fails: bool = False) -> Result:
            result = await asyncio.to_thread(CliRunner().invoke, main, ["files", *arguments])
            assert (result.exit_code != 0) == fails, result.output + result.stderr
            return result

        yield invoke


def tree_of(top: Path) -> dict[str, bytes | None]:
    """All below a directory: the bytes of files, None for folders."""
    return {
        path.relative_to(top).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(top.rglob("*"))
        if path.name != NAME
    }


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def write(place: Path, content: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(content)


class TestTrees:
    async def test_a_directory_goes_up_and_comes_back_identical(self, run: Run, ana: Any) -> None:
        for number, name in enumerate(ODD_NAMES):
            write(Path("Box") / "odd" / name, f"content {number}")
        (Path("Box") / "empty" / "deep").mkdir(parents=True)
        Path("Box/none").touch()
        Path("Box/large.bin").write_bytes(bytes(range(256)) * 2_000)
        Path("Box/link").symlink_to("/etc/passwd")
        sent = await run("put", "Box", "--to", "Kept", "--json")
        assert "Box/link: a link" in sent.stderr
        assert {line["done"] for line in lines(sent)} == {"sent"}
        again = await run("put", "Box", "--to", "Kept", "--json")
        assert {line["done"] for line in lines(again)} == {"there"}
        assert len(lines(again)) == len(lines(sent)) == len(ODD_NAMES) + 2
        Path("Box/link").unlink()
        Path("Box/none").write_text("more")
        Path("Box/odd/.hidden").write_text("another")
        changed = lines(await run("put", "Box", "--to", "Kept", "--json", "--replace"))
        assert {line["path"] for line in changed if line["done"] == "sent"} == {"Kept/Box/none", "Kept/Box/odd/.hidden"}
        Path("back").mkdir()
        await run("get", "Kept/Box", "--output", "back")
        assert tree_of(Path("back/Box")) == tree_of(Path("Box"))
        # What is there with the same bytes stays; what differs is not overwritten unasked.
        Path("back/Box/none").write_text("mine")
        refused = await run("get", "Kept/Box", "--output", "back", fails=True)
        assert "back/Box/none: another file is there already; --force" in refused.stderr
        assert Path("back/Box/none").read_text() == "mine"
        await run("get", "Kept/Box", "--output", "back", "--force")
        assert tree_of(Path("back/Box")) == tree_of(Path("Box"))
        assert not [path for path in Path("back").rglob("*") if is_part(path.name)]

    async def test_what_cannot_be_sent_is_named_and_the_rest_goes(self, run: Run, ana: Any) -> None:
        write(Path("Box/good.txt"), "good")
        write(Path("Box/back\\slash.txt"), "no name there")
        Path(os.fsdecode(b"Box/\xff.txt")).write_text("no text")
        told = await run("put", "Box", fails=True)
        assert "Box/good.txt  4 bytes" in told.stdout
        assert "back\\slash.txt: A name cannot have" in told.stderr
        assert "its name is no text" in told.stderr

    @pytest.mark.long
    async def test_moving_and_sharing(self, run: Run, ana: Any, nobody: Any) -> None:
        for name in ("a.txt", "b.txt"):
            write(Path(name), name)
        await run("put", "a.txt", "b.txt", "--to", "One")
        await run("put", "a.txt", "--to", "Two/Three")
        assert (await run("mv", "One/b.txt", "Two/Three")).stdout == "Two/Three/b.txt\n"
        assert (await run("mv", "One/a.txt", "Two/Three/c.txt")).stdout == "Two/Three/c.txt\n"
        assert (await run("mv", "Two/Three", "/")).stdout == "Three\n"
        assert "make it first" in (await run("mv", "Three", "One", "Nowhere", fails=True)).output
        (shared,) = lines(await run("share", "Three", "--days", "3", "--json"))
        opened = await nobody.get(shared["url"])
        assert opened.status_code == 200
        assert shared["expires_at"] is not None
        assert [json.loads(line)["name"] for line in (await run("ls", "Three", "--json")).stdout.splitlines()] == [
            "a.txt",
            "b.txt",
            "c.txt",
        ]


class TestSync:
    async def test_both_ways_with_a_conflict_and_removals(self, run: Run, ana: Any) -> None:
        write(Path("here/notes/a.txt"), "a")
        write(Path("here/b.txt"), "b")
        (Path("here") / "empty").mkdir()
        dry = await run("sync", "here", "Shared", "--dry-run")
        assert dry.stdout == "b.txt  up\nnotes/a.txt  up\n"
        assert (await run("ls")).stdout == ""
        await run("sync", "here", "Shared")
        await run("sync", "there", "Shared", fails=True)  # no such directory
        Path("there").mkdir()
        await run("sync", "there", "Shared")
        assert tree_of(Path("there")) == tree_of(Path("here"))
        assert (await run("sync", "there", "Shared")).stdout == ""
        # Changed on both sides: both are kept, on both sides.
        Path("here/b.txt").write_text("here's")
        Path("there/b.txt").write_text("there's")
        write(Path("there/new/c.txt"), "c")
        await run("sync", "there", "Shared")
        told = await run("sync", "here", "Shared")
        assert "b.txt  changed on both sides: both are kept" in told.stdout
        await run("sync", "there", "Shared")
        tree = tree_of(Path("here"))
        assert tree == tree_of(Path("there"))
        (kept,) = [path for path in tree if "conflict" in path]
        assert (tree["b.txt"], tree[kept]) == (b"there's", b"here's")
        # Removed here: nothing is removed there until somebody says so, and what was changed there comes back.
        Path("here/notes/a.txt").unlink()
        Path("here/notes").rmdir()
        Path("here/b.txt").unlink()
        Path("there/b.txt").write_text("changed meanwhile")
        await run("sync", "there", "Shared")
        left = await run("sync", "here", "Shared")
        assert "notes/a.txt  not here, left there" in left.stdout
        assert Path("here/b.txt").read_text() == "changed meanwhile"
        removed = await run("sync", "here", "Shared", "--delete")
        assert removed.stdout == "notes/a.txt  to the trash there\nnotes  to the trash there\n"
        assert (await run("sync", "there", "Shared")).stdout == "notes/a.txt  not there, left here\n"
        assert (await run("sync", "there", "Shared", "--delete")).stdout == (
            "notes/a.txt  removed here\nnotes  removed here\n"
        )
        assert tree_of(Path("here")) == tree_of(Path("there"))

    async def test_one_way(self, run: Run, ana: Any) -> None:
        write(Path("a/x.txt"), "one")
        write(Path("a/y.txt"), "y")
        await run("sync", "a", "Copy", "--up")
        Path("b").mkdir()
        write(Path("b/mine.txt"), "mine")
        await run("sync", "b", "Copy", "--down", "--delete")
        assert tree_of(Path("b")) == {"x.txt": b"one", "y.txt": b"y", "mine.txt": b"mine"}
        Path("a/x.txt").write_text("two")
        Path("a/y.txt").unlink()
        Path("b/x.txt").write_text("changed here")
        await run("sync", "a", "Copy", "--up", "--delete")
        told = await run("sync", "b", "Copy", "--down", "--delete")
        assert "y.txt  removed here" in told.stdout
        tree = tree_of(Path("b"))
        assert tree.pop("x.txt") == b"two"
        assert sorted(tree.values()) == [b"changed here", b"mine"]

    async def test_another_folder_of_the_same_name_empties_nothing(self, run: Run, ana: Any) -> None:
        write(Path("a/x.txt"), "one")
        await run("sync", "a", "Copy")
        await run("rm", "Copy")
        write(Path("other/z.txt"), "z")
        await run("sync", "other", "Copy", "--up")
        await run("sync", "a", "Copy", "--delete")
        assert tree_of(Path("a")) == {"x.txt": b"one", "z.txt": b"z"}
        Path("none").mkdir()
        assert "was synced with 'Copy'" in (await run("sync", "a", "Elsewhere", fails=True)).output
        assert "nothing named" in (await run("sync", "none", "Nowhere", "--down", fails=True)).output
        Path(f"a/{NAME}").write_text("nonsense")
        assert "Remove it" in (await run("sync", "a", "Copy", fails=True)).output

    @pytest.mark.parametrize(
        ("mine", "theirs", "base", "direction", "kept", "with_delete"),
        [
            ("1", "1", None, "both", "alike", "alike"),
            ("1", None, None, "both", "send", "send"),
            (None, "1", None, "both", "fetch", "fetch"),
            ("1", None, "1", "both", "left_here", "remove_here"),
            (None, "1", "1", "both", "left_there", "remove_there"),
            ("2", "1", "1", "both", "send", "send"),
            ("1", "2", "1", "both", "fetch", "fetch"),
            ("2", "3", "1", "both", "conflict", "conflict"),
            ("2", "3", None, "both", "conflict", "conflict"),
            ("2", None, "1", "both", "send", "send"),
            (None, "2", "1", "both", "fetch", "fetch"),
            (None, None, "1", "both", "alike", "alike"),
            ("1", "2", "2", "up", "send", "send"),
            (None, "2", None, "up", "left_there", "remove_there"),
            ("1", "2", "1", "down", "fetch", "fetch"),
            ("3", "2", "1", "down", "conflict", "conflict"),
            ("1", None, None, "down", "left_here", "left_here"),
            ("1", None, "1", "down", "left_here", "remove_here"),
            ("2", None, "1", "down", "left_here", "left_here"),
        ],
    )
    def test_what_is_to_be_done(
        self, mine: str | None, theirs: str | None, base: str | None, direction: Any, kept: str, with_delete: str
    ) -> None:
        sides = [{} if side is None else {"a": side} for side in (mine, theirs, base)]
        for delete, expected in ((False, kept), (True, with_delete)):
            (step,) = sync_plan.plan(*sides, direction=direction, delete=delete)
            assert step.what == expected


class _Breaking(httpx.SyncByteStream):
    """A body whose connection breaks after some bytes."""

    def __init__(self, content: bytes, breaks_after: int | None) -> None:
        self._content = content
        self._breaks_after = breaks_after

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[: self._breaks_after]
        if self._breaks_after is not None:
            raise httpx.ReadError("cut")


class TestResumption:
    CONTENT = bytes(range(256)) * 40
    FILE: ClassVar[dict[str, Any]] = {
        "id": "x",
        "name": "a.bin",
        "size_bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
    }

    def client(self, tmp_path: Path, answer: Callable[[httpx.Request], httpx.Response]) -> Client:
        sessions = Sessions(tmp_path / "sessions")
        sessions.keep("http://server", {"access_token": "a", "refresh_token": "r"})
        return Client("http://server", sessions=sessions, transport=httpx.MockTransport(answer), pause=lambda _: None)

    def test_a_download_goes_on_where_it_broke_off(self, tmp_path: Path) -> None:
        asked = []

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url.path == "/auth/refresh":
                return httpx.Response(200, json={"access_token": "b", "refresh_token": "r2"})
            if request.headers["Authorization"] == "Bearer a":
                return httpx.Response(401)
            asked.append((request.headers.get("Range"), request.headers.get("If-Range")))
            if len(asked) == 2:
                return httpx.Response(503, headers={"Retry-After": "1"})
            start = int(request.headers.get("Range", "bytes=0-")[6:-1])
            breaks_after = 1000 if len(asked) < 5 else None
            status = 206 if "Range" in request.headers else 200
            return httpx.Response(status, stream=_Breaking(self.CONTENT[start:], breaks_after))

        client, done = self.client(tmp_path, answer), []
        target = tmp_path / "a.bin"
        fetch(client, self.FILE, target, done.append)
        assert target.read_bytes() == self.CONTENT
        tag = f'"{self.FILE["sha256"]}"'
        assert asked == [
            (None, None),
            ("bytes=1000-", tag),
            ("bytes=1000-", tag),
            ("bytes=2000-", tag),
            ("bytes=3000-", tag),
        ]
        assert sum(done) == len(self.CONTENT)
        client.close()

    def test_what_came_is_kept_for_the_next_call_and_begun_anew_where_it_is_wrong(self, tmp_path: Path) -> None:
        is_away = True

        def answer(request: httpx.Request) -> httpx.Response:
            if is_away and "Range" in request.headers:
                raise httpx.ConnectError("away")
            start = int(request.headers.get("Range", "bytes=0-")[6:-1])
            status = 206 if start else 200
            return httpx.Response(status, stream=_Breaking(self.CONTENT[start:], 1000 if is_away else None))

        client = self.client(tmp_path, answer)
        target = tmp_path / "a.bin"
        target.write_text("before")
        with pytest.raises(Refused, match="goes on where it was"):
            fetch(client, self.FILE, target, lambda _: None)
        (part,) = [path for path in tmp_path.iterdir() if is_part(path.name)]
        assert part.read_bytes() == self.CONTENT[:1000]
        assert target.read_text() == "before"
        is_away = False
        part.write_bytes(b"?" * 1000)
        fetch(client, self.FILE, target, lambda _: None)
        assert target.read_bytes() == self.CONTENT
        # A file that has other bytes meanwhile leaves no part of before behind.
        part.write_bytes(b"old")
        other = {**self.FILE, "sha256": "0" * 64}
        with pytest.raises(click.ClickException, match="Try again"):
            fetch(client, other, target, lambda _: None)
        assert not [path for path in tmp_path.iterdir() if is_part(path.name)]
        client.close()

    async def test_an_upload_that_was_cut_off_goes_on_in_the_next_run(
        self, run: Run, ana: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sending, "RESUMED_BYTES", 1000)
        content = bytes(range(256)) * 10_000
        Path("large.bin").write_bytes(content)
        cut_at: list[int | None] = [700_000, 1_500_000, None, None]
        sent: list[int] = []
        rest = resuming._Upload._rest

        def cut(upload: Any) -> Iterator[bytes]:
            limit, position = cut_at.pop(0), upload._offset
            sent.append(position)
            for block in rest(upload):
                if limit is not None and position + len(block) > limit:
                    yield block[: limit - position]
                    raise KeyboardInterrupt if len(cut_at) == 3 else httpx.WriteError("cut")
                yield block
                position += len(block)

        monkeypatch.setattr(resuming._Upload, "_rest", cut)
        monkeypatch.setattr(resuming, "_BLOCK", 100_000)
        await run("put", "large.bin", "--to", "Box", fails=True)
        assert (await run("ls", "Box")).stdout == ""
        await run("put", "large.bin", "--to", "Box")
        assert sent[0] == 0
        assert 0 < sent[1] <= 700_000 < sent[2] <= 1_500_000
        await run("get", "Box/large.bin", "--output", "back.bin")
        assert Path("back.bin").read_bytes() == content
        # The next version, by sync, is resumable too; and the upload of before is not taken for it.
        Path("here").mkdir()
        await run("sync", "here", "Box")
        Path("here/large.bin").write_bytes(content[::-1])
        await run("sync", "here", "Box")
        (entry,) = [json.loads(line) for line in (await run("ls", "Box", "--json")).stdout.splitlines()]
        assert (entry["version"], entry["sha256"]) == (2, hashlib.sha256(content[::-1]).hexdigest())

    def test_nothing_is_written_elsewhere(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("/etc")
        for path in ("../evil", "a/../../evil", "/etc/passwd", "link/passwd", "a//b"):
            with pytest.raises(click.ClickException):
                getting.inside(tmp_path, path)
        assert getting.inside(tmp_path, "a/b") == tmp_path / "a" / "b"
        assert fetching.is_part(".x.part")
