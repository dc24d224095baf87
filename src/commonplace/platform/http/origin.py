"""Where a request came from."""

from typing import Final

from starlette.requests import HTTPConnection

from commonplace.platform.http import context
from commonplace.platform.identity.foreign import Origin

_LONGEST_USER_AGENT: Final = 400  # characters; browsers send about 120


def origin_of(connection: HTTPConnection) -> Origin:
    """The client, the proxies that are trusted discounted, and what it says of itself."""
    seen = context.of(connection.scope)
    user_agent = connection.headers.get("user-agent", "").replace("\x00", "")[:_LONGEST_USER_AGENT]
    return Origin(address=seen.client_address, user_agent=user_agent, is_secure=seen.scheme in {"https", "wss"})
