"""Long work with a bar: done in batches that count once, resumed where it was, stopped when somebody says so."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from commonplace import application
from commonplace.platform.app import App
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.errors import Conflict
from commonplace.platform.events.event import Envelope, ScheduleTick
from commonplace.platform.events.queue import Delivery
from commonplace.platform.events.registry import Context
from commonplace.platform.jobs import store, work
from commonplace.platform.jobs.errors import MalformedJob, TooManyJobs
from commonplace.platform.jobs.events import JobAsked
from commonplace.platform.jobs.kinds import JobKinds
from commonplace.platform.jobs.work import Job
from commonplace.platform.parts import Parts
from commonplace.settings import Settings
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

Deliver = Callable[[], Awaitable[None]]
PIECE = {"HX-Request": "true", "Accept": "text/html"}
_COUNT = Query(text("INSERT INTO platform.idempotency (caller_id, key, operation) VALUES (:who, :key, 'counted')"))


class Killed(BaseException):
    """What a runner dies of that is not asked."""


async def count(job: Job) -> Mapping[str, Any]:
    """Count to the total by tens; die or be stopped where `given` says so. What is counted stands in a table."""
    while job.done < (job.total or 0):
        async with job.step() as step:
            begin = step.cursor or 0
            for number in range(begin, begin + 10):
                await step.session.execute(_COUNT, who=job.owner_id, key=str(number))
            step.cursor, step.done = begin + 10, step.done + 10
            if job.given.get("die_at") == begin:
                raise Killed
        if job.given.get("refuse_at") == begin:
            raise Conflict("There is no more of it.")
        if job.given.get("break_at") == begin:
            raise RuntimeError("broken")
    return {"counted": job.done, "path": "/app/files"}


async def weigh(job: Job) -> None:
    """Work that no transaction holds."""
    for done in range(0, 4_000_000, 1_000_000):
        await job.progress(done, total=4_000_000)


@pytest.fixture
def apps(settings: Settings) -> tuple[App, ...]:
    here = "tests.platform.jobs.test_jobs"
    toil = App(name="toil", title="Toil", jobs={"toil.count": f"{here}:count", "toil.weigh": f"{here}:weigh"})
    return (*application.served_apps(settings), toil)


async def started(parts: Parts, who: Visitor, kind: str = "toil.count", **given: Any) -> UUID:
    assert who.person is not None
    async with parts[Database].writing() as session:
        row = await store.start_job(
            session, kind=kind, owner_id=UUID(who.person["id"]), title="Counting <to> thirty", given=given, total=30
        )
    job_id: UUID = row.id
    return job_id


def context(parts: Parts, *, attempt: int = 1) -> Context:
    envelope = Envelope(seq=0, at=None, name=JobAsked.name, payload={})  # type: ignore[arg-type]
    delivery = Delivery(
        id="1", queue="processing", handler=store.RUN, envelope=envelope, attempt=attempt, max_attempts=8
    )
    return Context(parts, delivery)


async def counted(parts: Parts) -> list[int]:
    async with parts[Database].reading() as session:
        rows = await session.all(Query(text("SELECT key FROM platform.idempotency WHERE operation = 'counted'")))
    return sorted(int(row["key"]) for row in rows)


async def test_a_job_is_done_and_shown(ana: Visitor, ben: Visitor, parts: Parts, deliver: Deliver) -> None:
    since = (await ana.get("/api/sync")).json()["next"]
    job_id = await started(parts, ana)
    queued = (await ana.get(f"/api/jobs/{job_id}")).json()
    assert (queued["state"], queued["done"], queued["total"], queued["unit"]) == ("queued", 0, 30, "items")
    piece = (await ana.get("/app/jobs", headers=PIECE)).text
    assert "Counting &lt;to&gt; thirty" in piece
    assert "Waiting for its turn" in piece
    assert 'class="badge"' in piece
    weighed = await started(parts, ana, "toil.weigh")

    await deliver()
    done = (await ana.get(f"/api/jobs/{job_id}")).json()
    assert (done["state"], done["done"], done["result"]) == ("done", 30, {"counted": 30, "path": "/app/files"})
    assert await counted(parts) == list(range(30))
    page = (await ana.get("/api/jobs?active=false&limit=1")).json()
    assert [job["id"] for job in page["items"]] == [str(weighed)]
    assert page["items"][0]["total"] == 4_000_000
    following = (await ana.get("/api/jobs", params={"limit": 1, "after": page["next"]})).json()
    assert ([job["id"] for job in following["items"]], following["next"]) == ([str(job_id)], None)
    assert (await ana.get("/api/jobs?active=true")).json()["items"] == []
    told = (await ana.get("/api/sync", params={"since": since})).json()["events"]
    last = [event["payload"] for event in told if event["payload"].get("job_id") == str(job_id)][-1]
    assert last == {"job_id": str(job_id), "state": "done", "done": 30, "total": 30}

    assert "Done: 30 items" in (await ana.get("/app/jobs", headers=PIECE)).text
    for other in ("get", "delete"):
        assert (await ben.request(other, f"/api/jobs/{job_id}")).status_code == 404
    assert (await ben.get("/api/jobs")).json()["items"] == []
    assert (await ben.post(f"/app/jobs/{job_id}/stop", headers=PIECE)).status_code == 404
    assert (await ana.delete(f"/api/jobs/{job_id}")).status_code == 204
    assert (await ana.get(f"/api/jobs/{job_id}")).status_code == 404
    assert "<button" not in (await ana.post("/app/jobs/clear", headers=PIECE)).text


async def test_what_died_goes_on_where_it_was_and_nothing_counts_twice(ana: Visitor, parts: Parts) -> None:
    job_id = await started(parts, ana, die_at=10)
    with pytest.raises(Killed):
        await work.run_job(JobAsked(job_id=job_id), context(parts))
    at_death = (await ana.get(f"/api/jobs/{job_id}")).json()
    assert (at_death["state"], at_death["done"]) == ("running", 10)
    assert await counted(parts) == list(range(10))
    async with parts[Database].writing() as session:
        await session.execute(Query(text("UPDATE platform.job SET given = '{}'")))

    async with parts[Database].writing() as session:
        row = await store.begin(session, job_id)
    assert row is not None
    lost = Job(parts, row)  # a worker that was taken for dead, and lives
    await work.run_job(JobAsked(job_id=job_id), context(parts))
    with pytest.raises(work.Stopped):
        await count(lost)
    assert await counted(parts) == list(range(30))
    assert (await ana.get(f"/api/jobs/{job_id}")).json()["state"] == "done"
    await work.run_job(JobAsked(job_id=job_id), context(parts))  # delivered once more
    assert await counted(parts) == list(range(30))


async def test_a_job_gives_way_after_its_turn(
    ana: Visitor, parts: Parts, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(work, "_TELL_SECONDS", 0.0)
    job_id = await started(parts, ana)
    await work.run_job(JobAsked(job_id=job_id), context(parts))
    assert (await ana.get(f"/api/jobs/{job_id}")).json()["done"] == 10
    assert "10 of 30 items" in (await ana.get("/app/jobs", headers=PIECE)).text
    await deliver()
    assert (await ana.get(f"/api/jobs/{job_id}")).json()["state"] == "done"
    assert await counted(parts) == list(range(30))


async def test_who_stops_a_job_keeps_what_it_did(ana: Visitor, parts: Parts) -> None:
    job_id = await started(parts, ana)
    async with parts[Database].writing() as session:
        row = await store.begin(session, job_id)
    assert row is not None
    job = Job(parts, row)
    async with job.step() as step:
        await step.session.execute(_COUNT, who=job.owner_id, key="0")
        step.done = 1
        stopping = asyncio.create_task(ana.delete(f"/api/jobs/{job_id}"))  # waits for the batch, then wins
        await asyncio.sleep(0)
    assert (await stopping).status_code == 204
    with pytest.raises(work.Stopped):
        async with job.step() as step:
            pass
    job._told = -1e9
    with pytest.raises(work.Stopped):
        await job.progress(2)
    assert await counted(parts) == [0]
    assert "Stopped after 1 item" in (await ana.get("/app/jobs", headers=PIECE)).text
    await work.run_job(JobAsked(job_id=job_id), context(parts))
    assert (await ana.get(f"/api/jobs/{job_id}")).json()["state"] == "cancelled"


async def test_what_is_refused_fails_at_once_and_what_breaks_after_the_last_try(ana: Visitor, parts: Parts) -> None:
    refused = await started(parts, ana, refuse_at=0)
    await work.run_job(JobAsked(job_id=refused), context(parts))
    read = (await ana.get(f"/api/jobs/{refused}")).json()
    assert (read["state"], read["problem"], read["done"]) == ("failed", "There is no more of it.", 10)
    async with parts[Database].writing() as session:
        await session.execute(Query(text("DELETE FROM platform.idempotency")))
    broken = await started(parts, ana, break_at=0)
    with pytest.raises(RuntimeError):
        await work.run_job(JobAsked(job_id=broken), context(parts))
    assert (await ana.get(f"/api/jobs/{broken}")).json()["state"] == "running"
    async with parts[Database].writing() as session:
        await session.execute(Query(text("UPDATE platform.job SET given = '{\"break_at\": 10}'")))
    with pytest.raises(RuntimeError):
        await work.run_job(JobAsked(job_id=broken), context(parts, attempt=8))
    read = (await ana.get(f"/api/jobs/{broken}")).json()
    assert read["state"] == "failed"
    assert "server's" in read["problem"]
    assert "circle-alert" in (await ana.get("/app/jobs", headers=PIECE)).text


async def test_what_killed_its_worker_each_time_has_failed_and_old_jobs_are_forgotten(
    ana: Visitor, parts: Parts
) -> None:
    lost, old = await started(parts, ana), await started(parts, ana)
    async with parts[Database].writing() as session:
        await session.execute(
            Query(
                text("""
                INSERT INTO platform.dead_letter
                    (id, queue, handler, event, priority, attempts, max_attempts, created_at, history)
                VALUES (1, 'processing', :run, jsonb_build_object('payload', jsonb_build_object('job_id',
                    CAST(CAST(:id AS uuid) AS text))), 0, 8, 8, clock_timestamp(), '[]')
                """)
            ),
            run=store.RUN,
            id=lost,
        )
        await session.execute(
            Query(text("UPDATE platform.job SET state = 'done', ended_at = now() - interval '8 days' WHERE id = :id")),
            id=old,
        )
    tick = ScheduleTick(schedule="platform.mind_jobs", tick=None)  # type: ignore[arg-type]
    await work.mind_jobs(tick, context(parts))
    jobs = (await ana.get("/api/jobs")).json()["items"]
    assert [(job["id"], job["state"]) for job in jobs] == [(str(lost), "failed")]


async def test_one_person_has_so_many_jobs_at_most(ana: Visitor, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MOST_AT_ONCE", 2)
    outcomes = await asyncio.gather(*(started(parts, ana) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyJobs) for outcome in outcomes) == 3
    assert len((await ana.get("/api/jobs?active=true")).json()["items"]) == 2


def test_a_kind_of_job_has_one_runner() -> None:
    app = App(name="toil", title="Toil", jobs={"toil.count": "tests.platform.jobs.test_jobs:count"})
    with pytest.raises(MalformedJob):
        JobKinds([app, app])
    with pytest.raises(ImportError):
        JobKinds([app]).runner("toil.nothing")
    assert "toil.count" in JobKinds([app])
