"""Signing keys: every process agrees on them, and they are encrypted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import jwt
import pytest

from commonplace.apps.accounts import handlers
from commonplace.apps.accounts.derived_keys import DerivedKeys
from commonplace.apps.accounts.signing_keys import SigningKeys
from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.database.settings import DatabaseSettings
from commonplace.platform.events.event import ScheduleTick

from .conftest import ClientAt, Rows, SetClock, sign_in

pytestmark = pytest.mark.anyio

Process = Callable[..., Any]
SECRET = b"one-secret-of-the-installation-0123456789"


@pytest.fixture
async def process(database_address: Address, clock: SetClock) -> AsyncIterator[Process]:
    """`await process()`: the keys as one process sees them, by its own connections."""
    closing: list[Any] = []

    async def make(secret: bytes = SECRET) -> SigningKeys:
        database, bus = Database(database_address, DatabaseSettings()), Bus(database_address, DatabaseSettings())
        keys = SigningKeys(database=database, bus=bus, keys=DerivedKeys(secret), token_seconds=3600, clock=clock.time)
        await bus.start()
        closing.extend([bus, database])
        return keys

    yield make
    for part in closing:
        await part.close()


async def test_processes_that_start_together_make_one_key(process: Process, rows: Rows) -> None:
    processes = [await process() for _ in range(6)]
    signing = await asyncio.gather(*(keys.signing_key() for keys in processes for _ in range(5)))
    assert len({key.kid for key in signing}) == 1
    assert await rows("SELECT count(*) AS n FROM accounts.signing_key") == [{"n": 1}]


async def test_what_one_signs_the_others_verify(process: Process) -> None:
    one, other = await process(), await process()
    key = await one.signing_key()
    found = await other.verifying_key(key.kid)
    found.public_key.verify(key.private_key.sign(b"text"), b"text")


async def test_the_private_half_is_encrypted(process: Process, rows: Rows) -> None:
    key = await (await process()).signing_key()
    (stored,) = await rows("SELECT signing_key::text AS all, private_key, public_key FROM accounts.signing_key")
    assert key.private_key.private_bytes_raw() not in stored["private_key"]
    assert key.private_key.private_bytes_raw().hex() not in stored["all"]
    assert stored["public_key"] == key.private_key.public_key().public_bytes_raw()
    assert "Ed25519PrivateKey" not in repr(key)


async def test_a_new_secret_makes_a_new_key_and_signs_nobody_out(process: Process, rows: Rows) -> None:
    before = await (await process()).signing_key()
    renewed = await process(b"another-secret-of-the-installation-012345")
    after = await renewed.signing_key()
    assert after.kid != before.kid
    assert await renewed.verifying_key(before.kid) is not None
    assert (await (await process()).signing_key()).kid == before.kid  # one that still has the old secret
    assert await rows("SELECT count(*) AS n FROM accounts.signing_key") == [{"n": 2}]


async def test_a_key_moved_to_another_id_cannot_be_opened(process: Process, rows: Rows) -> None:
    before = await (await process()).signing_key()
    await rows("UPDATE accounts.signing_key SET kid = 'feedfeedfeedfeed' RETURNING 1")
    assert (await (await process()).signing_key()).kid not in {before.kid, "feedfeedfeedfeed"}


async def test_a_retired_key_signs_no_more_and_verifies_for_an_hour(
    process: Process, rows: Rows, clock: SetClock
) -> None:
    before = await (await process()).signing_key()
    await rows("UPDATE accounts.signing_key SET retired_at = clock_timestamp() RETURNING 1")
    later = await process()
    assert (await later.signing_key()).kid != before.kid
    assert await later.verifying_key(before.kid) is not None
    clock.pass_(3600 + 121)
    assert await (await process()).verifying_key(before.kid) is None


async def test_a_key_made_elsewhere_is_known_as_soon_as_the_bus_says_so(process: Process, rows: Rows) -> None:
    one, other = await process(), await process()
    await one.signing_key()
    assert await other.verifying_key("0123456789abcdef") is None  # other has just looked
    await rows("UPDATE accounts.signing_key SET retired_at = clock_timestamp() RETURNING 1")
    third = await process()
    key = await third.signing_key()
    async with asyncio.timeout(1.5):  # less than an unknown id has to wait
        while await other.verifying_key(key.kid) is None:
            await asyncio.sleep(0.01)


async def test_unknown_ids_make_few_queries(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = await process()
    await keys.signing_key()
    asked: list[Query] = []
    genuine = ReadSession.all

    def counted(self: Any, statement: Any, /, **parameters: Any) -> Any:
        asked.append(statement)
        return genuine(self, statement, **parameters)

    monkeypatch.setattr(ReadSession, "all", counted)
    answers = await asyncio.gather(*(keys.verifying_key(f"{n:016x}") for n in range(500)))
    assert set(answers) == {None}
    assert len(asked) <= 1


async def test_rotating_signs_nobody_out_and_is_known_everywhere_at_once(
    ana: Any, client_at: ClientAt, other_process: Any, rows: Rows, clock: SetClock, accounts: Any, told: Any
) -> None:
    here, there = client_at(), client_at(of=other_process)
    old = {"Authorization": f"Bearer {ana.tokens['access_token']}"}
    assert (await there.get("/auth/profile", headers=old)).status_code == 200
    (before,) = (await there.get("/auth/jwks.json")).json()["keys"]
    kid = await accounts.signing_keys.rotate()
    tokens = (await sign_in(there, ana.email)).json()  # the other process signs with the new key already
    assert jwt.get_unverified_header(tokens["access_token"])["kid"] == kid
    fresh = {"Authorization": f"Bearer {tokens['access_token']}"}
    for client in (here, there):
        shown = [key["kid"] for key in (await client.get("/auth/jwks.json")).json()["keys"]]
        assert shown == [kid, before["kid"]]
        for headers in (old, fresh):
            assert (await client.get("/auth/profile", headers=headers)).status_code == 200
    stored = await rows("SELECT kid, length(private_key) AS n FROM accounts.signing_key ORDER BY created_at")
    assert [(row["kid"], row["n"] > 0) for row in stored] == [(before["kid"], False), (kid, True)]
    assert await told("signing_keys.rotated") == [{"kid": kid, "is_compromised": False}]
    # The old key stands there until its last token is over.
    clock.pass_(3500)
    accounts.signing_keys._loaded = float("-inf")
    assert len((await here.get("/auth/jwks.json")).json()["keys"]) == 2
    clock.pass_(300)
    accounts.signing_keys._loaded = float("-inf")
    assert [key["kid"] for key in (await here.get("/auth/jwks.json")).json()["keys"]] == [kid]


async def test_a_compromised_key_is_refused_at_once_and_sessions_go_on(
    ana: Any, client_at: ClientAt, other_process: Any, accounts: Any
) -> None:
    here, there = client_at(), client_at(of=other_process)
    old = {"Authorization": f"Bearer {ana.tokens['access_token']}"}
    await here.post("/app/sign-in", data={"email": ana.email, "password": "correct horse battery"})
    for client in (here, there):
        assert (await client.get("/auth/profile", headers=old)).status_code == 200  # and is remembered
    stolen = await accounts.signing_keys.signing_key()
    forged = jwt.encode(
        jwt.decode(ana.tokens["access_token"], options={"verify_signature": False}) | {"jti": str(uuid4())},
        stolen.private_key,
        algorithm="EdDSA",
        headers={"kid": stolen.kid},
    )
    assert (await there.get("/auth/profile", headers={"Authorization": f"Bearer {forged}"})).status_code == 200
    await accounts.signing_keys.rotate(is_compromised=True)
    for client in (here, there):
        for token in (ana.tokens["access_token"], forged):
            answer = await client.get("/auth/profile", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401
        shown = (await client.get("/auth/jwks.json")).json()["keys"]
        assert [key["kid"] for key in shown] != [stolen.kid]
        assert len(shown) == 1
    assert (await here.get("/auth/profile")).status_code == 200  # by its cookie
    renewed = await there.post("/auth/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    bearer = {"Authorization": f"Bearer {renewed.json()['access_token']}"}
    assert (await here.get("/auth/profile", headers=bearer)).status_code == 200


async def test_a_key_grows_old_once(process: Process, rows: Rows, clock: SetClock, accounts: Any) -> None:
    parts = {type(accounts): accounts}
    context: Any = SimpleNamespace(parts=parts)
    tick = ScheduleTick(schedule="accounts.rotate_signing_keys", tick=datetime.now(UTC))
    before = await accounts.signing_keys.signing_key()
    await handlers.rotate_signing_keys(tick, context)
    assert (await accounts.signing_keys.signing_key()).kid == before.kid
    clock.pass_(timedelta(days=91).total_seconds())
    other = await process()
    made = await asyncio.gather(
        *(handlers.rotate_signing_keys(tick, context) for _ in range(3)),
        *(other.rotate(older_than=timedelta(days=90)) for _ in range(3)),
    )
    assert len([kid for kid in made if kid]) <= 1
    assert await rows("SELECT count(*) AS n FROM accounts.signing_key") == [{"n": 2}]
    assert await rows("SELECT count(*) AS n FROM accounts.signing_key WHERE retired_at IS NULL") == [{"n": 1}]


async def test_out_of_touch_a_revoked_key_is_looked_up_anew(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = await process(), await process()
    key = await one.signing_key()
    assert await other.verifying_key(key.kid) is not None

    async def out_of_touch() -> bool:
        return False

    monkeypatch.setattr(other._bus, "confirm", out_of_touch)
    monkeypatch.setattr(other, "_grow_stale", lambda _payload: None)
    other._bus._callbacks.clear()
    await one.rotate(is_compromised=True)
    other._loaded -= 2.0
    assert await other.verifying_key(key.kid) is None
