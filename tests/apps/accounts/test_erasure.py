"""Leaving: nothing is left of a person but the receipt, and no backup brings them back."""

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from sqlalchemy import text

from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.leaving import handlers
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.leaving.ledger import Ledger
from commonplace.platform.leaving.personal import PersonalData
from commonplace.platform.parts import Parts
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.settings import Settings
from tests.visitor import Join

from .conftest import Rows, sign_in

pytestmark = pytest.mark.anyio

Deliver = Callable[[], Awaitable[None]]
_TABLES = """
SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND NOT relispartition AND nspname NOT IN ('pg_catalog', 'information_schema')
"""
_LEDGER = "platform.erasure"


@pytest.fixture
async def adam(join: Join, accounts: Accounts) -> Any:
    """An administrator."""
    adam: Any = await join("adam")
    await people.set_role(accounts, adam.email, "administrator")
    return adam


async def upload(who: Any, name: str, content: bytes, **query: str) -> str:
    answer = await who.post("/api/files", params={"name": name, **query}, content=content)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def share(who: Any, item_id: str, **to: str) -> None:
    answer = await who.post("/api/shares", json={"item_id": item_id, **to})
    assert answer.status_code == 201, answer.text


async def live(who: Any, other: Any, deliver: Deliver) -> str:
    """Do something in every app, with and for another person; a file of the other's that `who` changed comes back."""
    folder = (await who.post("/api/folders", json={"name": "Papers", "parent_id": None})).json()["id"]
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "green").save(picture, "PNG")
    shared = await upload(who, "picture.png", picture.getvalue(), folder_id=folder)
    await upload(who, "letter.txt", b"one")
    await who.put(f"/api/files/{shared}/content", content=b"another")
    gone = await upload(who, "gone.txt", b"gone")
    await who.delete(f"/api/files/{gone}")
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Content-Type": "application/offset+octet-stream"}
    assert (await who.post("/api/files/uploads", headers=tus, content=b"half")).status_code == 201
    made = await who.post("/api/task-lists", json={"title": "Errands"})
    assert made.status_code == 201, made.text
    assert (await who.post("/api/tasks", json={"title": "Milk", "list_id": made.json()["id"]})).status_code == 201
    await share(who, folder, email=other.email, level="edit")
    link = (await who.post("/api/shares/links", json={"item_id": folder, "asks_name": True})).json()["token"]
    shown = (await other.post(f"/api/links/{link}/pass", json={"name": "Evangelina's aunt"})).json()["link_pass"]
    assert (await other.get(f"/api/links/{link}", headers={"Link-Pass": shown})).status_code == 200
    theirs = await upload(other, "minutes.txt", b"ours")
    await share(other, theirs, email=who.email, level="own")
    assert (await who.put(f"/api/files/{theirs}/content", content=b"ours, corrected")).status_code == 200
    quiet = {"quiet_hours": {"begins": "22:00", "ends": "07:00"}, "kinds": []}
    assert (await who.patch("/api/notifications/preferences", json=quiet)).status_code == 200
    token = {"name": "phone", "scopes": ["files:read"], "expires_at": None}
    assert (await who.post("/auth/tokens", json=token)).status_code == 201
    await sign_in(who, who.email, "a wrong one")
    await who.put("/auth/profile", json={"job_title": "Archivist"})
    assert await who.post("/api/files", params={"name": "once"}, content=b"1", headers={"Idempotency-Key": "k1"})
    assert (await who.post("/auth/archives")).status_code == 202
    await deliver()
    return theirs


async def traces(rows: Rows, needles: list[str]) -> list[str]:
    """Every table in which one of the needles stands, in whatever column."""
    found = []
    for table in await rows(_TABLES):
        for needle in needles:
            sql = f"SELECT count(*) AS n FROM {table['name']} AS t WHERE strpos(lower(CAST(t AS text)), :needle) > 0"
            (count,) = await rows(sql, needle=needle.lower())
            if count["n"]:
                found.append(f"{table['name']}: {needle}")
    return found


