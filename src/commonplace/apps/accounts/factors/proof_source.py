"""When a session was last proved, as the platform asks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from commonplace.apps.accounts.factors import queries
from commonplace.platform.database.session import Database, ReadSession
from commonplace.platform.identity.caller import EVERYTHING, Caller
from commonplace.platform.identity.proofs import ProofNeeded


class StoredProofs:
    """`Proofs` over `accounts.proof`."""

    def __init__(self, *, database: Database, minutes: int, clock: Callable[[], float]) -> None:
        self._database = database
        self._minutes = minutes
        self._clock = clock

    async def refuse_unless_recent(self, caller: Caller) -> None:
        """Let pass who has proved lately who they are.

        Raises:
            ProofNeeded: it is too long ago, or the caller is an API token.
        """
        since = datetime.fromtimestamp(self._clock(), UTC) - timedelta(minutes=self._minutes)
        async with self._database.reading() as session:
            proved_at = await session.scalar(queries.PROVED_AT, session_id=caller.session_id)
            if proved_at is not None and proved_at > since and caller.scopes == EVERYTHING:
                return
            factors = await ways_to_prove(session, caller.person_id)
        raise ProofNeeded(minutes=self._minutes, factors=factors)


async def ways_to_prove(session: ReadSession, person_id: UUID) -> tuple[str, ...]:
    """What a person can prove by who they are: their second factors; without any the password, or else an issuer."""
    row = await session.first(queries.FACTORS, person_id=person_id)
    if row is None:
        return ()
    if not row.has_totp and not row.has_passkey:
        return ("password",) if row.has_password else ("identity",) if row.has_identity else ()
    has = {"passkey": row.has_passkey, "totp": row.has_totp, "recovery_code": row.recovery_codes > 0}
    return tuple(factor for factor, is_there in has.items() if is_there)
