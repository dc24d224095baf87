"""Which requests carry bytes without limit. Loaded before any route, so it imports nothing."""

import re
from typing import Final

_STREAMS: Final = re.compile(
    r"GET /api/auth/archives/[^/]+/content|POST /(?:api/auth|app/account/data)/archives/read-in"
)
_PICTURES: Final = frozenset({("PUT", "/api/auth/profile/picture"), ("POST", "/app/account/picture")})


def is_stream(method: str, path: str) -> bool:
    """Whether the body or the answer may be of any size and take any time."""
    if (method, path) in _PICTURES:  # they have a limit of their own
        return True
    return "/archives/" in path and _STREAMS.fullmatch(f"{method} {path}") is not None
