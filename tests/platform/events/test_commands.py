"""`commonplace events`: looking, redriving and dropping; and what health and metrics ask."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from commonplace.platform.database.address import Address
from commonplace.platform.database.session import Database
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.errors import Problem
from commonplace.platform.events import status
from commonplace.platform.events.commands import events
from commonplace.platform.events.dispatcher import Dispatcher
from commonplace.platform.events.log_reading import events as read
from commonplace.platform.events.registry import Discard, Registry
from commonplace.platform.parts import Parts
from commonplace.platform.telemetry.metrics import Metrics

pytestmark = pytest.mark.anyio


class Command:
    """What the command line hands its commands."""

    def __init__(self, address: Address, registry: Registry) -> None:
        self._address = address
        self._registry = registry

    def run(self, work: Callable[[Parts], Awaitable[Any]]) -> Any:
        async def with_parts() -> Any:
            database = Database(self._address, DatabaseSettings())
            parts = Parts()
            parts.add(database)
            parts.add(self._registry)
            try:
                return await work(parts)
            except Problem as problem:
                raise click.ClickException(str(problem)) from problem
            finally:
                await database.close()

        return asyncio.run(with_parts())


async def fails(event: Any, _context: Any) -> None:
    raise Discard(f"Number {event.number} is wrong.")


Run = Callable[..., Awaitable[Result]]


@pytest.fixture
def subscription(installation: Any) -> Any:
    return installation.subscription(fails)


@pytest.fixture
def run(installation: Any, database_address: Address, subscription: Any) -> Run:
    registry = Registry(
        [installation.app(subscription, schedules=[installation.schedule(fails, "0 3 * * *")], name="notes")]
    )

    async def invoke(*arguments: str) -> Result:
        command = Command(database_address, registry)
        result = await asyncio.to_thread(CliRunner().invoke, events, list(arguments), obj=command)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
async def dead(installation: Any, happened: Any, subscription: Any) -> list[int]:
    """Three dead letters; their numbers."""
    worker = installation.start(installation.app(subscription))
    await installation.tell(*(happened(number=number) for number in range(3)))
    await installation.all_settled()
    await installation.stop(worker)
    async with installation.database.reading() as session:
        return [row.id for row in await session.all(text("SELECT id FROM platform.dead_letter ORDER BY id"))]


class TestLooking:
    async def test_nothing_to_see(self, run: Run) -> None:
        assert (await run("list")).output == "Nothing waits.\n"
        assert (await run("dead")).output == "There are no dead letters.\n"
        assert (await run("log")).output == ""

    async def test_what_waits(self, run: Run, installation: Any, happened: Any, subscription: Any) -> None:
        await installation.tell(happened(number=1), happened(number=2))
        await Dispatcher(installation.database, Registry([installation.app(subscription)])).dispatch()
        await installation.execute(
            "UPDATE platform.delivery SET run_at = now() + interval '1 hour' WHERE event #>> '{payload,number}' = '2'"
        )
        lines = (await run("list")).output.splitlines()
        assert [line.rpartition("  ")[2][:8] for line in lines] == ["due", "due in 3"]
        assert all(f"test.happened → {subscription.handler}" in line for line in lines)
        assert (await run("list", "--queue", "processing")).output == "Nothing waits.\n"
        first = json.loads((await run("list", "--json")).output.splitlines()[0])
        assert first["event"]["payload"]["number"] == 1

    async def test_dead_letters_and_one_of_them(self, run: Run, dead: list[int]) -> None:
        lines = (await run("dead")).output.splitlines()
        assert sorted(line.rpartition("  ")[2] for line in lines) == [
            f"Number {number} is wrong." for number in range(3)
        ]
        letters = [json.loads(line) for line in (await run("dead", "--json")).output.splitlines()]
        assert sorted(letter["id"] for letter in letters) == dead
        shown = json.loads((await run("show", str(dead[1]))).output)
        assert shown["history"][0]["error"] == f"Number {shown['event']['payload']['number']} is wrong."
        assert shown["died_at"]

    async def test_a_number_that_nothing_has(self, run: Run) -> None:
        result = await run("show", "4711")
        assert result.exit_code == 1
        assert "no such delivery: 4711" in result.output

    async def test_the_log(self, run: Run, installation: Any, happened: Any, happened_elsewhere: Any) -> None:
        await installation.tell(*(happened(number=number) for number in range(5)))
        await installation.tell(happened_elsewhere(place="Oslo"))
        lines = (await run("log", "--limit", "2")).output.splitlines()
        assert [line.split("  ")[2] for line in lines] == ["test.happened", "test.happened_elsewhere"]
        named = (await run("log", "--name", "test.happened", "--json")).output.splitlines()
        assert [json.loads(line)["payload"]["number"] for line in named] == list(range(5))
        third = (await run("log")).output.splitlines()[2].split("  ")[0]
        rest = (await run("log", "--since", third)).output.splitlines()
        assert len(rest) == 3
        assert (await run("log", "--since", "x")).exit_code == 1

    async def test_following_the_log(self, installation: Any, happened: Any) -> None:
        await installation.tell(*(happened(number=number) for number in range(3)))
        seen: list[int] = []
        async with asyncio.timeout(10):
            async for row in read(installation.database, since=None, name=None, limit=2, follow_seconds=0.01):
                seen.append(row.payload["number"])
                if seen == [1, 2]:
                    await installation.tell(happened(number=3), happened(number=4))
                if len(seen) == 4:
                    break
        assert seen == [1, 2, 3, 4]

    async def test_the_schedules(self, run: Run) -> None:
        output = (await run("schedules")).output
        assert output.startswith("notes.nightly  0 3 * * *  last never  next ")
        assert json.loads((await run("schedules", "--json")).output)["cron"] == "0 3 * * *"


class TestRedriving:
    async def test_some(self, run: Run, installation: Any, dead: list[int]) -> None:
        result = await run("redrive", str(dead[0]), str(dead[2]))
        assert result.output == "2 dead letters are on the way again.\n"
        async with installation.database.reading() as session:
            rows = await session.all(text("SELECT id, attempts, history FROM platform.delivery ORDER BY id"))
        assert [(row.id, row.attempts, len(row.history)) for row in rows] == [(dead[0], 0, 1), (dead[2], 0, 1)]
        assert await installation.scalar("SELECT count(*) FROM platform.dead_letter") == 1

    async def test_all_and_they_can_succeed(self, run: Run, installation: Any, dead: list[int], happened: Any) -> None:
        assert len(dead) == 3
        heard: list[int] = []

        async def mended(event: Any, _context: Any) -> None:
            heard.append(event.number)

        subscription = installation.subscription(mended)
        await installation.execute("UPDATE platform.dead_letter SET handler = :handler", handler=subscription.handler)
        assert (await run("redrive", "--all")).output == "3 dead letters are on the way again.\n"
        installation.start(installation.app(subscription))
        await installation.all_settled()
        assert sorted(heard) == [0, 1, 2]
        assert happened.name == "test.happened"

    async def test_all_of_a_handler(self, run: Run, installation: Any, dead: list[int]) -> None:
        await installation.execute("UPDATE platform.dead_letter SET handler = 'x:y' WHERE id = :id", id=dead[0])
        assert (await run("redrive", "--all", "--handler", "x:y")).output == "One dead letter is on the way again.\n"

    async def test_one_whose_key_waits_again_is_absorbed(self, run: Run, installation: Any, dead: list[int]) -> None:
        await installation.execute("UPDATE platform.dead_letter SET deduplication_key = 'k'")
        await run("redrive", "--all")
        assert await installation.scalar("SELECT count(*) FROM platform.delivery") == 1
        assert await installation.scalar("SELECT count(*) FROM platform.dead_letter") == 0
        assert len(dead) == 3

    async def test_what_is_not_there_is_named(self, run: Run, dead: list[int]) -> None:
        result = await run("redrive", str(dead[0]), "4711")
        assert result.exit_code == 1
        assert "4711" in result.output
        assert f"delivery: {dead[0]}." not in result.output

    @pytest.mark.parametrize("arguments", [[], ["1", "--all"], ["1", "--handler", "x:y"]])
    async def test_it_has_to_be_said_which(self, run: Run, arguments: list[str]) -> None:
        assert (await run("redrive", *arguments)).exit_code == 2

    async def test_dropping(self, run: Run, installation: Any, dead: list[int]) -> None:
        assert (await run("drop", str(dead[0]))).output == "One dead letter is dropped.\n"
        assert (await run("drop", "--all")).output == "2 dead letters are dropped.\n"
        assert await installation.scalar("SELECT count(*) FROM platform.dead_letter") == 0
        assert await installation.scalar("SELECT count(*) FROM platform.event") == 3


class TestStatus:
    async def test_without_a_worker_health_says_so(self, database: Database) -> None:
        with pytest.raises(status.NoWorker, match="commonplace worker"):
            await status.check_workers(database)

    async def test_with_one(self, installation: Any) -> None:
        installation.start(installation.app())
        await installation.until_true("SELECT count(*) = 1 FROM platform.worker")
        assert await status.check_workers(installation.database) == {"workers": 1}
        await status.check_database(installation.database)

    async def test_one_that_was_not_seen_for_long_does_not_count(self, installation: Any, database: Database) -> None:
        worker = installation.start(installation.app())
        await installation.until_true("SELECT count(*) = 1 FROM platform.worker")
        await installation.execute("UPDATE platform.worker SET seen_at = now() - interval '31 s'")
        with pytest.raises(status.NoWorker):
            await status.check_workers(database)
        await installation.stop(worker)

    async def test_depths_are_measured(self, installation: Any, dead: list[int]) -> None:
        metrics = Metrics()
        status.measure(metrics, installation.database)
        await installation.execute(
            """
            INSERT INTO platform.delivery (queue, handler, event, max_attempts, run_at)
            VALUES ('processing', 'x:y', '{}', 1, now() - interval '90 s')
            """
        )
        shown = (await metrics.exposition())[0].decode()
        assert 'commonplace_deliveries_waiting{queue="processing"} 1.0' in shown
        assert f'commonplace_dead_letters{{queue="notifications"}} {len(dead)}.0' in shown
        age = next(line for line in shown.splitlines() if line.startswith("commonplace_delivery_oldest_seconds{"))
        assert 90 <= float(age.rpartition(" ")[2]) < 120


class TestOrphans:
    async def test_what_no_app_handles_any_more_ends_as_a_dead_letter_after_a_day(self, installation: Any) -> None:
        for age in ("23 hours", "25 hours"):
            await installation.execute(
                "INSERT INTO platform.delivery (queue, handler, event, max_attempts, run_at)"
                f" VALUES ('processing', 'gone:{age[:2]}', '{{}}', 8, now() - interval '{age}')"
            )
        installation.start(installation.app())
        await installation.until_true("SELECT count(*) = 1 FROM platform.dead_letter")
        assert await installation.scalar("SELECT handler FROM platform.dead_letter") == "gone:25"
        assert await installation.scalar("SELECT handler FROM platform.delivery") == "gone:23"
