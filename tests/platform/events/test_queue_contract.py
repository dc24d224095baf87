"""What every queue of deliveries promises, whatever keeps them. Handlers rely on nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from commonplace.platform.events.queue import DeliveryQueue

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)


async def claim(queue: DeliveryQueue, limit: int = 10, name: str = "notifications") -> Any:
    return await queue.claim(name, limit=limit, lease=LEASE)


class TestClaim:
    async def test_a_delivery_carries_the_event_and_its_handler(self, desk: Any) -> None:
        identifier = await desk.send(handler="app:greet", number=7)
        (delivery,) = await claim(desk.worker())
        assert (delivery.id, delivery.queue, delivery.handler) == (identifier, "notifications", "app:greet")
        assert (delivery.attempt, delivery.max_attempts) == (1, 3)
        assert delivery.envelope.payload == {"number": 7}

    async def test_an_empty_queue_gives_nothing(self, desk: Any) -> None:
        assert list(await claim(desk.worker())) == []

    async def test_queues_are_apart(self, desk: Any) -> None:
        await desk.send(queue="processing")
        assert list(await claim(desk.worker())) == []
        assert len(await claim(desk.worker(), name="processing")) == 1

    async def test_no_more_than_the_limit(self, desk: Any) -> None:
        for number in range(5):
            await desk.send(number=number)
        worker = desk.worker()
        assert [len(await claim(worker, limit=2)) for _ in range(4)] == [2, 2, 1, 0]

    async def test_the_highest_priority_first_and_in_it_the_oldest(self, desk: Any) -> None:
        for number, priority in enumerate([0, 5, 0, 5, -3]):
            await desk.send(number=number, priority=priority)
        worker = desk.worker()
        order = [delivery.envelope.seq for _ in range(2) for delivery in await claim(worker, limit=3)]
        assert order == [1, 3, 0, 2, 4]

    async def test_what_one_has_nobody_else_gets(self, desk: Any) -> None:
        for number in range(40):
            await desk.send(number=number)
        workers = [desk.worker() for _ in range(4)]
        claims = await asyncio.gather(*(claim(worker, limit=7) for worker in workers * 2))
        taken = [delivery.id for claimed in claims for delivery in claimed]
        assert len(taken) == len(set(taken))
        rest = [delivery.id for worker in workers for delivery in await claim(worker, limit=40)]
        assert len({*taken, *rest}) == 40

    async def test_what_cannot_be_read_becomes_a_dead_letter_and_hinders_nobody(self, desk: Any) -> None:
        identifier = await desk.send_unreadable()
        await desk.send(number=1)
        claimed = await claim(desk.worker())
        assert [delivery.envelope.seq for delivery in claimed] == [1]
        assert [letter.id for letter in await desk.dead()] == [identifier]


class TestSettling:
    async def test_what_is_done_never_comes_back(self, desk: Any) -> None:
        await desk.send()
        await desk.send()
        worker = desk.worker()
        await worker.done(await claim(worker))
        await desk.pass_time(3600)
        await worker.recover()
        assert list(await claim(worker)) == []
        assert await desk.dead() == []

    async def test_nothing_done_is_no_error(self, desk: Any) -> None:
        await desk.worker().done([])
        await desk.worker().extend([], lease=LEASE)
        await desk.worker().release([])

    async def test_a_failure_comes_back_after_its_wait_as_the_next_attempt(self, desk: Any) -> None:
        await desk.send()
        worker = desk.worker()
        (delivery,) = await claim(worker)
        await worker.retry(delivery, after=timedelta(seconds=60), error="no")
        assert list(await claim(worker)) == []
        await desk.pass_time(61)
        (again,) = await claim(desk.worker())
        assert (again.id, again.attempt) == (delivery.id, 2)

    async def test_a_dead_letter_has_its_history(self, desk: Any) -> None:
        await desk.send()
        worker = desk.worker()
        (delivery,) = await claim(worker)
        await worker.retry(delivery, after=timedelta(0), error="first")
        await desk.pass_time(1)
        (delivery,) = await claim(worker)
        await worker.bury(delivery, error="second")
        assert [letter.errors for letter in await desk.dead()] == [["first", "second"]]
        await desk.pass_time(3600)
        await worker.recover()
        assert list(await claim(worker)) == []

    async def test_what_is_released_is_due_at_once_and_no_attempt_is_counted(self, desk: Any) -> None:
        await desk.send(max_attempts=1)
        worker = desk.worker()
        await worker.release(await claim(worker))
        (again,) = await claim(desk.worker())
        assert again.attempt == 1

    async def test_closing_gives_everything_back_uncounted(self, desk: Any) -> None:
        await desk.send(max_attempts=1)
        await desk.send(max_attempts=1)
        worker, other = desk.worker(), desk.worker()
        (done, _held) = await claim(worker)
        await worker.done([done])
        await worker.close()
        assert [delivery.attempt for delivery in await claim(other)] == [1]


class TestLeases:
    async def test_a_lease_that_ran_out_gives_the_delivery_to_another(self, desk: Any) -> None:
        await desk.send()
        (delivery,) = await claim(desk.worker())
        other = desk.worker()
        await desk.pass_time(31)
        await other.recover()
        await desk.pass_time(3)  # it may wait a little, so that a poisoned one does not meet the same company again
        (again,) = await claim(other)
        assert (again.id, again.attempt) == (delivery.id, 2)

    async def test_a_heartbeat_keeps_it(self, desk: Any) -> None:
        await desk.send()
        worker, other = desk.worker(), desk.worker()
        claimed = await claim(worker)
        for _ in range(3):
            await desk.pass_time(20)
            await worker.extend(claimed, lease=LEASE)
            await other.recover()
            assert list(await claim(other)) == []

    @pytest.mark.parametrize("ending", ["done", "retry", "bury", "release", "extend"])
    async def test_who_lost_the_lease_can_end_nothing(self, desk: Any, ending: str) -> None:
        await desk.send()
        late, other = desk.worker(), desk.worker()
        (lost,) = await claim(late)
        await desk.pass_time(31)
        await other.recover()
        await desk.pass_time(3)
        (held,) = await claim(other)
        await {
            "done": lambda: late.done([lost]),
            "retry": lambda: late.retry(lost, after=timedelta(0), error="late"),
            "bury": lambda: late.bury(lost, error="late"),
            "release": lambda: late.release([lost]),
            "extend": lambda: late.extend([lost], lease=timedelta(hours=1)),
        }[ending]()
        assert await desk.dead() == []
        assert list(await claim(late)) == []
        await other.bury(held, error="the holder's word counts")
        assert [letter.errors[-1] for letter in await desk.dead()] == ["the holder's word counts"]

    async def test_one_that_is_lost_each_time_ends_as_a_dead_letter(self, desk: Any) -> None:
        identifier = await desk.send(max_attempts=3)
        for attempt in (1, 2, 3):
            (delivery,) = await claim(desk.worker())
            assert delivery.attempt == attempt
            await desk.pass_time(31)
            await desk.worker().recover()
            await desk.pass_time(10)
        assert list(await claim(desk.worker())) == []
        assert [letter.id for letter in await desk.dead()] == [identifier]
