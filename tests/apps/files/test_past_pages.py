"""The pages of the past and of versions, as they work without scripts; and marks on versions."""

import re
from typing import Any

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import MakeFolder, Upload
from tests.apps.files.test_any_order import save_moment
from tests.visitor import Visitor

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]
HTML = {"Accept": "text/html"}


async def page(visitor: Visitor, path: str, **query: Any) -> str:
    answer = await visitor.get(path, params=query, headers=HTML)
    assert answer.status_code == 200, answer.text
    text: str = answer.text
    return text


async def post(visitor: Visitor, path: str, **data: Any) -> str:
    answer = await visitor.post(path, data=data, headers=HTML)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_folder_is_put_back_by_hand(
    ana: Visitor, parts: Parts, upload: Upload, make_folder: MakeFolder, deliver: Any
) -> None:
    folder = await make_folder(ana, "Tax <2026>")
    inner = await make_folder(ana, "Receipts", folder["id"])
    file = await upload(ana, "sum.txt", b"1", folder_id=folder["id"])
    at = (await save_moment(parts[Database])).at.isoformat()
    await ana.put(f"/api/files/{file['id']}/content", content=b"2")
    await ana.delete(f"/api/folders/{inner['id']}")
    assert "/past" in await page(ana, f"/app/files/folder/{folder['id']}")
    path = f"/app/files/folder/{folder['id']}/past"
    html = await page(ana, path, at=at)
    assert "Receipts" in html
    assert "Tax &lt;2026&gt;" in html
    assert re.search(r"\d+ changes</title>", html)
    assert html.count('name="item"') == 2
    html = await page(ana, f"{path}/changes", at=at)
    assert "comes back" in html
    assert "content of then" in html
    location = await post(ana, "/app/files/put-back", at=at, folder=folder["id"])
    assert "Putting back" in await page(ana, location)
    await deliver()
    html = await page(ana, location)
    assert "2 entries were" in html
    assert "nothing to put back" in await page(ana, f"{path}/changes", at=at)
    undone = await post(ana, f"{location}/undo")
    await deliver()
    assert "Do it again" in await page(ana, undone)
    assert "This was undone." in await page(ana, location)
    assert (await ana.get(f"/api/files/{file['id']}/content")).content == b"2"
    for odd in ("", "nonsense", "0001-01-01T00:00", "9999-12-31T23:59:59", "2026-06-14T10:00"):
        answer = await ana.get("/app/files/past", params={"at": odd}, headers=HTML)
        assert answer.status_code == 200, odd
    assert await post(ana, "/app/files/put-back", at="nonsense") == "/app/files/past"
    assert (await ana.get("/app/files/past/changes?at=x", headers=HTML)).headers["location"] == "/app/files/past"


async def test_when_something_changed_is_told(
    ana: Visitor, ben: Visitor, upload: Upload, make_folder: MakeFolder
) -> None:
    folder = await make_folder(ana, "a")
    await upload(ana, "b", folder_id=(await make_folder(ana, "inner", folder["id"]))["id"])
    for path, number in (("/api/folders/activity", 3), (f"/api/folders/{folder['id']}/activity", 2)):
        for by in ("day", "hour"):
            given = {"since": "2026-01-01T00:00:00Z", "by": by, "zone": "Europe/Vienna"}
            told = (await ana.get(path, params=given)).json()
            assert sum(one["changes"] for one in told["items"]) == number, told
            assert told["whole_since"] is None
    nothing = await ana.get("/api/folders/activity", params={"since": "9000-01-01T00:00:00Z"})
    assert nothing.json()["items"] == []
    answer = await ben.get(f"/api/folders/{folder['id']}/activity", params={"since": "2026-01-01T00:00:00Z"})
    assert answer.status_code == 404


async def test_versions_are_compared_kept_labelled_and_removed(
    ana: Visitor, ben: Visitor, upload: Upload, deliver: Any
) -> None:
    before = "\n".join(f"line {number}" for number in range(30))
    file = await upload(ana, "a.txt", before.encode())
    own, api = f"/app/files/file/{file['id']}/versions", f"/api/files/{file['id']}/versions"
    after = before.replace("line 12\n", "line twelve\n")
    await ana.put(f"/api/files/{file['id']}/content", content=after.encode())
    await ana.put(f"/api/files/{file['id']}/content", content=b"\xff\xfe\x00")
    lines = (await ana.get(f"{api}/1/compare", params={"with": 2})).json()["lines"]
    assert [(line["kind"], line["before"], line["after"]) for line in lines] == [
        ("gap", None, None),
        *(("same", number, number) for number in (10, 11, 12)),
        ("removed", 13, None),
        ("added", None, 13),
        *(("same", number, number) for number in (14, 15, 16)),
        ("gap", None, None),
    ]
    compared = (await ana.get(f"{api}/1/compare")).json()
    assert (compared["lines"], compared["why_not"], compared["is_same"]) == (None, "not_text", False)
    assert (await ana.get(f"{api}/2/compare", params={"with": 2})).json()["is_same"] is True
    assert "line twelve" not in await page(ana, f"{own}/1/compare")

    await post(ana, f"{own}/1/keep")
    await post(ana, f"{own}/1/label", label="Sent <to> the notary")
    html = await page(ana, own)
    assert "Kept for ever" in html
    assert "Sent &lt;to&gt; the notary" in html
    read = (await ana.get(f"{api}/1")).json()
    assert (read["kept"], read["label"], read["version"]) == (True, "Sent <to> the notary", 1)
    assert (await ana.get(f"/api/files/{file['id']}")).json()["version"] == 3
    for number, status, name in (
        (1, 409, "version-is-kept"),
        (3, 409, "newest-version"),
        (9, 404, "version-not-found"),
    ):
        answer = await ana.delete(f"{api}/{number}")
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}")
    assert (await ana.patch(f"{api}/9", json={"kept": True})).status_code == 404
    assert (await ana.patch(f"{api}/1", json={"label": "x" * 201})).status_code == 422
    await post(ana, f"{own}/1/let-go")
    assert "for good" in await page(ana, f"{own}/1/remove")

    body = {"item_id": file["id"], "person_id": ben.person["id"], "level": "view"}
    grant = (await ana.post("/api/shares", json=body)).json()
    assert (await ben.patch(f"{api}/3", json={"kept": True})).status_code == 403
    await ana.patch(f"/api/shares/{grant['id']}", json={"level": "edit"})
    assert (await ben.patch(f"{api}/3", json={"label": ""})).json()["label"] is None
    assert (await ben.patch(f"{api}/1", json={"kept": True})).status_code == 404  # it was over before it was shared
    assert (await ben.delete(f"{api}/3")).status_code == 403
    assert "Remove" not in await page(ben, own)

    await post(ana, f"{own}/1/remove")
    numbers = [one["version"] for one in (await ana.get(api)).json()["items"]]
    assert numbers == [3, 2]
    since = (await ana.get("/api/folders/activity?since=2026-01-01T00:00:00Z")).json()["whole_since"]
    assert since == (await ana.get(f"{api}/2")).json()["created_at"]
    await post(ana, f"{own}/2/restore")
    assert (await ana.get(f"/api/files/{file['id']}/content")).content == after.encode()
    await deliver()
