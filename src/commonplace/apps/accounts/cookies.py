"""The cookies of a browser: one carries its session, the other lets it be known again."""

from typing import Final

from starlette.responses import Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import DEVICE_COOKIE, Device
from commonplace.apps.accounts.sessions import BrowserSession
from commonplace.platform.identity.caller import SESSION_COOKIE

_DAY_SECONDS: Final = 86_400
_LONGEST_DAYS: Final = 400  # browsers keep no cookie for longer (RFC 6265bis, section 5.5)


def set_cookie(response: Response, session: BrowserSession, device: Device, accounts: Accounts) -> None:
    """Let the browser keep the session, and what it is known by at the next sign-in.

    It keeps the session's cookie for as long as the session can last at all; the server ends one that is not used for
    `session_idle_days`. So the idle time slides without sending the cookie again. The device's cookie stays when the
    session ends, and signs nobody in.
    """
    is_secure = device.is_secure or accounts.settings.is_production
    response.set_cookie(
        SESSION_COOKIE,
        session.cookie,
        max_age=accounts.settings.session_absolute_days * _DAY_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )
    response.set_cookie(
        DEVICE_COOKIE,
        session.device_token,
        max_age=_LONGEST_DAYS * _DAY_SECONDS,
        path="/",
        secure=is_secure,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
