"""Whatever was done since, in whatever order: any past moment comes back as it was listed, and that is undone exactly.

There is no model here. What a moment must bring back is what was listed then; what an undo must is what was before it.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from commonplace.platform.database.session import Database
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.parts import Parts
from tests.apps.files.test_any_order import save_moment
from tests.record import assert_record_is_whole

pytestmark = pytest.mark.anyio
T = TypeVar("T")
Tree = dict[str, tuple[str, str]]  #: by path: id and hash; a folder's path ends with a slash, its hash is empty

NAMES = st.sampled_from(["a", "b", "c.txt"])
ANY = st.integers(0, 99)  #: one of those that there are


def machine(  # noqa: C901 - one class, whose rules are what it consists of
    loop: asyncio.AbstractEventLoop, join: Any, parts: Parts, deliver: Any
) -> type[RuleBasedStateMachine]:
    """The state machine over one application; each run has a person of its own."""
    people = iter(range(10**6))

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=100)

    class PutBack(RuleBasedStateMachine):
        @initialize()
        def begin(self) -> None:
            self.visitor = wait(join(f"traveller{next(people)}"))
            self.known: dict[str, str] = {}  # id to kind, of everything that ever was
            self.moments: list[tuple[str, Tree]] = []
            for name in ("a", "b"):
                self.make_folder(name, 0)
            self.upload("c.txt", 1, b"first")
            self.remember()

        def ask(self, method: str, path: str, **request: Any) -> Any:
            answer = wait(self.visitor.request(method, path, **request))
            assert answer.status_code < 500, answer.text
            return answer

        def one(self, number: int, kind: str | None = None) -> str | None:
            ids = [item_id for item_id, its in self.known.items() if kind in {None, its}]
            return ids[number % len(ids)] if ids else None

        def place(self, number: int) -> str | None:
            ids = [None, *(item_id for item_id, kind in self.known.items() if kind == "folder")]
            return ids[number % len(ids)]

        @rule(name=NAMES, place=ANY)
        def make_folder(self, name: str, place: int) -> None:
            answer = self.ask("POST", "/api/folders", json={"name": name, "parent_id": self.place(place)})
            if answer.status_code == 201:
                self.known[answer.json()["id"]] = "folder"

        @rule(name=NAMES, place=ANY, content=st.binary(max_size=2))
        def upload(self, name: str, place: int, content: bytes) -> None:
            folder = self.place(place)
            given = {"name": name, "on_conflict": "fail"} | ({} if folder is None else {"folder_id": folder})
            answer = self.ask("POST", "/api/files", params=given, content=content)
            if answer.status_code == 201:
                self.known[answer.json()["id"]] = "file"

        @rule(number=ANY, content=st.binary(max_size=2))
        def save(self, number: int, content: bytes) -> None:
            if file := self.one(number, "file"):
                self.ask("PUT", f"/api/files/{file}/content", content=content)

        @rule(number=ANY, name=st.none() | NAMES, place=st.none() | ANY)
        def change(self, number: int, name: str | None, place: int | None) -> None:
            item = self.one(number)
            assert item is not None
            is_file = self.known[item] == "file"
            body: dict[str, Any] = {} if name is None else {"name": name}
            if place is not None:
                body["folder_id" if is_file else "parent_id"] = self.place(place)
            self.ask("PATCH", f"/api/{self.known[item]}s/{item}", json=body)

        @rule(number=ANY)
        def trash(self, number: int) -> None:
            item = self.one(number)
            self.ask("DELETE", f"/api/{self.known[item or '']}s/{item}")

        @rule(number=ANY)
        def take_out_of_the_trash(self, number: int) -> None:
            item = self.one(number)
            self.ask("POST", f"/api/{self.known[item or '']}s/{item}/restore")

        @rule()
        def remember(self) -> None:
            moment = wait(save_moment(parts[Database])).at.isoformat()
            self.moments.append((moment, self.tree(None)))

        @rule(number=ANY, is_undone=st.booleans())
        def put_all_back(self, number: int, is_undone: bool) -> None:
            moment, then = self.moments[number % len(self.moments)]
            before = self.tree(None)
            done = self.restored(moment, None)
            assert (done["left"], done["numbered"]) == (0, 0)
            assert self.tree(None) == then
            if is_undone:
                self.undo(done)
                assert self.tree(None) == before

        @rule(number=ANY, folder=ANY)
        def put_a_folder_back(self, number: int, folder: int) -> None:
            moment, then = self.moments[number % len(self.moments)]
            folders = [(path, item) for path, (item, _) in then.items() if path.endswith("/")]
            before = self.tree(None)
            seen = {item for item, _ in before.values()}
            if not folders or folders[folder % len(folders)][1] not in seen:
                return
            path, item = folders[folder % len(folders)]
            done = self.restored(moment, item)
            if not done["left"]:  # a folder that lies in what it held then cannot hold it now
                assert self.tree(item) == {
                    one.removeprefix(path): of for one, of in then.items() if one[: len(path)] == path and one != path
                }
            self.undo(done)
            assert self.tree(None) == before

        def restored(self, moment: str, folder: str | None) -> dict[str, Any]:
            return self.over(self.ask("POST", "/api/restorations", json={"at": moment, "folder_id": folder}))

        def undo(self, done: dict[str, Any]) -> None:
            assert self.over(self.ask("POST", f"/api/restorations/{done['id']}/undo"))["left"] == 0

        def over(self, answer: Any) -> dict[str, Any]:
            assert answer.status_code == 202, answer.text
            wait(deliver())
            done: dict[str, Any] = self.ask("GET", f"/api/restorations/{answer.json()['id']}").json()
            assert done["ended_at"] is not None
            return done

        def tree(self, folder: str | None, path: str = "") -> Tree:
            given = {} if folder is None else {"folder_id": folder, "parent_id": folder}
            found: Tree = {}
            for one in self.ask("GET", "/api/files", params=given).json()["items"]:
                found[path + one["name"]] = (one["id"], one["sha256"])
            for one in self.ask("GET", "/api/folders", params=given).json()["items"]:
                found[f"{path}{one['name']}/"] = (one["id"], "")
                found |= self.tree(one["id"], f"{path}{one['name']}/")
            return found

        def teardown(self) -> None:
            for moment, then in getattr(self, "moments", ()):
                listed = self.ask("GET", "/api/folders/as-of", params={"at": moment, "limit": 200}).json()["items"]
                names = {entry["name"] + ("/" if entry["kind"] == "folder" else "") for entry in listed}
                assert names == {path for path in then if "/" not in path.rstrip("/")}
            wait(assert_record_is_whole(parts[Database], parts[Kinds]))

    return PutBack


async def run(join: Any, parts: Parts, deliver: Any, *, examples: int, steps: int) -> None:
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
    )
    kind = machine(asyncio.get_running_loop(), join, parts, deliver)
    await asyncio.to_thread(run_state_machine_as_test, kind, settings=wanted)


async def test_some_moments_come_back(join: Any, parts: Parts, deliver: Any) -> None:
    await run(join, parts, deliver, examples=2, steps=10)


@pytest.mark.long
async def test_any_moment_comes_back(join: Any, parts: Parts, deliver: Any) -> None:
    await run(join, parts, deliver, examples=15, steps=25)
