"""What is known of a request at the door: its id, and who asks."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI

from commonplace.platform.http import context, front
from commonplace.platform.http.context import RequestContext, TrustedProxies
from commonplace.platform.http.settings import HttpSettings
from commonplace.platform.telemetry import correlation
from tests.platform.http.asking import ask, request_scope

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"


def understood(headers: Any = (), *, trusted: tuple[str, ...] = (), **options: Any) -> RequestContext:
    return RequestContext(request_scope(headers=headers, **options), TrustedProxies(trusted))


class TestRequestId:
    def test_is_made_when_none_comes(self):
        first, second = understood().request_id, understood().request_id
        assert len(first) == 32
        assert int(first, 16)
        assert first != second

    def test_of_the_client_is_kept(self):
        assert understood({"x-request-id": "order-4711.retry_2"}).request_id == "order-4711.retry_2"

    @pytest.mark.parametrize(
        "sent", ["short", "x" * 129, "with space in it", "quote\"'<script>", "-starts-badly", "é" * 9]
    )
    def test_that_could_do_harm_is_replaced(self, sent):
        assert len(understood({"x-request-id": sent}).request_id) == 32
        assert understood({"x-request-id": sent}).request_id != sent

    def test_is_the_trace_s_where_one_comes(self):
        assert understood({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}).request_id == TRACE

    @pytest.mark.parametrize("sent", ["00-xyz-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", "01"])
    def test_is_not_taken_from_a_malformed_trace(self, sent):
        assert understood({"traceparent": sent}).request_id not in sent

    async def test_is_the_correlation_id_while_the_request_lasts(self):
        app = FastAPI()

        @app.get("/")
        async def mine() -> str | None:
            return correlation.current()

        answer = await ask(front.build(app), headers={"x-request-id": "my-own-name"})
        assert answer.json == "my-own-name"
        assert answer.header("x-request-id") == "my-own-name"
        assert correlation.current() is None


@pytest.mark.parametrize(
    ("peer", "trusted", "chain", "client"),
    [
        ("10.0.0.9", (), "203.0.113.7", "10.0.0.9"),
        ("10.0.0.9", ("192.0.2.0/24",), "203.0.113.7", "10.0.0.9"),
        ("10.0.0.9", ("10.0.0.0/8",), "203.0.113.7", "203.0.113.7"),
        ("10.0.0.9", ("10.0.0.0/8",), "6.6.6.6, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.9", ("10.0.0.0/8",), "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("10.0.0.9", ("10.0.0.0/8",), "10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("10.0.0.9", ("10.0.0.9",), "nonsense", "10.0.0.9"),
        ("10.0.0.9", ("10.0.0.9",), "203.0.113.7, nonsense", "10.0.0.9"),
        ("10.0.0.9", ("10.0.0.9",), "203.0.113.7:4711", "203.0.113.7"),
        ("10.0.0.9", ("10.0.0.9",), "[2001:db8::7]:4711", "2001:db8::7"),
        ("::ffff:10.0.0.9", ("10.0.0.0/8",), "203.0.113.7", "203.0.113.7"),
        ("", ("10.0.0.0/8",), "203.0.113.7", ""),
    ],
)
def test_who_asks_is_believed_of_trusted_proxies_only(peer, trusted, chain, client):
    request = understood({"x-forwarded-for": chain}, trusted=trusted, client=peer)
    assert request.client_address == client
    assert request.peer_address == peer
    assert request.forwarded


def test_several_forwarding_headers_are_one_chain():
    headers = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.7")]
    assert understood(headers, trusted=("10.0.0.9",), client="10.0.0.9").client_address == "203.0.113.7"


@pytest.mark.parametrize(("trusted", "scheme"), [((), "http"), (("10.0.0.9",), "https")])
def test_the_scheme_is_believed_of_trusted_proxies_only(trusted, scheme):
    assert understood({"x-forwarded-proto": "https"}, trusted=trusted, client="10.0.0.9").scheme == scheme


def test_a_direct_request_is_not_forwarded():
    assert not understood().forwarded


def test_cookies_sent_in_parts_are_one():
    request = understood([("cookie", "a=1"), ("cookie", "commonplace_session=2")])
    assert request.fields[b"cookie"] == b"a=1; commonplace_session=2"


async def test_the_route_is_named_with_its_prefix():
    app, inner, outer = FastAPI(), APIRouter(prefix="/files"), APIRouter(prefix="/api")
    seen: list[str] = []

    @inner.get("/{file_id}")
    async def one(file_id: str) -> str:
        return file_id

    outer.include_router(inner)
    app.include_router(outer)

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        await front.lean(app)(scope, receive, send)
        seen.append(context.route_of(scope))

    assert (await ask(front.build(watched), path="/api/files/7")).status == 200
    assert seen == ["/api/files/{file_id}"]
    assert (await ask(front.build(watched), path="/nowhere")).status == 404
    assert seen == ["/api/files/{file_id}"]
    assert context.route_of({"type": "http"}) == "unmatched"


def test_lists_are_read_as_words_and_as_json():
    assert HttpSettings.model_validate({"allowed_hosts": "a.example, b.example"}).allowed_hosts == (
        "a.example",
        "b.example",
    )
    assert HttpSettings.model_validate({"allowed_hosts": '["a.example"]'}).allowed_hosts == ("a.example",)
    with pytest.raises(ValueError, match="trusted_proxies"):
        HttpSettings.model_validate({"trusted_proxies": "not-a-network"})
