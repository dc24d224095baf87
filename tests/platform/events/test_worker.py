"""The worker: what is told reaches its handlers, once when nothing fails, and at last when something does."""

import asyncio
import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from commonplace.platform.errors import Problem
from commonplace.platform.events.log import tell
from commonplace.platform.events.registry import Discard, Registry
from commonplace.platform.events.settings import EventsSettings
from commonplace.platform.events.worker import Worker
from commonplace.platform.telemetry.correlation import correlated, current

pytestmark = pytest.mark.anyio


class TestDelivery:
    async def test_a_fact_reaches_everyone_who_subscribes(self, installation: Any, happened: Any) -> None:
        heard: list[Any] = []

        async def one(event: Any, _context: Any) -> None:
            heard.append(("one", event))

        async def other(event: Any, _context: Any) -> None:
            heard.append(("other", event))

        installation.start(
            installation.app(installation.subscription(one), installation.subscription(other, queue="analytics"))
        )
        await installation.tell(happened(number=3, subject="é"))
        await installation.all_settled()
        assert sorted(heard, key=str) == [
            ("one", happened(number=3, subject="é")),
            ("other", happened(number=3, subject="é")),
        ]

    async def test_a_handler_of_two_events_is_given_each_as_what_it_is(
        self, installation: Any, happened: Any, happened_elsewhere: Any
    ) -> None:
        heard: list[Any] = []

        async def handle(event: Any, _context: Any) -> None:
            heard.append(event)

        subscription = installation.subscription(handle)
        installation.module.Elsewhere = happened_elsewhere
        both = type(subscription)(event="handlers_under_test:Elsewhere", handler=subscription.handler)
        installation.start(installation.app(subscription, both))
        await installation.tell(happened(number=1), happened_elsewhere(place="Oslo"))
        await installation.all_settled()
        assert sorted(heard, key=str) == [happened(number=1), happened_elsewhere(place="Oslo")]

    async def test_what_is_rolled_back_is_not_delivered(self, installation: Any, happened: Any) -> None:
        heard: list[int] = []

        async def handle(event: Any, _context: Any) -> None:
            heard.append(event.number)

        installation.start(installation.app(installation.subscription(handle)))
        with pytest.raises(ZeroDivisionError):
            async with installation.database.writing() as session:
                await tell(session, happened(number=1), owner_id=None, by=None)
                raise ZeroDivisionError
        await installation.tell(happened(number=2))
        await installation.all_settled()
        assert heard == [2]

    async def test_the_request_and_its_jobs_share_the_correlation_id(self, installation: Any, happened: Any) -> None:
        seen: list[str | None] = []

        async def handle(_event: Any, _context: Any) -> None:
            seen.append(current())

        installation.start(installation.app(installation.subscription(handle)))
        with correlated("abc"):
            await installation.tell(happened())
        await installation.all_settled()
        assert seen == ["abc"]
        assert current() is None

    async def test_from_commit_to_handler_in_less_than_a_tenth_of_a_second(
        self, installation: Any, happened: Any
    ) -> None:
        arrived: dict[int, float] = {}

        async def handle(event: Any, _context: Any) -> None:
            arrived[event.number] = time.perf_counter()

        installation.start(installation.app(installation.subscription(handle)), poll_seconds=30)
        committed = {}
        for number in range(20):
            await installation.tell(happened(number=number))
            committed[number] = time.perf_counter()
            await installation.all_settled()
        latencies = sorted(arrived[number] - committed[number] for number in range(1, 20))
        assert latencies[len(latencies) // 2] < 0.1

    async def test_a_transaction_that_hides_an_event_delays_it_no_longer_than_it_lasts(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        heard: list[int] = []

        async def handle(event: Any, _context: Any) -> None:
            heard.append(event.number)

        installation.start(installation.app(installation.subscription(handle)), poll_seconds=30)
        async with installation.database.writing() as session:
            await tell(
                session, happened(number=1), owner_id=None, by=None
            )  # takes its transaction's number first, commits last
            await installation.tell(happened(number=2))
            await installation.until_true("SELECT count(*) = 1 FROM platform.event")
            assert heard == []
        began = time.perf_counter()
        await until(lambda: sorted(heard) == [1, 2])
        assert time.perf_counter() - began < 1

    async def test_a_busy_queue_does_not_delay_what_comes_new(
        self, installation: Any, happened: Any, happened_elsewhere: Any, until: Any
    ) -> None:
        gate = asyncio.Event()
        began: list[str] = []

        async def slow(_event: Any, _context: Any) -> None:
            began.append("slow")
            await gate.wait()

        async def quick(_event: Any, _context: Any) -> None:
            began.append("quick")

        app = installation.app(installation.subscription(slow), installation.subscription(quick, happened_elsewhere))
        installation.start(app, concurrency=2, poll_seconds=30)
        await installation.tell(happened())
        await until(lambda: began == ["slow"])
        await installation.tell(happened_elsewhere(place="here"))
        await until(lambda: began == ["slow", "quick"], seconds=2)
        gate.set()
        await installation.all_settled()

    async def test_priority_goes_before_age(self, installation: Any, happened: Any, happened_elsewhere: Any) -> None:
        order: list[str] = []

        async def low(_event: Any, _context: Any) -> None:
            order.append("low")

        async def high(_event: Any, _context: Any) -> None:
            order.append("high")

        await installation.tell(*[happened()] * 5, *[happened_elsewhere(place="x")] * 5)
        app = installation.app(
            installation.subscription(low), installation.subscription(high, happened_elsewhere, priority=5)
        )
        installation.start(app, concurrency=1)
        await installation.all_settled()
        assert order == ["high"] * 5 + ["low"] * 5


class TestFailure:
    async def test_a_failed_delivery_is_tried_again_until_it_succeeds(self, installation: Any, happened: Any) -> None:
        attempts: list[int] = []

        async def handle(_event: Any, context: Any) -> None:
            attempts.append(context.delivery.attempt)
            if len(attempts) < 4:
                raise Problem("Not yet.")

        installation.start(installation.app(installation.subscription(handle)))
        await installation.tell(happened())
        await installation.all_settled()
        assert attempts == [1, 2, 3, 4]
        assert await installation.scalar("SELECT count(*) FROM platform.dead_letter") == 0

    async def test_after_its_last_attempt_it_is_a_dead_letter_with_its_history(
        self, installation: Any, happened: Any
    ) -> None:
        async def handle(_event: Any, context: Any) -> None:
            raise Problem(f"Failure {context.delivery.attempt}.")

        installation.start(installation.app(installation.subscription(handle, max_attempts=3)))
        await installation.tell(happened(number=9))
        await installation.all_settled()
        async with installation.database.reading() as session:
            letter = await session.first(text("SELECT event, attempts, history FROM platform.dead_letter"))
        assert letter is not None
        assert letter.event["payload"] == {"number": 9, "subject": None}
        assert letter.attempts == 3
        assert [failure["attempt"] for failure in letter.history] == [1, 2, 3]
        assert [failure["error"] for failure in letter.history] == [
            f"Problem: Failure {attempt}." for attempt in (1, 2, 3)
        ]
        assert all(failure["at"] for failure in letter.history)

    async def test_a_handler_that_discards_is_not_asked_again(self, installation: Any, happened: Any) -> None:
        attempts: list[int] = []

        async def handle(_event: Any, context: Any) -> None:
            attempts.append(context.delivery.attempt)
            raise Discard("The file is gone.")

        installation.start(installation.app(installation.subscription(handle)))
        await installation.tell(happened())
        await installation.all_settled()
        assert attempts == [1]
        assert await installation.scalar("SELECT history #>> '{0,error}' FROM platform.dead_letter") == (
            "The file is gone."
        )

    async def test_a_handler_without_end_is_stopped_and_counts_as_failed(
        self, installation: Any, happened: Any
    ) -> None:
        async def handle(_event: Any, _context: Any) -> None:
            await asyncio.Event().wait()

        installation.start(installation.app(installation.subscription(handle, timeout_seconds=0.05, max_attempts=2)))
        await installation.tell(happened())
        await installation.all_settled()
        error = await installation.scalar("SELECT history #>> '{1,error}' FROM platform.dead_letter")
        assert error == "TookTooLong: The handler did not end within 0.05 s."

    async def test_a_handler_that_cancels_itself_counts_as_failed(self, installation: Any, happened: Any) -> None:
        async def handle(_event: Any, _context: Any) -> None:
            raise asyncio.CancelledError

        installation.start(installation.app(installation.subscription(handle, max_attempts=2)))
        await installation.tell(happened())
        await installation.all_settled()
        assert await installation.scalar("SELECT attempts FROM platform.dead_letter") == 2

    async def test_an_error_with_a_nul_can_be_kept(self, installation: Any, happened: Any) -> None:
        async def handle(_event: Any, _context: Any) -> None:
            raise Discard("a\0b\ud800")

        installation.start(installation.app(installation.subscription(handle)))
        await installation.tell(happened())
        await installation.all_settled()
        assert await installation.scalar("SELECT history #>> '{0,error}' FROM platform.dead_letter") == "a\ufffdb?"

    async def test_a_payload_of_another_shape_becomes_a_dead_letter(self, installation: Any) -> None:
        async def handle(_event: Any, _context: Any) -> None:
            raise AssertionError("It cannot be called with this.")

        installation.start(installation.app(installation.subscription(handle, max_attempts=1)))
        await installation.execute(
            """
            INSERT INTO platform.event (epoch, at, name, payload)
            VALUES (1, clock_timestamp(), 'test.happened', '{"number": "many"}')
            """
        )
        await installation.all_settled()
        assert "ValidationError" in await installation.scalar(
            "SELECT history #>> '{0,error}' FROM platform.dead_letter"
        )

    async def test_a_worker_leaves_what_it_cannot_run_to_others(self, installation: Any, happened: Any) -> None:
        done: list[str] = []

        async def mine(_event: Any, _context: Any) -> None:
            done.append("mine")

        async def other(_event: Any, _context: Any) -> None:
            done.append("other")

        here = installation.app(installation.subscription(mine), name="here")
        there = installation.app(installation.subscription(other), name="there")
        half = Worker(installation.parts, Registry([here, there], serving=["here"]), EventsSettings(poll_seconds=0.1))
        installation.running[half] = asyncio.create_task(half.run())
        await installation.tell(happened())
        await installation.until_true("SELECT count(*) = 1 FROM platform.delivery WHERE lease_until IS NULL")
        assert done == ["mine"]
        installation.start(there)
        await installation.all_settled()
        assert done == ["mine", "other"]


class TestSeveralWorkers:
    async def test_each_delivery_runs_once_when_nothing_fails(self, installation: Any, happened: Any) -> None:
        runs: Counter[int] = Counter()

        async def handle(event: Any, _context: Any) -> None:
            runs[event.number] += 1
            await asyncio.sleep(0)

        app = installation.app(installation.subscription(handle))
        for _ in range(4):
            installation.start(app, concurrency=16)
        for start in range(0, 600, 50):
            await installation.tell(*(happened(number=number) for number in range(start, start + 50)))
        await installation.all_settled()
        assert runs == Counter(dict.fromkeys(range(600), 1))

    async def test_a_worker_that_did_not_dispatch_is_woken_too(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        here: list[int] = []
        gate = asyncio.Event()

        async def handle(event: Any, _context: Any) -> None:
            here.append(event.number)
            await gate.wait()

        app = installation.app(installation.subscription(handle))
        installation.start(app, concurrency=1, poll_seconds=30)
        installation.start(app, concurrency=1, poll_seconds=30)
        await installation.until_true("SELECT count(*) = 2 FROM platform.worker")
        await installation.tell(happened(number=1), happened(number=2))
        await until(lambda: sorted(here) == [1, 2], seconds=5)
        gate.set()
        await installation.all_settled()

    async def test_what_a_killed_worker_held_is_done_by_another(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        began: list[int] = []
        gate = asyncio.Event()

        async def handle(event: Any, _context: Any) -> None:
            began.append(event.number)
            await gate.wait()

        app = installation.app(installation.subscription(handle))
        victim = installation.start(app)
        await installation.tell(*(happened(number=number) for number in range(5)))
        await until(lambda: len(began) == 5)
        await installation.kill(victim)
        # Its process is this one, which lives; so it is given another's number, as a dead one's is.
        await installation.execute("UPDATE platform.worker SET process = '1', pid = 4194304")
        gate.set()
        installation.start(app)
        await installation.all_settled()
        assert sorted(began) == sorted([*range(5), *range(5)])
        assert await installation.scalar("SELECT count(*) FROM platform.worker") == 1

    async def test_a_delivery_that_kills_its_worker_each_time_ends_as_a_dead_letter(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        began: list[int] = []

        async def handle(_event: Any, _context: Any) -> None:
            began.append(1)
            await asyncio.Event().wait()

        app = installation.app(installation.subscription(handle, max_attempts=2))
        await installation.tell(happened())
        for attempt in (1, 2):
            worker = installation.start(app)
            await until(lambda attempt=attempt: len(began) == attempt)
            await installation.kill(worker)
            await installation.execute("UPDATE platform.worker SET process = '1', pid = 4194304")
        installation.start(app)
        await installation.all_settled()
        assert len(began) == 2
        assert await installation.scalar("SELECT jsonb_array_length(history) FROM platform.dead_letter") == 2

    async def test_a_worker_elsewhere_is_dead_when_its_lease_is_over(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        began: list[int] = []
        gate = asyncio.Event()

        async def handle(_event: Any, _context: Any) -> None:
            began.append(1)
            await gate.wait()

        app = installation.app(installation.subscription(handle))
        victim = installation.start(app, lease_seconds=1)
        await installation.tell(happened())
        await until(lambda: began == [1])
        await installation.kill(victim)
        await installation.execute("UPDATE platform.worker SET host = 'elsewhere'")
        installation.start(app, lease_seconds=1)
        await until(lambda: began == [1, 1])
        gate.set()
        await installation.all_settled()


class TestStop:
    async def test_a_stopping_worker_lets_its_handlers_finish(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        state: list[str] = []

        async def handle(_event: Any, _context: Any) -> None:
            state.append("began")
            await asyncio.sleep(0.1)
            state.append("ended")

        worker = installation.start(installation.app(installation.subscription(handle)))
        await installation.tell(happened())
        await until(lambda: state)
        await installation.stop(worker)
        assert state == ["began", "ended"]
        assert await installation.scalar("SELECT count(*) FROM platform.delivery") == 0
        assert await installation.scalar("SELECT count(*) FROM platform.worker") == 0

    async def test_what_does_not_finish_in_time_is_given_back_uncounted(
        self, installation: Any, happened: Any, until: Any
    ) -> None:
        began: list[int] = []

        async def handle(_event: Any, _context: Any) -> None:
            began.append(1)
            await asyncio.Event().wait()

        worker = installation.start(installation.app(installation.subscription(handle)), stop_seconds=0.05)
        await installation.tell(happened())
        await until(lambda: began)
        await installation.stop(worker)
        assert await installation.scalar("SELECT attempts FROM platform.delivery WHERE lease_until IS NULL") == 0

    async def test_a_worker_keeps_its_leases_while_it_stops(self, installation: Any, happened: Any, until: Any) -> None:
        began: list[int] = []
        gate = asyncio.Event()

        async def handle(_event: Any, _context: Any) -> None:
            began.append(1)
            await gate.wait()

        app = installation.app(installation.subscription(handle))
        worker = installation.start(app, lease_seconds=1, stop_seconds=30)
        await installation.tell(happened())
        await until(lambda: began)
        worker.stop()
        other = installation.start(app, lease_seconds=1)
        before = await installation.scalar("SELECT lease_until FROM platform.delivery")
        for _ in range(3):  # three heartbeats of the one that is stopping
            await installation.until_true(f"SELECT lease_until > '{before}' FROM platform.delivery")
            before = await installation.scalar("SELECT lease_until FROM platform.delivery")
        gate.set()
        await installation.running.pop(worker)
        assert began == [1]
        await installation.stop(other)


class TestFaults:
    async def test_it_outlives_a_database_that_goes_away(self, installation: Any, happened: Any) -> None:
        heard: list[int] = []

        async def handle(event: Any, _context: Any) -> None:
            heard.append(event.number)

        installation.start(installation.app(installation.subscription(handle)))
        await installation.tell(happened(number=1))
        await installation.all_settled()
        await installation.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        await installation.tell(happened(number=2))
        await installation.all_settled()
        assert heard == [1, 2]

    async def test_a_worker_needs_of_a_queue_its_interface_only(
        self, installation: Any, happened: Any, memory_desk: Any, until: Any
    ) -> None:
        """Another queue takes the place of the database's, and the handler does not know."""
        heard: list[tuple[int, int]] = []

        async def handle(event: Any, context: Any) -> None:
            heard.append((event.number, context.delivery.attempt))
            if event.number == 2 and context.delivery.attempt == 1:
                raise Problem("Once more.")

        subscription = installation.subscription(handle)
        installation.module.Happened = happened
        for number in range(3):
            await memory_desk.send(handler=subscription.handler, number=number)
        installation.start(installation.app(subscription), queue=memory_desk.worker())
        await until(lambda: len(heard) == 3)
        await memory_desk.pass_time(60)
        await until(lambda: not memory_desk.messages)
        assert sorted(heard) == [(0, 1), (1, 1), (2, 1), (2, 2)]
