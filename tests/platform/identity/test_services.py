"""Separate services: one has the app accounts, the other tasks, over one database; the second asks the first."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from asgi_lifespan import LifespanManager

from commonplace import application
from commonplace.platform.database.ids import new_id
from commonplace.platform.identity.caller import SESSION_COOKIE, Caller
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.errors import AccountsUnavailable
from commonplace.platform.identity.people import People
from commonplace.platform.identity.proofs import ProofNeeded, Proofs
from commonplace.platform.identity.services.client import AccountsClient
from commonplace.platform.identity.services.compose import REMEMBERED_SECONDS, compose_remote
from commonplace.platform.identity.services.questions import (
    KEYS_PATH,
    PEOPLE_PATH,
    SESSION_PATH,
    PeopleAnswer,
    PeopleQuestion,
    SessionAnswer,
    SessionQuestion,
)
from commonplace.platform.identity.services.signature import HEADER, VALID_SECONDS, ServiceKey
from commonplace.platform.parts import Parts
from commonplace.settings import Settings, SettingsRefused, load_settings
from tests.conftest import SECRET
from tests.visitor import PASSWORD

pytestmark = pytest.mark.anyio


class Road(httpx.AsyncBaseTransport):
    """The way from one service to the other, which a test may close; it counts what goes over it."""

    def __init__(self, app: Any) -> None:
        self.to = httpx.ASGITransport(app=app)
        self.is_closed = False
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_closed:
            raise httpx.ConnectError("Nobody listens there.")
        self.asked.append(request.url.path)
        return await self.to.handle_async_request(request)


class Watch(Clock):
    """A clock that a test puts forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class Services:
    """Both services, and the way between them."""

    def __init__(self, accounts: Any, tasks: Any, road: Road, watch: Watch, parts: Parts) -> None:
        self.road, self.watch, self.parts = road, watch, parts
        self.accounts = _client(accounts)
        self.tasks = _client(tasks)


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost", timeout=30)


@pytest.fixture
async def services(environ: dict[str, str]) -> AsyncIterator[Services]:
    settings = load_settings(environ | {"ACCOUNTS_URL": "http://accounts:8000"}, env_file=None)
    address = settings.database_address
    assert address is not None
    auth_apps, task_apps = (application.served_apps(settings, [name]) for name in ("accounts", "tasks"))
    accounts = application.build(settings, application.compose(settings, address, auth_apps), auth_apps)
    parts, road, watch = application.compose(settings, address, task_apps), Road(accounts), Watch()
    parts.add(watch, as_=Clock)
    compose_remote(parts, settings.accounts_url, transport=road)
    tasks = application.build(settings, parts, task_apps)
    async with LifespanManager(accounts, startup_timeout=30), LifespanManager(tasks, startup_timeout=30):
        both = Services(accounts, tasks, road, watch, parts)
        yield both
        await both.accounts.aclose()
        await both.tasks.aclose()


