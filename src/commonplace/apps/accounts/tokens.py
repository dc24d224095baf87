"""The answer to a sign-in by a program."""

from starlette.responses import Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.schemas import Tokens
from commonplace.apps.accounts.sessions import TokenSession


async def tokens_of(accounts: Accounts, session: TokenSession, response: Response) -> Tokens:
    """The tokens of a session that has just begun, or was refreshed; no cache keeps the answer."""
    response.headers["Cache-Control"] = "no-store"
    access_token = await accounts.tokens.issue(
        person_id=session.person_id, session_id=session.session_id, role=session.role
    )
    return Tokens(
        access_token=access_token,
        refresh_token=session.refresh_token,
        expires_in=accounts.tokens.settings.access_seconds,
    )
