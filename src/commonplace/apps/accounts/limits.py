"""The limits of signing in: how many wrong passwords, from where, in how long.

Three counts are kept, over a window that slides:

- of one account from one address: a few tries are free, then each must wait twice as long, then the window must pass;
- of one address to any account: somebody who tries one password on many;
- of one account from any address: many machines that try one account. It does not hold up addresses from which the
  person has signed in before, so nobody can lock a person out of where they usually are.

An attempt is entered first and counts the others then, before its password is looked at. So of those that run at the
same moment, on whatever machines, the last to count sees all that were let through: together they never pass a limit,
and nobody waits for a lock. Being refused here is no attempt, so waiting always helps.
"""

import asyncio
import hmac
import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.addresses import sign_in_key
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.errors import SignInBusy, TooManySignIns
from commonplace.apps.accounts.settings import AccountsSettings
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row

CUT_OFF_AFTER: Final = timedelta(minutes=1)  #: an attempt without an outcome for this long counts as failed
_LONGEST_CROWD_SECONDS: Final = 5.0
_KEY_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to sign in."""

    email_key: str  #: of whatever was typed as the address
    account_key: bytes  #: what is stored of it: only this installation can compute it
    device: Device
    network: str
    method: str
    id: UUID = field(default_factory=new_id)


def account_key_of(accounts: Accounts, email_key: str) -> bytes:
    """What is stored of an address that was typed."""
    return hmac.digest(accounts.keys.naming, email_key.encode(), "sha256")[:_KEY_BYTES]


def attempt_of(accounts: Accounts, email: str, device: Device, *, method: str) -> Attempt:
    """Begin an attempt with whatever was typed as the address.

    Raises:
        TooManySignIns: this process has just refused the same, and asks nobody again.
    """
    email_key = sign_in_key(email)
    account_key = account_key_of(accounts, email_key)
    attempt = Attempt(
        email_key=email_key, account_key=account_key, device=device, network=device.network, method=method
    )
    seconds = accounts.refused_lately.wait_seconds((account_key, attempt.network), accounts.clock())
    if seconds > 0:
        raise TooManySignIns(retry_after_seconds=math.ceil(seconds))
    return attempt


async def enter(accounts: Accounts, attempt: Attempt) -> Row:
    """Enter the attempt as pending. `person_id` and `hash` of what comes back are None for an unknown address.

    `queries.REFUSE_ATTEMPT` or `ACCEPT_ATTEMPT` gives it its outcome.

    Raises:
        TooManySignIns: a limit is reached; the attempt is withdrawn.
        SignInBusy: many sign-ins to this account, none of which has failed, are under way and stay so.
    """
    deadline = asyncio.get_running_loop().time() + _LONGEST_CROWD_SECONDS
    while True:
        found = await _enter(accounts, attempt)
        if found is not None:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise SignInBusy(retry_after_seconds=1)
        await asyncio.sleep(random.uniform(0.02, 0.08))  # noqa: S311 - so that those who wait do not march in step


async def _enter(accounts: Accounts, attempt: Attempt) -> Row | None:
    """Enter the attempt and look at the others; None when so many are under way that it was withdrawn for now."""
    counts_address = _counts_address(accounts, attempt)
    async with accounts.database.reading() as session:  # statement by statement: each entry is to be seen at once
        await session.execute(
            queries.ADD_ATTEMPT,
            id=attempt.id,
            now=accounts.now(),
            account_key=attempt.account_key,
            email_key=attempt.email_key,
            address=attempt.device.address,
            network=attempt.network,
            user_agent=attempt.device.user_agent,
            method=attempt.method,
        )
        found = await session.first(
            queries.ACCOUNT_AND_COUNTS,
            attempt_id=attempt.id,
            account_key=attempt.account_key,
            email_key=attempt.email_key,
            network=attempt.network,
            since=window_start(accounts),
            cut_off_before=accounts.now() - CUT_OFF_AFTER,
        )
        if found is None:
            raise LookupError("Counting gave no row.")
        seconds = wait_seconds(found, accounts.settings, accounts.now(), counts_address=counts_address)
        if seconds <= 0 and not is_crowded(found, accounts.settings, counts_address=counts_address):
            return found
        await session.execute(queries.WITHDRAW_ATTEMPT, attempt_id=attempt.id)
    if seconds > 0:
        accounts.refused_lately.note((attempt.account_key, attempt.network), accounts.clock(), seconds)
        raise TooManySignIns(retry_after_seconds=math.ceil(seconds))
    return None


def window_start(accounts: Accounts) -> datetime:
    """Since when attempts count."""
    return accounts.now() - timedelta(seconds=accounts.settings.failure_window_seconds)


def wait_seconds(counts: Row, settings: AccountsSettings, now: datetime, *, counts_address: bool) -> float:
    """How long until another attempt may be made; 0 when it may now.

    `counts` is of the others. Those under way count as failed once one of them has: who guesses gains nothing by
    guessing all at once.
    """
    window = timedelta(seconds=settings.failure_window_seconds)
    waits = [0.0]

    def wait_until(moment: datetime) -> None:
        waits.append((moment - now).total_seconds())

    failed = counts.pair_failed
    if failed >= settings.failures_per_account_and_address:
        wait_until(counts.pair_oldest + window)
    elif failed and failed + counts.pair_pending >= settings.failures_per_account_and_address:
        waits.append(1.0)
    elif failed >= settings.failures_before_delay:
        delay = 2.0 ** min(failed - settings.failures_before_delay, 20)
        wait_until(counts.pair_newest + min(timedelta(seconds=delay), window))
    if counts_address and counts.address_failed >= settings.failures_per_address:
        wait_until(counts.address_oldest + window)
    if not counts.is_known_network and counts.account_failed >= settings.failures_per_account:
        wait_until(counts.account_oldest + window)
    return max(waits)


def is_crowded(counts: Row, settings: AccountsSettings, *, counts_address: bool) -> bool:
    """Whether those under way could pass a limit if all of them failed: then the next waits for their outcome."""
    return bool(
        counts.pair_failed + counts.pair_pending >= settings.failures_per_account_and_address
        or (counts_address and counts.address_failed + counts.address_pending >= settings.failures_per_address)
        or (
            not counts.is_known_network
            and counts.account_failed + counts.account_pending >= settings.failures_per_account
        )
    )


def _counts_address(accounts: Accounts, attempt: Attempt) -> bool:
    """Whether the limit of an address applies: not to an unknown one, nor to this machine on a laptop."""
    return attempt.network != "" and (accounts.settings.is_production or not attempt.device.is_loopback)
