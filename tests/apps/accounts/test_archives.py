"""An archive of everything a person has: made by a job, whole, in open formats, for nobody else."""

import hashlib
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import StorageFull
from commonplace.platform.storage.protocol import ObjectStorage
from tests.visitor import Join

pytestmark = pytest.mark.anyio

Deliver = Callable[[], Awaitable[None]]


async def upload(who: Any, name: str, content: bytes, **query: str) -> str:
    answer = await who.post("/api/files", params={"name": name, **query}, content=content)
    assert answer.status_code == 201, answer.text
    identifier: str = answer.json()["id"]
    return identifier


async def made(who: Any, deliver: Deliver) -> dict[str, Any]:
    asked = await who.post("/auth/archives")
    assert asked.status_code == 202, asked.text
    await deliver()
    archive: dict[str, Any] = (await who.get(f"/auth/archives/{asked.json()['id']}")).json()
    return archive


def lines(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"{name}.jsonl").splitlines()]


async def share_and_visit(owner: Any, visitor: Any, item_id: str) -> None:
    """A grant; and a link that asks for a name, and somebody who gave one."""
    shared = await owner.post("/api/shares", json={"item_id": item_id, "email": visitor.email, "level": "view"})
    assert shared.status_code == 201, shared.text
    link = (await owner.post("/api/shares/links", json={"item_id": item_id, "asks_name": True, "label": "Aunt"})).json()
    shown = (await visitor.post(f"/api/links/{link['token']}/pass", json={"name": "Maeve"})).json()["link_pass"]
    assert (await visitor.get(f"/api/links/{link['token']}", headers={"Link-Pass": shown})).status_code == 200


async def test_everything_is_in_it_and_every_hash_is_right(ana: Any, ben: Any, join: Join, deliver: Deliver) -> None:
    folder = (await ana.post("/api/folders", json={"name": "Grüße: 2026?", "parent_id": None})).json()["id"]
    plan = await upload(ana, "plan.txt", b"one", folder_id=folder)
    assert (await ana.put(f"/api/files/{plan}/content", content=b"two")).status_code == 200
    await upload(ana, "plan.txt", b"two")  # the same bytes in another place
    gone = await upload(ana, "gone.txt", b"gone")
    assert (await ana.delete(f"/api/files/{gone}")).status_code == 204
    await upload(ana, "CON.txt", b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    assert (await ana.post("/api/tasks", json={"title": "Pay rent", "notes": "*soon*"})).status_code == 201
    await share_and_visit(ana, ben, plan)
    await upload(ben, "ben's.txt", b"not hers")

    archive = await made(ana, deliver)
    assert (archive["state"], archive["is_there"]) == ("done", True)
    assert archive["done_bytes"] == archive["total_bytes"] > 0
    content = f"/auth/archives/{archive['id']}/content"
    whole = await ana.get(content)
    assert whole.status_code == 200
    assert hashlib.sha256(whole.content).hexdigest() == archive["sha256"]
    rest = await ana.get(content, headers={"Range": "bytes=100-"})
    assert (rest.status_code, rest.content) == (206, whole.content[100:])
    for other in (ben, await join(None)):
        assert (await other.get(content)).status_code in {401, 404}
    assert (await ben.delete(f"/auth/archives/{archive['id']}")).status_code == 404

    zipped = zipfile.ZipFile(io.BytesIO(whole.content))
    assert zipped.testzip() is None
    manifest = json.loads(zipped.read("manifest.json"))
    assert (manifest["kind"], manifest["format"], manifest["missing"]) == ("commonplace-archive", 1, [])
    assert manifest["person"] == {"id": ana.person["id"], "name": "Ana", "email": ana.email}
    assert [member["name"] for member in manifest["members"]] == zipped.namelist()[:-1]
    for member in manifest["members"]:
        data = zipped.read(member["name"])
        assert (len(data), hashlib.sha256(data).hexdigest()) == (member["size_bytes"], member["sha256"])
    assert all(b"not hers" not in zipped.read(name) for name in zipped.namelist())

    tree = {name: zipped.read(name) for name in zipped.namelist() if name.startswith("files/")}
    safe_folder = f"Grüße_ 2026_ ~{folder.replace('-', '')[-12:]}"
    assert tree[f"files/tree/{safe_folder}/plan.txt"] == tree["files/tree/plan.txt"] == b"two"
    assert tree[f"files/versions/{plan}/1 plan.txt"] == b"one"
    assert [content for name, content in tree.items() if name.startswith("files/trash/gone ~")] == [b"gone"]
    (device,) = [member for member in manifest["members"] if member.get("title") == "CON.txt"]
    assert device["name"].startswith("files/tree/_CON ~")
    assert zipped.getinfo(device["name"]).compress_type == zipfile.ZIP_STORED

    assert [line["version"] for line in lines(zipped, "files/file.versions") if line["item_id"] == plan] == [1, 2]
    assert lines(zipped, "tasks/task")[0]["state"]["notes"] == "*soon*"
    (share,) = lines(zipped, "platform/shared-by-me")
    assert (share["address"], share["person_id"]) == (ben.email, None)  # whether ben has an account is not told
    assert (lines(zipped, "platform/links")[0]["label"], lines(zipped, "platform/link-visits")[0]["visitor_name"]) == (
        "Aunt",
        "Maeve",
    )
    assert lines(zipped, "accounts/account")[0]["email"] == ana.email
    assert lines(zipped, "accounts/sign-ins")[-1]["outcome"] == "signed_in"
    text = b"".join(zipped.read(name) for name in zipped.namelist() if name.endswith(".jsonl"))
    assert not [word for word in (b"digest", b"hash", b"secret", b"$2b$") if word in text]

    assert (await ana.delete(f"/auth/archives/{archive['id']}")).status_code == 204
    assert (await ana.get(content)).status_code == 404


async def test_one_at_a_time_and_it_can_be_cancelled(
    ana: Any, deliver: Deliver, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await ana.post("/auth/archives")).json()
    assert (await ana.post("/auth/archives")).status_code == 409
    assert (await ana.get(f"/auth/archives/{first['id']}/content")).status_code == 409
    assert (await ana.delete(f"/auth/archives/{first['id']}")).status_code == 204
    assert (await ana.get(f"/auth/archives/{first['id']}")).json()["state"] == "cancelled"

    async def full(*_: Any, **__: Any) -> Any:
        raise StorageFull("The disk is full.")

    storage = parts[ObjectStorage]
    with monkeypatch.context() as patched:
        patched.setattr(storage, "open_writer", full)
        second = await made(ana, deliver)
    assert (second["state"], second["is_there"]) == ("failed", False)
    assert "no room" in second["problem"]

    third = await made(ana, deliver)  # and the first, whose turn came after it was cancelled, made nothing
    listed = (await ana.get("/auth/archives", params={"limit": 2})).json()
    assert [one["state"] for one in listed["items"]] == ["done", "failed"]
    rest = (await ana.get("/auth/archives", params={"after": listed["next"]})).json()
    assert ([one["state"] for one in rest["items"]], rest["next"]) == (["cancelled"], None)
    assert third["is_there"]
    assert len([info async for info in storage.list("exports")]) == 1
