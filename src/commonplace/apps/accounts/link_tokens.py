"""The tokens in links of mails and invitations: the id of a row, and a code over it that only this installation makes.

So whoever sends a link makes the same one at each attempt, while neither the database nor an event holds anything that
opens it; and nobody can try tokens out: each code is one of 2^192.
"""

import base64
import hmac
from collections.abc import Iterable
from typing import Final
from uuid import UUID

LONGEST_TOKEN: Final = 64  #: characters
_ID_BYTES: Final = 16
_CODE_BYTES: Final = 24


def token_of(key: bytes, row_id: UUID) -> str:
    """The token in the link of this row."""
    return base64.urlsafe_b64encode(row_id.bytes + _code(key, row_id)).rstrip(b"=").decode()


def id_of(keys: Iterable[bytes], token: str) -> UUID | None:
    """The row that a token belongs to; None: to none that was made with one of these keys."""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    try:
        value = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(value) != _ID_BYTES + _CODE_BYTES:
        return None
    row_id = UUID(bytes=value[:_ID_BYTES])
    is_ours = any(hmac.compare_digest(value[_ID_BYTES:], _code(key, row_id)) for key in keys)
    return row_id if is_ours else None


def _code(key: bytes, row_id: UUID) -> bytes:
    return hmac.digest(key, row_id.bytes, "sha256")[:_CODE_BYTES]
