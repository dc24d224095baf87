"""Which hosts are answered for: DNS rebinding ends here."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.platform.http import front
from commonplace.platform.http.hosts import host_name
from commonplace.platform.http.settings import HttpSettings
from tests.platform.http.asking import ask, shake_hands

pytestmark = pytest.mark.anyio

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


async def fine(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def app(allowed: str = "", bound: str = "127.0.0.1") -> Any:
    return front.build(fine, http=HttpSettings.model_validate({"allowed_hosts": allowed}), bound_host=bound)


@pytest.mark.parametrize(
    ("allowed", "bound", "host", "status"),
    [
        ("", "127.0.0.1", "localhost", 200),
        ("", "127.0.0.1", "localhost:8000", 200),
        ("", "127.0.0.1", "LOCALHOST.:8000", 200),
        ("", "127.0.0.1", "127.0.0.1:8000", 200),
        ("", "127.0.0.1", "[::1]:8000", 200),
        ("", "127.0.0.1", "evil.example", 421),
        ("", "127.0.0.1", "localhost.evil.example", 421),
        ("", "127.0.0.1", "192.168.1.5", 421),
        ("", "192.168.1.5", "192.168.1.5:8000", 200),
        ("", EVERYWHERE, "192.168.1.5:8000", 200),
        ("", EVERYWHERE, "[2001:db8::5]:8000", 200),
        ("", EVERYWHERE, socket.gethostname(), 200),
        ("", EVERYWHERE, "evil.example", 421),
        ("cloud.example.org", EVERYWHERE, "cloud.example.org", 200),
        ("cloud.example.org", EVERYWHERE, "CLOUD.example.org:443", 200),
        ("cloud.example.org", EVERYWHERE, "192.168.1.5", 421),
        ("cloud.example.org", EVERYWHERE, "localhost", 421),
        ("*.example.org", EVERYWHERE, "cloud.example.org", 200),
        ("*.example.org", EVERYWHERE, "example.org", 421),
        ("*.example.org", EVERYWHERE, "evilexample.org", 421),
        ("*", EVERYWHERE, "whatever.example", 200),
        ("cloud.example.org, 10.0.0.1", EVERYWHERE, "10.0.0.1:80", 200),
        ("", "127.0.0.1", "", 400),
        ("", "127.0.0.1", "localhost:http", 400),
        ("", "127.0.0.1", "evil.example/localhost", 400),
        ("", "127.0.0.1", "evil@localhost", 400),
        ("", "127.0.0.1", "[::1", 400),
    ],
)
async def test_who_is_answered(allowed, bound, host, status):
    front_door = app(allowed, bound)
    for _ in range(2):  # the second time from memory
        assert (await ask(front_door, headers={"host": host})).status == status


async def test_two_hosts_are_none():
    answer = await ask(app(), headers=[("host", "localhost"), ("host", "evil.example")])
    assert answer.status == 400
    assert answer.json["type"] == "/problems/ambiguous-host"


async def test_load_balancers_may_ask_for_health_under_any_name():
    assert (await ask(app(), path="/health", headers={"host": "10.1.2.3"})).status == 200
    assert (await ask(app(), path="/metrics", headers={"host": "evil.example"})).status == 421


async def test_the_refusal_says_the_way_out():
    answer = await ask(app(), headers={"host": "evil.example"})
    assert answer.json["type"] == "/problems/misdirected-request"
    assert "HTTP__ALLOWED_HOSTS" in answer.json["detail"]


async def test_websockets_are_held_to_it_too():
    (message,) = await shake_hands(app(), headers={"host": "evil.example"})
    assert message["type"] == "websocket.close"


@given(st.binary(max_size=60))
def test_no_host_header_breaks_the_door(sent):
    name = host_name(sent)
    assert name is None or name == name.lower()
