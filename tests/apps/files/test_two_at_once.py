"""Two people at once, whatever they do: the tree stays a tree, no file is lost, nobody is shown what is not theirs.

Each step both do something at the same moment, to things that are theirs, shared, or none of their business; jobs that
were asked for run beside. What must hold is looked up in the database by means of its own, and over HTTP.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import Envelope
from commonplace.platform.events.queue import Delivery
from commonplace.platform.events.registry import Context
from commonplace.platform.history.kinds import Kinds
from commonplace.platform.jobs import store, work
from commonplace.platform.jobs.events import JobAsked
from commonplace.platform.parts import Parts
from tests.apps.files.test_trees import DISAGREE
from tests.record import assert_record_is_whole

pytestmark = pytest.mark.anyio
T = TypeVar("T")

NAMES = st.sampled_from(["a", "b", "c.txt"])
CONTENTS = st.sampled_from([b"", b"one", b"two", b"three"])
RULES = st.sampled_from(["fail", "keep_both", "replace", "skip", "merge"])
PICK = st.integers(0, 10**6)
ACTIONS = st.one_of(
    st.tuples(st.just("folder"), NAMES, PICK),
    st.tuples(st.just("upload"), NAMES, PICK, CONTENTS),
    st.tuples(st.just("move"), PICK, PICK, RULES),
    st.tuples(st.just("copy"), PICK, PICK, RULES),
    st.tuples(st.just("trash"), PICK),
    st.tuples(st.just("restore"), PICK),
    st.tuples(st.just("share"), PICK, st.sampled_from(["view", "edit"])),
    st.tuples(st.just("unshare"), PICK),
    st.tuples(st.just("many"), st.lists(PICK, min_size=2, max_size=4), PICK, RULES),
    st.tuples(st.just("trash_many"), st.lists(PICK, min_size=2, max_size=3)),
    st.tuples(st.just("restore_many"), st.lists(PICK, min_size=2, max_size=3)),
)
EXPECTED = {200, 201, 202, 204, 403, 404, 409, 412, 422}

ITEMS = Query(
    text("""
    SELECT item.id, item.kind, item.owner_id, item.parent_id, item.trashed_at, file.sha256
    FROM platform.item LEFT JOIN files.file USING (id) WHERE item.kind IN ('file', 'folder')
    """)
)
GRANTS = Query(text("SELECT item_id, person_id FROM platform.item_grant WHERE person_id IS NOT NULL"))
KEPT = Query(text("SELECT DISTINCT owner_id, state ->> 'sha256' AS sha256 FROM platform.version WHERE kind = 'file'"))
QUEUED = Query(text("SELECT id FROM platform.job WHERE state IN ('queued', 'running') ORDER BY id"))


def machine(  # noqa: C901 - one class, whose rules are what it consists of
    loop: asyncio.AbstractEventLoop, join: Any, parts: Parts
) -> type[RuleBasedStateMachine]:
    """The state machine over one application; each run has two people of its own."""
    numbers = iter(range(10**6))

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    class Both(RuleBasedStateMachine):
        @initialize(name=NAMES)
        def begin(self, name: str) -> None:
            number = next(numbers)
            self.people = [wait(join(f"{who}{number}")) for who in ("ana", "ben")]
            self.owners = [UUID(who.person["id"]) for who in self.people]
            self.known: list[tuple[str, str]] = []  # kind and id of all that was ever made
            self.grants: list[tuple[int, str]] = []
            self.uploaded: dict[UUID, set[str]] = defaultdict(set)
            for number in (0, 1):
                wait(self.act(number, ("folder", name, 0)))
            wait(self.act(0, ("share", 0, "edit")))

        def pick(self, number: int) -> tuple[str, str]:
            return self.known[number % len(self.known)] if self.known else ("file", str(UUID(int=0)))

        def place(self, number: int) -> str | None:
            folders = [None, *(entry_id for kind, entry_id in self.known if kind == "folder")]
            return folders[number % len(folders)]

        @rule(ana=ACTIONS, ben=ACTIONS)
        def both(self, ana: Any, ben: Any) -> None:
            async def at_once() -> None:
                await asyncio.gather(self.act(0, ana), self.act(1, ben), run_jobs(parts))

            wait(at_once())

        async def act(self, who: int, action: Any) -> None:
            name, *rest = action
            answer = await getattr(self, f"do_{name}")(who, self.people[who], *rest)
            if answer is not None:
                assert answer.status_code in EXPECTED, (answer.request.method, answer.request.url, answer.text)

        async def do_folder(self, _who: int, person: Any, name: str, place: int) -> Any:
            answer = await person.post("/api/folders", json={"name": name, "parent_id": self.place(place)})
            if answer.status_code == 201:
                self.known.append(("folder", answer.json()["id"]))
            return answer

        async def do_upload(self, _who: int, person: Any, name: str, place: int, content: bytes) -> Any:
            folder = self.place(place)
            params = {"name": name} | ({} if folder is None else {"folder_id": folder})
            answer = await person.post("/api/files", params=params, content=content)
            if answer.status_code == 201:
                self.known.append(("file", answer.json()["id"]))
                async with parts[Database].reading() as session:
                    owner = await session.scalar(
                        Query(text("SELECT owner_id FROM platform.item WHERE id = :id")), id=UUID(answer.json()["id"])
                    )
                self.uploaded[owner].add(hashlib.sha256(content).hexdigest())
            return answer

        async def do_move(self, _who: int, person: Any, entry: int, place: int, rule: str) -> Any:
            kind, entry_id = self.pick(entry)
            key = "folder_id" if kind == "file" else "parent_id"
            body = {key: self.place(place)}
            return await person.patch(f"/api/{kind}s/{entry_id}", params={"on_conflict": rule}, json=body)

        async def do_copy(self, _who: int, person: Any, entry: int, place: int, rule: str) -> Any:
            kind, entry_id = self.pick(entry)
            body = {"folder_id": self.place(place)}
            answer = await person.post(f"/api/{kind}s/{entry_id}/copy", params={"on_conflict": rule}, json=body)
            if answer.status_code == 201:
                made = answer.json()
                self.known += [(of, one["id"]) for of in ("file", "folder") for one in made[f"{of}s"]]
            return answer

        async def do_trash(self, _who: int, person: Any, entry: int) -> Any:
            kind, entry_id = self.pick(entry)
            return await person.delete(f"/api/{kind}s/{entry_id}")

        async def do_restore(self, _who: int, person: Any, entry: int) -> Any:
            kind, entry_id = self.pick(entry)
            return await person.post(f"/api/{kind}s/{entry_id}/restore")

        async def do_share(self, who: int, person: Any, entry: int, level: str) -> Any:
            body = {"item_id": self.pick(entry)[1], "email": self.people[1 - who].email, "level": level}
            answer = await person.post("/api/shares", json=body)
            if answer.status_code == 201:
                self.grants.append((who, answer.json()["id"]))
            return answer

        async def do_unshare(self, who: int, person: Any, number: int) -> Any:
            own = [grant for owner, grant in self.grants if owner == who]
            return await person.delete(f"/api/shares/{own[number % len(own)]}") if own else None

        async def do_many(self, _who: int, person: Any, entries: list[int], place: int, rule: str) -> Any:
            ids = list(dict.fromkeys(self.pick(entry)[1] for entry in entries))
            half = len(ids) // 2
            wanted = {"folder_id": self.place(place), "on_conflict": rule}
            batch = {"move": {"ids": ids[half:], **wanted}, "copy": {"ids": ids[:half], **wanted}}
            return await person.post("/api/files/batch-change", json=batch)

        async def do_trash_many(self, _who: int, person: Any, entries: list[int]) -> Any:
            ids = list(dict.fromkeys(self.pick(entry)[1] for entry in entries))
            return await person.post("/api/files/batch-change", json={"trash": ids})

        async def do_restore_many(self, _who: int, person: Any, entries: list[int]) -> Any:
            ids = list(dict.fromkeys(self.pick(entry)[1] for entry in entries))
            return await person.post("/api/files/batch-change", json={"restore": ids})

        @invariant()
        def the_tree_is_a_tree_and_nothing_is_lost(self) -> None:
            if hasattr(self, "known"):
                wait(self.look())

        async def look(self) -> None:
            async with parts[Database].reading() as session:
                items = {row.id: row for row in await session.all(ITEMS)}
                kept = {(row.owner_id, row.sha256) for row in await session.all(KEPT)}
                assert not await session.all(DISAGREE)
            for item in items.values():
                seen, above = {item.id}, item.parent_id
                while above is not None:
                    assert above in items, "What it lies in is gone"
                    assert items[above].kind == "folder"
                    assert items[above].owner_id == item.owner_id, "A tree has one owner"
                    assert above not in seen, "A ring"
                    seen.add(above)
                    above = items[above].parent_id
            assert {UUID(entry_id) for _, entry_id in self.known} <= items.keys(), "Lost"
            for owner, hashes in self.uploaded.items():
                assert {(owner, sha256) for sha256 in hashes} <= kept, "The bytes of a file are in no version"

        def teardown(self) -> None:
            if hasattr(self, "known"):
                wait(self.end())

        async def end(self) -> None:
            await run_jobs(parts)
            await self.look()
            async with parts[Database].reading() as session:
                items = {row.id: row for row in await session.all(ITEMS)}
                grants = {(row.item_id, row.person_id) for row in await session.all(GRANTS)}
            for person, person_id in zip(self.people, self.owners, strict=True):
                for item in items.values():
                    if item.owner_id not in self.owners:
                        continue
                    chain = [item]
                    while chain[-1].parent_id is not None:
                        chain.append(items[chain[-1].parent_id])
                    is_theirs = item.owner_id == person_id or any((one.id, person_id) in grants for one in chain)
                    is_there = all(one.trashed_at is None for one in chain)
                    answer = await person.get(f"/api/{item.kind}s/{item.id}")
                    assert answer.status_code == (200 if is_theirs and is_there else 404), item
            await assert_record_is_whole(parts[Database], parts[Kinds])

    return Both


async def run_jobs(parts: Parts) -> None:
    """Do what was asked for, as a worker does."""
    async with parts[Database].reading() as session:
        ids = [row.id for row in await session.all(QUEUED)]
    for job_id in ids:
        envelope = Envelope(seq=0, at=None, name=JobAsked.name, payload={})  # type: ignore[arg-type]
        delivery = Delivery(id="1", queue="processing", handler=store.RUN, envelope=envelope, attempt=1, max_attempts=8)
        await work.run_job(JobAsked(job_id=job_id), Context(parts, delivery))


async def run(join: Any, parts: Parts, *, examples: int, steps: int) -> None:
    wanted = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        print_blob=True,
    )
    both = machine(asyncio.get_running_loop(), join, parts)
    await asyncio.to_thread(run_state_machine_as_test, both, settings=wanted)


async def test_a_few_orders(join: Any, parts: Parts) -> None:
    await run(join, parts, examples=2, steps=8)


@pytest.mark.long
async def test_many_orders(join: Any, parts: Parts) -> None:
    await run(join, parts, examples=40, steps=25)
