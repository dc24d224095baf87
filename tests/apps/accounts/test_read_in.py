"""An archive, read in by another installation: all of it, once, and nothing out of a hostile one."""

import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from commonplace.apps.accounts.leaving import from_file
from commonplace.platform.database.session import Database
from commonplace.platform.leaving import arriving, jobs, zip_in
from commonplace.platform.leaving.errors import ArchiveRefused
from commonplace.platform.leaving.events import ArchiveSent
from commonplace.platform.parts import Parts
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage
from commonplace.platform.storage.sweep import sweep

from .conftest import Rows

pytestmark = pytest.mark.anyio

Deliver = Callable[[], Awaitable[None]]


async def upload(who: Any, name: str, content: bytes, **query: str) -> str:
    answer = await who.post("/api/files", params={"name": name, **query}, content=content)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def archive_of(who: Any, deliver: Deliver) -> bytes:
    asked = await who.post("/auth/archives")
    await deliver()
    answer = await who.get(f"/auth/archives/{asked.json()['id']}/content")
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content


async def read_in(who: Any, content: bytes, deliver: Deliver) -> dict[str, Any]:
    sent = await who.post("/auth/archives/read-in", content=content)
    assert sent.status_code == 202, sent.text
    await deliver()
    outcome: dict[str, Any] = (await who.get(f"/auth/archives/{sent.json()['id']}")).json()
    return outcome


