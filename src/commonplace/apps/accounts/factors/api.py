"""Second factors over HTTP. These functions commit by themselves, and no answer with a secret is ever stored."""

from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.errors import SignInBusy, TooManySignIns
from commonplace.apps.accounts.factors import passkeys, proving, second_step, service, sign_in
from commonplace.apps.accounts.factors.dependencies import EnrollingCaller, ProvedEnrollingCaller
from commonplace.apps.accounts.factors.errors import (
    CodeIsWrong,
    FactorExists,
    FactorIsAskedFor,
    FactorIsMissing,
    FactorLocked,
    FactorNotFound,
    FactorUnreadable,
    PasskeyNotAccepted,
    PasskeyRefused,
    PasskeysNeedHostName,
    ProofRefused,
    SecondStepOver,
    SecondStepRefused,
)
from commonplace.apps.accounts.factors.relying_party import TheRelyingParty, relying_party_of
from commonplace.apps.accounts.factors.schemas import (
    FactorAdded,
    FactorsRead,
    PasskeyChange,
    PasskeyCreate,
    PasskeyOptions,
    PasskeyRead,
    PasskeySignIn,
    ProofGive,
    ProofRead,
    RecoveryCodesRead,
    SecondStepAsk,
    SecondStepTake,
    TotpConfirm,
    TotpRead,
)
from commonplace.apps.accounts.schemas import Tokens
from commonplace.apps.accounts.sessions import Method, TokenSession, begin_token_session
from commonplace.apps.accounts.tokens import tokens_of
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import WriteSession
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.http.dependencies import part
from commonplace.platform.http.problems import problems
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.identity.people import People
from commonplace.platform.identity.proofs import ProofNeeded
from commonplace.platform.parts import Parts

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]
_PROVED: Final = (NotAuthenticated, ProofNeeded)

router = APIRouter()


@router.post("/second-step", responses=problems(SecondStepRefused, SecondStepOver, FactorUnreadable, FactorLocked))
async def take_second_step(body: SecondStepTake, accounts: TheAccounts, request: Request, response: Response) -> Tokens:
    """Complete a sign-in that asked for a second factor.

    After five wrong ones the sign-in begins again. After ten, in whatever sign-ins, the authenticator app or the
    recovery codes are locked for a quarter of an hour, then for twice as long each time; the person is told.
    """
    device = device_of(request)

    async def begin(session: WriteSession, session_id: UUID, person: Row, method: Method) -> TokenSession:
        return await begin_token_session(
            session,
            accounts,
            session_id=session_id,
            person_id=person.person_id,
            role=person.role,
            method=method,
            device=device,
        )

    begun = await second_step.finish(
        accounts,
        body.challenge_token,
        body.shown,
        kind="api",
        party=relying_party_of(request),
        begin_session=begin,
    )
    return await tokens_of(accounts, begun, response)


@router.post("/second-step/passkey-options", responses=problems(SecondStepOver, PasskeysNeedHostName))
async def ask_second_step_passkey(
    body: SecondStepAsk, accounts: TheAccounts, party: TheRelyingParty, response: Response
) -> PasskeyOptions:
    """What the browser needs to show one of the person's passkeys as the second step."""
    return _options(response, await second_step.passkey_options(accounts, body.challenge_token, "api", party))


@router.post("/passkey-options", responses=problems(PasskeysNeedHostName))
async def ask_passkey(accounts: TheAccounts, party: TheRelyingParty, response: Response) -> PasskeyOptions:
    """What the browser needs to offer the passkeys that it has for this installation, to sign in by one alone."""
    return _options(response, await sign_in.options(accounts, party))


@router.post("/passkey-login", responses=problems(PasskeyRefused, PasskeysNeedHostName))
async def sign_in_by_passkey(
    body: PasskeySignIn, accounts: TheAccounts, party: TheRelyingParty, request: Request, response: Response
) -> Tokens:
    """Sign in by a passkey alone; the authenticator must have verified the person."""
    begun = await sign_in.sign_in(accounts, party, body.passkey, device_of(request))
    return await tokens_of(accounts, begun, response)


@router.post(
    "/prove",
    responses=problems(NotAuthenticated, ProofRefused, FactorUnreadable, FactorLocked, TooManySignIns, SignInBusy),
)
async def prove(body: ProofGive, caller: EnrollingCaller, accounts: TheAccounts, request: Request) -> ProofRead:
    """Prove again who one is, before something dangerous: by a second factor, or without any by the password."""
    if body.password is not None:
        until = await proving.prove_by_password(accounts, caller, body.password, device_of(request))
    else:
        until = await proving.prove(accounts, caller, body.shown, party=relying_party_of(request))
    return ProofRead(proved_until=until)


@router.post("/prove/passkey-options", responses=problems(NotAuthenticated, PasskeysNeedHostName))
async def ask_proof_by_passkey(
    caller: EnrollingCaller, accounts: TheAccounts, party: TheRelyingParty, response: Response
) -> PasskeyOptions:
    """What the browser needs to show one of the caller's passkeys as a proof."""
    return _options(response, await proving.passkey_options(accounts, caller, party))


