"""Visits by link: what each kind of link is for, passwords, what is counted, and the ledger."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.sharing.visits import counting, housekeeping
from tests.platform.media.pictures import encoded, quarters
from tests.platform.sharing.conftest import Make

pytestmark = pytest.mark.anyio
MIB = 1024 * 1024
PICTURE = encoded(quarters(40, 30), "JPEG")
BIG = bytes(range(256)) * (10 * 1024)  # 2.5 MiB: several chunks


async def link_to(visitor: Any, item_id: str, **given: Any) -> dict[str, Any]:
    answer = await visitor.post("/api/shares/links", json={"item_id": item_id, **given})
    assert answer.status_code == 201, answer.text
    return {**answer.json(), "path": f"/api/links/{answer.json()['token']}"}


async def ledger_of(visitor: Any, link: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await visitor.get(f"/api/shares/links/{link['id']}/visits")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def links_now(visitor: Any, link: dict[str, Any]) -> dict[str, Any]:
    listed = (await visitor.get(f"/api/shares/links?item_id={link['item_id']}&revoked=true")).json()["items"]
    return next(one for one in listed if one["id"] == link["id"])


async def broken_off_at(app: Any, path: str, *, after_bytes: int, before: Any = None) -> int:
    """Ask, and go away when so many bytes came; how many these were. `before` is awaited when the first have come."""
    got = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal got
        if got >= after_bytes and message.get("body"):
            raise ConnectionResetError
        got += len(message.get("body", b""))
        if before is not None and got:
            await before()

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "scheme": "http", "root_path": ""}
    scope |= {"client": ("127.0.0.1", 123), "server": ("localhost", 80)}
    fields = {"host": "localhost", "user-agent": f"python-httpx/{httpx.__version__}"}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in fields.items()]
    with contextlib.suppress(ConnectionError):
        await app(scope, receive, send)
    return got


@pytest.fixture
async def stranger(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody on the internet."""
    transport = httpx.ASGITransport(app=app, client=("93.184.216.34", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_each_kind_of_link_is_for_what_it_says(
    ana: Any, stranger: httpx.AsyncClient, folder: Make, file: Make, deliver: Any
) -> None:
    shared = await folder(ana, "shared")
    note = await file(ana, "note.txt", shared, "grüße\n".encode())
    picture = await file(ana, "picture.jpg", shared, PICTURE)
    thing = await file(ana, "thing.bin", shared, b"\0\1")
    await deliver()
    view, download = await link_to(ana, shared), await link_to(ana, shared, access="download")
    upload = await link_to(ana, shared, access="upload", most_files=2, most_bytes=10)
    assert view["qr"].startswith("data:image/svg+xml")

    async def status(link: dict[str, Any], rest: str, method: str = "GET", **given: Any) -> int:
        return (await stranger.request(method, link["path"] + rest, **given)).status_code

    for link, expected in ((view, (200, 403)), (download, (200, 200)), (upload, (403, 403))):
        may_see, may_have = expected
        assert await status(link, "/items") == may_see
        assert await status(link, f"/items/{note}") == may_see
        for item, seen in ((note, may_see), (picture, may_see), (thing, 404 if may_see == 200 else 403)):
            assert await status(link, f"/items/{item}/preview") == seen
            assert await status(link, f"/items/{item}/content") == may_have
        expected_upload = 201 if link is upload else 403
        assert await status(link, "/files?name=new.txt", "POST", content=b"12345") == expected_upload
    shown = await stranger.get(f"{view['path']}/items/{picture}/preview?size=256")
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.content != PICTURE
    assert (await stranger.get(f"{view['path']}/items/{note}/preview")).text == "grüße\n"
    bytes_of = await stranger.get(f"{download['path']}/items/{note}/content")
    assert bytes_of.content == "grüße\n".encode()
    assert bytes_of.headers["content-disposition"].startswith("attachment")
    opened = (await stranger.get(upload["path"])).json()
    assert (opened["children"]["items"], opened["item"]["details"]) == ([], {})
    assert (opened["files_left"], opened["bytes_left"]) == (1, 5)
    for impossible in ({"item_id": note, "access": "upload"}, {"item_id": note, "password": "short"}):
        assert (await ana.post("/api/shares/links", json=impossible)).status_code == 422
    answer = await ana.patch(f"/api/shares/links/{view['id']}", json={"access": "download"})
    assert (answer.status_code, answer.json()["access"]) == (200, "download")
    assert await status(view, f"/items/{note}/content") == 200
    assert await status(view, f"/items/{shared}/content") == 403
    await ana.delete(f"/api/shares/links/{view['id']}")
    assert (await ana.patch(f"/api/shares/links/{view['id']}", json={"label": "x"})).status_code == 404
    assert {await status(view, rest) for rest in ("", "/items", f"/items/{note}/content")} == {404}


async def test_a_password_opens_its_link_alone_and_cannot_be_guessed(
    ana: Any, nobody: Any, stranger: httpx.AsyncClient, file: Make, parts: Parts
) -> None:
    one = await file(ana, "one.txt")
    link = await link_to(ana, one, password="open sesame", asks_name=True, access="download")
    other = await link_to(ana, one, password="open sesame")
    assert link["has_password"]
    assert "password" not in str(link).replace("has_password", "")
    path = link["path"]
    for rest in ("", "/items", f"/items/{one}", f"/items/{one}/content", f"/items/{one}/preview"):
        answer = await nobody.get(path + rest)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/link-password-needed")
    asked = [{}, {"name": "Zoë"}, {"name": "Zoë", "password": "open sesam"}, {"password": "open sesame"}]
    told = [(await nobody.post(f"{path}/pass", json=shown)).json()["type"].split("/")[-1] for shown in asked]
    assert told == ["link-name-needed", "link-password-needed", "wrong-link-password", "link-name-needed"]
    answer = await nobody.post(f"{path}/pass", json={"name": " Zoë ", "password": "open sesame"})
    assert answer.status_code == 200, answer.text
    shown = {"Link-Pass": answer.json()["link_pass"]}
    assert (await nobody.get(path, headers=shown)).status_code == 200
    assert [entry["visitor_name"] for entry in await ledger_of(ana, link)] == ["Zoë"]
    forged = [shown["Link-Pass"][:-2] + "AA", "x", "a.b", "é" * 9, shown["Link-Pass"].split(".")[0]]
    for headers in ({"Link-Pass": pass_.encode("latin-1")} for pass_ in forged):
        assert (await nobody.get(path, headers=headers)).status_code == 403
    assert (await nobody.get(other["path"], headers=shown)).status_code == 403
    await ana.patch(f"/api/shares/links/{link['id']}", json={"password": "open barley"})
    assert (await nobody.get(path, headers=shown)).status_code == 403

    settings = parts[SharingSettings]
    settings.guesses_per_address, settings.guesses_per_link = 3, 5
    body = {"name": "Eve", "password": "not this one"}
    statuses = [
        answer.status_code
        for answer in await asyncio.gather(*(stranger.post(f"{path}/pass", json=body) for _ in range(5)))
    ]
    assert sorted(statuses) == [403, 403, 403, 429, 429]
    answer = await stranger.post(f"{other['path']}/pass", json={"password": "open sesame"})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    right = {"name": "Zoë", "password": "open barley"}
    assert (await nobody.post(f"{path}/pass", json=right)).status_code == 200  # from elsewhere
    assert (await nobody.post(f"{path}/pass", json=body | {"password": "x" * 300})).status_code == 403
    assert (await nobody.post(f"{path}/pass", json=right)).status_code == 429  # five wrong ones, with the first
    await ana.patch(f"/api/shares/links/{link['id']}", json={"password": None, "asks_name": False})
    assert (await nobody.get(path)).status_code == 200


async def test_finished_downloads_count_and_nothing_else(
    app: Any, ana: Any, nobody: Any, stranger: httpx.AsyncClient, file: Make
) -> None:
    big = await file(ana, "big.bin", None, BIG)
    link = await link_to(ana, big, access="download", most_downloads=2)
    path = f"{link['path']}/items/{big}/content"

    async def counted() -> int:
        return int((await links_now(ana, link))["downloads"])

    broken_off = partial(broken_off_at, app, path)
    assert (await nobody.head(path)).headers["content-length"] == str(len(BIG))
    assert (await nobody.get(path, headers={"Range": "bytes=0-99"})).status_code == 206
    etag = (await nobody.head(path)).headers["etag"]
    assert (await nobody.get(path, headers={"If-None-Match": etag})).status_code == 304
    got = await broken_off(after_bytes=MIB)
    assert MIB <= got < len(BIG)
    at_its_end = await broken_off(after_bytes=2 * MIB)  # the last chunk was not taken
    assert at_its_end < len(BIG)
    assert await counted() == 0
    rest = await nobody.get(path, headers={"Range": f"bytes={at_its_end}-"})
    assert rest.content == BIG[at_its_end:]
    assert await counted() == 1  # resumed: one download
    half = len(BIG) // 2
    ranges = [f"bytes=0-{half}", f"bytes={half + 1}-{len(BIG) - 2}"]
    await asyncio.gather(*(stranger.get(path, headers={"Range": one}) for one in ranges))
    assert await counted() == 1  # the last byte is missing
    assert (await stranger.get(path, headers={"Range": "bytes=-1"})).status_code == 206
    assert await counted() == 2
    answer = await nobody.get(path)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/downloads-used-up")
    assert (await nobody.get(link["path"])).json()["downloads_left"] == 0

    await ana.patch(f"/api/shares/links/{link['id']}", json={"most_downloads": 3})
    answers = await asyncio.gather(*(nobody.get(path) for _ in range(3)), return_exceptions=True)
    whole = [one for one in answers if isinstance(one, httpx.Response) and one.content == BIG]
    assert len(whole) == 1, answers  # never more than the limit, also at once
    assert await counted() == 3
    downloads = [entry for entry in await ledger_of(ana, link) if entry["what"] == "download"]
    assert [(entry["item_name"], entry["size_bytes"]) for entry in downloads] == [("big.bin", len(BIG))] * 3


async def test_a_running_download_ends_with_its_link(app: Any, ana: Any, nobody: Any, file: Make) -> None:
    big, empty = await file(ana, "big.bin", None, BIG), await file(ana, "empty.bin", None, b"")

    async def revoke() -> None:
        await ana.delete(f"/api/shares/links/{running['id']}")

    running = await link_to(ana, big, access="download")
    path, patch = f"{running['path']}/items/{big}/content", pytest.MonkeyPatch()
    patch.setattr(counting, "LOOK_SECONDS", 0.0)
    assert await broken_off_at(app, path, after_bytes=len(BIG), before=revoke) < len(
        BIG
    )  # revoked: ends at the next chunk
    patch.undo()
    nothing = await link_to(ana, empty, access="download")
    assert (await nobody.get(f"{nothing['path']}/items/{empty}/content")).content == b""
    assert (await links_now(ana, nothing))["downloads"] == 1


async def test_files_are_put_in_within_limits_and_its_maker_is_told_once(
    ana: Any, stranger: httpx.AsyncClient, folder: Make, file: Make, deliver: Any, parts: Parts, whole: None
) -> None:
    inbox = await folder(ana, "For the tax office")
    await file(ana, "a.txt", inbox, b"mine")
    given = {"access": "upload", "most_files": 4, "most_bytes": 30, "label": "Ms Roe", "tells_visits": True}
    link = await link_to(ana, inbox, **given, asks_name=True)
    shown = await stranger.post(f"{link['path']}/pass", json={"name": "=Roe"})
    stranger.headers["Link-Pass"] = shown.json()["link_pass"]
    path = f"{link['path']}/files"
    await stranger.get(link["path"])
    await stranger.get(link["path"])
    form = [("file", ("a.txt", b"theirs")), ("file", ("b.txt", b"12345"))]
    answer = await stranger.post(path, files=form)
    assert answer.status_code == 201, answer.text
    assert [one["name"] for one in answer.json()["items"]] == ["a (2).txt", "b.txt"]
    listed = (await ana.get(f"/api/files?folder_id={inbox}&sort=name")).json()["items"]
    assert [(one["name"], one["size_bytes"]) for one in listed] == [("a (2).txt", 6), ("a.txt", 4), ("b.txt", 5)]
    for refused, status in (
        ({"files": [("file", ("c.txt", b"x" * 20))]}, 413),
        ({"files": [("file", (f"{number}.txt", b"x")) for number in range(3)]}, 413),
        ({"content": b"x", "params": {"name": "../x"}}, 422),
        ({"files": [("other", ("c.txt", b"x"))]}, 400),
        ({"content": b"x"}, 422),
    ):
        answer = await stranger.post(path, **refused)
        assert answer.status_code == status, answer.text
    one = parts[Database]
    at_once = await asyncio.gather(*(stranger.post(path, params={"name": "z"}, content=b"z" * 9) for _ in range(3)))
    assert sorted(answer.status_code for answer in at_once) == [201, 201, 413]
    assert (await links_now(ana, link))["files_taken"] == 4
    assert (await stranger.post(path, params={"name": "y"}, content=b"y")).status_code == 413
    async with one.reading() as session:
        stored = await session.scalar(Query(text("SELECT count(*) FROM platform.object")))
    assert stored == 4  # the two that are the same count once; refused ones left nothing

    entries = await ledger_of(ana, link)
    seen = [(entry["what"], entry["item_name"]) for entry in entries[2:]]
    assert sorted(seen[:2]) == [("upload", "a (2).txt"), ("upload", "b.txt")]  # of one moment, in any order
    assert seen[2:] == [("visit", None)]
    assert {(entry["visitor_name"], entry["address_class"]) for entry in entries} == {("=Roe", "93.184.216.0/24")}
    await deliver()
    notices = (await ana.get("/api/notifications")).json()["items"]
    assert [notice["title"] for notice in notices] == ["“For the tax office”: 1 visit by the link “Ms Roe”"]
    assert notices[0]["path"].endswith(f"#share={inbox}/{link['id']}")
    async with one.writing() as session:
        await session.execute(Query(text("UPDATE platform.item_link SET told_at = told_at - interval '2 hours'")))
    context = Context(parts=parts, delivery=None)  # type: ignore[arg-type]
    tick = ScheduleTick(schedule="", tick=datetime.now(UTC))
    await housekeeping.tell_of_links(tick, context)
    await deliver()
    notices = (await ana.get("/api/notifications")).json()["items"]
    assert notices[0]["title"] == "“For the tax office”: 4 new files by the link “Ms Roe”"
    assert (len(notices), notices[0]["text"]) == (2, "Last came =Roe.")


async def test_a_ledger_is_read_handed_out_and_forgotten(
    ana: Any, ben: Any, nobody: Any, stranger: httpx.AsyncClient, file: Make, parts: Parts
) -> None:
    one = await file(ana, "one.txt")
    link = await link_to(ana, one, access="download", asks_name=True)
    for client, name in ((nobody, "=1+1"), (stranger, "Zoë")):
        shown = await client.post(f"{link['path']}/pass", json={"name": name})
        headers = {"Link-Pass": shown.json()["link_pass"]}
        await client.get(link["path"], headers=headers)
        await client.get(f"{link['path']}/items/{one}/preview", headers=headers)
        await client.get(f"{link['path']}/items/{one}/content", headers=headers)
    path = f"/api/shares/links/{link['id']}"
    first = (await ana.get(f"{path}/visits?limit=4")).json()
    second = (await ana.get(f"{path}/visits", params={"limit": 4, "after": first["next"]})).json()
    entries = first["items"] + second["items"]
    assert [entry["what"] for entry in entries] == ["download", "preview", "visit"] * 2
    assert [entry["visitor_name"] for entry in entries] == ["Zoë"] * 3 + ["=1+1"] * 3
    lines = (await ana.get(f"{path}/visits.csv")).text.splitlines()
    assert lines[0] == "at,what,visitor_name,address_class,item_name,size_bytes"
    assert lines[-1].split(",", 1)[1] == "visit,'=1+1,this machine,,"
    for visitor in (ben, nobody):
        for method, rest in (("GET", "/visits"), ("GET", "/visits.csv"), ("DELETE", "/visits"), ("POST", "/renew")):
            assert (await visitor.request(method, path + rest)).status_code == (404 if visitor is ben else 401)
    assert (await ana.delete(f"{path}/visits?name=Zoë")).status_code == 204
    assert {entry["visitor_name"] for entry in await ledger_of(ana, link)} == {"=1+1"}

    renewed = (await ana.post(f"{path}/renew")).json()
    assert (await nobody.get(link["path"])).status_code == 404
    assert (await nobody.get(f"/api/links/{renewed['token']}")).status_code == 403
    await ana.delete(path)
    assert len(await ledger_of(ana, link)) == 3  # what happened stays to be read
    assert (await ana.get(f"/api/shares/links?item_id={one}")).json()["items"] == []
    assert (await ana.get(f"/api/shares/links?item_id={one}&revoked=true")).json()["items"][0]["revoked_at"]

    settings, context = parts[SharingSettings], Context(parts=parts, delivery=None)  # type: ignore[arg-type]
    tick, old = ScheduleTick(schedule="", tick=datetime.now(UTC)), timedelta(days=settings.ledger_days + 1)
    settings.ledger_entries = 2
    await housekeeping.forget_visits(tick, context)
    assert [entry["what"] for entry in await ledger_of(ana, link)] == ["download", "preview"]
    async with parts[Database].writing() as session:
        statement = "UPDATE platform.item_link SET revoked_at = revoked_at - CAST(:old AS interval)"
        await session.execute(Query(text(statement)), old=old)
    await housekeeping.forget_visits(tick, context)
    assert (await ana.get(f"{path}/visits")).status_code == 404