def traces_on_disk(directory: Path, needles: list[str]) -> list[str]:
    return [
        f"{path.name}: {needle}"
        for path in directory.rglob("*")
        if path.is_file()
        for needle in needles
        if needle in str(path) or needle.encode() in path.read_bytes()
    ]


async def test_nothing_is_left_but_the_receipt(
    adam: Any, join: Join, ben: Any, deliver: Deliver, parts: Parts, rows: Rows, settings: Settings, nobody: Any
) -> None:
    eva: Any = await join("evangelina")
    theirs = await live(eva, ben, deliver)
    await adam.patch(f"/auth/people/{eva.person['id']}", json={"state": "active"})
    objects = await rows("SELECT key FROM platform.object WHERE owner_id = :id", id=eva.person["id"])
    renditions = await rows("SELECT DISTINCT key FROM files.rendition")
    archives = await rows("SELECT key FROM platform.archive WHERE key IS NOT NULL")
    begun = await rows("SELECT key FROM files.upload_part")
    keys = [row["key"] for row in (*objects, *renditions, *archives, *begun)]
    assert (len(objects), len(renditions) >= 1, len(archives)) == (5, True, 1)
    needles = [eva.person["id"], eva.person["id"].replace("-", ""), eva.email, "evangelina", *keys]
    assert len(await traces(rows, needles)) > 20  # the scan finds what is there

    assert (await ben.post(f"/auth/people/{eva.person['id']}/erasure", json={})).status_code == 403
    asked = await adam.post(f"/auth/people/{eva.person['id']}/erasure", json={"at_once": True})
    assert asked.status_code == 202, asked.text
    assert (await eva.get("/api/files")).status_code == 401
    await deliver()

    read = await nobody.get(f"/auth/erasures/{asked.json()['token']}")
    assert (read.status_code, read.json()["state"]) == (200, "done")
    receipt = read.json()["receipt"]
    assert (receipt["person_id"], receipt["asked_by"]) == (eva.person["id"], "administrator")
    counted = receipt["removed"]
    assert (counted["items.file"], counted["items.folder"], counted["items.task"]) == (4, 1, 1)
    assert (counted["items.person"], counted["accounts.account"], counted["objects"]) == (1, 1, 5)
    assert (counted["stored_files"], counted["files.upload"]) == (len(set(keys)), 1)
    assert (counted["accounts.api_token"], counted["notifications.quiet_hours"], counted["links"]) == (1, 1, 1)
    assert not traces_in(receipt, [eva.email, "evangelina"])

    left = [trace for trace in await traces(rows, needles) if not trace.startswith(_LEDGER)]
    assert left == []
    storage = parts[ObjectStorage]
    assert not {info.key async for info in storage.list()} & set(keys)
    ledger = parts[Ledger]
    on_disk = traces_on_disk(settings.data_dir / "files", needles) if (settings.data_dir / "files").exists() else []
    assert [trace for trace in on_disk if receipt["id"] not in trace] == []
    assert {entry.id for entry in (await ledger.entries()).values()} == {UUID(receipt["id"])}
    assert ledger.path.read_text().count(eva.person["id"]) == 1

    # What is others' stays, of an author without a name; the trail says that it was done, not to whom.
    assert (await ben.get(f"/api/files/{theirs}/content")).content == b"ours, corrected"
    authors = await rows("SELECT by FROM platform.version WHERE item_id = :id ORDER BY version", id=theirs)
    assert [str(row["by"]) for row in authors] == [ben.person["id"], "None"]
    (entry,) = (await adam.get("/auth/audit", params={"action": "erased"})).json()["items"]
    assert (entry["person_id"], entry["by_id"]) == (None, adam.person["id"])
    assert (await sign_in(nobody, eva.email)).status_code == 401
    again: Any = await join("evangelina")  # the address is free
    assert again.person["id"] != eva.person["id"]
    assert (await again.get("/api/shares/received")).json()["items"] == []


