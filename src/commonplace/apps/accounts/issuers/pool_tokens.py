"""Access tokens of a Cognito user pool as credentials (AUTH_PROVIDER=cognito or both).

Each is verified as Amazon asks ("Verifying JSON web tokens", Amazon Cognito Developer Guide): signature by a key of the
pool, `iss`, `token_use`, `client_id`, times. The person is made on first sight; what the token does not say of them is
asked of the pool.

A token stands for a session of ours, whose id is made of the sign-in that the token came from (`origin_jti`, which all
tokens of one sign-in share). So a sign-out or a suspension here refuses it at once, in every process, and what is
refreshed from it too, though Cognito goes on to take it. Such a session is no proof of who somebody is: before
something dangerous the person shows a factor.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.events import SignedIn
from commonplace.apps.accounts.factors import standing
from commonplace.apps.accounts.issuers import id_tokens, queries, service
from commonplace.apps.accounts.issuers.client import Vouched, vouched
from commonplace.apps.accounts.issuers.errors import (
    AccountSuspended,
    AddressHasAccount,
    AddressNotVouched,
    IssuerTokenRefused,
)
from commonplace.apps.accounts.issuers.id_tokens import TokenNotBelieved
from commonplace.apps.accounts.issuers.provider import Provider
from commonplace.apps.accounts.issuers.roles import take_role
from commonplace.apps.accounts.issuers.web import AnswerUnusable
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.identity.foreign import Admitted, Origin, claimed_issuer
from commonplace.platform.leaving import erasures

_READS_ONESELF: Final = "aws.cognito.signin.user.admin"  # the scope that lets a token ask for its own attributes
_LONGEST_ID: Final = 128
_log = structlog.get_logger(__name__)


class PoolTokens:
    """`ForeignTokens` over the user pools among the issuers."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._pools = {provider.issuer.address: provider for provider in accounts.issuers.pools}

    def is_foreign(self, token: str) -> bool:
        """Whether the token says that a pool of ours made it."""
        return claimed_issuer(token) in self._pools

    async def admit(self, token: str, origin: Origin) -> Admitted:
        """Verify the token; find or begin the session that it stands for, and make the person where there is none.

        Raises:
            IssuerTokenRefused: it is forged, over, or not for us.
            SessionOver: the session was ended here, or the person is suspended.
            AddressHasAccount, AddressNotVouched, RegistrationClosed: no account can be made by it.
            IssuerUnavailable, IssuerNotBelieved: the pool's keys or the person's attributes cannot be had.
        """
        provider = self._pools[claimed_issuer(token) or ""]
        try:
            claims = await id_tokens.signed_claims(token, provider, self._accounts.clock())
            _check(claims, provider)
        except TokenNotBelieved as error:
            _log.info("issuer.access_token_refused", issuer=provider.issuer.name, why=str(error))
            raise IssuerTokenRefused from error
        session_id, expires_at = _session_of(claims), float(claims["exp"])
        told = vouched(provider.issuer, {**claims, "email": None}, self._accounts.now())
        async with self._accounts.database.reading() as reading:
            session = await reading.first(queries.POOL_SESSION, session_id=session_id)
        if session is None or session.expires_at.timestamp() < expires_at or provider.issuer.administrators_group:
            device = Device(address=origin.address, user_agent=origin.user_agent, is_secure=origin.is_secure)
            come = (token, provider, claims, told, session_id, device)
            try:
                return await self._begin_or_prolong(*come)
            except AddressHasAccount:  # perhaps by another request with the first token of the same person
                return await self._begin_or_prolong(*come)
        self._refuse_ended(session)
        return Admitted(person_id=session.person_id, session_id=session_id, expires_at=expires_at)

    async def _begin_or_prolong(
        self,
        token: str,
        provider: Provider,
        claims: dict[str, Any],
        told: Vouched,
        session_id: UUID,
        device: Device,
    ) -> Admitted:
        accounts = self._accounts
        async with accounts.database.reading() as reading:
            is_known = await reading.first(queries.IDENTITY_OF, issuer=told.issuer.address, subject=told.subject)
        if is_known is None:
            told = await self._with_attributes(token, provider, claims, told)
        expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC)
        async with accounts.database.writing() as session:
            found = await service.found_or_made(session, accounts, told)
            if found.state != "active":
                raise SessionOver from AccountSuspended()
            role = await take_role(
                session, accounts, told, identity_id=found.id, person_id=found.person_id, present=found.role
            )
            await session.execute(queries.PROLONG_POOL_SESSION, session_id=session_id, expires_at=expires_at)
            present = await session.first(queries.POOL_SESSION, session_id=session_id)
            if present is None:
                await self._begin(session, found, claims, session_id, device, expires_at)
            else:
                self._refuse_ended(present)
                if present.person_id != found.person_id:
                    raise SessionOver
        if role != found.role:
            await service.announce_role(accounts, found.person_id)
        return Admitted(person_id=found.person_id, session_id=session_id, expires_at=expires_at.timestamp())

    async def _begin(
        self,
        session: WriteSession,
        found: Row,
        claims: dict[str, Any],
        session_id: UUID,
        device: Device,
        expires_at: datetime,
    ) -> None:
        accounts = self._accounts
        latest_end_at = _authenticated_at(claims) + timedelta(days=accounts.settings.session_absolute_days)
        if latest_end_at <= accounts.now():
            raise SessionOver
        added = await session.execute(
            queries.ADD_POOL_SESSION,
            id=session_id,
            person_id=found.person_id,
            address=device.address,
            network=device.network,
            user_agent=device.user_agent,
            now=accounts.now(),
            expires_at=min(expires_at, latest_end_at),
            latest_end_at=latest_end_at,
        )
        if not added:
            return  # another request with the same token was quicker
        await erasures.cancel(session, found.person_id, asked_by=["person"])  # as at every sign-in
        await session.execute(queries.USE_IDENTITY, id=found.id, now=accounts.now(), shown=None)
        attempt = service.attempt_of(accounts, found.email_key, device, method="cognito_token")
        await service.enter(session, accounts, attempt, found.person_id, "signed_in", session_id)
        fact = SignedIn(person_id=found.person_id, session_id=session_id, method="cognito_token", kind="api")
        await log.tell(session, fact, owner_id=found.person_id, by=found.person_id)
        await standing.note_beginning_unproved(session, accounts, session_id)

    def _refuse_ended(self, session: Row) -> None:
        is_over = session.ended_at is not None or session.latest_end_at <= self._accounts.now()
        if is_over or session.state != "active":
            raise SessionOver

    async def _with_attributes(self, token: str, provider: Provider, claims: dict[str, Any], told: Vouched) -> Vouched:
        """What the pool says of the person. An access token names nobody, so it is asked with the token itself."""
        scopes = str(claims.get("scope") or "").split()
        metadata = await provider.metadata()
        try:
            if not scopes or _READS_ONESELF in scopes:
                attributes = await _get_user(provider, token)
            elif metadata.userinfo_endpoint is not None:
                headers = {"Authorization": f"Bearer {token}"}
                attributes = await provider.web.get(metadata.userinfo_endpoint, headers=headers)
            else:
                raise AddressNotVouched(provider.issuer.title)
        except AnswerUnusable as error:
            _log.warning("issuer.attributes_unavailable", issuer=provider.issuer.name, why=str(error))
            raise AddressNotVouched(provider.issuer.title) from error
        if attributes.get("sub") != told.subject:
            raise IssuerTokenRefused
        more = vouched(provider.issuer, {**attributes, "iat": claims["iat"]}, self._accounts.now())
        return replace(more, groups=told.groups)


