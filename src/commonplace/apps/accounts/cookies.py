"""The cookie that carries a browser's session."""

from starlette.responses import Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.sessions import BrowserSession
from commonplace.platform.identity.caller import SESSION_COOKIE

_DAY_SECONDS = 86_400


def set_cookie(response: Response, session: BrowserSession, device: Device, accounts: Accounts) -> None:
    """Let the browser keep the session.

    It keeps the cookie for as long as the session can last at all; the server ends one that is not used for
    `session_idle_days`. So the idle time slides without sending the cookie again.
    """
    response.set_cookie(
        SESSION_COOKIE,
        session.cookie,
        max_age=accounts.settings.session_absolute_days * _DAY_SECONDS,
        path="/",
        secure=device.is_secure or accounts.settings.is_production,
        httponly=True,
        samesite="lax",
    )


def clear_cookie(response: Response) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax")
