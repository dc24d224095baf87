"""Hashing: any password, any scheme, never on the event loop, never without an end to the queue."""

import asyncio
import base64
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.apps.accounts.errors import SignInBusy
from commonplace.apps.accounts.passwords import BcryptOfAnyLength, Checked, Passwords
from commonplace.apps.accounts.settings import AccountsSettings

from .conftest import PASSWORD, Rows, sign_in

pytestmark = pytest.mark.anyio

Make = Callable[..., Passwords]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Passwords] = []

    def passwords(**given: Any) -> Passwords:
        quick = {"bcrypt_cost": 4, "argon2_memory_kib": 64, "argon2_passes": 1}
        made.append(Passwords(AccountsSettings(**{**quick, **given})))
        return made[-1]

    yield passwords
    for one in made:
        one.close()


@pytest.mark.parametrize(
    "password",
    [
        "eight888",
        "x" * 72,
        "x" * 73,
        "x" * 1024,
        "é" * 36,
        "é" * 37,
        "🙂" * 300,
        "nul\x00inside",
        "\x00" * 8,
        "  spaces  ",
    ],
    ids=lambda password: f"{password[:6]!r}-{len(password)}",
)
@pytest.mark.parametrize("scheme", ["bcrypt", "argon2id"])
async def test_what_was_hashed_is_right_and_everything_near_it_wrong(make: Make, scheme: str, password: str) -> None:
    passwords = make(hashing_scheme=scheme)
    stored = await passwords.hash(password)
    assert await passwords.check(password, stored) == Checked(is_right=True)
    for other in (password + "y", password[:-1], password.swapcase() + "1", password + "\x00", "\x00" + password, ""):
        assert not (await passwords.check(other, stored)).is_right


async def test_the_scheme_is_seen_in_what_is_stored(make: Make) -> None:
    assert (await make().hash("x" * 72)).startswith("$2b$04$")
    assert (await make().hash("x" * 73)).startswith("$sha256$2b$04$")
    assert (await make(bcrypt_cost=5).hash("x" * 8)).startswith("$2b$05$")
    assert (await make(hashing_scheme="argon2id").hash("x" * 8)).startswith("$argon2id$v=19$m=64,t=1,p=1$")


async def test_production_hashes_at_cost_ten_at_least(make: Make) -> None:
    assert (await make(is_production=True).hash("x" * 8)).startswith("$2b$10$")


async def test_a_long_password_is_not_its_own_shortening(make: Make) -> None:
    """The text that bcrypt is given for a long password must not be a password by itself."""
    passwords = make()
    long = "x" * 100
    stored = await passwords.hash(long)
    shortening = base64.b64encode(hashlib.sha256(long.encode()).digest()).decode()
    assert not (await passwords.check(shortening, stored)).is_right
    assert not (await passwords.check(long, stored.removeprefix("$sha256"))).is_right


@pytest.mark.parametrize(
    ("before", "after", "prefix"),
    [
        ({}, {"hashing_scheme": "argon2id"}, "$argon2id$"),
        ({"hashing_scheme": "argon2id"}, {}, "$2b$04$"),
        ({}, {"bcrypt_cost": 5}, "$2b$05$"),
        ({"hashing_scheme": "argon2id"}, {"hashing_scheme": "argon2id", "argon2_passes": 2}, "$argon2id$v=19$m=64,t=2"),
    ],
)
async def test_another_scheme_or_cost_verifies_and_is_replaced(
    make: Make, before: dict[str, Any], after: dict[str, Any], prefix: str
) -> None:
    for password in ("short password", "long password " * 20):
        stored = await make(**before).hash(password)
        passwords = make(**after)
        assert await passwords.check("wrong", stored) == Checked(is_right=False)
        checked = await passwords.check(password, stored)
        assert checked.is_right
        assert prefix in (checked.replacement or "")
        assert await passwords.check(password, checked.replacement) == Checked(is_right=True)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_hashes_made_elsewhere_verify(make: Make, prefix: bytes) -> None:
    stored = bcrypt.hashpw(b"from elsewhere", bcrypt.gensalt(4, prefix)).decode()
    assert (await make().check("from elsewhere", stored)).is_right
    assert (await make().check("from elsewhere", stored.replace("$2b$", "$2y$"))).is_right


