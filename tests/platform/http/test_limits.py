"""How much one request, one client and everybody together may ask for."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from commonplace.platform.http import front
from commonplace.platform.http.limits import RequestLimits
from commonplace.platform.http.settings import HttpSettings, LimitsSettings
from tests.platform.http.asking import ask, request_scope, shake_hands

pytestmark = pytest.mark.anyio


class Note(BaseModel):
    text: str


async def reads_all(_scope: Any, receive: Any, send: Any) -> None:
    length = 0
    while True:
        message = await receive()
        length += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(length).encode()})


def app(inner: Any = reads_all, *, production: bool = False, is_stream: Any = None, **limits: Any) -> Any:
    return front.build(inner, limits=LimitsSettings(**limits), production=production, is_stream=is_stream)


class TestBody:
    async def test_of_the_allowed_length_is_read(self):
        assert (await ask(app(body_bytes=10), "POST", body=b"x" * 10)).body == b"10"

    async def test_declared_longer_is_refused_unread(self):
        answer = await ask(app(body_bytes=10), "POST", body=b"x" * 11)
        assert answer.status == 413
        assert answer.json["limit_bytes"] == 10

    async def test_undeclared_longer_is_refused_while_it_is_read(self):
        answer = await ask(app(body_bytes=10), "POST", body=[b"x" * 6, b"x" * 6])
        assert answer.status == 413

    async def test_too_long_is_told_through_fastapi_as_well(self):
        api = FastAPI()

        @api.post("/notes")
        async def note(note: Note) -> Note:
            return note

        parts = [b'{"text": "', b"x" * 2000, b'"}']
        headers = {"content-type": "application/json"}
        answer = await ask(app(api, body_bytes=1000), "POST", "/notes", headers, body=parts)
        assert answer.status == 413
        assert answer.json["type"] == "/problems/payload-too-large"

    @pytest.mark.parametrize("length", ["-1", "ten", "1e3", ""])
    async def test_of_a_malformed_length_is_refused(self, length):
        answer = await ask(app(), "POST", headers={"content-length": length})
        assert answer.status == 400

    async def test_that_is_streamed_has_no_limit_here(self):
        front_door = app(body_bytes=10, is_stream=lambda method, path: (method, path) == ("POST", "/upload"))
        assert (await ask(front_door, "POST", "/upload", body=b"x" * 100)).body == b"100"
        assert (await ask(front_door, "POST", "/elsewhere", body=b"x" * 100)).status == 413


async def test_urls_have_a_limit():
    front_door = app(url_bytes=300)
    assert (await ask(front_door, path="/" + "a" * 299)).status == 200
    answer = await ask(front_door, path="/" + "a" * 200, query="b" * 100)
    assert answer.status == 414
    assert answer.json["limit_bytes"] == 300


async def test_headers_have_a_limit():
    assert (await ask(app(header_bytes=1024), headers={"x-long": "a" * 2000})).status == 431
    assert (await ask(app(), headers=[(f"x-{n}", "a") for n in range(200)])).status == 431
    assert (await ask(app())).status == 200


class TestDeadline:
    async def test_ends_a_request_that_takes_too_long(self):
        cancelled = []

        async def sleeps(_scope: Any, _receive: Any, _send: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        answer = await ask(app(sleeps, request_seconds=0.05))
        assert answer.status == 503
        assert answer.json["type"] == "/problems/took-too-long"
        assert answer.header("retry-after") == "5"
        assert cancelled
        assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]

    async def test_of_a_body_that_does_not_come_is_the_client_s(self):
        async def receive() -> Any:
            await asyncio.Event().wait()

        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = request_scope("POST", headers={"content-length": "10"})
        await app(request_seconds=0.05)(scope, receive, send)
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]

    async def test_counts_for_an_error_that_the_cancellation_became(self):
        async def translates(_scope: Any, _receive: Any, _send: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ValueError("the driver's own error") from None

        assert (await ask(app(translates, request_seconds=0.05))).status == 503

    async def test_may_come_too_late(self):
        async def finishes_anyway(scope: Any, receive: Any, send: Any) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await reads_all(scope, receive, send)

        assert (await ask(app(finishes_anyway, request_seconds=0.05))).status == 200
        assert not asyncio.current_task().cancelling()  # type: ignore[union-attr]

    async def test_spares_streams_and_quick_requests(self):
        gate = asyncio.Event()

        async def waits(_scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await reads_all(_scope, receive, send)

        front_door = app(waits, request_seconds=0.05, is_stream=lambda _method, path: path == "/download")
        streaming = asyncio.create_task(ask(front_door, path="/download"))
        assert (await ask(front_door)).status == 503
        gate.set()
        assert (await streaming).status == 200
        assert (await ask(front_door)).status == 200


class TestOverload:
    async def test_is_told_at_once(self):
        gate = asyncio.Event()

        async def waits(scope: Any, receive: Any, send: Any) -> None:
            await gate.wait()
            await reads_all(scope, receive, send)

        front_door = app(waits, requests_in_flight=3)
        held = [asyncio.create_task(ask(front_door)) for _ in range(3)]
        await asyncio.sleep(0)
        answer = await ask(front_door)
        assert answer.status == 503
        assert answer.json["type"] == "/problems/overloaded"
        assert answer.header("retry-after") == "1"
        gate.set()
        assert [(await one).status for one in held] == [200] * 3
        assert (await ask(front_door)).status == 200

    async def test_of_streams_leaves_requests_alone(self):
        gate = asyncio.Event()

        async def waits(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == "/download":
                await gate.wait()
            await reads_all(scope, receive, send)

        front_door = app(waits, streams_in_flight=1, is_stream=lambda _method, path: path == "/download")
        held = asyncio.create_task(ask(front_door, path="/download"))
        await asyncio.sleep(0)
        assert (await ask(front_door, path="/download")).status == 503
        assert (await ask(front_door)).status == 200
        gate.set()
        assert (await held).status == 200

    async def test_hides_health_from_nobody(self):
        gate = asyncio.Event()

        async def waits(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] != "/health":
                await gate.wait()
            await reads_all(scope, receive, send)

        front_door = app(waits, requests_in_flight=1)
        held = asyncio.create_task(ask(front_door))
        await asyncio.sleep(0)
        assert (await ask(front_door, path="/health")).status == 200
        gate.set()
        await held

    async def test_limits_websockets(self):
        gate = asyncio.Event()

        async def holds(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "websocket.accept"})
            await gate.wait()

        front_door = app(holds, websockets=1)
        held = asyncio.create_task(shake_hands(front_door))
        await asyncio.sleep(0)
        refusal = await shake_hands(front_door, extensions=["websocket.http.response"])
        assert refusal[0]["status"] == 503
        gate.set()
        assert (await held)[0]["type"] == "websocket.accept"


class TestRates:
    async def test_of_one_address(self):
        front_door = app(production=True, requests_per_address=5, address_window_seconds=300)
        statuses = [(await ask(front_door, client="203.0.113.7")).status for _ in range(6)]
        assert statuses == [200] * 5 + [429]
        answer = await ask(front_door, client="203.0.113.7")
        assert answer.json["limit"] == "address"
        assert answer.json["limit_requests"] == 5
        assert 1 <= int(answer.header("retry-after") or 0) <= 600
        assert (await ask(front_door, client="203.0.113.8")).status == 200

    async def test_of_the_installation(self):
        clock = Clock()
        limits = RequestLimits(
            LimitsSettings(requests_per_second=10), exempt_loopback=False, directory=None, clock=clock
        )
        refusals = [limits.refusal(f"203.0.113.{n}") for n in range(11)]
        assert refusals[:10] == [None] * 10
        assert refusals[10] is not None
        assert refusals[10].extensions["limit"] == "installation"
        assert refusals[10].retry_after_seconds == 2
        clock.now += 2
        assert limits.refusal("203.0.113.99") is None

    @pytest.mark.parametrize(("production", "last"), [(False, 200), (True, 429)])
    async def test_spare_this_machine_outside_production(self, production, last):
        front_door = app(production=production, requests_per_address=3)
        statuses = [(await ask(front_door, client="127.0.0.1")).status for _ in range(4)]
        assert statuses == [200, 200, 200, last]

    async def test_go_by_the_client_behind_a_trusted_proxy(self):
        limits = LimitsSettings(requests_per_address=1)
        front_door = front.build(
            reads_all, limits=limits, http=HttpSettings(trusted_proxies=("10.0.0.9",)), production=True
        )
        for client in ("203.0.113.7", "203.0.113.8"):
            first = await ask(front_door, headers={"x-forwarded-for": client}, client="10.0.0.9")
            assert first.status == 200
        again = await ask(front_door, headers={"x-forwarded-for": "203.0.113.8"}, client="10.0.0.9")
        assert again.status == 429

    async def test_never_hide_health(self):
        front_door = app(production=True, requests_per_address=1)
        assert [(await ask(front_door, path="/health")).status for _ in range(3)] == [200] * 3

    async def test_hold_for_websockets(self):
        async def refuses(_scope: Any, _receive: Any, send: Any) -> None:
            await send({"type": "websocket.close"})

        front_door = app(refuses, production=True, requests_per_address=1)
        await shake_hands(front_door)
        messages = await shake_hands(front_door, extensions=["websocket.http.response"])
        assert messages[0]["status"] == 429

    def test_can_be_switched_off(self):
        settings = LimitsSettings(requests_per_address=0, requests_per_second=0)
        limits = RequestLimits(settings, exempt_loopback=False, directory=None)
        assert [limits.refusal("203.0.113.7") for _ in range(5_000)] == [None] * 5_000

    def test_take_a_network_of_ipv6_for_one_client(self):
        settings = LimitsSettings(requests_per_address=1)
        limits = RequestLimits(settings, exempt_loopback=False, directory=None)
        assert limits.refusal("2001:db8:0:1::7") is None
        assert limits.refusal("2001:db8:0:1:ffff::8") is not None
        assert limits.refusal("2001:db8:0:2::7") is None
        assert limits.refusal("::ffff:203.0.113.7") is None
        assert limits.refusal("203.0.113.7") is not None
        assert limits.refusal("fe80::1%eth0") is None

    def test_slide(self):
        clock = Clock(at=300.0 * 1000)
        settings = LimitsSettings(requests_per_address=100, address_window_seconds=300, requests_per_second=0)
        limits = RequestLimits(settings, exempt_loopback=False, directory=None, clock=clock)

        def let_in(count: int) -> int:
            return sum(limits.refusal("203.0.113.7") is None for _ in range(count))

        assert let_in(150) == 100
        clock.now += 299
        assert let_in(1) == 0
        clock.now += 1 + 150  # half of the burst has slid out of the last 300 seconds
        assert let_in(100) == 50
        clock.now += 1_000
        assert let_in(150) == 100

    def test_say_truly_when_to_come_back(self):
        clock = Clock(at=300.0 * 1000)
        settings = LimitsSettings(requests_per_address=100, requests_per_second=0)
        for lead in (0.0, 17.5, 299.0):
            clock.now = 300.0 * 2000 + lead
            limits = RequestLimits(settings, exempt_loopback=False, directory=None, clock=clock)
            while (refusal := limits.refusal("203.0.113.7")) is None:
                clock.now += 0.25
            assert refusal.retry_after_seconds is not None
            clock.now += refusal.retry_after_seconds - 1.5
            assert limits.refusal("203.0.113.7") is not None
            clock.now += 1.5
            assert limits.refusal("203.0.113.7") is None

    def test_do_not_count_what_they_refuse(self):
        clock = Clock(at=300.0 * 1000)
        settings = LimitsSettings(requests_per_address=10, requests_per_second=0)
        limits = RequestLimits(settings, exempt_loopback=False, directory=None, clock=clock)
        for _ in range(1_000):
            limits.refusal("203.0.113.7")
        clock.now += 600
        assert limits.refusal("203.0.113.7") is None


class Clock:
    def __init__(self, at: float = 1_000_000.0) -> None:
        self.now = at

    def __call__(self) -> float:
        return self.now
