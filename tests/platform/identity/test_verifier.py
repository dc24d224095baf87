"""Who is calling: what is remembered, and when it is not trusted."""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.platform.identity.api_tokens import new_token
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.errors import (
    ApiTokenOver,
    CredentialExpired,
    InvalidCredential,
    ScopeMissing,
    SessionOver,
)
from commonplace.platform.identity.remembered import RememberedCallers
from commonplace.platform.identity.scopes import Scopes
from commonplace.platform.identity.settings import JwtSettings, weakness
from commonplace.platform.identity.tokens import AccessTokens
from commonplace.platform.identity.verifier import SESSION_CHANGED, SESSION_ENDED, Identity, LiveSession

from .test_tokens import NOW, OneKey, Time

pytestmark = pytest.mark.anyio

PERSON, SESSION = uuid4(), uuid4()
COOKIE = "a-cookie-of-the-browser"
API_TOKEN = new_token()


class Bus:
    """A bus that a test speaks through."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Callable[[dict[str, Any]], None]] = {}
        self.in_touch = True
        self.while_asked: Callable[[], None] = lambda: None

    def subscribe(self, channel: str, callback: Callable[[dict[str, Any]], None]) -> None:
        self.callbacks[channel] = callback

    async def confirm(self) -> bool:
        self.while_asked()
        return self.in_touch

    def say(self, *session_ids: UUID, channel: str = SESSION_ENDED) -> None:
        self.callbacks[channel]({"sids": [str(session_id) for session_id in session_ids]})


class Sessions:
    """A session source with one session, read as slowly as a test wants."""

    def __init__(self) -> None:
        self.live: LiveSession | None = LiveSession(
            session_id=SESSION, person_id=PERSON, role="user", expires_at=NOW + 86_400
        )
        self.reads = 0
        self.while_read: Callable[[], None] = lambda: None

    async def live_session(self, session_id: UUID) -> LiveSession | None:
        return self._read(session_id == SESSION)

    async def live_api_token(self, digest: bytes) -> LiveSession | None:
        return self._read(digest == hashlib.sha256(API_TOKEN.encode()).digest())

    async def live_session_of_cookie(self, digest: bytes) -> LiveSession | None:
        return self._read(digest == hashlib.sha256(COOKIE.encode()).digest())

    def _read(self, is_known: bool) -> LiveSession | None:
        self.reads += 1
        found = self.live if is_known else None
        self.while_read()
        return found


@pytest.fixture
def bus() -> Bus:
    return Bus()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def identity(bus: Bus, sessions: Sessions, time: Time) -> Identity:
    tokens = AccessTokens(OneKey(), JwtSettings(), clock=time)
    return Identity(tokens=tokens, sessions=sessions, bus=bus, remember=100, clock=time)


@pytest.fixture
async def token(identity: Identity) -> str:
    return await identity.tokens.issue(person_id=PERSON, session_id=SESSION, role="administrator")


async def test_a_token_is_looked_up_once_and_remembered(identity: Identity, sessions: Sessions, token: str) -> None:
    callers = [await identity.caller_of_bearer(token) for _ in range(5)]
    assert callers == [Caller(person_id=PERSON, session_id=SESSION, role="user")] * 5
    assert sessions.reads == 1


async def test_the_role_is_the_one_of_now_and_not_the_tokens(identity: Identity, token: str) -> None:
    assert not (await identity.caller_of_bearer(token)).is_administrator


async def test_a_new_role_holds_at_once(identity: Identity, sessions: Sessions, bus: Bus, token: str) -> None:
    await identity.caller_of_bearer(token)
    assert sessions.live is not None
    sessions.live = replace(sessions.live, role="administrator")
    bus.say(SESSION, channel=SESSION_CHANGED)
    assert (await identity.caller_of_bearer(token)).is_administrator


async def test_an_ended_session_is_refused_as_soon_as_the_bus_says_so(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    await identity.caller_of_bearer(token)
    sessions.live = None
    bus.say(uuid4(), SESSION)
    with pytest.raises(SessionOver):
        await identity.caller_of_bearer(token)


async def test_a_session_that_ends_while_it_is_read_is_not_remembered(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    def end() -> None:
        sessions.live = None
        bus.say(SESSION)

    sessions.while_read = end  # after the row was read, before the caller is remembered
    with pytest.raises(SessionOver):
        await identity.caller_of_bearer(token)


async def test_a_session_spoken_of_during_every_read_is_read_each_time(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    sessions.while_read = lambda: bus.say(SESSION, channel=SESSION_CHANGED)
    assert (await identity.caller_of_bearer(token)).session_id == SESSION
    reads = sessions.reads
    await identity.caller_of_bearer(token)
    assert sessions.reads > reads


async def test_a_break_of_the_bus_while_a_session_is_read_makes_it_read_again(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    def reconnect() -> None:
        sessions.live = None
        bus.callbacks[SESSION_ENDED]({})

    sessions.while_read = reconnect
    with pytest.raises(SessionOver):
        await identity.caller_of_bearer(token)


async def test_what_the_bus_says_while_it_is_asked_counts(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    await identity.caller_of_bearer(token)
    sessions.live = None
    bus.while_asked = lambda: bus.say(SESSION)
    with pytest.raises(SessionOver):
        await identity.caller_of_bearer(token)


async def test_out_of_touch_nothing_remembered_is_trusted(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    await identity.caller_of_bearer(token)
    bus.in_touch = False
    await identity.caller_of_bearer(token)
    assert sessions.reads == 2
    sessions.live = None
    with pytest.raises(SessionOver):
        await identity.caller_of_bearer(token)


async def test_after_a_break_of_the_bus_nothing_is_remembered(
    identity: Identity, sessions: Sessions, bus: Bus, token: str
) -> None:
    await identity.caller_of_bearer(token)
    bus.callbacks[SESSION_ENDED]({})
    await identity.caller_of_bearer(token)
    assert sessions.reads == 2


async def test_a_remembered_token_still_expires(identity: Identity, time: Time, token: str) -> None:
    time.now = NOW + 3590
    await identity.caller_of_bearer(token)
    time.now = NOW + 3600
    with pytest.raises(CredentialExpired):
        await identity.caller_of_bearer(token)


async def test_a_session_is_read_anew_after_a_minute(
    identity: Identity, sessions: Sessions, time: Time, token: str
) -> None:
    await identity.caller_of_bearer(token)
    time.now += 60
    await identity.caller_of_bearer(token)
    assert sessions.reads == 2


async def test_a_token_of_another_person_than_the_sessions_is_refused(identity: Identity) -> None:
    crossed = await identity.tokens.issue(person_id=uuid4(), session_id=SESSION, role="user")
    with pytest.raises(SessionOver):
        await identity.caller_of_bearer(crossed)


async def test_a_cookie_names_its_session(identity: Identity, sessions: Sessions, bus: Bus) -> None:
    for _ in range(3):
        assert (await identity.caller_of_cookie(COOKIE)).person_id == PERSON
    assert sessions.reads == 1
    sessions.live = None
    bus.say(SESSION)
    with pytest.raises(SessionOver):
        await identity.caller_of_cookie(COOKIE)


@pytest.mark.parametrize("value", ["", "x" * 129, "é", "\ud800"])
async def test_what_is_no_cookie_of_ours_is_never_looked_up(identity: Identity, sessions: Sessions, value: str) -> None:
    with pytest.raises(InvalidCredential):
        await identity.caller_of_cookie(value)
    assert sessions.reads == 0


async def test_a_token_is_no_cookie_and_a_cookie_no_token(identity: Identity, token: str) -> None:
    await identity.caller_of_cookie(COOKIE)
    with pytest.raises(InvalidCredential):
        await identity.caller_of_bearer("not-" + COOKIE)
    with pytest.raises((InvalidCredential, SessionOver)):
        await identity.caller_of_cookie(token)


async def test_many_at_once_agree(identity: Identity, sessions: Sessions, bus: Bus, token: str) -> None:
    await asyncio.gather(*(identity.caller_of_bearer(token) for _ in range(50)))
    sessions.live = None
    bus.say(SESSION)
    answers = await asyncio.gather(*(identity.caller_of_bearer(token) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(answer, SessionOver) for answer in answers)


def caller(number: int) -> Caller:
    return Caller(person_id=UUID(int=number), session_id=UUID(int=number % 7), role="user")


def test_the_memory_is_bounded_and_the_oldest_gives_way() -> None:
    remembered = RememberedCallers(3)
    for number in range(3):
        remembered.put(str(number), caller(number), until=10)
    assert remembered.get("0", 1) is not None  # used: 1 is now the oldest
    remembered.put("3", caller(3), until=10)
    assert [remembered.get(str(number), 1) is not None for number in range(4)] == [True, False, True, True]


@pytest.mark.parametrize("examples", [pytest.param(50), pytest.param(5000, marks=pytest.mark.long)])
def test_the_memory_agrees_with_a_plain_dictionary(examples: int) -> None:
    steps = st.lists(
        st.tuples(st.sampled_from(["put", "get", "forget", "clear"]), st.integers(0, 20), st.integers(0, 9)),
        max_size=60,
    )

    @settings(max_examples=examples, deadline=None)
    @given(steps=steps)
    def check(steps: list[tuple[str, int, int]]) -> None:
        remembered, model = RememberedCallers(1000), dict[str, tuple[Caller, int]]()
        for step, number, moment in steps:
            if step == "put":
                remembered.put(str(number), caller(number), until=moment)
                model[str(number)] = (caller(number), moment)
            elif step == "get":
                known = model.get(str(number))
                expected = known[0] if known is not None and moment < known[1] else None
                assert remembered.get(str(number), moment) == expected
                if expected is None:
                    model.pop(str(number), None)
            elif step == "forget":
                remembered.forget([UUID(int=number % 7)])
                model = {key: value for key, value in model.items() if value[0].session_id != UUID(int=number % 7)}
            else:
                remembered.clear()
                model.clear()
            assert len(remembered) == len(model)

    check()


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("brief", "shorter than 32 bytes"),
        ("changeme-changeme-changeme-0123456789", "placeholder"),
        ("this-is-my-secret-key-for-production", "placeholder"),
        ("ab" * 32, "repeats"),
        ("8f1c0e6a5b7d49328f1c0e6a5b7d4932", None),
        ("kq3vX9Zt7LmP2wRb8YcNf4HsJd6GaEuT", None),
    ],
)
def test_a_weak_secret_is_told_without_repeating_it(secret: str, reason: str | None) -> None:
    found = weakness(secret)
    assert (found is None) == (reason is None)
    if reason is not None:
        assert reason in (found or "")
        assert secret not in (found or "")


def test_a_secret_that_is_too_short_is_refused_everywhere() -> None:
    with pytest.raises(ValueError, match="shorter than 32 bytes"):
        JwtSettings(secret_key="x" * 31)


async def test_an_api_token_is_looked_up_once_and_refused_when_the_bus_says_so(
    identity: Identity, sessions: Sessions, bus: Bus
) -> None:
    assert sessions.live is not None
    sessions.live = replace(sessions.live, scopes=frozenset({"notes:read"}))
    callers = [await identity.caller_of_api_token(API_TOKEN) for _ in range(5)]
    assert {caller.scopes for caller in callers} == {frozenset({"notes:read"})}
    assert sessions.reads == 1
    sessions.live = None
    bus.say(SESSION)
    with pytest.raises(ApiTokenOver):
        await identity.caller_of_api_token(API_TOKEN)
    reads = sessions.reads
    for wrong in (API_TOKEN[:-1], "cp_", "", API_TOKEN + "\n", "cp_" + "\u00e9" * 46):
        with pytest.raises(InvalidCredential):
            await identity.caller_of_api_token(wrong)
    assert sessions.reads == reads
    with pytest.raises(InvalidCredential):
        await identity.caller_of_bearer(API_TOKEN)


def caller_with(*scopes: str) -> Caller:
    return Caller(person_id=PERSON, session_id=SESSION, role="user", scopes=frozenset(scopes))


@pytest.mark.parametrize(
    ("held", "method", "path", "missing"),
    [
        ("notes:read", "GET", "/api/notes", None),
        ("notes:read", "GET", "/api/notes/7/versions", None),
        ("notes:write", "GET", "/api/notes", None),
        ("notes:write", "DELETE", "/api/notes/7", None),
        ("notes:read", "POST", "/api/notes", "notes:write"),
        ("notes:read", "PROPFIND", "/api/notes", "notes:write"),
        ("notes:read", "GET", "/api/notebook", ""),
        ("notes:read", "GET", "/api/notes-of-others", ""),
        ("notes:write", "GET", "/api/boards", None),
        ("notes:write", "GET", "/api/hidden", ""),
        ("notes:write", "GET", "/api/sync", "sync:read"),
        ("sync:read", "GET", "/api/sync", None),
        ("notes:write", "GET", "/api/live", ""),
        ("notes:write", "GET", "/app/notes", ""),
        ("notes:write", "GET", "/xapi/notes", ""),
        ("notes:write", "GET", "//api/notes", ""),
        ("notes:write", "GET", "/notes", ""),
        ("notes:write", "GET", "/", ""),
        ("*", "DELETE", "/app/anything", None),
    ],
)
def test_a_scope_opens_the_paths_of_its_app(held: str, method: str, path: str, missing: str | None) -> None:
    scopes = Scopes({"notes": "Notes"})
    scopes.open("notes", ["/api/notes", "/api/notes/{note_id}", "/api/boards", "/app/notes"])
    scopes.open("hidden", ["/api/hidden"])
    with pytest.raises(ScopeMissing) if missing is not None else nullcontext() as refused:
        scopes.refuse_unless_admitted(caller_with(held), method, path)
    if refused is not None:
        assert (refused.value.scope or "") == missing
    assert scopes.all == {"notes:read", "notes:write", "sync:read"}


def test_two_apps_cannot_share_a_prefix() -> None:
    scopes = Scopes({"notes": "Notes", "boards": "Boards"})
    scopes.open("notes", ["/api/notes"])
    with pytest.raises(ValueError, match="belongs to notes"):
        scopes.open("boards", ["/api/notes/boards"])
