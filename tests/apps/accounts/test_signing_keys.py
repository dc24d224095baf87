"""Signing keys: every process agrees on them, and they are encrypted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from commonplace.apps.accounts.derived_keys import DerivedKeys
from commonplace.apps.accounts.signing_keys import SigningKeys
from commonplace.platform.database.address import Address
from commonplace.platform.database.bus import Bus
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.database.settings import DatabaseSettings

from .conftest import Rows, SetClock

pytestmark = pytest.mark.anyio

Process = Callable[..., Any]
SECRET = b"one-secret-of-the-installation-0123456789"


@pytest.fixture
async def process(database_address: Address, clock: SetClock) -> AsyncIterator[Process]:
    """`await process()`: the keys as one process sees them, by its own connections."""
    closing: list[Any] = []

    async def make(secret: bytes = SECRET) -> SigningKeys:
        database, bus = Database(database_address, DatabaseSettings()), Bus(database_address, DatabaseSettings())
        keys = SigningKeys(
            database=database, bus=bus, sealing_key=DerivedKeys(secret).sealing, token_seconds=3600, clock=clock.time
        )
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
