"""What changed, for those with whom something is shared: by `/api/sync` and by the hub of live connections."""

from typing import Any
from uuid import UUID

import pytest

from commonplace.platform.database.session import Database
from commonplace.platform.events.log import Cursor
from commonplace.platform.live.changes import news_for
from commonplace.platform.parts import Parts
from tests.platform.sharing.conftest import Make, Share

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


class Follower:
    """Somebody who asks for changes again and again."""

    def __init__(self, visitor: Any) -> None:
        self.visitor = visitor
        self.cursor = ""

    async def start(self) -> "Follower":
        self.cursor = (await self.visitor.get("/api/sync")).json()["next"]
        return self

    async def news(self, limit: int = 500) -> list[tuple[str, str | None]]:
        """What is new: its name, and the item's id."""
        seen, more = [], True
        while more:
            page = (await self.visitor.get("/api/sync", params={"since": self.cursor, "limit": limit})).json()
            self.cursor, more = page["next"], page["more"]
            seen += page["events"]
        return [(event["name"], event["payload"].get("item_id") or event["item"]["id"]) for event in seen]


async def test_changes_of_what_is_shared_come_until_it_is_revoked(
    ana: Any, ben: Any, cara: Any, folder: Make, file: Make, share: Share
) -> None:
    followers = anas, bens, caras = [await Follower(visitor).start() for visitor in (ana, ben, cara)]
    shared, private = await folder(ana, "shared"), await folder(ana, "private")
    before = await file(ana, "before.txt", shared)
    grant = await share(ana, shared, ben, "edit")
    hers, his = await file(ana, "hers.txt", shared), await file(ben, "his.txt", shared)
    await file(ana, "unseen.txt", private)
    await ana.patch(f"/api/files/{before}", json={"name": "after.txt"})
    assert await bens.news(limit=1) == [
        ("item.shared", shared),
        ("file.uploaded", hers),
        ("file.uploaded", his),
        ("file.renamed", before),
    ]
    await ana.put(f"/api/files/{hers}/content", content=b"before the end")
    await ana.delete(f"/api/shares/{grant['id']}")
    await ana.put(f"/api/files/{hers}/content", content=b"after the end")
    assert await bens.news() == [("share.revoked", shared)]  # what was not fetched by then is not theirs any more
    assert await caras.news() == []
    own = await anas.news()
    assert own.count(("file.replaced", hers)) == 2
    assert ("file.uploaded", his) in own
    assert [name for name, _ in own if name.startswith(("item", "share"))] == ["item.shared", "share.revoked"]
    assert all([await follower.news() == [] for follower in followers])


async def test_what_happened_to_an_item_before_it_came_is_not_told(
    ana: Any, ben: Any, folder: Make, file: Make, share: Share
) -> None:
    shared, private = await folder(ana, "shared"), await folder(ana, "private")
    await share(ana, shared, ben)
    bens = await Follower(ben).start()
    secret = await file(ana, "secret.txt", private)
    await ana.patch(f"/api/folders/{private}", json={"parent_id": shared})
    assert await bens.news() == [("folder.moved", private)]
    await ana.delete(f"/api/files/{secret}")
    assert await bens.news() == [("file.trashed", secret)]


async def test_who_loses_sight_of_what_is_moved_is_told(
    ana: Any, ben: Any, cara: Any, folder: Make, file: Make, share: Share
) -> None:
    wide = await folder(ana, "wide")
    narrow = await folder(ana, "narrow", wide)
    one = await file(ana, "one.txt", narrow)
    await share(ana, wide, ben)
    await share(ana, narrow, cara)
    bens, caras = await Follower(ben).start(), await Follower(cara).start()
    await ana.patch(f"/api/files/{one}", json={"folder_id": wide})
    assert await bens.news() == [("file.moved", one)]
    assert await caras.news() == [("item.left", one)]
    await ana.patch(f"/api/files/{one}", json={"folder_id": None})
    assert await bens.news() == [("item.left", one)]
    assert await caras.news() == []


async def test_what_goes_to_the_trash_with_a_folder_out_of_sight_is_told(
    ana: Any, ben: Any, cara: Any, folder: Make, file: Make, share: Share
) -> None:
    above = await folder(ana, "above")
    middle = await folder(ana, "middle", above)
    one = await file(ana, "one.txt", middle)
    await share(ana, one, ben)
    await share(ana, above, cara)
    bens, caras = await Follower(ben).start(), await Follower(cara).start()
    await ana.delete(f"/api/folders/{middle}")
    await ana.post(f"/api/folders/{middle}/restore")
    await file(ana, "beside.txt", middle)
    assert await bens.news() == [("share.hidden", one), ("share.shown", one)]
    assert [name for name, _ in await caras.news()] == ["folder.trashed", "folder.restored", "file.uploaded"]


async def test_one_reading_of_the_log_serves_all_who_may_see_it(
    ana: Any, ben: Any, cara: Any, folder: Make, file: Make, share: Share, parts: Parts
) -> None:
    """As the hub of live connections reads it, however small its batches are."""
    shared, other = await folder(ana, "shared"), await folder(ben, "other")
    await share(ana, shared, ben)
    await share(ana, shared, cara)
    await share(ben, other, cara)
    start = Cursor.parse((await ana.get("/api/sync")).json()["next"])
    both, bens = await file(ana, "a.txt", shared), await file(ben, "b.txt", other)
    await file(ana, "c.txt")
    people = {UUID(visitor.person["id"]): visitor.person["name"] for visitor in (ana, ben, cara)}
    for limit in (1, 2, 100):
        told, cursor, has_more = set(), start, True
        while has_more:
            async with parts[Database].reading() as session:
                news = await news_for(session, list(people), cursor, limit=limit)
            told |= {(people[person], change.json) for person, change in news.changes}
            cursor, has_more = news.next, news.has_more
        seen = {name: [json for person, json in told if person == name] for name in people.values()}
        assert {name: len(changes) for name, changes in seen.items()} == {"Ana": 2, "Ben": 2, "Cara": 2}
        assert [both.encode() in json for json in seen["Cara"]].count(True) == 1
        assert [bens.encode() in json for json in seen["Cara"]].count(True) == 1
