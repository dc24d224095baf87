"""The caller of a request: by its `Authorization` header, or else by the browser's cookie."""

import base64
from contextlib import suppress
from typing import Final

from starlette.requests import HTTPConnection

from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.identity.api_tokens import PREFIX
from commonplace.platform.identity.caller import SESSION_COOKIE, Caller
from commonplace.platform.identity.enrolment import SecondFactorMissing
from commonplace.platform.identity.errors import InvalidCredential
from commonplace.platform.identity.foreign import OriginOf
from commonplace.platform.identity.scopes import Scopes
from commonplace.platform.identity.verifier import Identity
from commonplace.platform.parts import Parts

_STATE: Final = "commonplace.caller"


async def caller_of(connection: HTTPConnection) -> Caller:
    """Who sent this request, or opened this WebSocket: `caller_even_enrolling`, but nobody who has to enrol first.

    Raises:
        SecondFactorMissing: the person has to set up a second factor first.
        NotAuthenticated, ScopeMissing, DatabaseUnavailable: as there.
    """
    caller = await caller_even_enrolling(connection)
    if caller.may_only_enrol:
        raise SecondFactorMissing
    return caller


async def caller_even_enrolling(connection: HTTPConnection) -> Caller:
    """Who sent this request, or opened this WebSocket; found out once for each.

    It may be somebody who has to set up a second factor first: only what serves that, or a sign-out, asks by this.

    A cookie counts for any method: that the request came from a page of ours was checked before it got here. What an
    API token admits is held against the request here, and nowhere else.

    Raises:
        NotAuthenticated: no credential came with it, or it is refused; the subclass says why.
        ScopeMissing: it is an API token that was not made for this.
        DatabaseUnavailable: whether its session has ended cannot be found out.
    """
    known: Caller | None = connection.scope.get(_STATE)
    if known is None:
        known = connection.scope[_STATE] = await _verified(connection)
    return known


async def caller_if_any(connection: HTTPConnection) -> Caller | None:
    """Who sent this request; None when nobody who is known did.

    Raises:
        SecondFactorMissing: the person has to set up a second factor first.
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
        scheme, _, value = header.partition(" ")
        token = _token(scheme.lower(), value.strip())
        if not token.startswith(PREFIX):
            return await parts[Identity].caller_of_bearer(
                token, even_enrolling=True, origin=lambda: parts[OriginOf].of(connection)
            )
        caller = await parts[Identity].caller_of_api_token(token)
        parts[Scopes].refuse_unless_admitted(caller, connection.scope.get("method", "GET"), connection.scope["path"])
        return caller
    cookie = connection.cookies.get(SESSION_COOKIE)
    if cookie is not None:
        return await parts[Identity].caller_of_cookie(cookie, even_enrolling=True)
    raise NotAuthenticated("Sign in first: send `Authorization: Bearer` with an access token.")


def _token(scheme: str, value: str) -> str:
    """The token in an `Authorization` header. Basic (RFC 7617) carries an API token as its password, under any name.

    Raises:
        InvalidCredential: there is none.
    """
    if scheme == "bearer":
        return value
    if scheme == "basic":
        with suppress(ValueError):
            _, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            if password.startswith(PREFIX):
                return password
        raise InvalidCredential(
            "`Authorization: Basic` takes an API token in the place of the password. Make one at /app/account/tokens."
        )
    raise InvalidCredential(
        "Only `Authorization: Bearer` and Basic are understood. Sign in, and send the access token."
    )
