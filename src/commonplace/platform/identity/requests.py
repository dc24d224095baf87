"""The caller of a request: by its `Authorization` header, or else by the browser's cookie."""

from typing import Final

from starlette.requests import HTTPConnection

from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.identity.caller import SESSION_COOKIE, Caller
from commonplace.platform.identity.errors import InvalidCredential
from commonplace.platform.identity.verifier import Identity
from commonplace.platform.parts import Parts

_STATE: Final = "commonplace.caller"


async def caller_of(connection: HTTPConnection) -> Caller:
    """Who sent this request, or opened this WebSocket; found out once for each.

    A cookie counts for any method: that the request came from a page of ours was checked before it got here.

    Raises:
        NotAuthenticated: no credential came with it, or it is refused; the subclass says why.
        DatabaseUnavailable: whether its session has ended cannot be found out.
    """
    known: Caller | None = connection.scope.get(_STATE)
    if known is None:
        known = connection.scope[_STATE] = await _verified(connection)
    return known


async def caller_if_any(connection: HTTPConnection) -> Caller | None:
    """Who sent this request; None when nobody who is known did.

    Raises:
        DatabaseUnavailable: whether the session has ended cannot be found out.
    """
    try:
        return await caller_of(connection)
    except NotAuthenticated:
        return None


async def _verified(connection: HTTPConnection) -> Caller:
    parts: Parts = connection.app.state.parts
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise InvalidCredential("Only `Authorization: Bearer` is understood. Sign in, and send the access token.")
        return await parts[Identity].caller_of_bearer(token.strip())
    cookie = connection.cookies.get(SESSION_COOKIE)
    if cookie is not None:
        return await parts[Identity].caller_of_cookie(cookie)
    raise NotAuthenticated("Sign in first: send `Authorization: Bearer` with an access token.")
