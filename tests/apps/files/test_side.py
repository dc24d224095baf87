"""What stands beside the list: the tree of folders, the details, what changed lately, what others share with one."""

import re
from typing import Any

import pytest

from commonplace.apps.files.type_names import type_name
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}


async def html_of(visitor: Visitor, path: str) -> str:
    answer = await visitor.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    text: str = answer.text
    return re.sub(r"\s+", " ", text)


def names(html: str) -> list[str]:
    return re.findall(r'class="entry[^>]* data-name="([^"]+)"', html)


async def test_the_tree_shows_one_level_and_what_can_be_opened(ana: Visitor, ben: Visitor, make_folder: Any) -> None:
    top = await make_folder(ana, "top")
    await make_folder(ana, "Inner <i>", parent_id=top["id"])
    await make_folder(ana, "Alone")
    level = re.findall(r'role="treeitem"[^>]*data-name="([^"]+)"[^>]*>', html := await html_of(ana, "/app/files/tree"))
    assert level == ["Alone", "top"]
    assert html.count('aria-expanded="false"') == 1
    inside = await html_of(ana, f"/app/files/tree?folder={top['id']}")
    assert 'aria-label="Inner &lt;i&gt;"' in inside
    assert "aria-expanded" not in inside
    assert (await ben.get(f"/app/files/tree?folder={top['id']}", headers=HTML)).status_code == 404
    await ana.delete(f"/api/folders/{top['id']}")
    assert "top" not in re.findall(r'data-name="([^"]+)"', await html_of(ana, "/app/files/tree"))


async def test_the_details_tell_all_that_is_known(ana: Visitor, ben: Visitor, upload: Any, make_folder: Any) -> None:
    folder = await make_folder(ana, "Papers")
    file = await upload(ana, "Lease.txt", b"x" * 1500, folder_id=folder["id"])
    await ana.patch(f"/api/files/{file['id']}", json={"name": "Lease, signed.txt"})
    await ana.put(f"/api/files/{file['id']}/content", content=b"y" * 2500)
    await ana.patch(f"/api/files/{file['id']}", json={"folder_id": None})
    await ana.delete(f"/api/files/{file['id']}")
    await ana.post(f"/api/files/{file['id']}/restore")
    html = await html_of(ana, f"/app/files/details/{file['id']}")
    assert "<dd>Text</dd>" in html
    assert "2,500 bytes" in html
    assert f'<dt>Versions</dt><dd><a href="/app/files/file/{file["id"]}/versions">6</a></dd>' in html
    assert "Nobody but you." in html
    told = re.findall(r"<li><span>You ([^<]+)</span>", html)
    assert told == [
        "put it back", "deleted it", "moved it", "put in new content", "renamed it from “Lease.txt”", "uploaded it",
    ]  # fmt: skip
    inside = await html_of(ana, f"/app/files/details/{folder['id']}")
    assert "<dd>Folder</dd>" in inside
    assert "<dd>nothing</dd>" in inside
    assert "You made this folder" in inside
    assert (await ben.get(f"/app/files/details/{file['id']}", headers=HTML)).status_code == 404


async def test_what_is_shared_is_told_on_both_sides(ana: Visitor, ben: Visitor, upload: Any, make_folder: Any) -> None:
    folder = await make_folder(ana, "From Ana")
    file = await upload(ana, "Lease.txt", b"x", folder_id=folder["id"])
    alone = await upload(ana, "Alone.txt", b"x")
    for item, level in ((folder, "edit"), (alone, "view")):
        given = {"item_id": item["id"], "email": ben.email, "level": level}
        assert (await ana.post("/api/shares", json=given)).status_code == 201
    made = await ana.post("/api/shares/links", json={"item_id": folder["id"]})
    assert made.status_code == 201, made.text
    html = await html_of(ana, f"/app/files/details/{folder['id']}")
    assert "may change it" in html
    assert "1 link" in html
    inside = await html_of(ana, f"/app/files/details/{file['id']}")
    assert "Nobody but you." not in inside
    assert f'Whoever sees <a href="/app/files/folder/{folder["id"]}">From Ana</a>.' in inside
    html = await html_of(ben, f"/app/files/details/{file['id']}")
    assert "<dt>Owner</dt>" in html
    assert "You uploaded it" not in html
    assert "shares it with you." in html
    for view in ("grid", "list", "details"):
        html = await html_of(ben, f"/app/files/shared?view={view}")
        assert names(html) == ["From Ana", "Alone.txt"]
        assert 'data-gathered="shared"' in html
    assert names(await html_of(ben, "/app/files/gathered?gathered=shared")) == ["From Ana", "Alone.txt"]
    await ana.delete(f"/api/folders/{folder['id']}")
    assert names(await html_of(ben, "/app/files/shared")) == ["Alone.txt"]
    assert names(await html_of(ana, "/app/files/shared")) == []


async def test_the_latest_files_are_found_wherever_they_lie(
    ana: Visitor, ben: Visitor, upload: Any, make_folder: Any
) -> None:
    folder = await make_folder(ana)
    await upload(ana, "a.txt")
    inner = await upload(ana, "b.txt", folder_id=folder["id"])
    gone = await upload(ana, "c.txt")
    await upload(ana, "d.txt")
    await ana.delete(f"/api/files/{gone['id']}")
    await ana.patch(f"/api/files/{inner['id']}", json={"name": "B.txt"})
    html = await html_of(ana, "/app/files/recent")
    assert names(html) == ["B.txt", "d.txt", "a.txt"]
    assert "?sort=" not in html
    assert "New folder" not in re.sub(r'<div class="menu".*?</div></div>', "", html)
    assert names(await html_of(ben, "/app/files/recent")) == []
    await ana.delete(f"/api/folders/{folder['id']}")
    assert names(await html_of(ana, "/app/files/gathered?gathered=recent")) == ["d.txt", "a.txt"]


async def test_the_panel_stays_closed_on_a_device_that_closed_it(ana: Visitor) -> None:
    assert 'data-side="open"' in await html_of(ana, "/app/files")
    ana.http.cookies.set("commonplace_files_side", "closed")
    assert 'data-side="closed"' in await html_of(ana, "/app/files")


@pytest.mark.parametrize(
    ("media_type", "name"),
    [
        ("image/jpeg", "JPEG picture"),
        ("image/vnd.adobe.photoshop", "Picture"),
        ("application/pdf", "PDF document"),
        ("text/x-python", "Python source"),
        ("text/x-unheard-of", "Text"),
        ("application/x-7z-compressed", "Archive"),
        ("application/x-unheard-of", "File"),
        ("nonsense", "File"),
    ],
)
async def test_types_have_names(media_type: str, name: str) -> None:
    assert type_name(media_type) == name
