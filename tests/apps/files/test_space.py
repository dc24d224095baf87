"""Space: what is kept is counted exactly, a quota is never passed, and one sees where it went."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.platform.database.errors import QuotaExceeded
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.space.usage import set_quota, space_of
from commonplace.platform.storage.keys import Category, new_key
from commonplace.platform.storage.objects import ObjectUses, register
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.sweep import sweep
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
KILO = 1000


async def upload(who: Visitor, name: str, size: int, *, seed: str = "", **query: str) -> Any:
    content = (f"{seed}{name}".encode() * size)[:size]
    return await who.post("/api/files", params={"name": name, **query}, content=content)


async def quota(database: Database, who: Visitor, quota_bytes: int | None) -> None:
    assert who.person is not None
    async with database.writing() as session:
        await set_quota(session, UUID(who.person["id"]), quota_bytes)


async def used(who: Visitor) -> int:
    number: int = (await who.get("/api/space")).json()["used_bytes"]
    return number


def words(page: str) -> str:
    """What a person reads of a page."""
    return " ".join(re.sub(r"<[^>]+>", "", page).replace("\xa0", " ").split())


async def nothing_is_too_much(parts: Parts) -> None:
    report = await sweep(parts[ObjectStorage], parts[Database], parts[ObjectUses])
    assert (report.faults, report.strangers.number) == (0, 0)


async def test_what_is_stored_counts_once_until_it_is_gone(ana: Visitor, database: Database, parts: Parts) -> None:
    first = (await upload(ana, "a.txt", 3 * KILO)).json()
    assert await used(ana) == 3 * KILO
    same = await ana.post("/api/files?name=b.txt", content=(b"a.txt" * 3000)[: 3 * KILO])
    assert same.status_code == 201
    assert await used(ana) == 3 * KILO  # the same bytes once more
    await ana.put(f"/api/files/{first['id']}/content", content=b"n" * KILO)
    assert await used(ana) == 4 * KILO
    await ana.delete(f"/api/files/{first['id']}")
    assert await used(ana) == 4 * KILO
    async with database.writing() as session:
        await session.execute(text("DELETE FROM platform.object WHERE size_bytes = 1000"))
    assert await used(ana) == 3 * KILO
    async with database.reading() as session:
        total = await session.scalar(text("SELECT sum(size_bytes) FROM platform.object"))
    assert total == 3 * KILO


async def test_a_quota_is_never_passed_and_leaves_nothing(
    ana: Visitor, ben: Visitor, database: Database, parts: Parts
) -> None:
    await quota(database, ana, 600 * KILO)
    assert (await upload(ana, "small.txt", 100 * KILO)).status_code == 201
    known = await upload(ana, "large.bin", 501 * KILO)
    assert (known.status_code, known.json()["type"]) == (413, "/problems/quota-exceeded")
    assert "your quota of 600,000 bytes: 100,000 are in use" in known.json()["detail"]

    async def chunks() -> AsyncIterator[bytes]:  # of unknown length: it is cut where it is too much
        for _ in range(100):
            yield b"x" * 10_000

    streamed = await ana.post("/api/files?name=streamed.bin", content=chunks())
    assert (streamed.status_code, streamed.json()["quota_bytes"]) == (413, 600 * KILO)
    form = {"file": ("form.bin", b"y" * 520_000)}
    assert (await ana.post("/api/files", files=form)).status_code == 413
    file = (await ana.get("/api/files")).json()["items"][0]
    put = await ana.put(f"/api/files/{file['id']}/content", content=b"z" * 550_000)
    assert put.status_code == 413
    assert (await ana.get(f"/api/files/{file['id']}")).json()["version"] == 1
    # Small ones are received before they are counted: the commit refuses what does not fit.
    batch = [("file", (f"{number}", bytes([number]) * 200_000)) for number in range(3)]
    refused = await ana.post("/api/files/batch", files=batch)
    assert (refused.status_code, refused.json()["type"]) == (413, "/problems/quota-exceeded")
    assert [one["name"] for one in (await ana.get("/api/files")).json()["items"]] == ["small.txt"]
    assert await used(ana) == 100 * KILO
    await nothing_is_too_much(parts)

    # Others are not held by it, nor told of it in a folder that is shared with them.
    assert (await upload(ben, "large.bin", 700 * KILO)).status_code == 201
    shared = (await ana.post("/api/folders", json={"name": "Shared", "parent_id": None})).json()["id"]
    await ana.post("/api/shares", json={"item_id": shared, "email": ben.email, "level": "edit"})
    full = await upload(ben, "more.bin", 510 * KILO, folder_id=shared)
    assert (full.status_code, "600,000" in full.text) == (413, False)
    assert (await upload(ben, "fits.bin", 400 * KILO, folder_id=shared)).status_code == 201
    assert await used(ana) == 500 * KILO


async def test_of_many_at_once_as_many_are_kept_as_fit(ana: Visitor, database: Database, parts: Parts) -> None:
    await quota(database, ana, 10 * KILO)
    answers = await asyncio.gather(*(upload(ana, f"{number}.bin", 3 * KILO) for number in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [413] * 5
    assert await used(ana) == 9 * KILO
    await nothing_is_too_much(parts)
    await quota(database, ana, 5 * KILO)  # less than there is: it stays, and nothing is added but what weighs nothing
    assert (await upload(ana, "one.bin", 1)).status_code == 413
    assert (await upload(ana, "empty.bin", 0)).status_code == 201
    await quota(database, ana, None)
    assert (await upload(ana, "one.bin", 1)).status_code == 201


async def test_everybody_s_quota_is_that_of_the_settings(
    environ: dict[str, str], join: Any, database: Database, parts: Parts
) -> None:
    cleo = await join("cleo")
    async with database.writing() as session:
        await session.execute(text("UPDATE platform.space_default SET quota_bytes = 1000"))
        owner_id = new_id()
    with pytest.raises(QuotaExceeded):
        async with database.writing() as session:
            stored = await parts[ObjectStorage].put(new_key(Category.FILES), b"x" * 1001)
            await register(session, owner_id, stored)
    async with database.reading() as session:
        assert (await space_of(session, owner_id)).left_bytes == KILO
    assert (await upload(cleo, "x.bin", 1001)).status_code == 413
    assert (await cleo.get("/api/space")).json()["quota_bytes"] == KILO
    assert "0 bytes of 1 kB kept" in words((await cleo.get("/app/status")).text)


async def test_one_sees_where_it_went(ana: Visitor, ben: Visitor) -> None:
    outer = (await ana.post("/api/folders", json={"name": "Papers", "parent_id": None})).json()["id"]
    inner = (await ana.post("/api/folders", json={"name": "2026", "parent_id": outer})).json()["id"]
    bin_ = (await ana.post("/api/folders", json={"name": "Old", "parent_id": None})).json()["id"]
    deep = (await upload(ana, "deep.txt", 5 * KILO, folder_id=inner)).json()
    await ana.put(f"/api/files/{deep['id']}/content", content=b"new" * 1000)
    await upload(ana, "top.mp3", 2 * KILO)
    await upload(ana, "paper.pdf", 1 * KILO, folder_id=outer)
    await upload(ana, "hidden.txt", 4 * KILO, folder_id=bin_)
    await ana.delete(f"/api/folders/{bin_}")
    await upload(ben, "others.txt", 50 * KILO)

    report = (await ana.get("/api/space")).json()
    assert {one["part"]: one["size_bytes"] for one in report["parts"]} == {
        "files": 6 * KILO, "versions": 5 * KILO, "trash": 4 * KILO,
    }  # fmt: skip
    assert report["used_bytes"] == sum(one["size_bytes"] for one in report["parts"]) == 15 * KILO
    assert sum(one["size_bytes"] for one in report["kinds"]) == 6 * KILO
    assert sum(one["objects"] for one in report["years"]) == 3
    assert [(one["name"], one["files"], one["size_bytes"]) for one in report["folders"]] == [("Papers", 2, 4 * KILO)]
    assert [one["name"] for one in report["largest"]] == ["deep.txt", "top.mp3", "paper.pdf"]
    below = (await ana.get("/api/space", params={"folder_id": outer})).json()
    assert [(one["name"], one["size_bytes"]) for one in below["folders"]] == [("2026", 3 * KILO)]
    for folder in (bin_, str(new_id())):
        assert (await ana.get("/api/space", params={"folder_id": folder})).status_code == 404
    assert (await ben.get("/api/space", params={"folder_id": outer})).status_code == 404

    page = (await ana.get("/app/space")).text
    assert "15 kB kept" in words(page)
    assert f'href="/app/space?folder={outer}"' in page
    assert "2026" in (await ana.get(f"/app/space?folder={outer}")).text
    assert (await ana.get(f"/app/space?folder={bin_}")).status_code == 404
    assert "50 kB kept" in words((await ben.get("/app/space")).text)


async def test_an_administrator_gives_quotas(join: Any, parts: Parts) -> None:
    adam, eva = await join("adam"), await join("eva")
    await people.set_role(parts[Accounts], adam.email, "administrator")
    path = f"/api/auth/people/{eva.person['id']}"
    assert (await eva.patch(path, json={"quota_bytes": 1})).status_code == 403
    given = await adam.patch(path, json={"quota_bytes": 2 * KILO})
    assert (given.status_code, given.json()["quota_bytes"], given.json()["has_own_quota"]) == (200, 2 * KILO, True)
    assert (await upload(eva, "x.bin", 2 * KILO + 1)).status_code == 413
    back = await adam.patch(path, json={"quota_bytes": "default"})
    assert (back.json()["quota_bytes"], back.json()["has_own_quota"]) == (None, False)
    assert (await upload(eva, "x.bin", 2 * KILO + 1)).status_code == 201
    shown = await adam.post(f"/app/admin/people/{eva.person['id']}", data={"do": "give_quota", "gigabytes": "2,5"})
    assert shown.status_code in {200, 303}, shown.text
    page = words((await adam.get(f"/app/admin/people/{eva.person['id']}")).text)
    assert "of 2.5 GB" in page
    assert "changed the quota of" in page
    assert (await adam.patch(path, json={"quota_bytes": -1})).status_code == 422
