"""Links: reading without an account, as far as the link goes and for as long as it is good."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.platform.sharing.conftest import Make, Share

pytestmark = pytest.mark.anyio


async def link_to(visitor: Any, item_id: str, **given: Any) -> dict[str, Any]:
    answer = await visitor.post("/api/shares/links", json={"item_id": item_id, **given})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_link_opens_an_item_and_what_lies_below_and_nothing_else(
    ana: Any, nobody: Any, folder: Make, file: Make
) -> None:
    above = await folder(ana, "above")
    shared = await folder(ana, "shared", above)
    below = await folder(ana, "below", shared)
    inside, beside = await file(ana, "inside.txt", below, b"12345"), await file(ana, "beside.txt", above)
    made = await link_to(ana, shared)
    assert made["url"].endswith(f"/s/{made['token']}")
    path = f"/api/links/{made['token']}"
    answer = await nobody.get(path)
    opened = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (opened["item"]["name"], opened["item"]["parent_id"], opened["access"]) == ("shared", None, "view")
    assert [(child["kind"], child["name"]) for child in opened["children"]["items"]] == [("folder", "below")]
    listed = (await nobody.get(f"{path}/items?container_id={below}")).json()
    (entry,) = listed["items"]
    assert (entry["name"], entry["details"]["size_bytes"], entry["parent_id"]) == ("inside.txt", 5, below)
    assert (await nobody.get(f"{path}/items/{inside}")).json() == entry
    assert ana.person["id"] not in answer.text + str(listed)
    for outside in (f"{path}/items/{beside}", f"{path}/items/{above}", f"{path}/items?container_id={above}"):
        assert (await nobody.get(outside)).status_code == 404
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await nobody.request(method, path)).status_code in {401, 405}
    assert (await nobody.get(f"/api/files/{inside}")).status_code == 401
    await ana.delete(f"/api/folders/{below}")
    assert (await nobody.get(f"{path}/items/{inside}")).status_code == 404
    assert (await nobody.get(path)).json()["children"]["items"] == []
    await ana.delete(f"/api/folders/{above}")
    assert (await nobody.get(path)).status_code == 404


async def test_a_large_folder_comes_in_pages(ana: Any, nobody: Any, folder: Make) -> None:
    shared = await folder(ana, "shared")
    inner = [await folder(ana, f"inner {number}", shared) for number in range(3)]
    files = [("file", (f"{number:03}.txt", b"x")) for number in range(60)]
    assert (await ana.post(f"/api/files/batch?folder_id={shared}", files=files)).status_code == 201
    path = f"/api/links/{(await link_to(ana, shared))['token']}"
    page = (await nobody.get(path)).json()["children"]
    names = [child["name"] for child in page["items"]]
    assert len(names) == 50
    while page["next"] is not None:
        page = (await nobody.get(f"{path}/items", params={"after": page["next"], "limit": 7})).json()
        names += [child["name"] for child in page["items"]]
    assert names == [f"{number:03}.txt" for number in range(60)] + [f"inner {number}" for number in range(len(inner))]
    assert (await nobody.get(f"{path}/items?after=nonsense")).status_code == 404


async def test_a_link_that_leads_nowhere_does_not_tell_why(ana: Any, nobody: Any, file: Make, parts: Parts) -> None:
    one = await file(ana, "one.txt")
    revoked, expiring, trashed = [await link_to(ana, one) for _ in range(2)] + [
        await link_to(ana, await file(ana, "gone.txt"))
    ]
    soon = await link_to(ana, one, expires_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert (await nobody.get(f"/api/links/{soon['token']}")).json()["expires_at"] == soon["expires_at"]
    assert (await ana.delete(f"/api/shares/links/{revoked['id']}")).status_code == 204
    async with parts[Database].writing() as session:
        await session.execute(
            Query(text("UPDATE platform.item_link SET expires_at = clock_timestamp() WHERE id = CAST(:id AS uuid)")),
            id=expiring["id"],
        )
    await ana.delete(f"/api/files/{trashed['item_id']}")
    answers = [
        (await nobody.get(f"/api/links/{token}")).json()
        for token in (revoked["token"], expiring["token"], trashed["token"], "cpl_" + "A" * 43, "x", "%C3%A9" * 9)
    ]
    told = {(answer["type"], answer["detail"]) for answer in answers}
    assert len(told) == 1, told
    assert answers[0]["status"] == 404
    for expires_at in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00", "9999-12-31T23:59:59-12:00"):
        answer = await ana.post("/api/shares/links", json={"item_id": one, "expires_at": expires_at})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/malformed-expiry")


async def test_the_token_is_told_once_and_kept_nowhere(
    log_lines: Any, ana: Any, nobody: Any, file: Make, parts: Parts
) -> None:
    one = await file(ana, "one.txt")
    body = {"item_id": one}
    first, second = [
        (await ana.post("/api/shares/links", json=body, headers={"Idempotency-Key": "once"})).json() for _ in range(2)
    ]
    assert first["token"] != second["token"]
    assert len(first["token"].removeprefix("cpl_")) * 6 >= 256
    listed = (await ana.get(f"/api/shares/links?item_id={one}")).json()["items"]
    assert [entry["id"] for entry in listed] == [first["id"], second["id"]]
    assert "token" not in listed[0]
    assert (await nobody.get(f"/api/links/{first['token']}")).status_code == 200
    assert (await nobody.get(f"/api/links/{first['token']}x")).status_code == 404
    async with parts[Database].reading() as session:
        tables = await session.all(
            Query(text("SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname = 'platform'"))
        )
        for table in tables:
            rows = await session.all(Query(text(f"SELECT CAST(t AS text) AS row FROM {table.name} AS t")))
            assert not [row for row in rows if first["token"] in row.row or first["token"].encode().hex() in row.row]
        digests = await session.all(Query(text("SELECT digest FROM platform.item_link ORDER BY id")))
    assert digests[0].digest == hashlib.sha256(first["token"].encode()).digest()
    lines = log_lines()
    assert [line for line in lines if line.get("route") == "/api/links/{token}"]
    assert first["token"] not in str(lines)


async def test_only_those_who_may_share_make_see_and_revoke_links(
    ana: Any, ben: Any, cara: Any, nobody: Any, file: Make, share: Share, parts: Parts
) -> None:
    from commonplace.platform.sharing.settings import SharingSettings

    one = await file(ana, "one.txt")
    grant = await share(ana, one, ben, "own")
    await share(ana, one, cara, "edit")
    made, own = await link_to(ben, one), await link_to(ana, one)
    for visitor, status in ((cara, 403), (nobody, 401)):
        assert (await visitor.get(f"/api/shares/links?item_id={one}")).status_code == status
        assert (await visitor.post("/api/shares/links", json={"item_id": one})).status_code == status
    assert (await cara.delete(f"/api/shares/links/{made['id']}")).status_code == 404
    parts[SharingSettings].links_per_item = 2
    answer = await ana.post("/api/shares/links", json={"item_id": one})
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/too-many-shares")
    assert (await nobody.get(f"/api/links/{made['token']}")).status_code == 200
    await ana.delete(f"/api/shares/{grant['id']}")  # who made it may not share it any more
    assert (await nobody.get(f"/api/links/{made['token']}")).status_code == 404
    assert (await nobody.get(f"/api/links/{own['token']}")).status_code == 200