@router.get("/factors", responses=problems(NotAuthenticated))
async def read_factors(caller: EnrollingCaller, accounts: TheAccounts) -> FactorsRead:
    """The caller's second factors."""
    factors = await service.read(accounts, caller)
    return FactorsRead(
        totp_since=factors.totp_since,
        passkeys=[PasskeyRead.model_validate(dict(row)) for row in factors.passkeys],
        recovery_codes_left=factors.recovery_codes_left,
        is_asked_for=factors.is_asked_for,
        proved_until=factors.proved_until,
    )


@router.post("/factors/totp", status_code=HTTPStatus.CREATED, responses=problems(*_PROVED, FactorExists))
async def begin_totp(
    caller: ProvedEnrollingCaller, accounts: TheAccounts, request: Request, response: Response
) -> TotpRead:
    """Begin to set up an authenticator app. It counts when a code of it was given."""
    begun = await service.begin_totp(accounts, caller, base_url(request))
    response.headers["Cache-Control"] = "no-store"
    return TotpRead(secret=begun.secret, uri=begun.uri, qr_code=begun.qr_code)


@router.post("/factors/totp/confirm", responses=problems(*_PROVED, FactorNotFound, FactorExists, CodeIsWrong))
async def confirm_totp(
    body: TotpConfirm, caller: ProvedEnrollingCaller, accounts: TheAccounts, response: Response
) -> FactorAdded:
    """Let the authenticator app count, by a code of it."""
    return _added(response, await service.confirm_totp(accounts, caller, body.code))


@router.delete(
    "/factors/totp",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(*_PROVED, FactorNotFound, FactorIsAskedFor),
)
async def remove_totp(caller: ProvedEnrollingCaller, accounts: TheAccounts) -> None:
    """Remove the authenticator app. Sessions go on."""
    await service.remove_totp(accounts, caller)


@router.post("/factors/passkeys/options", responses=problems(*_PROVED, PasskeysNeedHostName))
async def ask_new_passkey(
    caller: ProvedEnrollingCaller,
    accounts: TheAccounts,
    party: TheRelyingParty,
    request: Request,
    response: Response,
) -> PasskeyOptions:
    """What the browser needs to make a passkey."""
    parts: Parts = request.app.state.parts
    person = await parts[People].person(caller.person_id)
    name = person.name if person is not None else ""
    return _options(response, await service.passkey_options(accounts, caller, party, name=name))


@router.post(
    "/factors/passkeys",
    status_code=HTTPStatus.CREATED,
    responses=problems(*_PROVED, PasskeyNotAccepted, PasskeysNeedHostName, FactorExists),
)
async def add_passkey(
    body: PasskeyCreate,
    caller: ProvedEnrollingCaller,
    accounts: TheAccounts,
    party: TheRelyingParty,
    response: Response,
) -> FactorAdded:
    """Keep a passkey that the browser has made."""
    return _added(response, await service.add_passkey(accounts, caller, party, body.passkey, name=body.name))


@router.patch(
    "/factors/passkeys/{passkey_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(NotAuthenticated, FactorNotFound, PasskeyNotAccepted),
)
async def rename_passkey(passkey_id: UUID, body: PasskeyChange, caller: EnrollingCaller, accounts: TheAccounts) -> None:
    """Give a passkey another name."""
    await service.rename_passkey(accounts, caller, passkey_id, body.name)


@router.delete(
    "/factors/passkeys/{passkey_id:uuid}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problems(*_PROVED, FactorNotFound, FactorIsAskedFor),
)
async def remove_passkey(passkey_id: UUID, caller: ProvedEnrollingCaller, accounts: TheAccounts) -> None:
    """Remove a passkey. Sessions go on."""
    await service.remove_passkey(accounts, caller, passkey_id)


@router.post("/factors/recovery-codes", responses=problems(*_PROVED, FactorIsMissing))
async def renew_recovery_codes(
    caller: ProvedEnrollingCaller, accounts: TheAccounts, response: Response
) -> RecoveryCodesRead:
    """Make ten new recovery codes; the ones before count no more."""
    response.headers["Cache-Control"] = "no-store"
    return RecoveryCodesRead(recovery_codes=list(await service.renew_recovery_codes(accounts, caller)))


def base_url(request: Request) -> str:
    """How the installation is reached, for authenticator apps to show."""
    parts: Parts = request.app.state.parts
    party = relying_party_of(request)
    return party.origin if party is not None else parts[PublicUrl].base


def _options(response: Response, options: passkeys.Options) -> PasskeyOptions:
    response.headers["Cache-Control"] = "no-store"
    shown: dict[str, Any] = options
    return PasskeyOptions(public_key=shown)


def _added(response: Response, added: service.Added) -> FactorAdded:
    response.headers["Cache-Control"] = "no-store"
    return FactorAdded(passkey_id=added.passkey_id, recovery_codes=list(added.recovery_codes) or None)
