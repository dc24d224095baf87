"""Keep an installation of this release, for later ones to be tested on: `python -m tests.releases.freeze 0.2.0`.

Done once, when a release is made. It starts an installation, lives in it for a while, writes down what it answers, and
backs it up. What lies here is never made anew: it is what people have.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import httpx

from tests.acceptance.served import Served

HERE: Final = Path(__file__).parent
BACKUP: Final = "installation.tar"
ANSWERS: Final = "answers.json"
_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


def main() -> None:
    """Freeze an installation of the release that the command line names."""
    place = HERE / sys.argv[1]
    place.mkdir()
    with tempfile.TemporaryDirectory() as directory:
        served = Served(Path(directory)).start()
        try:
            ana, ben = served.join("ana"), served.join("ben")
            paths = {"ana": _live(ana, ben), "ben": ["/api/shares/received", "/api/notifications"]}
            served.wait(lambda: bool(ben.get("/api/notifications").json()["items"]))
            people = {"ana": ana, "ben": ben}
            answers = {who: {path: answer(people[who], path) for path in paths[who]} for who in paths}
            (place / ANSWERS).write_text(json.dumps(answers, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
            done = served.run("backup", str(place / BACKUP))
            assert done.returncode == 0, done.stderr
        finally:
            served.close_clients()
            served.stop()


def answer(client: httpx.Client, path: str) -> Any:
    """What an address answers: JSON as it is, of other content the digest."""
    found = client.get(path)
    assert found.status_code == 200, (path, found.text)
    return told(found.content, found.headers["content-type"])


def told(content: bytes, media_type: str) -> Any:
    """The content of an answer, in the form in which it is kept and compared."""
    if media_type == "application/json":
        return json.loads(content)
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _live(ana: httpx.Client, ben: httpx.Client) -> list[str]:
    """A little of everything; the addresses that tell of it."""
    reads = ["/auth/profile", "/api/notifications/preferences"]
    _change(ana, "PUT", "/auth/profile", job_title="Gardener", time_zone="Europe/Vienna", language="de-AT")
    _change(ana, "PATCH", "/api/notifications/preferences", quiet_hours={"begins": "22:00", "ends": "06:00"})
    reads += _files(ana)
    reads += _tasks(ana)
    shared = _change(ana, "POST", "/api/folders", name="For Ben", parent_id=None)["id"]
    _change(ana, "POST", "/api/shares", item_id=shared, email="ben@example.org", level="edit")
    _change(ana, "POST", "/api/shares/links", item_id=shared)
    inside = ben.post("/api/files", params={"name": "From Ben.txt", "folder_id": shared}, content=b"by another")
    assert inside.status_code == 201, inside.text
    return [
        *reads, "/api/folders", "/api/trash", f"/api/shares?item_id={shared}", f"/api/shares/links?item_id={shared}",
        f"/api/files?folder_id={shared}",
    ]  # fmt: skip


def _files(ana: httpx.Client) -> list[str]:
    outer = _change(ana, "POST", "/api/folders", name="Papers", parent_id=None)["id"]
    inner = _change(ana, "POST", "/api/folders", name="größer 🎈", parent_id=outer)["id"]
    reads = ["/api/files", f"/api/folders?parent_id={outer}", f"/api/files?folder_id={inner}"]
    for name, content in [("notes.md", b"# One"), ("pixel.png", _PIXEL), ("large.bin", bytes(range(256)) * 1200)]:
        sent = ana.post("/api/files", params={"name": name, "folder_id": inner}, content=content)
        assert sent.status_code == 201, sent.text
        reads += [f"/api/files/{sent.json()['id']}/content", f"/api/files/{sent.json()['id']}/versions"]
    notes = reads[3].removesuffix("/content")
    assert ana.put(f"{notes}/content", content=b"# Two").status_code == 200
    _change(ana, "PATCH", notes, name="Notes.md")
    _change(ana, "PATCH", notes, folder_id=outer)
    gone = ana.post("/api/files", params={"name": "gone.txt"}, content=b"gone").json()["id"]
    assert ana.delete(f"/api/files/{gone}").status_code == 204
    return [*reads, f"/api/files?folder_id={outer}", f"{notes}/versions/1/content", f"{notes}/versions/2"]


def _tasks(ana: httpx.Client) -> list[str]:
    groceries = _change(ana, "POST", "/api/task-lists", title="Groceries", colour="#3b82f6")["id"]
    due = {"date": "2030-12-01", "time": "09:00:00", "time_zone": "Europe/Vienna"}
    milk = _change(
        ana, "POST", "/api/tasks", title="Milk", notes="*two*", list_id=groceries, tags=["home"], priority="high",
        due=due, recurrence="FREQ=WEEKLY;BYDAY=MO", reminders=[{"minutes_before": 10}],
    )["id"]  # fmt: skip
    _change(ana, "POST", "/api/tasks", title="Which one?", parent_id=milk)
    _change(ana, "PATCH", f"/api/tasks/{milk}", notes="*three*")
    done = _change(ana, "POST", "/api/tasks", title="Bread")["id"]
    _change(ana, "PATCH", f"/api/tasks/{done}", status="done")
    _change(ana, "POST", "/api/task-filters", title="Soon", query={"status": "open"})
    gone = _change(ana, "POST", "/api/tasks", title="Gone")["id"]
    assert ana.delete(f"/api/tasks/{gone}").status_code == 204
    return ["/api/task-lists", "/api/tasks", "/api/task-filters", f"/api/tasks/{milk}", f"/api/tasks/{milk}/versions"]


def _change(client: httpx.Client, method: str, path: str, **body: Any) -> Any:
    answered = client.request(method, path, json=body)
    assert answered.is_success, (method, path, answered.text)
    return answered.json()


if __name__ == "__main__":
    main()
