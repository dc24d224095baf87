"""What is found, and what is not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.search.following import ask_for_rebuild, catch_up

pytestmark = pytest.mark.anyio
Deliver = Callable[[], Awaitable[None]]


async def test_what_is_typed_finds_names_texts_and_tags(
    ana: Any, deliver: Deliver, folder: Any, file: Any, task: Any, titles: Any
) -> None:
    summer = await folder(ana, "Summer 2023")
    inner = await folder(ana, "Kroatien", summer)
    await file(ana, "IMG_0042.jpg", inner)
    await file(ana, "Übung für Anfänger.txt", summer, b"x" * 3000)
    await file(ana, "holiday-budget.csv")
    await task(ana, title="Book the ferry", notes="Two weeks on islands, recipes for the boat.", tags=["travel"])
    await task(ana, title="Recipe for bread", notes="Nothing about boats or travel.")
    await deliver()

    assert await titles(ana, "summer") == ["Summer 2023"]
    assert await titles(ana, "0042") == ["IMG_0042.jpg"]
    assert await titles(ana, "ubung ANFANG") == ["Übung für Anfänger.txt"]
    assert await titles(ana, "bud") == ["holiday-budget.csv"], "a beginning, as one types"
    assert set(await titles(ana, "b")) == {"Book the ferry", "Recipe for bread", "holiday-budget.csv"}
    assert await titles(ana, "recipes") == ["Recipe for bread", "Book the ferry"], "the name before the text"
    assert await titles(ana, '"two weeks"') == ["Book the ferry"]
    assert await titles(ana, '"weeks two"') == []
    assert await titles(ana, "boat -ferry ") == ["Recipe for bread"]
    assert await titles(ana, "kind:task -ferry ") == ["Recipe for bread"]
    assert await titles(ana, "tag:travel") == ["Book the ferry"]
    assert await titles(ana, "in:summer kind:file", sort="name") == ["IMG_0042.jpg", "Übung für Anfänger.txt"]
    assert await titles(ana, "size:>2kB") == ["Übung für Anfänger.txt"]
    assert await titles(ana, "type:jpg") == ["IMG_0042.jpg"]
    assert await titles(ana, "before:2001") == []
    assert await titles(ana, "recpie bread") == ["Recipe for bread"], "a letter that slipped"
    assert await titles(ana, "nothing:like this") == []
    assert await titles(ana, "") == []


async def test_only_what_one_may_see_is_found(
    ana: Any, ben: Any, join: Any, deliver: Deliver, folder: Any, file: Any, task: Any, titles: Any
) -> None:
    top = await folder(ana, "Secret top")
    shared = await folder(ana, "Common ground", top)
    below = await folder(ana, "Deeper", shared)
    hidden = await file(ana, "walnut hidden.txt", top)
    inside = await file(ana, "walnut inside.txt", below)
    alone = await file(ana, "walnut alone.txt")
    await file(ben, "walnut of ben.txt")
    await deliver()

    async def share(item_id: str) -> str:
        answer = await ana.post("/api/shares", json={"item_id": item_id, "email": ben.email, "level": "view"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    assert await titles(ben, "walnut") == ["walnut of ben.txt"]
    first, second = await share(shared), await share(alone)
    seen = ["walnut alone.txt", "walnut inside.txt", "walnut of ben.txt"]
    assert await titles(ben, "walnut", sort="name") == seen
    assert await titles(ben, "walnut owner:ana", sort="name") == seen[:2]
    assert await titles(ben, "walnut is:shared", sort="name") == seen[:2]
    assert await titles(ben, "walnut is:mine") == seen[2:]
    assert await titles(ben, "walnut owner:me owner:nobody") == seen[2:]
    assert await titles(ben, "in:deeper walnut") == ["walnut inside.txt"]
    assert await titles(ben, "secret") == []
    found = (await ben.get("/api/search", params={"q": "walnut inside"})).json()["items"][0]
    assert found["trail"] == ["Common ground", "Deeper"], "what lies above the share has no name"
    assert (found["parent_id"], found["is_mine"]) == (below, False)
    found = (await ben.get("/api/search", params={"q": "walnut alone"})).json()["items"][0]
    assert (found["trail"], found["parent_id"]) == ([], None)
    assert await titles(ana, "walnut", sort="name") == ["walnut alone.txt", "walnut hidden.txt", "walnut inside.txt"]

    # The index is not asked: what is revoked, moved or in the trash is out of sight at once.
    assert (await ben.delete(f"/api/shares/{second}")).status_code == 204
    assert await titles(ben, "walnut is:shared") == ["walnut inside.txt"]
    assert (await ana.patch(f"/api/folders/{below}", json={"parent_id": top})).status_code == 200
    assert await titles(ben, "walnut is:shared") == []
    assert (await ana.patch(f"/api/files/{hidden}", json={"folder_id": shared})).status_code == 200
    await deliver()
    assert await titles(ben, "walnut is:shared") == ["walnut hidden.txt"]
    assert (await ana.delete(f"/api/folders/{top}")).status_code == 204
    assert await titles(ben, "walnut is:shared") == []
    assert await titles(ana, "walnut") == ["walnut alone.txt"]
    await deliver()
    assert await titles(ana, "walnut") == ["walnut alone.txt"]
    assert (await ana.post(f"/api/folders/{top}/restore")).status_code == 200
    assert await titles(ana, "walnut", sort="name") == ["walnut alone.txt", "walnut hidden.txt", "walnut inside.txt"]
    assert (await ben.delete(f"/api/shares/{first}")).status_code == 204
    assert await titles(ben, "walnut") == ["walnut of ben.txt"]
    assert inside


async def test_text_inside_of_files_is_found_with_its_place(ana: Any, deliver: Deliver, file: Any, titles: Any) -> None:
    long = (
        "lorem ipsum dolor " * 2000 + "\nThe <b>Quince</b>\n\tmarmalade needs three   hours & sugar. " + "amet " * 5000
    )
    await file(ana, "notes.txt", content=long.encode())
    await file(ana, "日記.txt", content="今日は東京で桜を見ました。".encode())
    await deliver()
    found = (await ana.get("/api/search", params={"q": "quince marmelade"})).json()
    assert found["corrections"] == {"marmelade": ["marmalade"]}
    snippet = found["items"][0]["snippet"]
    assert "The <b>Quince</b> marmalade needs three hours & sugar." in snippet["text"]
    assert [snippet["text"][a:b] for a, b in snippet["marks"]] == ["Quince", "marmalade"]
    assert found["items"][0]["path"] == f"/app/files?file={found['items'][0]['id']}"
    assert (found["by_kind"], found["by_type"]) == ({"file": 1}, {"text/plain": 1})
    assert await titles(ana, "東京") == ["日記.txt"]
    assert await titles(ana, "京東") == []
    assert await titles(ana, "日記 type:text") == ["日記.txt"]


async def test_a_place_is_its_owners_unless_it_is_shared(
    ana: Any, ben: Any, parts: Parts, deliver: Deliver, file: Any, titles: Any
) -> None:
    one = await file(ana, "harbour.txt")
    answer = await ana.post("/api/shares", json={"item_id": one, "email": ben.email, "level": "view"})
    assert answer.status_code == 201
    await deliver()

    async def place(*, is_shared: bool) -> None:
        async with parts[Database].writing() as session:
            await session.execute(
                text("UPDATE files.found SET latitude = 48.2, longitude = 16.4, is_place_shared = :is_shared"),
                is_shared=is_shared,
            )
            await ask_for_rebuild(session)
        await catch_up(parts)

    await place(is_shared=False)
    assert await titles(ana, "near:48.21,16.37,5") == ["harbour.txt"]
    assert await titles(ana, "near:48.21,16.37,1") == []
    assert await titles(ben, "harbour") == ["harbour.txt"]
    assert await titles(ben, "near:48.21,16.37,5") == []
    await place(is_shared=True)
    assert await titles(ben, "near:48.21,16.37,5") == ["harbour.txt"]


async def test_pages_go_on_in_every_order(ana: Any, deliver: Deliver, file: Any) -> None:
    for number in range(7):
        await file(ana, f"page {number}.txt", content=b"x" * (number % 4))
    await deliver()
    for sort in ("relevance", "newest", "oldest", "largest", "smallest", "name"):
        whole = (await ana.get("/api/search", params={"q": "pgae kind:file", "sort": sort})).json()["items"]
        assert len(whole) == 7, sort
        seen: list[str] = []
        after = None
        for expected in (3, 3, 1):
            asked = {"q": "pgae kind:file", "sort": sort, "limit": 3} | ({} if after is None else {"after": after})
            page = (await ana.get("/api/search", params=asked)).json()
            assert len(page["items"]) == expected, sort
            seen += [item["id"] for item in page["items"]]
            after = page["next"]
        assert after is None
        assert seen == [item["id"] for item in whole], sort
    answer = await ana.get("/api/search", params={"q": "page", "since": "2024-01-01T00:00:00"})
    assert answer.status_code == 422
    asked = {
        "q": "page",
        "since": "2024-01-01T00:00:00Z",
        "until": "2200-01-01T00:00:00Z",
        "min_size": 2,
        "kind": "file",
    }
    sizes = [item["size_bytes"] for item in (await ana.get("/api/search", params=asked)).json()["items"]]
    assert sorted(sizes) == [2, 2, 3]
