"""The challenges that passkeys sign.

A challenge carries its end and a mark (HMAC-SHA256) that only this installation can make, over what it is for and for
whom. So nothing is stored when one is given out, and strangers cannot fill the database by asking. When one is answered
rightly it is written down as spent, in the transaction that lets the person in: it counts once.
"""

import hashlib
import hmac
import secrets
import struct
from datetime import UTC, datetime
from typing import Final, Literal

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import queries
from commonplace.platform.database.session import WriteSession

Purpose = Literal["registration", "sign_in", "second_step", "proof"]
SECONDS: Final = 300  #: how long an answer may take
_CHANCE_BYTES: Final = 16
_END: Final = struct.Struct(">Q")
_MARK_BYTES: Final = 32


def make(accounts: Accounts, purpose: Purpose, bound_to: bytes = b"") -> bytes:
    """A challenge for `purpose`, of use only together with `bound_to`: a session's id, a second step's digest."""
    body = secrets.token_bytes(_CHANCE_BYTES) + _END.pack(int(accounts.clock()) + SECONDS)
    return body + _mark(accounts, purpose, bound_to, body)


def is_valid(accounts: Accounts, challenge: bytes, purpose: Purpose, bound_to: bytes = b"") -> bool:
    """Whether the challenge is ours, for this purpose and binding, and in time."""
    body, mark = challenge[:-_MARK_BYTES], challenge[-_MARK_BYTES:]
    if len(body) != _CHANCE_BYTES + _END.size:
        return False
    is_ours = hmac.compare_digest(mark, _mark(accounts, purpose, bound_to, body))
    return is_ours and accounts.clock() <= _end_of(challenge)


async def spend(session: WriteSession, challenge: bytes) -> bool:
    """Use the challenge up; False when it was used before."""
    added = await session.execute(
        queries.SPEND_CHALLENGE,
        digest=hashlib.sha256(challenge).digest(),
        expires_at=datetime.fromtimestamp(_end_of(challenge), UTC),
    )
    return added == 1


def _end_of(challenge: bytes) -> int:
    end: int = _END.unpack(challenge[_CHANCE_BYTES : _CHANCE_BYTES + _END.size])[0]
    return end


def _mark(accounts: Accounts, purpose: Purpose, bound_to: bytes, body: bytes) -> bytes:
    return hmac.digest(accounts.keys.challenging, purpose.encode() + b"\0" + body + bound_to, "sha256")