@pytest.mark.parametrize("same", [("é", "e\u0301"), ("ﬁ", "fi"), ("Å", "\u212b")])
async def test_one_password_typed_on_two_keyboards_is_the_same(make: Make, same: tuple[str, str]) -> None:
    passwords = make()
    stored = await passwords.hash("correct horse " + same[0])
    assert (await passwords.check("correct horse " + same[1], stored)).is_right


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "$2b$04$",
        "$2b$99$" + "a" * 53,
        "$2b$04$" + "!" * 53,
        "$sha256$2b$04$x",
        "$argon2id$v=19$m=8$x",
        "é" * 60,
    ],
)
async def test_what_is_no_hash_is_never_right_and_no_error(make: Make, stored: str) -> None:
    assert await make().check("password", stored) == Checked(is_right=False)
    assert await make(hashing_scheme="argon2id").check("password", stored) == Checked(is_right=False)


@pytest.mark.parametrize("scheme", ["bcrypt", "argon2id"])
async def test_nobodys_hash_costs_as_much_as_a_real_one_and_fits_nothing(make: Make, scheme: str) -> None:
    passwords = make(hashing_scheme=scheme)
    genuine = await passwords.hash("password")
    assert not passwords._hash.current_hasher.check_needs_rehash(passwords._nobodys)
    assert passwords._hash.current_hasher.identify(passwords._nobodys)
    assert len(passwords._nobodys) == len(genuine)
    for password in ("", "password", "x" * 2000):
        assert not (await passwords.check(password, None)).is_right


async def test_hashing_leaves_the_event_loop_and_uses_its_own_few_threads(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()
    genuine = bcrypt.hashpw

    def hashpw(password: bytes, salt: bytes) -> bytes:
        threads.add(threading.get_ident())
        return genuine(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", hashpw)
    passwords = make(hashing_threads=2, bcrypt_cost=7)
    await asyncio.gather(*(passwords.hash(f"password {n}") for n in range(12)))
    assert threading.get_ident() not in threads
    assert len(threads) <= 2


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="elsewhere than on Linux a thread has no niceness")
async def test_hashing_steps_back_behind_requests(make: Make) -> None:
    passwords = make(hashing_threads=1)
    niceness = await asyncio.get_running_loop().run_in_executor(
        passwords._executor, lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    )
    assert niceness == os.getpriority(os.PRIO_PROCESS, 0) + 10 or niceness == 19


async def test_the_queue_has_an_end_and_goes_by_arrival(make: Make) -> None:
    passwords = make(hashing_threads=1, hashing_queue=3)  # two slots, three may wait
    order: list[int] = []
    release = asyncio.Event()

    async def work(number: int) -> None:
        async with passwords.turn():
            order.append(number)
            await release.wait()

    tasks = [asyncio.create_task(work(number)) for number in range(5)]
    async with asyncio.timeout(5):
        while passwords._waiting < 3:
            await asyncio.sleep(0)
    with pytest.raises(SignInBusy) as refused:
        await work(99)
    assert (refused.value.retry_after_seconds or 0) >= 1
    release.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]


async def test_who_gives_up_waiting_leaves_the_queue(make: Make) -> None:
    passwords = make(hashing_threads=1, hashing_queue=1)
    release = asyncio.Event()

    async def work() -> None:
        async with passwords.turn():
            await release.wait()

    busy = [asyncio.create_task(work()) for _ in range(2)]
    for _ in range(5):
        waiting = asyncio.create_task(work())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    release.set()
    await asyncio.gather(*busy)
    async with asyncio.timeout(5):
        await work()


class TestWithArgon2id:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return {**environ, "ACCOUNTS__HASHING_SCHEME": "argon2id", "ACCOUNTS__ARGON2_MEMORY_KIB": "64"}

    async def test_a_bcrypt_hash_is_replaced_at_the_next_sign_in(self, ana: Any, nobody: Any, rows: Rows) -> None:
        old = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        await rows("UPDATE accounts.password SET hash = :hash RETURNING 1", hash=old)
        assert (await sign_in(nobody, ana.email, "wrong password")).status_code == 401
        assert await rows("SELECT hash FROM accounts.password") == [{"hash": old}]
        assert (await sign_in(nobody, ana.email)).status_code == 200
        (stored,) = await rows("SELECT hash FROM accounts.password")
        assert stored["hash"].startswith("$argon2id$")
        assert (await sign_in(nobody, ana.email)).status_code == 200


@pytest.mark.long
def test_no_password_is_taken_for_another() -> None:
    hasher = BcryptOfAnyLength(4)

    @settings(max_examples=1500, deadline=None)
    @given(one=st.text(max_size=120), other=st.text(max_size=120))
    def check(one: str, other: str) -> None:
        stored = hasher.hash(one)
        assert hasher.verify(one, stored)
        assert hasher.verify(other, stored) == (one.encode() == other.encode())
        assert hasher.identify(stored)
        assert not hasher.check_needs_rehash(stored)

    check()
