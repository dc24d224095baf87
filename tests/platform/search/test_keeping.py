"""The index follows what happens, can be made anew, and knows when something is wrong with it."""

import asyncio
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.search import following
from commonplace.platform.search.commands import search as command
from commonplace.platform.search.keeping import check, rebuild

pytestmark = pytest.mark.anyio


async def execute(parts: Parts, statement: str, **given: Any) -> Any:
    async with parts[Database].reading() as session:
        return await session.all(text(statement), **given)


async def test_every_change_is_followed(
    ana: Any, parts: Parts, deliver: Any, folder: Any, file: Any, task: Any, titles: Any
) -> None:
    one = await file(ana, "first.txt", content=b"marzipan")
    place = await folder(ana, "Sweets")
    note = await task(ana, title="Bake", notes="nougat")
    await deliver()
    assert (await check(parts)).faults == []
    assert (await ana.patch(f"/api/files/{one}", json={"name": "second.txt", "folder_id": place})).status_code == 200
    assert (await ana.patch(f"/api/tasks/{note}", json={"notes": "praline", "tags": ["Süßes"]})).status_code == 200
    await deliver()
    assert await titles(ana, "first") == []
    assert await titles(ana, "second marzipan in:sweets") == ["second.txt"]
    assert await titles(ana, "nougat") == []
    assert await titles(ana, "tag:sußes") == ["Bake"]
    assert (await ana.put(f"/api/files/{one}/content", content=b"caramel")).status_code == 200
    await deliver()
    assert await titles(ana, "marzipan") == []
    assert await titles(ana, "caramel") == ["second.txt"]
    assert (await ana.delete(f"/api/tasks/{note}")).status_code in {200, 204}
    await deliver()
    assert await execute(parts, "SELECT FROM platform.search_entry WHERE item_id = :id", id=UUID(note)) == []
    assert await titles(ana, "bake") == []
    report = await check(parts)
    assert (report.faults, report.is_behind, report.entries) == ([], False, 2)


async def test_it_is_rebuilt_by_steps_and_a_check_says_when(
    ana: Any, parts: Parts, deliver: Any, task: Any, titles: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BATCH", 2)
    ids = [await task(ana, title=f"number {number}") for number in range(5)]
    await deliver()
    await execute(parts, "DELETE FROM platform.search_entry WHERE item_id = :id", id=UUID(ids[1]))
    await execute(
        parts, "UPDATE platform.search_entry SET version = 7, names = '' WHERE item_id = :id", id=UUID(ids[2])
    )
    faults = (await check(parts)).faults
    assert faults == [f"{ids[1]} has no entry.", f"{ids[2]} has the entry of another version."]
    assert await execute(parts, "SELECT FROM platform.search_rebuild") == []

    # One that was killed in the middle goes on where it was.
    async with parts[Database].writing() as session:
        await following.ask_for_rebuild(session)
    first = await following.advance(parts)
    assert (first.number, first.is_more) == (2, True)
    assert (await check(parts)).is_behind
    steps: list[int] = []
    assert await rebuild(parts, steps.append) == 5
    assert steps == [2, 1, 0]
    assert (await check(parts)).faults == []
    assert len(await titles(ana, "number")) == 5

    # When the log no longer says what happened since, everything is looked at anew.
    await task(ana, title="number 5")
    await execute(parts, "UPDATE platform.consumer SET epoch = 0 WHERE name = 'search'")
    await execute(
        parts,
        "INSERT INTO platform.consumer (name, epoch, xid, seq)"
        " SELECT 'forgotten', epoch, xid, seq FROM platform.consumer WHERE name = 'dispatcher'",
    )
    try:
        await deliver()
    finally:
        await execute(parts, "DELETE FROM platform.consumer WHERE name = 'forgotten'")
    assert len(await titles(ana, "number")) == 6
    assert (await check(parts)).faults == []


@pytest.mark.long
async def test_whatever_is_in_a_text_it_does_not_stop_the_index(
    ana: Any, parts: Parts, deliver: Any, file: Any, task: Any, titles: Any
) -> None:
    letters = random.Random(7)
    words = " ".join("".join(letters.choices("abcdefghijklmnop", k=4)) + chr(0x10400 + n % 70) for n in range(90_000))
    await file(ana, "every word another.txt", content=words.encode())
    await file(ana, "one word.txt", content=b"x" * 5000 + b"' & | ! :* <-> \\ \"" * 100)
    await task(ana, title="' OR 1=1 & !(a|b) :* <->", notes="'':*A \\ % _ \ud7ff \u202e\u200d ŪNÏÇØDË")
    await deliver()
    assert (await check(parts)).faults == []
    assert await titles(ana, "another") == ["every word another.txt"]
    assert await titles(ana, "unicode") == ["' OR 1=1 & !(a|b) :* <->"]
    for query in (
        "'",
        "''",
        "a' | 'b",
        "!",
        "-",
        '"',
        '-"',
        ":*",
        "a:*",
        "<->",
        "\\",
        "%",
        "(",
        "\u202e",
        "x" * 900,
        "é" * 900,
    ):
        assert isinstance(await titles(ana, query), list), query
    for query in (
        "-nothing",
        'kind:file -"one word"',
        "type:%",
        "type:_",
        "in:% x",
        "tag:'",
        "near:999,0",
        "size:>",
        "owner:'",
    ):
        assert isinstance(await titles(ana, query), list), query
    for after in ("x", "WyJyZWxldmFuY2UiXQ", "%00"):
        assert (await ana.get("/api/search", params={"q": "x", "after": after})).status_code == 404, after


async def test_tokens_find_what_their_scopes_open(ana: Any, join: Any, deliver: Any, file: Any, task: Any) -> None:
    await file(ana, "sesame.txt")
    await task(ana, title="sesame seeds")
    await deliver()

    async def kinds(*scopes: str) -> tuple[int, set[str]]:
        made = await ana.post("/auth/tokens", json={"name": "a script", "scopes": list(scopes), "expires_at": None})
        assert made.status_code == 201, made.text
        client = await join(None)
        answer = await client.get(
            "/api/search", params={"q": "sesame"}, headers={"Authorization": f"Bearer {made.json()['token']}"}
        )
        return answer.status_code, {item["kind"] for item in answer.json().get("items", ())}

    assert await kinds("files:read") == (200, {"file"})
    assert await kinds("tasks:write") == (200, {"task"})
    assert await kinds("files:read", "tasks:read") == (200, {"file", "task"})
    assert await kinds("sync:read") == (403, set())


def test_the_command(parts: Parts) -> None:
    class Installation:
        """What the command line hands its commands."""

        def run(self, work: Callable[[Any], Any]) -> Any:
            async def run() -> Any:
                try:
                    return await work(parts)
                finally:
                    await parts[Database].close()

            return asyncio.run(run())

    told = CliRunner().invoke(command, ["check"], obj=Installation())
    assert (told.exit_code, told.output) == (0, "0 entries; 0 words.\n")
    told = CliRunner().invoke(command, ["rebuild"], obj=Installation())
    assert told.exit_code == 0
    assert "0 items can be found." in told.output