def forged(content: bytes, change: Callable[[dict[str, bytes]], None] = lambda _: None, **manifest: Any) -> bytes:
    """The archive with other members, and a manifest that is true to them but for what is given."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    listed = json.loads(members.pop("manifest.json"))
    change(members)
    listed["members"] = [
        {"name": name, "size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in members.items()
    ]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**members, "manifest.json": json.dumps(listed | manifest).encode()}.items():
            archive.writestr(name, data)
    return stream.getvalue()


async def test_choices_the_profile_and_the_picture_come_where_there_are_none(
    ana: Any, ben: Any, deliver: Deliver
) -> None:
    profile = {"job_title": "Cook", "time_zone": "Europe/Vienna", "language": "de-AT"}
    assert (await ana.put("/auth/profile", json=profile)).status_code == 200
    stream = io.BytesIO()
    Image.new("RGB", (90, 60), "teal").save(stream, "PNG")
    sent = await ana.put("/auth/profile/picture", params={"side": 0.5, "x": 0, "y": 1}, content=stream.getvalue())
    assert sent.status_code == 200, sent.text
    kind = (await ana.get("/api/notifications/preferences")).json()["kinds"][0]["kind"]
    quiet = {"begins": "22:00", "ends": "06:30"}
    chosen = {"kinds": [{"kind": kind, "mail": False}], "quiet_hours": quiet}
    assert (await ana.patch("/api/notifications/preferences", json=chosen)).status_code == 200
    content = await archive_of(ana, deliver)

    report = (await read_in(ben, content, deliver))["report"]
    assert report["taken"] == {"profile": 1, "picture": 1, "preferences": 1, "quiet-hours": 1}
    read = (await ben.get("/auth/profile")).json()
    assert {field: read[field] for field in profile} == profile
    assert read["name"] != (await ana.get("/auth/profile")).json()["name"]
    picture = (await ben.get("/auth/profile/picture")).json()
    assert (picture["width"], picture["side"], picture["x"], picture["y"]) == (90, 0.5, 0, 1)
    preferences = (await ben.get("/api/notifications/preferences")).json()
    assert (preferences["kinds"][0]["mail"], preferences["quiet_hours"]) == (False, quiet)

    # What was chosen here since goes before what an archive says.
    assert (await ben.put("/auth/profile", json={"job_title": "Baker"})).status_code == 200
    again = (await read_in(ben, content, deliver))["report"]
    assert again["taken"] == {}
    assert {"accounts/picture", "notifications/preferences"} <= {one["name"] for one in again["left_out"]}
    assert (await ben.get("/auth/profile")).json()["job_title"] == "Baker"

    def spoil(members: dict[str, bytes]) -> None:
        members["notifications/quiet-hours.jsonl"] = b'{"begins": "25:99", "ends": 7}\n{"begins": "1", "ends": "1"}\n'
        members["accounts/person.jsonl"] = b'{"state": {"time_zone": "Mars/Olympus", "language": 5}}\n'
        members["profile/picture.png"] = b"no picture"

    cleared = await ana.patch("/api/notifications/preferences", json={"quiet_hours": None})
    assert cleared.status_code == 200
    assert (await ana.delete("/auth/profile/picture")).status_code == 204
    assert (await read_in(ana, forged(content, spoil), deliver))["report"]["taken"] == {}


async def test_there_and_back_with_its_past_and_only_once(
    ana: Any, ben: Any, deliver: Deliver, rows: Rows, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = (await ana.post("/api/folders", json={"name": "Papers", "parent_id": None})).json()["id"]
    plan = await upload(ana, "plan.txt", b"one", folder_id=folder)
    assert (await ana.put(f"/api/files/{plan}/content", content=b"two" * 1000)).status_code == 200
    gone = await upload(ana, "gone.txt", b"gone")
    await ana.delete(f"/api/files/{gone}")
    groceries = (await ana.post("/api/task-lists", json={"title": "Groceries", "colour": "#3b82f6"})).json()["id"]
    given = {
        "title": "Milk", "notes": "*two*", "list_id": groceries, "tags": ["home"], "priority": "high",
        "due": {"date": "2026-12-01", "time": "09:00:00", "time_zone": "Europe/Vienna"},
        "recurrence": "FREQ=WEEKLY", "reminders": [{"minutes_before": 10}], "attachments": [{"id": plan}],
    }  # fmt: skip
    made = await ana.post("/api/tasks", json=given)
    assert made.status_code == 201, made.text
    task = made.json()["id"]
    below = await ana.post("/api/tasks", json={"title": "Which one?", "parent_id": task})
    assert (await ana.patch(f"/api/tasks/{task}", json={"notes": "*three*"})).status_code == 200
    saved = await ana.post("/api/task-filters", json={"title": "Soon", "query": {"status": "open"}})
    assert saved.status_code == 201, saved.text
    content = await archive_of(ana, deliver)
    before = {path: (await ana.get(path)).json() for path in (f"/api/files/{plan}", f"/api/tasks/{task}")}

    # Into a place where ids and names are taken: ben's. What is ana's is not touched.
    await ben.post("/api/folders", json={"name": "Papers", "parent_id": None})
    outcome = await read_in(ben, content, deliver)
    assert (outcome["state"], outcome["problem"]) == ("done", None)
    report = outcome["report"]
    assert report["taken"] == {"folder": 1, "file": 2, "task_list": 1, "task": 2, "task_filter": 1}
    assert (report["not_taken"], report["renamed"], report["versions"]) == (0, 1, 3)
    assert "accounts/account" in {one["name"] for one in report["left_out"]}
    assert before == {path: (await ana.get(path)).json() for path in before}
    folders = (await ben.get("/api/folders")).json()["items"]
    (arrived,) = [one for one in folders if one["name"] == "Papers (2)"]
    (theirs,) = (await ben.get("/api/files", params={"folder_id": arrived["id"]})).json()["items"]
    assert theirs["id"] != plan
    assert (await ben.get(f"/api/files/{theirs['id']}/content")).content == b"two" * 1000
    assert (await ben.get(f"/api/files/{theirs['id']}/versions/1/content")).content == b"one"
    (trashed,) = (await ben.get("/api/trash")).json()["items"]
    assert trashed["name"] == "gone.txt"
    old = {row["version"]: row for row in await rows("SELECT * FROM platform.version WHERE item_id = :id", id=plan)}
    new = await rows("SELECT * FROM platform.version WHERE item_id = :id ORDER BY version", id=theirs["id"])
    assert [(row["version"], row["valid_from"]) for row in new] == [(n, old[n]["valid_from"]) for n in (1, 2)]
    assert new[0]["valid_until"] == new[1]["valid_from"]
    tasks = {one["title"]: one for one in (await ben.get("/api/tasks")).json()["items"]}
    milk = tasks["Milk"]
    for name in ("notes", "priority", "tags", "due", "recurrence", "reminders", "version", "created_at"):
        assert milk[name] == before[f"/api/tasks/{task}"][name], name
    assert milk["attachments"] == [{"kind": "file", "id": theirs["id"]}]
    assert tasks["Which one?"]["parent_id"] == milk["id"]
    assert below.json()["id"] != tasks["Which one?"]["id"]

    # Sent by whoever has it all already, nothing is doubled.
    count = "SELECT count(*) AS n FROM platform.item"
    (items,) = await rows(count)
    for who in (ana, ben):
        again = await read_in(who, content, deliver)
        assert (again["report"]["already_here"], sum(again["report"]["taken"].values())) == (7, 0)
    assert await rows(count) == [items]
    assert (await sweep_finds(parts)) == 0


async def sweep_finds(parts: Parts) -> int:
    late = datetime.now(UTC) + timedelta(days=1)
    report = await sweep(parts[ObjectStorage], parts[Database], parts[ObjectUses], now=late)
    return report.without_row.number + report.without_bytes.number


async def test_what_was_interrupted_goes_on(
    ana: Any, ben: Any, deliver: Deliver, rows: Rows, parts: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    for number in range(3):
        await upload(ana, f"{number}.txt", b"%d" % number)
    content = await archive_of(ana, deliver)
    monkeypatch.setattr(arriving, "BATCH", 1)
    arrive, left = arriving.arrive, [2]

    async def dies(*args: Any, **kwargs: Any) -> Any:
        if not left[0]:
            raise RuntimeError("The process died.")
        left[0] -= 1
        return await arrive(*args, **kwargs)

    monkeypatch.setattr(arriving, "arrive", dies)
    sent = await ben.post("/auth/archives/read-in", content=content)
    assert (await ben.post("/auth/archives/read-in", content=content)).status_code == 409
    ours = "SELECT id FROM platform.item WHERE kind = 'file' AND owner_id = :id"

    async def until_dead() -> None:
        with pytest.raises(RuntimeError):
            await run_once(parts, sent.json()["id"])

    await until_dead()
    assert len(await rows(ours, id=ben.person["id"])) == 2
    monkeypatch.setattr(arriving, "arrive", arrive)
    await deliver()
    outcome = (await ben.get(f"/auth/archives/{sent.json()['id']}")).json()
    assert (outcome["state"], outcome["report"]["taken"]) == ("done", {"file": 3})
    assert len(await rows(ours, id=ben.person["id"])) == 3

    path = tmp_path / "archive.zip"
    path.write_bytes(content)
    report = await from_file.read_in_file(parts, UUID(ana.person["id"]), path)
    assert report["already_here"] == 3


async def run_once(parts: Parts, archive_id: str) -> None:
    context: Any = SimpleNamespace(parts=parts, delivery=SimpleNamespace(attempt=1, max_attempts=5))
    await jobs.read_archive_in(ArchiveSent(archive_id=UUID(archive_id)), context)


def _with(name: str, data: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({name: data})


def _bomb(content: bytes) -> bytes:
    return forged(content, _with("files/tree/zeros", bytes(4 * 1024 * 1024)))


def _link(content: bytes) -> bytes:
    stream = io.BytesIO(forged(content))
    with zipfile.ZipFile(stream, "a") as archive:
        info = zipfile.ZipInfo("files/tree/link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    return stream.getvalue()


def _lying_size(content: bytes) -> bytes:
    """A central directory that says less than there is."""
    good = forged(content)
    at = good.rfind(b"PK\x01\x02", 0, good.rfind(b"manifest.json"))
    size = struct.unpack_from("<L", good, at + 24)[0]
    return good[: at + 24] + struct.pack("<L", size - 1) + good[at + 28 :]


def _spoiled(content: bytes) -> bytes:
    at = content.find(b"known to nobody")
    return content[:at] + b"K" + content[at + 1 :]


def _twice(members: dict[str, bytes]) -> None:
    members["files/file.jsonl"] *= 2


HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "no zip": (lambda _: b"PK but nothing else", "no ZIP"),
    "cut off": (lambda content: content[:-100], "no ZIP"),
    "another zip": (lambda _: forged_empty(), "no archive of Commonplace"),
    "another format": (lambda content: forged(content, format=2), "format 2"),
    "leads elsewhere": (lambda content: forged(content, _with("files/tree/../../../etc/cron.d/x", b"*")), "elsewhere"),
    "absolute": (lambda content: forged(content, _with("/etc/passwd", b"*")), "elsewhere"),
    "link": (_link, "no plain file"),
    "bomb": (_bomb, "unpacks to"),
    "lying size": (_lying_size, "damaged|size|elsewhere"),
    "spoiled": (_spoiled, "damaged"),
    "not a line": (lambda content: forged(content, _with("files/file.jsonl", b'{"id": 1}\n')), "a line of"),
    "twice": (lambda content: forged(content, _twice), "same id"),
}  # fmt: skip


def forged_empty() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    return stream.getvalue()


async def test_a_hostile_archive_is_refused_and_leaves_nothing(
    ana: Any, ben: Any, deliver: Deliver, rows: Rows, parts: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(zip_in, "_ALWAYS", 1024 * 1024)
    await upload(ana, "secret.png", b"\x89PNG\r\n\x1a\n known to nobody")
    content = await archive_of(ana, deliver)
    before = await rows("SELECT count(*) AS n FROM platform.item")
    path = tmp_path / "archive.zip"
    for name, (spoil, reason) in HOSTILE.items():
        path.write_bytes(spoil(content))
        with pytest.raises(ArchiveRefused) as refused:
            await from_file.read_in_file(parts, UUID(ben.person["id"]), path)
        assert re.search(reason, refused.value.detail), (name, refused.value.detail)
    outcome = await read_in(ben, _spoiled(content), deliver)
    assert (outcome["state"], outcome["report"]) == ("failed", None)
    assert "damaged" in outcome["problem"]
    assert await rows("SELECT count(*) AS n FROM platform.item") == before
    assert await rows("SELECT id FROM platform.object WHERE owner_id = :id", id=ben.person["id"]) == []
    assert await rows("SELECT id FROM platform.archive WHERE state <> 'failed' AND direction = 'in'") == []
    assert await sweep_finds(parts) == 0


async def test_lies_about_other_peoples_things_come_to_nothing(
    ana: Any, ben: Any, deliver: Deliver, rows: Rows
) -> None:
    """States that name what is others', or what cannot be: each is told of, the rest is taken."""
    await upload(ben, "good.txt", b"good")
    hers = await upload(ana, "diary.txt", b"dear diary")
    content = await archive_of(ben, deliver)
    (object_row,) = await rows("SELECT object_id FROM files.file WHERE id = :id", id=hers)

    def lie(members: dict[str, bytes]) -> None:
        good = json.loads(members["files/file.jsonl"])
        bad = [
            {**good, "id": hers},  # her file's id, with his bytes: it becomes another item
            {**good, "id": "01a00000-0000-7000-8000-000000000001", "parent_id": None, "title": "stolen.txt",
             "state": {**good["state"], "object_id": str(object_row["object_id"])}},
            {**good, "id": "01a00000-0000-7000-8000-000000000002", "title": "../up"},
            {**good, "id": "01a00000-0000-7000-8000-000000000003", "schema": 99},
            {**good, "id": "not an id"},
            {**good, "id": "01a00000-0000-7000-8000-000000000004", "title": "late.txt",
             "updated_at": "9999-12-31T23:59:59Z", "created_at": "yesterday"},
            {**good, "id": "01a00000-0000-7000-8000-000000000005", "parent_id": "01a00000-0000-7000-8000-000000000005"},
        ]  # fmt: skip
        members["files/file.jsonl"] = b"\n".join(json.dumps(one).encode() for one in bad)
        members.pop("files/file.versions.jsonl")
        task = {
            **good,
            "kind": "task",
            "id": "01a00000-0000-7000-8000-000000000006",
            "title": "x",
            "state": {"notes": 1},
        }
        members["tasks/task.jsonl"] = json.dumps(task).encode()

    outcome = await read_in(ben, forged(content, lie), deliver)
    assert outcome["state"] == "done", outcome["problem"]
    report = outcome["report"]
    assert (report["taken"]["file"], report["not_taken"]) == (2, 6)
    assert (await ana.get(f"/api/files/{hers}/content")).content == b"dear diary"
    names = {one["name"]: one for one in (await ben.get("/api/files")).json()["items"]}
    assert set(names) == {"good.txt", "good (2).txt", "late.txt"}
    assert names["late.txt"]["updated_at"] < "2100"
    for one in names.values():
        assert (await ben.get(f"/api/files/{one['id']}/content")).content == b"good"
