"""Accounts over HTTP."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Body, Depends, Request, Response
from starlette.responses import JSONResponse

from commonplace.apps.accounts import people_api, profile, registration, session_api, sessions, sign_in, token_api
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.cookies import clear_cookie
from commonplace.apps.accounts.device import device_of
from commonplace.apps.accounts.errors import (
    AddressIsFixed,
    AddressTaken,
    InvalidRefreshToken,
    MalformedAddress,
    PasswordNotAllowed,
    ProfileNotAllowed,
    RefreshTokenReused,
    RegistrationClosed,
    SignInBusy,
    TooManySignIns,
    WrongCredentials,
)
from commonplace.apps.accounts.factors import api as factors_api
from commonplace.apps.accounts.factors.schemas import SecondStepRead
from commonplace.apps.accounts.factors.second_step import SecondStepNeeded
from commonplace.apps.accounts.invitations import api as invitations_api
from commonplace.apps.accounts.invitations import service as invitations
from commonplace.apps.accounts.invitations.errors import InvitationNotAllowed, InvitationNotValid, InvitationsClosed
from commonplace.apps.accounts.issuers import api as issuers_api
from commonplace.apps.accounts.issuers.errors import LocalPasswordsOff
from commonplace.apps.accounts.leaving import api as leaving_api
from commonplace.apps.accounts.letters import api as letters_api
from commonplace.apps.accounts.letters.errors import TooManyLetters
from commonplace.apps.accounts.letters.schemas import MailMayCome
from commonplace.apps.accounts.pictures import api as pictures_api
from commonplace.apps.accounts.schemas import (
    JsonWebKeySet,
    PersonRead,
    ProfileChange,
    Refresh,
    Registration,
    SignIn,
    SignOut,
    Tokens,
)
from commonplace.apps.accounts.tokens import tokens_of
from commonplace.platform.errors import NotAuthenticated
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.http.conditional import IfMatch, MalformedPrecondition, answer_read, etag
from commonplace.platform.http.dependencies import CurrentCaller, Reading, Writing, part
from commonplace.platform.http.openapi import UNCHANGED, with_headers
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from commonplace.platform.identity.caller import SESSION_COOKIE
from commonplace.platform.identity.errors import SessionOver
from commonplace.platform.identity.requests import caller_even_enrolling
from commonplace.platform.identity.tokens import key_set

_TAGS: Final = ["accounts"]
_JWKS_SECONDS: Final = 300
REGISTRATION_MAY_COME: Final = MailMayCome(detail="A mail is on its way to this address. It says how to go on.")

TheAccounts = Annotated[Accounts, Depends(part(Accounts))]

# Plain routes: these functions commit by themselves, and an `Idempotency-Key` would keep secrets in the database.
by_themselves = APIRouter()
router = Router(prefix="/api/auth", tags=_TAGS)


@by_themselves.post(
    "/register",
    status_code=HTTPStatus.CREATED,
    response_model=PersonRead,
    responses={
        201: with_headers("ETag"),
        202: {"model": MailMayCome, "description": "A mail says how to go on."},
        **problems(
            RegistrationClosed,
            AddressTaken,
            MalformedAddress,
            PasswordNotAllowed,
            ProfileNotAllowed,
            SignInBusy,
            TooManyLetters,
            InvitationNotValid,
            InvitationsClosed,
            InvitationNotAllowed,
            LocalPasswordsOff,
        ),
    },
)
async def register(
    person: Registration, accounts: TheAccounts, request: Request, response: Response
) -> PersonRead | Response:
    """Make an ordinary account while registration is open, or the one that an invitation is for.

    Where mail is sent by a server the answer is 202 for every address, and a mail says how to go on: with a link that
    makes the account, or that there is one already. Who comes by an invitation that was mailed needs no second mail.
    """
    if person.invitation is not None:
        invited = await invitations.accept(accounts, person.invitation, person, device_of(request))
        if invited is None:
            return JSONResponse(REGISTRATION_MAY_COME.model_dump(), HTTPStatus.ACCEPTED)
        response.headers["ETag"] = etag(invited.version)
        return invited
    if accounts.hides_addresses:
        await registration.register_by_mail(accounts, person, device_of(request))
        return JSONResponse(REGISTRATION_MAY_COME.model_dump(), HTTPStatus.ACCEPTED)
    made = await registration.register(accounts, person)
    response.headers["ETag"] = etag(made.version)
    return made


@by_themselves.post(
    "/login",
    response_model=Tokens,
    responses={
        202: {"model": SecondStepRead, "description": "The password is right; a second factor is needed."},
        **problems(WrongCredentials, TooManySignIns, SignInBusy, LocalPasswordsOff),
    },
)
async def login(credentials: SignIn, accounts: TheAccounts, request: Request, response: Response) -> Tokens | Response:
    """Sign in with an address and a password.

    Who has a second factor is answered 202 and a `challenge_token` instead of tokens: `POST /api/auth/second-step`
    completes the sign-in.

    After five wrong passwords for one account from one address each further try must wait twice as long as the one
    before; other limits hold for an address and for an account as a whole.
    """
    session = await sign_in.sign_in(
        accounts, email=credentials.address, password=credentials.password, device=device_of(request)
    )
    if isinstance(session, SecondStepNeeded):
        needed = SecondStepRead(
            challenge_token=session.token, factors=list(session.factors), expires_in=session.expires_in
        )
        return Response(
            needed.model_dump_json(),
            status_code=HTTPStatus.ACCEPTED,
            headers={"Cache-Control": "no-store"},
            media_type="application/json",
        )
    return await tokens_of(accounts, session, response)


@by_themselves.post("/refresh", responses=problems(InvalidRefreshToken, RefreshTokenReused, SessionOver))
async def refresh(body: Refresh, accounts: TheAccounts, response: Response) -> Tokens:
    """Replace a refresh token by the next one, and get a new access token.

    A refresh token works once. Sent again within ten seconds it gives the same successor, since two tabs may ask at
    the same moment, or an answer be lost on its way. Later, or after its successor was used, it counts as stolen: the
    session ends, and the answer is `refresh-token-reused`.
    """
    session = await sessions.refresh(accounts, body.refresh_token)
    return await tokens_of(accounts, session, response)


@by_themselves.post(
    "/logout", status_code=HTTPStatus.NO_CONTENT, responses=problems(NotAuthenticated, InvalidRefreshToken)
)
async def logout(
    accounts: TheAccounts, request: Request, response: Response, body: Annotated[SignOut | None, Body()] = None
) -> None:
    """End the session of the access token, of the cookie, or of the refresh token in the body.

    When this answers, no process admits the session any more.
    """
    if body is not None and body.refresh_token is not None:
        await sessions.sign_out_by_refresh_token(accounts, body.refresh_token)
        return
    await sessions.sign_out(accounts, await caller_even_enrolling(request))
    if SESSION_COOKIE in request.cookies:
        clear_cookie(response)


@by_themselves.get("/jwks.json")
async def read_keys(accounts: TheAccounts, response: Response) -> JsonWebKeySet:
    """The public keys that access tokens are verified with."""
    response.headers["Cache-Control"] = f"public, max-age={_JWKS_SECONDS}"
    return JsonWebKeySet.model_validate(key_set(await accounts.tokens.keys.verifying_keys()))


@router.get(
    "/profile",
    response_model=PersonRead,
    responses={200: with_headers("ETag"), 304: UNCHANGED, **problems(NotAuthenticated)},
)
async def read_profile(request: Request, caller: CurrentCaller, session: Reading) -> Response:
    """The caller's own profile."""
    person = await profile.read_profile(session, caller.person_id)
    return answer_read(request, person.model_dump_json(), etag(person.version))


@router.put(
    "/profile",
    responses={
        200: with_headers("ETag"),
        **problems(NotAuthenticated, StaleVersion, MalformedPrecondition, ProfileNotAllowed, AddressIsFixed),
    },
)
async def change_profile(
    change: ProfileChange, caller: CurrentCaller, if_match: IfMatch, session: Writing, response: Response
) -> PersonRead:
    """Change the caller's own profile; fields that are absent stay as they are."""
    person = await profile.change_profile(session, caller.person_id, change, expected=if_match)
    response.headers["ETag"] = etag(person.version)
    return person


router.include_router(by_themselves)
router.include_router(factors_api.router)
router.include_router(token_api.router)
router.include_router(letters_api.router)
router.include_router(session_api.router)
router.include_router(people_api.router)
router.include_router(leaving_api.router)
router.include_router(invitations_api.router)
router.include_router(issuers_api.router)
router.include_router(pictures_api.router)
