"""`commonplace files`, `sign-in` and `sign-out`, against a server that listens."""

import asyncio
import hashlib
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from commonplace.apps.files.client import Client, Refused, Sessions, SignedOut
from commonplace.cli import main
from tests.acceptance.serving import listening
from tests.visitor import PASSWORD

pytestmark = pytest.mark.anyio

Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def address(app: Any) -> AsyncIterator[str]:
    async with listening(app) as url:
        yield url


@pytest.fixture
def run(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`await run("files", "ls")`: what the command said and how it ended."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("COMMONPLACE_SERVER", address)
    monkeypatch.delenv("COMMONPLACE_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)

    async def invoke(*arguments: str, given: str | None = None, fails: bool = False) -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, main, arguments, given)
        assert (result.exit_code != 0) == fails, result.output
        return result

    return invoke


@pytest.fixture
async def signed_in(ana: Any, run: Run) -> Run:
    await run("sign-in", "--email", ana.email, "--password-stdin", given=f"{PASSWORD}\n")
    return run


class TestSessions:
    async def test_a_session_is_kept_where_nobody_else_can_read_it(self, ana: Any, run: Run, tmp_path: Path) -> None:
        told = await run("files", "ls", fails=True)
        assert "Run `commonplace sign-in`" in told.output
        wrong = await run("sign-in", "--email", ana.email, "--password-stdin", given="wrong wrong\n", fails=True)
        assert "Error:" in wrong.output
        await run("sign-in", "--email", ana.email, "--password-stdin", given=f"{PASSWORD}\n")
        kept = tmp_path / "config" / "commonplace" / "sessions.json"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert PASSWORD not in kept.read_text()
        await run("files", "ls")
        await run("sign-out")
        assert json.loads(kept.read_text()) == {}
        await run("files", "ls", fails=True)
        await run("sign-out")

    async def test_a_token_in_the_environment_will_do(
        self, ana: Any, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("COMMONPLACE_TOKEN", ana.tokens["access_token"])
        await run("files", "ls")
        monkeypatch.setenv("COMMONPLACE_TOKEN", "nonsense")
        assert "Not signed in" in (await run("files", "ls", fails=True)).output

    async def test_a_token_that_expired_is_renewed(self, signed_in: Run, tmp_path: Path) -> None:
        kept = tmp_path / "config" / "commonplace" / "sessions.json"
        sessions = json.loads(kept.read_text())
        (server,) = sessions
        sessions[server]["access_token"] = "expired"
        kept.write_text(json.dumps(sessions))
        await signed_in("files", "ls")
        assert json.loads(kept.read_text())[server]["access_token"] != "expired"
        sessions[server] = {"access_token": "expired", "refresh_token": "nonsense"}
        kept.write_text(json.dumps(sessions))
        assert "Not signed in" in (await signed_in("files", "ls", fails=True)).output

    async def test_the_server_is_the_one_that_was_signed_in_to_last(
        self, signed_in: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COMMONPLACE_SERVER")
        answer = await signed_in("files", "ls")
        assert answer.exit_code == 0, answer.output

    async def test_a_file_of_sessions_that_is_none_is_said_so(self, run: Run, tmp_path: Path) -> None:
        kept = tmp_path / "config" / "commonplace" / "sessions.json"
        kept.parent.mkdir(parents=True)
        kept.write_text("nonsense")
        assert "sign in again" in (await run("files", "ls", fails=True)).output


class TestFiles:
    async def test_files_and_folders_go_up_and_come_down(self, signed_in: Run, ana: Any, tmp_path: Path) -> None:
        source = tmp_path / "Photos" / "2026"
        source.mkdir(parents=True)
        (source / "harbour.bin").write_bytes(bytes(range(256)) * 10_000)
        (source.parent / "über.txt").write_text("text")
        (tmp_path / "empty").touch()
        put = await signed_in("files", "put", str(source.parent), str(tmp_path / "empty"), "--to", "Backup/Old")
        assert "Backup/Old/Photos/2026/harbour.bin  2560000 bytes" in put.output
        assert (await signed_in("files", "ls")).output == "Backup/\n"
        listed = await signed_in("files", "ls", "Backup/Old/Photos")
        assert listed.output.splitlines()[0] == "2026/"
        assert listed.output.splitlines()[1].startswith("über.txt  4 bytes  20")
        got = await signed_in("files", "get", "Backup/Old/Photos/2026/harbour.bin", "--output", "down.bin")
        assert "down.bin" in got.output
        assert (tmp_path / "down.bin").read_bytes() == (source / "harbour.bin").read_bytes()
        lines = (await signed_in("files", "ls", "Backup/Old", "--json")).output.splitlines()
        assert [(entry["kind"], entry["name"]) for entry in map(json.loads, lines)] == [
            ("folder", "Photos"),
            ("file", "empty"),
        ]

    async def test_what_is_there_is_kept_unless_told_otherwise(self, signed_in: Run, ana: Any, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("one")
        await signed_in("files", "put", "a.txt")
        (tmp_path / "a.txt").write_text("two")
        assert "a (2).txt" in (await signed_in("files", "put", "a.txt")).output
        (tmp_path / "a.txt").write_text("three")
        assert (await signed_in("files", "put", "a.txt", "--replace")).output.startswith("a.txt  5 bytes")
        refused = await signed_in("files", "get", "a.txt", fails=True)
        assert "--force" in refused.output
        (tmp_path / "a.txt").write_text("mine")
        await signed_in("files", "get", "a.txt", "--force")
        assert (tmp_path / "a.txt").read_text() == "three"
        (tmp_path / "there").mkdir()
        await signed_in("files", "get", "a (2).txt", "--output", "there")
        assert (tmp_path / "there" / "a (2).txt").read_text() == "two"
        assert not list(tmp_path.rglob("*.part"))

    async def test_names_change_and_the_trash_gives_back(self, signed_in: Run, ana: Any, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("one")
        await signed_in("files", "put", "a.txt", "--to", "Folder")
        assert (await signed_in("files", "rename", "Folder/a.txt", "b.txt")).output == "b.txt\n"
        assert (await signed_in("files", "rename", "Folder", "Box")).output == "Box\n"
        assert "is in the trash" in (await signed_in("files", "rm", "Box/b.txt")).output
        await signed_in("files", "get", "Box/b.txt", fails=True)
        assert (await signed_in("files", "restore", "b.txt")).output == "b.txt is back.\n"
        await signed_in("files", "rm", "Box")
        assert (await signed_in("files", "ls")).output == ""
        assert (await signed_in("files", "restore", "Box")).output == "Box is back.\n"
        assert "nothing named" in (await signed_in("files", "restore", "Box", fails=True)).output
        file = (await ana.get("/api/files", params={"folder_id": (await self._folder(ana))})).json()["items"][0]
        await signed_in("files", "get", file["id"])
        assert (tmp_path / "b.txt").read_text() == "one"

    async def _folder(self, ana: Any) -> str:
        identifier: str = (await ana.get("/api/folders")).json()["items"][0]["id"]
        return identifier

    async def test_what_is_not_there_is_said_so(self, signed_in: Run, ana: Any) -> None:
        for arguments in (
            ("get", "nowhere.txt"),
            ("get", ""),
            ("get", "01a1fdb1-58af-7a2f-9912-68adab323c1c"),
            ("ls", "nowhere"),
            ("rm", "nowhere.txt"),
            ("rename", "nowhere.txt", "b"),
        ):
            assert "Error:" in (await signed_in("files", *arguments, fails=True)).output

    async def test_a_name_that_leads_elsewhere_is_not_written(
        self, signed_in: Run, ana: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Whatever a server says a file is called, nothing is written outside the folder one stands in."""
        from commonplace.apps.files.client import Drive

        monkeypatch.setattr(Drive, "file", lambda *_: {"id": "x", "name": "../evil", "size_bytes": 1, "sha256": ""})
        assert "--output" in (await signed_in("files", "get", "a.txt", fails=True)).output
        assert not (tmp_path.parent / "evil").exists()

    async def test_bytes_that_changed_on_the_way_are_not_kept(
        self, signed_in: Run, ana: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "a.txt").write_text("one")
        await signed_in("files", "put", "a.txt")
        (tmp_path / "a.txt").unlink()
        monkeypatch.setattr(hashlib, "sha256", lambda: hashlib.new("md5", usedforsecurity=False))
        assert "Try again" in (await signed_in("files", "get", "a.txt", fails=True)).output
        assert not (tmp_path / "a.txt").exists()


class TestTrouble:
    """Of a server that fails now and then, or is none."""

    def client(self, tmp_path: Path, answer: Callable[[httpx.Request], httpx.Response]) -> tuple[Client, list[float]]:
        sessions, pauses = Sessions(tmp_path), []
        sessions.keep("http://server", {"access_token": "a", "refresh_token": "r"})
        transport = httpx.MockTransport(answer)
        return Client("http://server", sessions=sessions, transport=transport, pause=pauses.append), pauses

    def test_what_is_temporary_is_waited_out_with_the_same_key_and_the_whole_body(self, tmp_path: Path) -> None:
        seen: list[tuple[str, bytes]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append((request.headers["Idempotency-Key"], request.read()))
            if len(seen) == 1:
                return httpx.Response(503, headers={"Retry-After": "2"})
            if len(seen) == 2:
                raise httpx.ConnectError("refused")
            return httpx.Response(201, json={"name": "a"})

        client, pauses = self.client(tmp_path, answer)
        assert client.request("POST", "/api/files", body=lambda: iter([b"by", b"tes"])).json() == {"name": "a"}
        assert len({key for key, _ in seen}) == 1
        assert [body for _, body in seen] == [b"bytes"] * 3
        assert pauses == [2.0, 0.8]
        client.close()

    def test_what_lasts_is_told(self, tmp_path: Path) -> None:
        def refuse(_request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused")

        client, pauses = self.client(tmp_path, refuse)
        with pytest.raises(Refused, match="Is it running"):
            client.request("GET", "/api/files")
        assert len(pauses) == 4
        client.close()
        client, _ = self.client(tmp_path, lambda _: httpx.Response(500, text="<html>"))
        with pytest.raises(Refused, match="is this a Commonplace"):
            client.request("GET", "/api/files")
        client.close()
        client, _ = self.client(tmp_path, lambda _: httpx.Response(401))
        with pytest.raises(SignedOut):
            client.request("GET", "/api/files")
        client.close()