def traces_in(value: Any, needles: list[str]) -> list[str]:
    return [needle for needle in needles if needle in str(value).lower()]


async def test_who_comes_back_in_time_stays(
    ana: Any, adam: Any, nobody: Any, deliver: Deliver, rows: Rows, parts: Parts, database: Database
) -> None:
    await upload(ana, "letter.txt", b"one")
    refused = await adam.post("/auth/erasure")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/last-administrator")

    asked = (await ana.post("/auth/erasure")).json()
    assert asked["state"] == "waiting"
    assert (await ana.get("/auth/profile")).status_code == 401  # signed out everywhere
    assert (await sign_in(nobody, ana.email, "a wrong one")).status_code == 401
    back = await sign_in(nobody, ana.email)
    assert back.status_code == 200
    assert (await nobody.get(f"/auth/erasures/{asked['token']}")).json()["state"] == "cancelled"
    ana.http.headers["Authorization"] = f"Bearer {back.json()['access_token']}"

    # What an administrator asked for the person cannot cancel; they cannot even sign in.
    path = f"/auth/people/{ana.person['id']}/erasure"
    other = (await adam.post(path, json={})).json()
    assert (await adam.post(path, json={})).status_code == 409
    assert (await sign_in(nobody, ana.email)).status_code == 401
    assert (await adam.delete(path)).status_code == 204
    assert (await adam.delete(path)).status_code == 404
    assert (await nobody.get(f"/auth/erasures/{other['token']}")).json()["state"] == "cancelled"
    back = await sign_in(nobody, ana.email)
    ana.http.headers["Authorization"] = f"Bearer {back.json()['access_token']}"

    last = (await ana.post("/auth/erasure")).json()
    context: Any = type("Context", (), {"parts": parts})
    tick = ScheduleTick(schedule="accounts.begin_erasures", tick=last["asked_at"])
    await handlers.begin_what_is_due(tick, context)
    await deliver()
    assert (await nobody.get(f"/auth/erasures/{last['token']}")).json()["state"] == "waiting"  # it is not time yet
    async with database.writing() as session:
        await session.execute(text("UPDATE platform.erasure SET due_at = now() WHERE state = 'waiting'"))
    await handlers.begin_what_is_due(tick, context)
    await deliver()
    assert (await nobody.get(f"/auth/erasures/{last['token']}")).json()["state"] == "done"
    assert (await nobody.get("/auth/erasures/of-nobody")).status_code == 404
    assert await rows("SELECT id FROM platform.item WHERE id = :id", id=ana.person["id"]) == []


#: How columns that say who somebody is are called here. Another name needs a place in this list.
_PERSON_COLUMNS = """
SELECT format('%s.%s', namespace.nspname, class.relname) AS table, attribute.attname AS column
FROM pg_attribute AS attribute JOIN pg_class AS class ON class.oid = attribute.attrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p') AND NOT class.relispartition AND attribute.attnum > 0
AND namespace.nspname NOT IN ('pg_catalog', 'information_schema')
AND (attribute.attname ~ '^(person|owner|caller|user|member|author|sender|invited_by|by)(_id)?$'
    OR attribute.attname ~ '_by(_id)?$' OR attribute.attname ~ '(^|_)person_id$')
AND attribute.atttypid = CAST('uuid' AS regtype)
"""


async def test_every_table_with_a_person_is_known_to_erasure(parts: Parts, rows: Rows, app: Any) -> None:
    """An app that keeps something about people, and does not say so in its manifest, fails here."""
    known = {(table.table, table.person) for _, table in parts[PersonalData].tables()}
    columns = {(row["table"], row["column"]) for row in await rows(_PERSON_COLUMNS)}
    columns.discard(("platform.delivery", "leased_by"))  # a worker
    assert ("accounts.session", "person_id") in columns
    unknown = sorted(columns - known)
    assert not unknown, (
        f"{unknown}: name them in `personal_data` of the app's manifest (leaving.personal.PersonalTable)"
    )
    assert not known - columns, "These are named in `personal_data`, and are not there."
