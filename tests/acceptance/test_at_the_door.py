"""What the whole application answers to requests for other hosts, and to pages of other origins."""

import pytest

from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

FRIEND, STRANGER = "https://friend.example", "https://stranger.example"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return {**environ, "CORS__ORIGINS": FRIEND}


@pytest.mark.parametrize("path", ["/openapi.json", "/auth/profile", "/api/files", "/app/files", "/static/x.css", "/no"])
async def test_a_foreign_host_is_told_that_this_is_not_it(ana: Visitor, path: str) -> None:
    answer = await ana.get(path, headers={"Host": "evil.example", "Accept": "application/json"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (421, "application/problem+json")
    problem = answer.json()
    assert problem["type"] == "/problems/misdirected-request"
    assert "HTTP__ALLOWED_HOSTS" in problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-ID"]


async def test_a_foreign_host_changes_nothing(ana: Visitor) -> None:
    refused = await ana.post("/api/files", files={"file": ("a.txt", b"1")}, headers={"Host": "evil.example"})
    assert refused.status_code == 421
    assert (await ana.get("/api/files")).json()["items"] == []


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key",
    }


@pytest.mark.parametrize("path", ["/api/files", "/auth/login"])
async def test_pages_of_an_allowed_origin_may_ask_and_then_do(ana: Visitor, nobody: Visitor, path: str) -> None:
    granted = await nobody.options(path, headers=preflight(FRIEND))
    assert (granted.status_code, granted.content) == (204, b"")
    assert granted.headers["Access-Control-Allow-Origin"] == FRIEND
    assert granted.headers["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in granted.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Idempotency-Key"} <= set(granted.headers["Access-Control-Allow-Headers"].split(", "))
    answer = await ana.get("/api/files", headers={"Origin": FRIEND})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, FRIEND)


@pytest.mark.parametrize("path", ["/api/files", "/auth/login"])
async def test_pages_of_any_other_origin_are_granted_nothing(ana: Visitor, nobody: Visitor, path: str) -> None:
    refused = await nobody.options(path, headers=preflight(STRANGER))
    assert (refused.status_code, refused.headers["Content-Type"]) == (403, "application/problem+json")
    answer = await ana.get("/api/files", headers={"Origin": STRANGER})
    for headers in (refused.headers, answer.headers):
        assert not [name for name in headers if name.startswith("access-control-")]
        assert "Origin" in headers["Vary"]
