"""Whatever is done to files and folders in whatever order: what one sees is what a simple model says, now and then.

The model is a dictionary. Every step is done to it and over HTTP; both must agree on the answer and on every list. At
the end the past is compared too: as of each moment, each folder held what was listed then.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from commonplace.apps.files.models import FILE, FOLDER
from commonplace.apps.files.names import numbered_file, numbered_folder
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.history import asof
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.history.places import name_key
from commonplace.platform.parts import Parts
from tests.record import assert_record_is_whole

pytestmark = pytest.mark.anyio
T = TypeVar("T")

NAMES = st.sampled_from(["a", "A", "b.txt", "é", "e\u0301", "🏞️"])
CONTENTS = st.sampled_from([b"", b"one", b"two", b"three"])


@dataclass(frozen=True)
class Entry:
    """A file or folder as the model knows it."""

    id: str
    kind: str
    name: str
    parent: str | None
    content: bytes = b""
    version: int = 1
    is_trashed: bool = False
    past: tuple["Entry", ...] = ()

    def next(self, **changes: Any) -> "Entry":
        return replace(self, **changes, version=self.version + 1, past=(*self.past, replace(self, past=())))


@dataclass
class Model:
    entries: dict[str, Entry] = field(default_factory=dict)

    def is_visible(self, entry_id: str | None) -> bool:
        while entry_id is not None:
            entry = self.entries[entry_id]
            if entry.is_trashed:
                return False
            entry_id = entry.parent
        return True

    def inside(self, parent: str | None) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.parent == parent and not entry.is_trashed]

    def taken(self, parent: str | None, name: str, *, but: str | None = None) -> Entry | None:
        same = [e for e in self.inside(parent) if name_key(e.name) == name_key(name) and e.id != but]
        return same[0] if same else None

    def is_in(self, entry_id: str | None, container: str) -> bool:
        while entry_id is not None:
            if entry_id == container:
                return True
            entry_id = self.entries[entry_id].parent
        return False

    def free_names(self, kind: str, parent: str | None, name: str) -> set[str]:
        numbered = numbered_file if kind == "file" else numbered_folder
        return {numbered(name, number) for number in range(2, 99) if not self.taken(parent, numbered(name, number))}

    def folders(self) -> list[str | None]:
        visible = [e.id for e in self.entries.values() if e.kind == "folder" and self.is_visible(e.id)]
        return [None, *visible]


def machine(  # noqa: C901 - one class, whose rules are what it consists of
    loop: asyncio.AbstractEventLoop, join: Any, parts: Parts
) -> type[RuleBasedStateMachine]:
    """The state machine over one application; each run has a person of its own."""
    people = iter(range(10**6))

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    class Drive(RuleBasedStateMachine):
        files, folders = Bundle("files"), Bundle("folders")

        @initialize(target=folders)
        def begin(self) -> None:
            self.visitor = wait(join(f"person{next(people)}"))
            self.model = Model()
            self.seen: list[tuple[asof.Moment, str | None, list[str], list[str]]] = []

        def ask(self, method: str, path: str, **request: Any) -> Any:
            return wait(self.visitor.request(method, path, **request))

        def expect(self, answer: Any, status: int) -> None:
            assert answer.status_code == status, (answer.request.method, answer.request.url, answer.text)

        @rule(
            target=files,
            name=NAMES,
            parent=folders,
            content=CONTENTS,
            wish=st.sampled_from(["keep_both", "fail", "replace"]),
        )
        def upload(self, name: str, parent: str | None, content: bytes, wish: str) -> Any:
            params = {"name": name, "on_conflict": wish} | ({} if parent is None else {"folder_id": parent})
            answer = self.ask("POST", "/api/files", params=params, content=content)
            taken = self.model.taken(parent, name)
            if not self.model.is_visible(parent):
                self.expect(answer, 404)
            elif taken is None or wish == "keep_both":
                self.expect(answer, 201)
                made = answer.json()
                assert made["name"] in ({name} if taken is None else self.model.free_names("file", parent, name))
                self.model.entries[made["id"]] = Entry(made["id"], "file", made["name"], parent, content)
                return made["id"]
            elif wish == "fail" or taken.kind == "folder":
                self.expect(answer, 409)
            else:
                self.expect(answer, 200)
                assert answer.json()["id"] == taken.id
                self.model.entries[taken.id] = taken.next(content=content)
            return self.any_file()

        def any_file(self) -> Any:
            """A rule that makes nothing must still name something."""
            known = [entry.id for entry in self.model.entries.values() if entry.kind == "file"]
            return known[0] if known else ""

        @rule(target=folders, name=NAMES, parent=folders)
        def make_folder(self, name: str, parent: str | None) -> Any:
            answer = self.ask("POST", "/api/folders", json={"name": name, "parent_id": parent})
            if not self.model.is_visible(parent):
                self.expect(answer, 404)
            elif self.model.taken(parent, name):
                self.expect(answer, 409)
            else:
                self.expect(answer, 201)
                made = answer.json()
                self.model.entries[made["id"]] = Entry(made["id"], "folder", name, parent)
                return made["id"]
            return None

        @rule(file=files, name=st.none() | NAMES, parent=st.just("same") | folders)
        def change_file(self, file: str, name: str | None, parent: str | None) -> None:
            self.change("files", "folder_id", file, name, parent)

        @rule(folder=folders, name=st.none() | NAMES, parent=st.just("same") | folders)
        def change_folder(self, folder: str | None, name: str | None, parent: str | None) -> None:
            self.change("folders", "parent_id", folder or "", name, parent)

        def change(self, path: str, place: str, entry_id: str, name: str | None, parent: str | None) -> None:
            if entry_id not in self.model.entries:
                return
            entry, body = self.model.entries[entry_id], {}
            if name is not None:
                body["name"] = name
            if parent != "same":
                body[place] = parent
            answer = self.ask("PATCH", f"/api/{path}/{entry_id}", json=body)
            target = entry.parent if parent == "same" else parent
            wanted = entry.name if name is None else name
            if not self.model.is_visible(entry_id) or not self.model.is_visible(target):
                self.expect(answer, 404)
            elif (target, wanted) == (entry.parent, entry.name):
                self.expect(answer, 200)
            elif self.cannot_lie(entry, target, wanted):
                self.expect(answer, 409)
            else:
                self.expect(answer, 200)
                self.model.entries[entry_id] = entry.next(name=wanted, parent=target)

        def cannot_lie(self, entry: Entry, target: str | None, name: str) -> bool:
            is_moved = target != entry.parent
            into_itself = is_moved and entry.kind == "folder" and self.model.is_in(target, entry.id)
            return into_itself or self.model.taken(target, name, but=entry.id) is not None

        @rule(file=files, content=CONTENTS)
        def replace_content(self, file: str, content: bytes) -> None:
            if file in self.model.entries:
                answer = self.ask("PUT", f"/api/files/{file}/content", content=content)
                self.expect(answer, 200 if self.model.is_visible(file) else 404)
                if self.model.is_visible(file):
                    self.model.entries[file] = self.model.entries[file].next(content=content)

        @rule(file=files)
        def trash_file(self, file: str) -> None:
            self.trash("files", file)

        @rule(folder=folders)
        def trash_folder(self, folder: str | None) -> None:
            self.trash("folders", folder or "")

        def trash(self, path: str, entry_id: str) -> None:
            if entry_id in self.model.entries:
                answer = self.ask("DELETE", f"/api/{path}/{entry_id}")
                self.expect(answer, 204 if self.model.is_visible(entry_id) else 404)
                if self.model.is_visible(entry_id):
                    self.model.entries[entry_id] = self.model.entries[entry_id].next(is_trashed=True)

        @rule(file=files)
        def restore_file(self, file: str) -> None:
            self.restore("files", "folder_id", file)

        @rule(folder=folders)
        def restore_folder(self, folder: str | None) -> None:
            self.restore("folders", "parent_id", folder or "")

        def restore(self, path: str, place: str, entry_id: str) -> None:
            if entry_id not in self.model.entries:
                return
            entry = self.model.entries[entry_id]
            answer = self.ask("POST", f"/api/{path}/{entry_id}/restore")
            self.expect(answer, 200)
            if self.model.is_visible(entry_id):
                assert answer.json()["version"] == entry.version
                return
            parent = entry.parent if self.model.is_visible(entry.parent) else None
            restored = answer.json()
            assert restored[place] == parent
            if self.model.taken(parent, entry.name, but=entry_id):
                assert restored["name"] in self.model.free_names(entry.kind, parent, entry.name)
            else:
                assert restored["name"] == entry.name
            self.model.entries[entry_id] = entry.next(is_trashed=False, parent=parent, name=restored["name"])

        @rule(file=files, back=st.integers(1, 4))
        def restore_version(self, file: str, back: int) -> None:
            if file not in self.model.entries:
                return
            entry = self.model.entries[file]
            number = entry.version - back
            answer = self.ask("POST", f"/api/files/{file}/versions/{max(number, 1)}/restore")
            if not self.model.is_visible(file):
                self.expect(answer, 404)
                return
            self.expect(answer, 200)
            old = (*entry.past, entry)[max(number, 1) - 1]
            name = entry.name if self.model.taken(entry.parent, old.name, but=file) else old.name
            self.model.entries[file] = entry.next(content=old.content, name=name)

        @invariant()
        def lists_are_as_the_model_says(self) -> None:
            if not hasattr(self, "model"):
                return
            for folder in self.model.folders():
                inside = self.model.inside(folder)
                given = {} if folder is None else {"folder_id": folder, "parent_id": folder}
                files = sorted(entry.name for entry in inside if entry.kind == "file")
                folders = sorted(entry.name for entry in inside if entry.kind == "folder")
                listed = self.ask("GET", "/api/files", params={**given, "limit": 200}).json()["items"]
                assert [file["name"] for file in listed] == files
                assert {(file["id"], file["version"]) for file in listed} == {
                    (entry.id, entry.version) for entry in inside if entry.kind == "file"
                }
                listed = self.ask("GET", "/api/folders", params={**given, "limit": 200}).json()["items"]
                assert [entry["name"] for entry in listed] == folders
                self.seen.append((wait(save_moment(parts[Database])), folder, files, folders))
            trashed = {entry.id for entry in self.model.entries.values() if entry.is_trashed}
            assert {e["id"] for e in self.ask("GET", "/api/trash?limit=200").json()["items"]} == trashed

        def teardown(self) -> None:
            if not hasattr(self, "model"):
                return
            for entry in self.model.entries.values():
                if entry.kind == "file" and self.model.is_visible(entry.id):
                    assert self.ask("GET", f"/api/files/{entry.id}/content").content == entry.content
            owner = UUID(self.visitor.person["id"])
            for moment, folder, files, folders in self.seen:
                for kind, expected in ((FILE, files), (FOLDER, folders)):
                    assert wait(names_then(parts[Database], kind, owner, folder, moment)) == expected
            wait(assert_record_is_whole(parts[Database], parts[Kinds]))

    return Drive


async def save_moment(database: Database) -> asof.Moment:
    async with database.writing() as session:
        row = await session.first(
            Query(
                text("""
                INSERT INTO platform.moment (at, epoch, snapshot)
                SELECT clock_timestamp(), current, pg_current_snapshot() FROM platform.epoch
                RETURNING at, epoch, CAST(snapshot AS text) AS snapshot
                """)
            )
        )
    assert row is not None
    return asof.Moment(at=row.at, epoch=row.epoch, snapshot=row.snapshot)


async def names_then(database: Database, kind: Any, owner: UUID, folder: str | None, moment: asof.Moment) -> list[str]:
    async with database.reading() as session:
        parent = None if folder is None else UUID(folder)
        states = await asof.children_as_of(session, kind, owner, parent, moment, limit=1000)
    return [state.title for state in states]


async def run(join: Any, parts: Parts, *, examples: int, steps: int) -> None:
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
    )
    drive = machine(asyncio.get_running_loop(), join, parts)
    await asyncio.to_thread(run_state_machine_as_test, drive, settings=wanted)


async def test_a_few_orders(join: Any, parts: Parts) -> None:
    await run(join, parts, examples=2, steps=10)


@pytest.mark.long
async def test_many_orders(join: Any, parts: Parts) -> None:
    await run(join, parts, examples=150, steps=40)
