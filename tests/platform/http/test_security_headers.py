"""What browsers are told to forbid themselves."""

from typing import Any

import pytest

from commonplace.platform.http import front
from commonplace.platform.http.security_headers import CONTENT_SECURITY_POLICY, USER_CONTENT
from commonplace.platform.http.settings import HttpSettings
from tests.platform.http.asking import ask

pytestmark = pytest.mark.anyio


def app(headers: list[tuple[bytes, bytes]] | None = None, **options: Any) -> Any:
    async def answers(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers or []})
        await send({"type": "http.response.body", "body": b"{}"})

    return front.build(answers, **options)


async def test_every_answer_has_them():
    answer = await ask(app())
    assert answer.header("content-security-policy") == CONTENT_SECURITY_POLICY
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("x-frame-options") == "DENY"
    assert answer.header("referrer-policy") == "same-origin"
    assert answer.header("cross-origin-opener-policy") == "same-origin"
    assert answer.header("cross-origin-resource-policy") == "same-origin"
    assert "camera=()" in (answer.header("permissions-policy") or "")
    assert answer.header("cache-control") == "no-store"


async def test_the_policy_lets_nothing_run_that_we_do_not_serve():
    directives = dict(directive.split(" ", 1) for directive in CONTENT_SECURITY_POLICY.split("; "))
    assert directives["default-src"] == directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "*" not in CONTENT_SECURITY_POLICY


async def test_a_route_keeps_its_own():
    own = [(name.lower().encode(), value.encode()) for name, value in USER_CONTENT.items()]
    answer = await ask(app([*own, (b"cache-control", b"private, max-age=60")]))
    assert answer.all("content-security-policy") == [USER_CONTENT["Content-Security-Policy"]]
    assert answer.all("cache-control") == ["private, max-age=60"]
    assert answer.all("x-frame-options") == ["SAMEORIGIN"]
    assert answer.all("cross-origin-opener-policy") == ["same-origin"]


async def test_one_response_object_is_sent_many_times():
    headers = [(b"content-type", b"application/json")]
    front_door = app(headers)
    await ask(front_door)
    answer = await ask(front_door)
    assert answer.all("x-request-id") == [answer.header("x-request-id")]
    assert headers == [(b"content-type", b"application/json")]


@pytest.mark.parametrize(
    ("production", "scheme", "seconds", "expected"),
    [
        (True, "https", 31_536_000, "max-age=31536000"),
        (True, "https", 0, None),
        (True, "http", 31_536_000, None),
        (False, "https", 31_536_000, None),
    ],
)
async def test_https_is_insisted_on_where_it_is_served(production, scheme, seconds, expected):
    front_door = app(http=HttpSettings(strict_transport_seconds=seconds), production=production)
    assert (await ask(front_door, scheme=scheme)).header("strict-transport-security") == expected


async def test_https_behind_a_trusted_proxy_counts():
    front_door = app(http=HttpSettings(trusted_proxies=("10.0.0.9",)), production=True)
    answer = await ask(front_door, headers={"x-forwarded-proto": "https"}, client="10.0.0.9")
    assert answer.header("strict-transport-security")
