"""Recovery codes: ten, shown once, each of use once, for who has lost their other factors.

A code has 80 bits, so its SHA-256 tells nothing about it, and it outlives a change of `JWT__SECRET_KEY`.
"""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import queries
from commonplace.platform.database.session import WriteSession

COUNT: Final = 10
_BYTES: Final = 10
_GROUP: Final = 4
_LONGEST: Final = 64  # characters that are looked at
#: Base32 has neither 0, 1 nor 8; who reads such a one has misread a letter.
_MISREAD: Final = str.maketrans("018", "OIB")


async def make(session: WriteSession, accounts: Accounts, person_id: UUID) -> Sequence[str]:
    """New codes in the place of the old ones; they exist nowhere but in what comes back."""
    codes = [_grouped(base64.b32encode(secrets.token_bytes(_BYTES)).decode()) for _ in range(COUNT)]
    await session.execute(queries.REMOVE_RECOVERY_CODES, person_id=person_id)
    await session.execute(
        queries.ADD_RECOVERY_CODES,
        person_id=person_id,
        digests=[digest_of(person_id, code) for code in codes],
        now=accounts.now(),
    )
    return codes


async def use(session: WriteSession, person_id: UUID, code: str) -> bool:
    """Whether the code is one of the person's; it is gone when the transaction commits."""
    return await session.execute(queries.USE_RECOVERY_CODE, person_id=person_id, digest=digest_of(person_id, code)) == 1


def digest_of(person_id: UUID, code: str) -> bytes:
    """What is stored of a code; case, spaces and dashes do not count."""
    letters = "".join(char for char in code[:_LONGEST].upper() if char.isalnum()).translate(_MISREAD)
    return hashlib.sha256(person_id.bytes + letters.encode("utf-8", "replace")).digest()


def _grouped(letters: str) -> str:
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP)).lower()
