"""The pages of those who hold a link, as they come without any script."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from tests.platform.sharing.test_visits import BIG, ledger_of, link_to, links_now

pytestmark = pytest.mark.anyio
PAGE = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def reader(nobody: Any) -> Any:
    nobody.http.headers.update(PAGE)
    return nobody


async def make_folder(visitor: Any, name: str, parent_id: str | None = None) -> str:
    return str((await visitor.post("/api/folders", json={"name": name, "parent_id": parent_id})).json()["id"])


async def put(visitor: Any, name: str, folder_id: str | None, content: bytes) -> str:
    given = {"name": name} | ({"folder_id": folder_id} if folder_id else {})
    return str((await visitor.post("/api/files", params=given, content=content)).json()["id"])


async def test_a_folder_is_gone_through_and_downloaded(ana: Any, reader: Any, log_lines: Any) -> None:
    above = await make_folder(ana, "Above")
    shared = await make_folder(ana, "Dorset <script>", above)
    below = await make_folder(ana, "Maps & plans", shared)
    await put(ana, "elsewhere.txt", above, b"elsewhere")
    note = await put(ana, "note.txt", below, b"<b>Bring boots</b>\n" * 5000)
    blob = await put(ana, "blob.bin", shared, BIG)
    link = await link_to(ana, shared, access="download", most_downloads=3, expires_at="2099-01-01T00:00:00Z")
    page = await reader.get(f"/s/{link['token']}")
    assert page.status_code == 200, page.text
    assert page.headers["x-robots-tag"] == "noindex, nofollow"
    assert page.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for shown in ("Dorset &lt;script&gt;", "Maps &amp; plans", "blob.bin", "3 more downloads", "1 January 2099"):
        assert shown in page.text
    for hidden in ("elsewhere", "Above", "Ana", ana.person["id"], "<script", "/app"):
        assert hidden not in page.text.replace("&lt;script", "")
    inner = (await reader.get(f"/s/{link['token']}/items/{below}")).text
    assert "note.txt" in inner
    assert f'href="/s/{link["token"]}">Dorset' in inner
    text = (await reader.get(f"/s/{link['token']}/items/{note}")).text
    assert "&lt;b&gt;Bring boots" in text
    assert "This is how it begins; download it to read on" in text
    assert "There is no preview" in (await reader.get(f"/s/{link['token']}/items/{blob}")).text
    packed = await reader.get(f"/s/{link['token']}/items/{shared}/archive")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.read("Dorset <script>/blob.bin") == BIG
    assert (await reader.get(f"/api/links/{link['token']}/items/{shared}/archive")).content == packed.content
    assert (await reader.get(f"/s/{link['token']}/items/{blob}/content")).content == BIG
    assert (await links_now(ana, link))["downloads"] == 3
    assert "all of them were made" in (await reader.get(f"/s/{link['token']}")).text
    for path in (f"/items/{blob}/content", f"/items/{shared}/archive"):
        refused = await reader.get(f"/s/{link['token']}{path}")
        assert (refused.status_code, "all of them were made" in refused.text) == (403, True)
    whats = [entry["what"] for entry in await ledger_of(ana, link)]
    assert whats == ["download", "download", "download", "preview", "visit"]
    assert link["token"] not in str(log_lines())

    lost = await reader.get("/s/cpl_nothing/items/" + blob)
    assert (lost.status_code, "leads nowhere" in lost.text, "/app" in lost.text) == (404, True, False)
    assert lost.headers["x-robots-tag"] == "noindex, nofollow"
    assert (await reader.get(f"/s/{link['token']}?after=nonsense")).status_code == 404
    await ana.delete(f"/api/shares/links/{link['id']}")
    gone = await reader.get(f"/s/{link['token']}")
    assert (gone.status_code, gone.text.replace(link["token"], "")) == (404, lost.text)


async def test_a_gate_asks_before_anything_is_shown(ana: Any, reader: Any) -> None:
    shared = await make_folder(ana, "Secret name")
    link = await link_to(ana, shared, password="open sesame", asks_name=True)
    path = f"/s/{link['token']}"
    gate = await reader.get(path)
    assert (gate.status_code, "Secret name" in gate.text, 'name="password"' in gate.text) == (200, False, True)
    inside = await reader.get(f"{path}/items/{shared}")
    assert (inside.status_code, inside.headers["location"]) == (303, path)
    for shown, status, said in (
        ({"name": "Zoë", "password": "no"}, 403, "not the password"),
        ({"name": " ", "password": "open sesame"}, 403, "Please say who you are"),
        ({"name": "Zoë"}, 403, "has a password"),
    ):
        answer = await reader.post(path, data=shown)
        assert (answer.status_code, said in answer.text) == (status, True), answer.text
    answer = await reader.post(path, data={"name": "Zoë", "password": "open sesame"})
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in (f"Path={path}", "HttpOnly", "SameSite=lax"))
    assert "Secret name" in (await reader.get(path)).text
    assert "There is nothing in here yet" in (await reader.get(f"{path}/items/{shared}")).text
    assert [entry["visitor_name"] for entry in await ledger_of(ana, link)] == ["Zoë"]
    foreign = await reader.post(path, data={"name": "x"}, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403


async def test_files_are_put_in_by_a_form_and_by_a_script(ana: Any, reader: Any) -> None:
    inbox = await make_folder(ana, "Inbox")
    await put(ana, "private.txt", inbox, b"mine")
    link = await link_to(ana, inbox, access="upload", most_files=3)
    path = f"/s/{link['token']}"
    page = (await reader.get(path)).text
    assert ("Inbox" in page, "3 files at most" in page, "private" in page) == (True, True, False)
    form = [("file", ("a.txt", b"1")), ("file", ("b.txt", b"2"))]
    answer = await reader.post(f"{path}/files", files=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}?kept=2")
    assert "2 files arrived" in (await reader.get(answer.headers["location"])).text
    full = await reader.post(f"{path}/files", files=form)
    assert (full.status_code, "takes 1 file more" in full.text, f'href="{path}"' in full.text) == (413, True, True)
    # As browsers send a field for files in which none was chosen.
    empty = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    nothing = await reader.post(f"{path}/files", content=empty, headers=headers)
    assert nothing.status_code == 422
    script: dict[str, Any] = {"headers": {"Accept": "application/json"}, "files": [("file", ("a.txt", b"3"))]}
    by_script: httpx.Response = await reader.post(f"{path}/files", **script)
    assert (by_script.status_code, by_script.json()) == (201, {"items": [{"name": "a (2).txt"}]})
    assert "As much came by this link as it takes" in (await reader.get(path)).text
    assert (await reader.get(f"{path}/items/{inbox}")).status_code == 403
