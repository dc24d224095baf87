"""Which other sites' pages may read answers."""

from typing import Any

import pytest

from commonplace.platform.http import front
from commonplace.platform.http.settings import CorsSettings
from tests.platform.http.asking import ask

pytestmark = pytest.mark.anyio

FRIEND, STRANGER = "https://friend.example", "https://stranger.example"


async def fine(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"Accept")]})
    await send({"type": "http.response.body", "body": b"data"})


async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
    raise RuntimeError


def app(origins: str = "", inner: Any = fine) -> Any:
    return front.build(inner, cors=CorsSettings.model_validate({"origins": origins}))


def preflight(origin: str, method: str = "DELETE") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization",
    }


@pytest.mark.parametrize(
    ("configured", "origin", "allowed", "credentials"),
    [
        ("", FRIEND, None, None),
        (FRIEND, FRIEND, FRIEND, "true"),
        (FRIEND, STRANGER, None, None),
        (FRIEND, "https://friend.example.evil", None, None),
        (FRIEND, "http://friend.example", None, None),
        (FRIEND, "null", None, None),
        (f"{FRIEND}, {STRANGER}", STRANGER, STRANGER, "true"),
        ("*", STRANGER, "*", None),
        (f"*, {FRIEND}", FRIEND, FRIEND, "true"),
        (f"*, {FRIEND}", STRANGER, "*", None),
    ],
)
class TestOrigins:
    async def test_answers_are_readable_by_the_allowed(self, configured, origin, allowed, credentials):
        answer = await ask(app(configured), headers={"origin": origin})
        assert answer.status == 200
        assert answer.header("access-control-allow-origin") == allowed
        assert answer.header("access-control-allow-credentials") == credentials
        exposed = answer.header("access-control-expose-headers") or ""
        assert ("ETag" in exposed) == (allowed is not None)

    async def test_preflights_are_granted_to_the_allowed(self, configured, origin, allowed, credentials):
        answer = await ask(app(configured), "OPTIONS", headers=preflight(origin))
        assert answer.status == (204 if allowed else 403)
        assert answer.header("access-control-allow-origin") == allowed
        assert answer.header("access-control-allow-credentials") == credentials
        if allowed:
            assert "DELETE" in (answer.header("access-control-allow-methods") or "")
            assert "If-Match" in (answer.header("access-control-allow-headers") or "")
            assert answer.header("access-control-max-age") == "600"

    async def test_no_origin_is_ever_granted_everything_with_credentials(
        self, configured, origin, allowed, credentials
    ):
        answer = await ask(app(configured), headers={"origin": origin})
        assert not (allowed == "*" and credentials)
        assert (answer.header("access-control-allow-origin"), answer.header("access-control-allow-credentials")) != (
            "*",
            "true",
        )


async def test_caches_are_told_that_answers_differ():
    with_origin = await ask(app(FRIEND), headers={"origin": FRIEND})
    without = await ask(app(FRIEND))
    assert with_origin.all("vary") == without.all("vary") == ["Accept", "Origin"]


async def test_nothing_is_added_where_nobody_is_allowed():
    answer = await ask(app())
    assert answer.all("vary") == ["Accept"]


@pytest.mark.usefixtures("log_lines")
async def test_problems_are_readable_too():
    answer = await ask(app(FRIEND, broken), headers={"origin": FRIEND})
    assert answer.status == 500
    assert answer.header("access-control-allow-origin") == FRIEND


async def test_an_options_request_that_is_no_preflight_goes_to_its_route():
    assert (await ask(app(FRIEND), "OPTIONS")).body == b"data"


@pytest.mark.parametrize(
    "origin", ["friend.example", "https://", "ftp://friend.example", "https://friend.example/path"]
)
def test_what_is_no_origin_is_refused_at_the_start(origin):
    with pytest.raises(ValueError, match="An origin is"):
        CorsSettings.model_validate({"origins": [origin]})
