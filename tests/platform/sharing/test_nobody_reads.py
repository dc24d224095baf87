"""Whatever three people do with what they have and share: each reads what is theirs or was granted, and nothing else.

The model knows who owns what, where it lies, what is in the trash and who granted what; from that it says what each
person and each link can see. After each step every person asks for everything, and the answers are compared. What
comes by sync, too, is only ever about what one could see.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.rights import LEVELS
from tests.record import assert_record_is_whole

pytestmark = pytest.mark.anyio
T = TypeVar("T")

PEOPLE = st.sampled_from([0, 1, 2])


@dataclass
class Item:
    kind: str
    owner: int
    parent: str | None
    content: bytes = b""
    is_trashed: bool = False


@dataclass
class Grant:
    item: str
    person: int
    level: str


@dataclass
class Model:
    items: dict[str, Item] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    links: dict[str, tuple[str, str, int]] = field(default_factory=dict)  # token: id, item, maker

    def chain(self, item_id: str | None) -> list[str]:
        above = []
        while item_id is not None:
            above.append(item_id)
            item_id = self.items[item_id].parent
        return above

    def level(self, person: int, item_id: str) -> int:
        """0: nothing, 1 to 4: as in LEVELS, 5: the owner."""
        if self.items[item_id].owner == person:
            return 5
        above = self.chain(item_id)
        given = [LEVELS.index(g.level) + 1 for g in self.grants.values() if g.person == person and g.item in above]  # type: ignore[arg-type]
        return max(given, default=0)

    def is_there(self, item_id: str) -> bool:
        return not any(self.items[above].is_trashed for above in self.chain(item_id))

    def sees(self, person: int, item_id: str) -> bool:
        return self.is_there(item_id) and self.level(person, item_id) > 0

    def in_place(self, person: int, item_id: str) -> bool:
        """Whether the person may rename, move and trash it."""
        item = self.items[item_id]
        return item.owner == person or (item.parent is not None and self.level(person, item.parent) >= 3)

    def expected(self, person: int, item_id: str, *, is_allowed: bool, good: int) -> int:
        if not self.sees(person, item_id):
            return 404
        return good if is_allowed else 403


def machine(  # noqa: C901 - one class, whose rules are what it consists of
    loop: asyncio.AbstractEventLoop, join: Any, parts: Parts
) -> type[RuleBasedStateMachine]:
    """The state machine over one application; each run has three people of its own."""
    numbers = count()

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    class Sharing(RuleBasedStateMachine):
        items, folders = Bundle("items"), Bundle("folders")

        @initialize()
        def begin(self) -> None:
            self.people = [wait(join(f"person{next(numbers)}")) for _ in range(3)]
            self.nobody = wait(join(None))
            self.model = Model()
            self.cursors = [self.ask(person, "GET", "/api/sync")["next"] for person in range(3)]

        def request(self, person: int, method: str, path: str, **given: Any) -> Any:
            return wait(self.people[person].request(method, path, **given))

        def ask(self, person: int, method: str, path: str, **given: Any) -> Any:
            return self.request(person, method, path, **given).json()

        def expect(self, answer: Any, status: int) -> None:
            assert answer.status_code == status, (answer.request.method, answer.request.url, answer.text)

        @rule(target=folders, person=PEOPLE, parent=st.none() | folders)
        def make_folder(self, person: int, parent: str | None) -> str | None:
            body = {"name": f"folder {next(numbers)}", "parent_id": parent}
            answer = self.request(person, "POST", "/api/folders", json=body)
            return self.made(answer, "folder", person, parent)

        @rule(target=items, person=PEOPLE, parent=st.none() | folders)
        def upload(self, person: int, parent: str | None) -> str | None:
            content = f"content {next(numbers)}".encode()
            params = {"name": f"file {next(numbers)}"} | ({} if parent is None else {"folder_id": parent})
            answer = self.request(person, "POST", "/api/files", params=params, content=content)
            return self.made(answer, "file", person, parent, content)

        def made(self, answer: Any, kind: str, person: int, parent: str | None, content: bytes = b"") -> str | None:
            if parent is not None:
                allowed = self.model.level(person, parent) >= 3
                self.expect(answer, self.model.expected(person, parent, is_allowed=allowed, good=201))
            if answer.status_code != 201:
                return None
            made: str = answer.json()["id"]
            owner = person if parent is None else self.model.items[parent].owner
            self.model.items[made] = Item(kind, owner, parent, content)
            return made

        @rule(person=PEOPLE, item=items)
        def replace(self, person: int, item: str | None) -> None:
            if item is None:
                return
            content = f"content {next(numbers)}".encode()
            answer = self.request(person, "PUT", f"/api/files/{item}/content", content=content)
            allowed = self.model.level(person, item) >= 3
            self.expect(answer, self.model.expected(person, item, is_allowed=allowed, good=200))
            if answer.status_code == 200:
                self.model.items[item].content = content

        @rule(person=PEOPLE, item=items | folders, parent=st.none() | folders)
        def move(self, person: int, item: str | None, parent: str | None) -> None:
            if item is None:
                return
            model, moved = self.model, self.model.items[item]
            path, name = ("files", "folder_id") if moved.kind == "file" else ("folders", "parent_id")
            answer = self.request(person, "PATCH", f"/api/{path}/{item}", json={name: parent})
            expected = model.expected(person, item, is_allowed=model.in_place(person, item), good=200)
            if expected == 200 and parent != moved.parent:
                owner = person
                if parent is not None:
                    expected = model.expected(person, parent, is_allowed=model.level(person, parent) >= 3, good=200)
                    owner = model.items[parent].owner
                if expected == 200 and (owner != moved.owner or (parent is not None and item in model.chain(parent))):
                    expected = 409
            self.expect(answer, expected)
            if expected == 200:
                moved.parent = parent

        @rule(person=PEOPLE, item=items | folders)
        def trash(self, person: int, item: str | None) -> None:
            if item is None:
                return
            path = "files" if self.model.items[item].kind == "file" else "folders"
            answer = self.request(person, "DELETE", f"/api/{path}/{item}")
            allowed = self.model.in_place(person, item)
            self.expect(answer, self.model.expected(person, item, is_allowed=allowed, good=204))
            if answer.status_code == 204:
                self.model.items[item].is_trashed = True

        @rule(person=PEOPLE, item=items | folders)
        def restore(self, person: int, item: str | None) -> None:
            if item is None:
                return
            model, away = self.model, self.model.items[item]
            path = "files" if away.kind == "file" else "folders"
            answer = self.request(person, "POST", f"/api/{path}/{item}/restore")
            if model.sees(person, item):
                self.expect(answer, 200)
                return
            can_go_back = away.parent is not None and model.is_there(away.parent)
            if away.owner != person and not (can_go_back and model.in_place(person, item)):
                self.expect(answer, 404)
                return
            self.expect(answer, 200)
            away.is_trashed = False
            if not can_go_back:
                away.parent = None

        @rule(person=PEOPLE, to=PEOPLE, item=items | folders, level=st.sampled_from(LEVELS))
        def share(self, person: int, to: int, item: str | None, level: str) -> None:
            if item is None:
                return
            body = {"item_id": item, "person_id": self.people[to].person["id"], "level": level}
            answer = self.request(person, "POST", "/api/shares", json=body)
            model = self.model
            expected = model.expected(person, item, is_allowed=model.level(person, item) >= 4, good=201)
            has_one = any(g.item == item and g.person == to for g in model.grants.values())
            if expected == 201 and (to in {person, model.items[item].owner} or has_one):
                expected = 409
            self.expect(answer, expected)
            if expected == 201:
                model.grants[answer.json()["id"]] = Grant(item, to, level)

        @rule(person=PEOPLE, which=st.integers(0, 9), level=st.none() | st.sampled_from(LEVELS))
        def change_or_end(self, person: int, which: int, level: str | None) -> None:
            if not self.model.grants:
                return
            grant_id = sorted(self.model.grants)[which % len(self.model.grants)]
            grant, path = self.model.grants[grant_id], f"/api/shares/{grant_id}"
            may_share = self.model.level(person, grant.item) >= 4
            if level is None:
                answer = self.request(person, "DELETE", path)
                is_allowed = may_share or grant.person == person
            else:
                answer = self.request(person, "PATCH", path, json={"level": level})
                is_allowed = may_share
            if not is_allowed:
                self.expect(answer, 403 if grant.person == person else 404)
            elif level is None:
                self.expect(answer, 204)
                del self.model.grants[grant_id]
            else:
                self.expect(answer, 200)
                grant.level = level

        @rule(person=PEOPLE, item=items | folders)
        def link(self, person: int, item: str | None) -> None:
            if item is None:
                return
            answer = self.request(person, "POST", "/api/shares/links", json={"item_id": item})
            allowed = self.model.level(person, item) >= 4
            self.expect(answer, self.model.expected(person, item, is_allowed=allowed, good=201))
            if answer.status_code == 201:
                made = answer.json()
                self.model.links[made["token"]] = (made["id"], item, person)

        @invariant()
        def each_reads_what_is_theirs_or_granted(self) -> None:
            if not hasattr(self, "model"):
                return
            for person in range(3):
                for item_id, item in self.model.items.items():
                    self.compare(person, item_id, item)
                self.compare_changes(person)
                received = {e["item"]["id"] for e in self.ask(person, "GET", "/api/shares/received")["items"]}
                given = {g.item for g in self.model.grants.values() if g.person == person}
                assert received == {item for item in given if self.model.is_there(item)}

        def compare(self, person: int, item_id: str, item: Item) -> None:
            sees = self.model.sees(person, item_id)
            if item.kind == "file":
                answer = self.request(person, "GET", f"/api/files/{item_id}/content")
                assert (answer.status_code, sees) in {(200, True), (404, False)}, (person, item, answer.text)
                assert not sees or answer.content == item.content
                return
            self.expect(self.request(person, "GET", f"/api/folders/{item_id}"), 200 if sees else 404)
            for path, name in (("files", "folder_id"), ("folders", "parent_id")):
                answer = self.request(person, "GET", f"/api/{path}", params={name: item_id, "limit": 200})
                self.expect(answer, 200 if sees else 404)
                if sees:
                    assert {entry["id"] for entry in answer.json()["items"]} == self.inside(item_id, path)

        def inside(self, container: str, path: str) -> set[str]:
            kind = path.removesuffix("s")
            entries = self.model.items.items()
            return {i for i, item in entries if item.parent == container and item.kind == kind and not item.is_trashed}

        def compare_changes(self, person: int) -> None:
            """What comes by sync is about one's own items, or such that one can read now; trashed ones too."""
            page = self.ask(person, "GET", "/api/sync", params={"since": self.cursors[person]})
            self.cursors[person] = page["next"]
            for event in page["events"]:
                if event["item"] is not None and event["item"]["id"] in self.model.items:
                    assert self.model.level(person, event["item"]["id"]) > 0, event

        @invariant()
        def links_open_what_they_lead_to(self) -> None:
            if not hasattr(self, "model"):
                return
            for token, (_, root, maker) in self.model.links.items():
                good = self.model.is_there(root) and self.model.level(maker, root) >= 4
                answer = wait(self.nobody.get(f"/api/links/{token}"))
                self.expect(answer, 200 if good else 404)
                for item_id in self.model.items:
                    is_below = root in self.model.chain(item_id) and self.model.is_there(item_id)
                    answer = wait(self.nobody.get(f"/api/links/{token}/items/{item_id}"))
                    self.expect(answer, 200 if good and is_below else 404)

        def teardown(self) -> None:
            wait(assert_record_is_whole(parts[Database], parts[Kinds]))

    return Sharing


async def run(join: Any, parts: Parts, *, examples: int, steps: int) -> None:
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,  # the same orders each time: what is red was made red by a change
        print_blob=True,
    )
    sharing = machine(asyncio.get_running_loop(), join, parts)
    await asyncio.to_thread(run_state_machine_as_test, sharing, settings=wanted)


async def test_in_a_few_orders(join: Any, parts: Parts) -> None:
    await run(join, parts, examples=3, steps=12)


@pytest.mark.long
async def test_in_many_orders(join: Any, parts: Parts) -> None:
    await run(join, parts, examples=25, steps=30)