def _check(claims: dict[str, Any], provider: Provider) -> None:
    if claims.get("token_use") != "access":
        raise TokenNotBelieved("it is no access token")
    if claims.get("client_id") != provider.issuer.client_id:
        raise TokenNotBelieved("it is for somebody else")
    origin = claims.get("origin_jti") or claims.get("jti")
    if not isinstance(origin, str) or not 0 < len(origin) <= _LONGEST_ID:
        raise TokenNotBelieved("it belongs to no sign-in")


def _session_of(claims: dict[str, Any]) -> UUID:
    """The id of the session that all tokens of one sign-in share."""
    origin = claims.get("origin_jti") or claims["jti"]
    text = "\0".join((claims["iss"], claims["sub"], origin))
    return uuid5(NAMESPACE_URL, text)


def _authenticated_at(claims: dict[str, Any]) -> datetime:
    moment = claims.get("auth_time", claims["iat"])
    seconds = moment if isinstance(moment, int | float) and not isinstance(moment, bool) else claims["iat"]
    return datetime.fromtimestamp(float(seconds), UTC)


async def _get_user(provider: Provider, token: str) -> dict[str, Any]:
    """The attributes of the token's own person (`GetUser` of the API, which asks for no other credential)."""
    address = "/".join(provider.issuer.address.split("/")[:3]) + "/"
    answer = await provider.web.post(
        address,
        content=f'{{"AccessToken":"{token}"}}'.encode(),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AWSCognitoIdentityProviderService.GetUser",
        },
    )
    listed = answer.get("UserAttributes")
    pairs = [pair for pair in listed if isinstance(pair, dict)] if isinstance(listed, list) else []
    return {str(pair.get("Name")): pair.get("Value") for pair in pairs}