async def sign_in(services: Services, name: str = "ana") -> dict[str, str]:
    """Headers of a person who signed in at the auth service."""
    email = f"{name}@example.org"
    person = {"email": email, "password": PASSWORD, "name": name.title()}
    assert (await services.accounts.post("/auth/register", json=person)).status_code == 201
    answer = await services.accounts.post("/auth/login", json={"email": email, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_whoever_signed_in_at_one_service_is_known_to_the_other_until_they_sign_out(services: Services) -> None:
    ana = await sign_in(services)
    assert (await services.tasks.post("/tasks", json={"title": "Pay rent"})).status_code == 401
    made = await services.tasks.post("/tasks", json={"title": "Pay rent"}, headers=ana)
    assert made.status_code == 201, made.text
    asked = len(services.road.asked)
    assert (await services.tasks.get("/tasks", headers=ana)).json()["items"][0]["title"] == "Pay rent"
    assert len(services.road.asked) == asked, "Within seconds it is not asked again."
    forged = {"Authorization": ana["Authorization"][:-4] + "AAAA"}
    assert (await services.tasks.get("/tasks", headers=forged)).status_code == 401

    token = await services.accounts.post(
        "/auth/tokens", json={"name": "Notes", "scopes": ["tasks:read"], "expires_at": None}, headers=ana
    )
    program = {"Authorization": f"Bearer {token.json()['token']}"}
    assert (await services.tasks.get("/tasks", headers=program)).status_code == 200
    refused = await services.tasks.post("/tasks", json={"title": "No"}, headers=program)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (403, "scope-missing")
    assert (await services.accounts.delete(f"/auth/tokens/{token.json()['id']}", headers=ana)).status_code == 204
    assert (await services.tasks.get("/tasks", headers=program)).status_code == 401

    assert (await services.accounts.post("/auth/logout", headers=ana)).status_code == 204
    over = await services.tasks.get("/tasks", headers=ana)
    assert (over.status_code, over.json()["type"].rpartition("/")[2]) == (401, "session-over")


async def test_a_browser_is_known_by_its_cookie_in_both(services: Services) -> None:
    await sign_in(services)
    form = {"email": "ana@example.org", "password": PASSWORD}
    answer = await services.accounts.post("/app/sign-in", data=form, headers={"Origin": "http://localhost"})
    cookie = answer.cookies[SESSION_COOKIE]
    services.tasks.cookies.set(SESSION_COOKIE, cookie)
    assert (await services.tasks.get("/api/tasks")).status_code == 200
    services.tasks.cookies.set(SESSION_COOKIE, cookie[:-2] + "xx")
    assert (await services.tasks.get("/api/tasks")).status_code == 401


async def test_nobody_is_let_in_while_the_auth_service_cannot_be_asked(services: Services) -> None:
    ana, ben = await sign_in(services), await sign_in(services, "ben")
    assert (await services.tasks.get("/tasks", headers=ana)).status_code == 200
    services.road.is_closed = True
    assert (await services.tasks.get("/tasks", headers=ana)).status_code == 200, "It was asked a moment ago."
    services.watch.ahead = REMEMBERED_SECONDS + 1
    for person in (ana, ben, {"Authorization": "Bearer cp_" + "0" * 46}):
        refused = await services.tasks.post("/tasks", json={"title": "Secret"}, headers=person)
        assert refused.status_code in (401, 503), refused.text
        if person in (ana, ben):
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert refused.json()["type"].rpartition("/")[2] == "accounts-unavailable"
    health = (await services.tasks.get("/health")).json()
    assert health["status"] == "degraded"
    assert {check["name"]: check["status"] for check in health["checks"]}["accounts"] == "unhealthy"
    services.road.is_closed = False
    assert (await services.tasks.get("/tasks", headers=ana)).json()["items"] == []


async def test_people_and_proofs_are_asked_for_too(services: Services) -> None:
    ana = await sign_in(services)
    profile = (await services.accounts.get("/auth/profile", headers=ana)).json()
    person_id, people, proofs = UUID(profile["id"]), services.parts[People], services.parts[Proofs]
    found = await people.people([person_id, new_id()])
    assert [(person.id, person.name, person.email) for person in found.values()] == [
        (person_id, "Ana", "ana@example.org")
    ]
    services.road.asked.clear()
    assert await people.person(person_id) == found[person_id]
    assert services.road.asked == [], "A name is remembered for seconds."
    assert await people.person_at("Ana@example.org") == person_id
    assert await people.person_at("nobody@example.org") is None
    sessions = (await services.accounts.get("/auth/sessions", headers=ana)).json()["items"]
    caller = Caller(person_id=person_id, session_id=UUID(sessions[0]["id"]), role="user")
    await proofs.refuse_unless_recent(caller)
    other = Caller(person_id=person_id, session_id=new_id(), role="user")
    with pytest.raises(ProofNeeded, match="minutes") as needed:
        await proofs.refuse_unless_recent(other)
    assert needed.value.extensions["factors"] == ("password",)
    services.road.is_closed = True
    with pytest.raises(AccountsUnavailable):
        await people.person_at("ana@example.org")


async def test_what_services_ask_is_closed_to_everybody_else(services: Services, app: Any) -> None:
    body, key = b'{"session_id":null}', ServiceKey(SECRET.encode())
    stranger = ServiceKey(b"another secret of the length that is asked for 0123")
    old = ServiceKey(SECRET.encode(), clock=lambda: Clock().time() - VALID_SECONDS - 2)
    headers = [
        {},
        {HEADER: ""},
        {HEADER: stranger.sign("POST", SESSION_PATH, body)},
        {HEADER: old.sign("POST", SESSION_PATH, body)},
        {HEADER: key.sign("POST", PEOPLE_PATH, body)},
        {HEADER: key.sign("POST", SESSION_PATH, body + b" ")},
        {HEADER: key.sign("POST", SESSION_PATH, body).replace(" ", " f")},
    ]
    for header in headers:
        refused = (await services.accounts.post(SESSION_PATH, content=body, headers=header)).json()
        nothing = (await services.accounts.post("/nothing", content=body, headers=header)).json()
        for told in (refused, nothing):
            del told["request_id"], told["instance"]
        assert refused == nothing, "Nobody is told that there is something to ask."
        assert refused["status"] == 404
    genuine = {HEADER: key.sign("POST", SESSION_PATH, b"{")}
    assert (await services.accounts.post(SESSION_PATH, content=b"{", headers=genuine)).status_code == 400
    genuine = {HEADER: key.sign("GET", KEYS_PATH, b"")}
    answer = await services.accounts.get(KEYS_PATH, headers={**genuine, "Host": "accounts:8000"})
    assert answer.json() == (await services.accounts.get("/auth/jwks.json")).json()
    async with _client(app) as whole:  # serves all apps: there are no other services
        assert (await whole.get(KEYS_PATH, headers=genuine)).status_code == 404


def test_every_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process of two is gone: its address refuses; and the other hangs up once, as one does that dies."""
    resolve, addresses = socket.getaddrinfo, ("127.0.0.2", "127.0.0.3")

    def resolved(host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        if host in (b"accounts.test", "accounts.test"):
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in addresses]
        return resolve(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    asyncio.run(_ask_what_hangs_up_once())  # uvloop resolves names by itself


async def _ask_what_hangs_up_once() -> None:
    greeted = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal greeted
        greeted += 1
        await reader.readuntil(b"}")
        if greeted > 1:
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{"session":null}')
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.3", 0)
    port = server.sockets[0].getsockname()[1]
    client = AccountsClient([f"http://accounts.test:{port}"], ServiceKey(SECRET.encode()))
    async with asyncio.timeout(20):
        question = SessionQuestion(session_id=new_id())
        assert (await client.ask(SESSION_PATH, question, SessionAnswer)).session is None
        assert greeted == 2
        server.close()
        with pytest.raises(AccountsUnavailable):
            await client.ask(PEOPLE_PATH, PeopleQuestion(), PeopleAnswer)
        await client.close()


def test_a_service_that_could_not_ask_does_not_start(settings: Settings) -> None:
    with pytest.raises(LookupError, match="ACCOUNTS_URL"):
        application.served_apps(settings, ["tasks"])


@pytest.mark.parametrize("url", ["accounts:8000", "ftp://accounts", "http://accounts/api", "http://a b"])
def test_the_address_is_checked_at_the_start(url: str) -> None:
    with pytest.raises(SettingsRefused, match="ACCOUNTS_URL"):
        load_settings({"ACCOUNTS_URL": url}, env_file=None)
