"""The bus between processes: what is heard, acknowledged, and noticed when it breaks."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.settings import DatabaseSettings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def buses(database_address: Address) -> AsyncIterator[tuple[Bus, Bus]]:
    """Two processes' ends."""
    one, other = Bus(database_address, DatabaseSettings()), Bus(database_address, DatabaseSettings())
    await one.start()
    await other.start()
    yield one, other
    await one.close()
    await other.close()


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def test_everyone_hears_a_message_its_sender_too(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    heard: list[tuple[str, Any]] = []
    one.subscribe("news", lambda payload: heard.append(("one", payload)))
    other.subscribe("news", lambda payload: heard.append(("other", payload)))
    assert await one.publish("news", {"what": "é"})
    await until(lambda: len(heard) == 2)
    assert sorted(heard) == [("one", {"what": "é"}), ("other", {"what": "é"})]


async def test_many_wakes_become_few_messages(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    heard: list[Any] = []
    other.subscribe("events", heard.append)
    for _ in range(500):
        one.wake("events")
    await until(lambda: heard)
    assert len(heard) < 5


async def test_waiting_ends_when_all_have_acted(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    acted: list[Any] = []
    other.subscribe("session.ended", acted.append)
    assert await one.publish_and_wait("session.ended", {"sids": ["x"]})
    assert acted == [{"sids": ["x"]}]


async def test_a_process_that_hears_nothing_delays_the_sender_by_a_second_at_most(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    connection = other._connection
    assert connection is not None
    await connection.remove_listener("commonplace", other._heard)
    began = time.monotonic()
    assert not await one.publish_and_wait("session.ended", {"sids": []}, timeout_seconds=0.3)
    assert time.monotonic() - began < 2


async def test_a_bus_cut_off_tells_those_who_are_not(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    heard: list[Any] = []
    other.subscribe("session.ended", lambda payload: heard.append(("other", payload)))
    one.subscribe("session.ended", lambda payload: heard.append(("one", payload)))
    assert one._connection is not None
    one._connection.terminate()
    assert not await one.publish_and_wait("session.ended", {"sids": ["x"]}, timeout_seconds=0.5)
    await until(lambda: {("one", "x"), ("other", "x")} == {(who, *what["sids"]) for who, what in heard if what})


async def test_a_bus_cut_off_does_not_confirm_and_comes_back(buses: tuple[Bus, Bus], database_address: Address) -> None:
    _, other = buses
    told: list[Any] = []
    other.subscribe("session.ended", told.append)
    assert await other.confirm()
    connection = await asyncpg.connect(**database_address.driver_arguments())
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", other.application_name
    )
    other._last_contact = float("-inf")
    await until(lambda: other._connection is None or other._connection.is_closed() or told)
    await until(lambda: told == [{}])
    assert await other.confirm()
    await connection.close()


async def test_without_a_direct_way_it_is_silent() -> None:
    bus = Bus(None, DatabaseSettings())
    await bus.start()
    assert not await bus.confirm()
    assert not await bus.publish("news", {})
    assert bus.application_name is None
    await bus.close()


async def test_closing_in_the_moment_of_a_loss_comes_to_an_end(database_address: Address) -> None:
    for steps in range(8):
        bus = Bus(database_address, DatabaseSettings())
        await bus.start()
        await asyncio.sleep(0.01)  # until it waits for the loss
        assert bus._connection is not None
        bus._connection.terminate()
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await bus.close()
