"""What accounts does by the clock."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from commonplace.apps.accounts import device_queries, people_queries, queries, token_queries
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import queries as factor_queries
from commonplace.apps.accounts.factors import totp
from commonplace.apps.accounts.invitations import queries as invitation_queries
from commonplace.apps.accounts.known_devices import FORGOTTEN_AFTER
from commonplace.apps.accounts.letters import queries as letter_queries
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.event import ScheduleTick
from commonplace.platform.events.registry import Context

_BATCH: Final = 1000  # rows in one transaction, which stays short
_STRANGERS_KEPT: Final = timedelta(days=1)  # attempts with an address that has no account: nobody can look them up


async def forget_the_past(_tick: ScheduleTick, context: Context) -> None:
    """Delete sessions and attempts to sign in that are older than what people can see, and devices long unused."""
    accounts = context.parts[Accounts]
    before = accounts.now() - timedelta(days=accounts.settings.history_days)
    strangers_before = accounts.now() - _STRANGERS_KEPT
    await _delete(accounts.database, queries.FORGET_SESSIONS, {"before": before})
    await _delete(accounts.database, letter_queries.FORGET, {"before": accounts.now()})
    await _delete(accounts.database, invitation_queries.FORGET, {"before": accounts.now()})
    await _delete(accounts.database, token_queries.FORGET_TOKENS, {"before": before})
    await _delete(accounts.database, factor_queries.FORGET_SECOND_STEPS, {"before": accounts.now()})
    await _delete(accounts.database, factor_queries.FORGET_SPENT_CHALLENGES, {"before": accounts.now()})
    await _delete(accounts.database, device_queries.FORGET_NOTICES, {"before": before})
    await _delete(accounts.database, device_queries.FORGET_DEVICES, {"before": accounts.now() - FORGOTTEN_AFTER})
    await _delete(accounts.database, queries.FORGET_SIGNING_KEYS, {"before": before})
    audited_before = accounts.now() - timedelta(days=accounts.settings.audit_days)
    await _delete(accounts.database, people_queries.FORGET_AUDIT_ENTRIES, {"before": audited_before})
    await _delete(accounts.database, queries.FORGET_ATTEMPTS, {"before": before, "strangers_before": strangers_before})


async def rotate_signing_keys(_tick: ScheduleTick, context: Context) -> None:
    """Sign with a new key once the present one is `signing_key_days` old. However often it is called, it is one."""
    accounts = context.parts[Accounts]
    if accounts.settings.signing_key_days:
        await accounts.signing_keys.rotate(older_than=timedelta(days=accounts.settings.signing_key_days))


async def seal_factors_anew(_tick: ScheduleTick, context: Context) -> None:
    """Seal what authenticator apps are set up with under the key for second factors, where another one has sealed it.

    So `JWT__SECRET_KEY` can be changed once this has run.
    """
    accounts = context.parts[Accounts]
    if not accounts.keys.former_factors:
        return
    after = UUID(int=0)
    while True:
        async with accounts.database.reading() as session:
            rows = await session.all(factor_queries.TOTPS, after=after, limit=_BATCH)
        for row in rows:
            sealed = totp.sealed_anew(accounts, row.person_id, row.sealed_secret)
            if sealed is not None:
                async with accounts.database.writing() as session:
                    await session.execute(
                        factor_queries.SEAL_ANEW,
                        person_id=row.person_id,
                        sealed_secret=sealed,
                        former_secret=row.sealed_secret,
                    )
        if len(rows) < _BATCH:
            return
        after = rows[-1].person_id


async def _delete(database: Database, query: Query, parameters: Mapping[str, Any]) -> None:
    deleted = _BATCH
    while deleted == _BATCH:
        async with database.writing() as session:
            deleted = await session.execute(query, **parameters, limit=_BATCH)
