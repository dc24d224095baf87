"""Grants: who may do what with what was shared, from the grant to its end."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.sharing import grants
from tests.platform.sharing.conftest import Make, Share

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


async def statuses(visitor: Any, *requests: tuple[str, str, dict[str, Any]]) -> list[int]:
    return [(await visitor.request(method, path, **given)).status_code for method, path, given in requests]


async def reads(visitor: Any, *, file: str, folder: str) -> list[int]:
    """Every way of reading a file and the folder that it lies in."""
    return await statuses(
        visitor,
        ("GET", f"/api/files/{file}", {}),
        ("GET", f"/api/files/{file}/content", {}),
        ("GET", f"/api/files/{file}/versions", {}),
        ("GET", f"/api/files/{file}/versions/1", {}),
        ("GET", f"/api/files/{file}/versions/1/content", {}),
        ("GET", f"/api/folders/{folder}", {}),
        ("GET", f"/api/files?folder_id={folder}", {}),
        ("GET", f"/api/folders?parent_id={folder}", {}),
        ("GET", f"/app/files/folder/{folder}", {}),
    )


async def test_a_grant_opens_an_item_and_what_lies_below_and_nothing_else(
    ana: Any, ben: Any, cara: Any, folder: Make, file: Make, share: Share
) -> None:
    above = await folder(ana, "above")
    shared = await folder(ana, "shared", above)
    below = await folder(ana, "below", shared)
    inside, beside = await file(ana, "inside.txt", below), await file(ana, "beside.txt", above)
    assert await reads(ben, file=inside, folder=below) == [404] * 9
    grant = await share(ana, shared, ben)
    assert await reads(ben, file=inside, folder=below) == [200] * 9
    assert await reads(cara, file=inside, folder=below) == [404] * 9
    assert await reads(ben, file=beside, folder=above) == [404] * 9
    page = (await ben.get(f"/app/files/folder/{below}", headers={"Accept": "text/html"})).text
    assert "shared" in page
    assert "above" not in page
    assert (await ben.get("/api/files")).json()["items"] == (await ben.get("/api/folders")).json()["items"] == []
    assert (await ana.delete(f"/api/shares/{grant['id']}")).status_code == 204
    assert await reads(ben, file=inside, folder=below) == [404] * 9
    assert await reads(ana, file=inside, folder=below) == [200] * 9


async def test_who_may_only_look_changes_nothing(ana: Any, ben: Any, folder: Make, file: Make, share: Share) -> None:
    shared = await folder(ana, "shared")
    one, inner = await file(ana, "one.txt", shared), await folder(ana, "inner", shared)
    for level in ("view", "comment"):
        grant = await share(ana, shared, ben, level)
        assert (
            await statuses(
                ben,
                ("PATCH", f"/api/files/{one}", {"json": {"name": "x"}}),
                ("PUT", f"/api/files/{one}/content", {"content": b"x"}),
                ("DELETE", f"/api/files/{one}", {}),
                ("POST", f"/api/files/{one}/versions/1/restore", {}),
                ("PATCH", f"/api/folders/{inner}", {"json": {"name": "x"}}),
                ("DELETE", f"/api/folders/{inner}", {}),
                ("POST", f"/api/files?name=x&folder_id={shared}", {"content": b"x"}),
                ("POST", "/api/folders", {"json": {"name": "x", "parent_id": shared}}),
                ("GET", f"/api/shares?item_id={shared}", {}),
                ("POST", "/api/shares/links", {"json": {"item_id": shared}}),
            )
            == [403] * 10
        )
        answer = await ben.delete(f"/api/files/{one}")
        assert answer.json()["type"] == "/problems/read-only"
        await ana.delete(f"/api/shares/{grant['id']}")
    assert (await ana.get(f"/api/files/{one}")).json()["version"] == 1


async def test_who_may_edit_does_all_within_and_nothing_with_the_shared_folder_itself(
    ana: Any, ben: Any, folder: Make, file: Make, share: Share, parts: Parts
) -> None:
    home = await folder(ana, "home")
    shared = await folder(ana, "shared", home)
    await share(ana, shared, ben, "edit")
    made = await file(ben, "from ben.txt", shared, b"one")
    inner = await folder(ben, "inner", shared)
    async with parts[Database].reading() as session:
        owners = await session.all(
            Query(text("SELECT DISTINCT owner_id FROM platform.item WHERE id = ANY(:ids)")), ids=[made, inner]
        )
    assert [str(row.owner_id) for row in owners] == [ana.person["id"]]
    assert await statuses(
        ben,
        ("PATCH", f"/api/files/{made}", {"json": {"name": "renamed.txt", "folder_id": inner}}),
        ("PUT", f"/api/files/{made}/content", {"content": b"two"}),
        ("POST", f"/api/files/{made}/versions/1/restore", {}),
        ("POST", f"/api/files?name=from%20ben.txt&folder_id={inner}&on_conflict=replace", {"content": b"three"}),
        ("DELETE", f"/api/files/{made}", {}),
        ("GET", f"/api/files/{made}", {}),
        ("POST", f"/api/files/{made}/restore", {}),
        ("GET", f"/api/files/{made}", {}),
        ("DELETE", f"/api/folders/{inner}", {}),
        ("POST", f"/api/files/{made}/restore", {}),  # hidden in a trashed folder: it would leave what is shared
        ("POST", f"/api/folders/{inner}/restore", {}),
    ) == [200, 200, 200, 200, 204, 404, 200, 200, 204, 404, 200]
    assert (await ana.get(f"/api/files/{made}")).json()["folder_id"] == inner
    for change in ({"name": "mine"}, {"parent_id": inner}):
        answer = await ben.patch(f"/api/folders/{shared}", json=change)
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/place-not-yours")
    assert (await ben.delete(f"/api/folders/{shared}")).status_code == 403
    assert (await ben.get("/api/trash")).json()["items"] == []


async def test_a_file_shared_by_itself_keeps_its_name_and_place_but_not_its_bytes(
    ana: Any, ben: Any, file: Make, share: Share
) -> None:
    one = await file(ana, "one.txt", None, b"first")
    await ana.patch(f"/api/files/{one}", json={"name": "two.txt"})
    await share(ana, one, ben, "edit")
    await ana.put(f"/api/files/{one}/content", content=b"second")
    assert (await ben.put(f"/api/files/{one}/content", content=b"third")).status_code == 200
    for request in (("PATCH", {"json": {"name": "taken?"}}), ("DELETE", {})):
        assert (await ben.request(request[0], f"/api/files/{one}", **request[1])).status_code == 403
    await ana.patch(f"/api/files/{one}", json={"name": "three.txt"})
    restored = await ben.post(f"/api/files/{one}/versions/2/restore")
    assert (restored.status_code, restored.json()["name"]) == (200, "three.txt")
    assert (await ana.get(f"/api/files/{one}/content")).content == b"first"


async def test_nothing_moves_from_one_drive_to_another(
    ana: Any, ben: Any, folder: Make, file: Make, share: Share
) -> None:
    shared, theirs = await folder(ana, "shared"), await file(ben, "theirs.txt")
    other, own = await folder(ana, "other"), await folder(ben, "own")
    inside, deep = await file(ana, "inside.txt", shared), await folder(ana, "deep", shared)
    await share(ana, shared, ben, "edit")
    for path, body in (
        (f"/api/files/{inside}", {"folder_id": None}),
        (f"/api/files/{inside}", {"folder_id": own}),
        (f"/api/folders/{deep}", {"parent_id": None}),
        (f"/api/folders/{deep}", {"parent_id": own}),
        (f"/api/files/{theirs}", {"folder_id": shared}),
        (f"/api/folders/{own}", {"parent_id": shared}),
    ):
        answer = await ben.patch(path, json=body)
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/other-owner"), (path, body)
    assert (await ben.patch(f"/api/files/{inside}", json={"folder_id": other})).status_code == 404
    await share(ana, other, ben, "view")
    assert (await ben.patch(f"/api/files/{inside}", json={"folder_id": other})).status_code == 403
    grant = (await ben.get("/api/shares/received")).json()["items"][0]
    await ana.patch(f"/api/shares/{grant['id']}", json={"level": "edit"})
    assert (
        await ben.patch(f"/api/files/{inside}", json={"folder_id": other})
    ).status_code == 200  # rights at both ends


async def test_the_past_is_the_owner_s_and_the_editors_since_it_came_to_them(
    ana: Any, ben: Any, cara: Any, folder: Make, file: Make, share: Share
) -> None:
    private, shared = await folder(ana, "private"), await folder(ana, "shared")
    inner = await folder(ana, "inner", private)
    one = await file(ana, "secret.txt", inner, b"1: secret")
    await share(ana, shared, ben, "edit")
    await share(ana, shared, cara, "view")
    await ana.put(f"/api/files/{one}/content", content=b"2: secret")
    await ana.put(f"/api/files/{one}/content", content=b"3: to be shared")
    await ana.patch(f"/api/folders/{inner}", json={"parent_id": shared})  # after the grant: its arrival counts
    await ana.put(f"/api/files/{one}/content", content=b"4: shared")

    async def seen(visitor: Any) -> list[int]:
        listed = (await visitor.get(f"/api/files/{one}/versions")).json()["items"]
        for version in (1, 2, 3, 4):
            expected = 200 if version in {entry["version"] for entry in listed} else 404
            path = f"/api/files/{one}/versions/{version}"
            assert await statuses(visitor, ("GET", path, {}), ("GET", f"{path}/content", {})) == [expected] * 2
        return [entry["version"] for entry in listed]

    assert await seen(ana) == [4, 3, 2, 1]
    assert await seen(ben) == [4, 3]  # the third was the newest when it came
    assert await seen(cara) == [4]
    assert (await ben.post(f"/api/files/{one}/versions/2/restore")).status_code == 404
    assert (await ben.post(f"/api/files/{one}/versions/3/restore")).status_code == 200


async def test_what_its_owner_trashes_above_is_out_of_sight_and_comes_back(
    ana: Any, ben: Any, folder: Make, file: Make, share: Share
) -> None:
    above = await folder(ana, "above")
    shared = await folder(ana, "shared", above)
    one = await file(ana, "one.txt", shared)
    await share(ana, shared, ben, "edit")
    await ana.delete(f"/api/folders/{above}")
    assert set(await reads(ben, file=one, folder=shared)) == {404}
    assert (await ben.get("/api/shares/received")).json()["items"] == []
    assert (await ben.post(f"/api/folders/{shared}/restore")).status_code == 404
    await ana.post(f"/api/folders/{above}/restore")
    assert set(await reads(ben, file=one, folder=shared)) == {200}


class TestSharing:
    async def test_the_list_of_grants_is_for_those_who_may_share(
        self, ana: Any, ben: Any, cara: Any, file: Make, share: Share
    ) -> None:
        one = await file(ana, "one.txt")
        first, second = await share(ana, one, ben, "own"), await share(ben, one, cara, "view")
        assert first["person"] == {"id": ben.person["id"], "name": "Ben", "picture": None}
        for visitor in (ana, ben):
            page = (await visitor.get(f"/api/shares?item_id={one}&limit=1")).json()
            rest = (await visitor.get("/api/shares", params={"item_id": one, "after": page["next"]})).json()
            assert [page["items"], rest["items"], rest["next"]] == [[first], [second], None]
        assert (await cara.get(f"/api/shares?item_id={one}")).status_code == 403
        assert (await ben.patch(f"/api/shares/{second['id']}", json={"level": "edit"})).json()["level"] == "edit"
        assert (await cara.patch(f"/api/shares/{second['id']}", json={"level": "own"})).status_code == 403
        assert (await cara.patch(f"/api/shares/{first['id']}", json={"level": "view"})).status_code == 404
        assert (await cara.delete(f"/api/shares/{first['id']}")).status_code == 404
        assert (await cara.put(f"/api/files/{one}/content", content=b"x")).status_code == 200

    async def test_what_is_shared_with_one_is_listed_and_can_be_left(
        self, ana: Any, ben: Any, folder: Make, file: Make, share: Share
    ) -> None:
        one, two = await file(ana, "one.txt"), await folder(ana, "two")
        grants_made = [await share(ana, one, ben), await share(ana, two, ben, "edit")]
        page = (await ben.get("/api/shares/received?limit=1")).json()
        rest = (await ben.get("/api/shares/received", params={"after": page["next"]})).json()
        received = [*page["items"], *rest["items"]]
        assert [(entry["item"]["name"], entry["level"]) for entry in received] == [("two", "edit"), ("one.txt", "view")]
        assert received[0]["owner"] == {"id": ana.person["id"], "name": "Ana", "picture": None}
        assert (await ben.delete(f"/api/shares/{grants_made[0]['id']}")).status_code == 204
        assert (await ben.get(f"/api/files/{one}")).status_code == 404
        assert (await ana.get(f"/api/shares?item_id={one}")).json()["items"] == []
        assert (await ben.delete(f"/api/shares/{grants_made[0]['id']}")).status_code == 404

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            ({}, "malformed-grantee"),
            ({"person_id": "ben", "email": "ben@example.org"}, "malformed-grantee"),
            ({"person_id": "00000000-0000-0000-0000-000000000001"}, "unknown-person"),
            ({"person_id": "ana"}, "shared-with-owner"),
            ({"email": "ANA@example.org"}, "shared-with-owner"),
            ({"person_id": "cara"}, "shared-already"),
            ({"person_id": "ben", "item_id": "00000000-0000-0000-0000-000000000001"}, "shared-item-not-found"),
            ({"person_id": "ben", "item_id": "ana"}, "shared-item-not-found"),  # a person is no item to share
        ],
    )
    async def test_refusals_name_what_is_wrong(
        self, ana: Any, ben: Any, cara: Any, file: Make, share: Share, body: dict[str, str], problem: str
    ) -> None:
        ids = {"ana": ana.person["id"], "ben": ben.person["id"], "cara": cara.person["id"]}
        one = await file(ana, "one.txt")
        await share(ana, one, cara)
        given = {"item_id": one, "level": "view", **{name: ids.get(value, value) for name, value in body.items()}}
        answer = await ana.post("/api/shares", json=given)
        assert answer.json()["type"] == f"/problems/{problem}", answer.text

    async def test_strangers_share_nothing_of_others(self, ana: Any, ben: Any, cara: Any, file: Make) -> None:
        one = await file(ana, "one.txt")
        body = {"item_id": one, "person_id": cara.person["id"], "level": "view"}
        assert (await ben.post("/api/shares", json=body)).status_code == 404
        assert (await ben.get(f"/api/shares?item_id={one}")).status_code == 404

    async def test_an_address_tells_nothing_of_whether_it_has_an_account(self, ana: Any, ben: Any, file: Make) -> None:
        one = await file(ana, "one.txt")
        since = (await ana.get("/api/sync")).json()["next"]
        answers = [
            await ana.post("/api/shares", json={"item_id": one, "email": address, "level": "edit"})
            for address in ("Ben@example.org", "nobody@example.org")
        ]
        assert [answer.status_code for answer in answers] == [201, 201]
        known, unknown = (answer.json() for answer in answers)
        assert {key for key in known if known[key] != unknown[key]} == {"id", "email", "granted_at"}
        assert (known["person"], known["email"]) == (None, "Ben@example.org")
        assert (await ana.get(f"/api/shares?item_id={one}")).json()["items"] == [known, unknown]
        events = (await ana.get("/api/sync", params={"since": since})).json()["events"]
        assert [event["payload"]["person_id"] for event in events if event["name"] == "item.shared"] == [None, None]
        again = await ana.post("/api/shares", json={"item_id": one, "email": "NOBODY@example.org", "level": "edit"})
        assert again.json()["type"] == "/problems/shared-already"
        (received,) = (await ben.get("/api/shares/received")).json()["items"]  # it works at once
        assert received["is_accepted"] is False
        assert (await ben.put(f"/api/files/{one}/content", content=b"x")).status_code == 200
        assert (await ben.post(f"/api/shares/{unknown['id']}/accept")).status_code == 404
        assert (await ben.post(f"/api/shares/{known['id']}/accept")).status_code == 204
        listed = (await ana.get(f"/api/shares?item_id={one}")).json()["items"][0]
        assert (listed["person"]["name"], listed["email"]) == ("Ben", None)

    async def test_who_has_a_grant_by_name_keeps_the_better_one(
        self, ana: Any, ben: Any, file: Make, share: Share
    ) -> None:
        one = await file(ana, "one.txt")
        await share(ana, one, ben, "view")
        offer = await ana.post("/api/shares", json={"item_id": one, "email": "ben@example.org", "level": "edit"})
        assert offer.status_code == 201  # as it is for an address that is nobody's
        assert (await ben.post(f"/api/shares/{offer.json()['id']}/accept")).status_code == 204
        (left,) = (await ana.get(f"/api/shares?item_id={one}")).json()["items"]
        assert (left["person"]["name"], left["level"]) == ("Ben", "edit")

    async def test_a_later_account_inherits_nothing_from_its_address(self, ana: Any, join: Any, file: Make) -> None:
        one = await file(ana, "one.txt")
        await ana.post("/api/shares", json={"item_id": one, "email": "dora@example.org", "level": "edit"})
        dora = await join("dora")
        assert (await dora.get(f"/api/files/{one}")).status_code == 404

    async def test_where_addresses_are_proved_one_that_is_not_leads_to_nobody(self, ben: Any, parts: Parts) -> None:
        from commonplace.apps.accounts.person_source import StoredPeople

        people = StoredPeople(parts[Database], only_proven=True)
        assert await people.person_at("ben@example.org") is None
        async with parts[Database].writing() as session:
            await session.execute(Query(text("UPDATE accounts.account SET email_verified_at = clock_timestamp()")))
        assert str(await people.person_at("Ben@Example.org")) == ben.person["id"]

    async def test_the_limit_holds_when_several_share_at_once(self, ana: Any, file: Make, parts: Parts) -> None:
        from commonplace.platform.sharing.settings import SharingSettings

        parts[SharingSettings].grants_per_item = 3
        one = await file(ana, "one.txt")
        answers = await asyncio.gather(
            *(
                ana.post("/api/shares", json={"item_id": one, "email": f"p{number}@example.org", "level": "view"})
                for number in range(6)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
        assert len((await ana.get(f"/api/shares?item_id={one}")).json()["items"]) == 3


async def test_erasing_a_person_removes_what_was_shared_with_them_and_by_them(
    ana: Any, ben: Any, cara: Any, file: Make, share: Share, parts: Parts
) -> None:
    from uuid import UUID

    one = await file(ana, "one.txt")
    await share(ana, one, ben, "own")
    await share(ben, one, cara, "view")
    await ben.post("/api/shares/links", json={"item_id": one})
    async with parts[Database].writing() as session:
        await grants.forget_person(session, UUID(ben.person["id"]))
    async with parts[Database].reading() as session:
        for table in ("item_grant", "item_link"):
            assert await session.scalar(Query(text(f"SELECT count(*) FROM platform.{table}"))) == 0
    assert (await ben.get(f"/api/files/{one}")).status_code == 404


async def test_what_is_purged_takes_its_grants_and_links_along(
    ana: Any, ben: Any, folder: Make, file: Make, share: Share, parts: Parts
) -> None:
    from datetime import UTC, datetime

    from commonplace.platform.history.kinds import Kinds
    from commonplace.platform.history.purge import purge

    shared = await folder(ana, "shared")
    one = await file(ana, "one.txt", shared)
    await share(ana, shared, ben)
    await share(ana, one, ben)
    await ana.post("/api/shares/links", json={"item_id": one})
    await ana.delete(f"/api/folders/{shared}")
    assert await purge(parts[Database], parts[Kinds], before=datetime.now(UTC)) == 2
    async with parts[Database].reading() as session:
        for table in ("item_grant", "item_link"):
            assert await session.scalar(Query(text(f"SELECT count(*) FROM platform.{table}"))) == 0
