"""What the other services of the installation ask accounts. Routes for them alone: whoever else comes finds nothing."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from commonplace.apps.accounts.context import Accounts
from commonplace.platform.errors import BadRequest, NotFound, Problem
from commonplace.platform.http.dependencies import AllParts
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.errors import InvalidCredential, SessionOver
from commonplace.platform.identity.foreign import Origin
from commonplace.platform.identity.people import People, Person
from commonplace.platform.identity.proofs import ProofNeeded, Proofs
from commonplace.platform.identity.services.questions import (
    FOREIGN_PATH,
    KEYS_PATH,
    MOST_PEOPLE,
    PEOPLE_PATH,
    PROOF_PATH,
    SESSION_PATH,
    ForeignAnswer,
    ForeignQuestion,
    KnownSession,
    PeopleAnswer,
    PeopleQuestion,
    ProofAnswer,
    ProofQuestion,
    SessionAnswer,
    SessionQuestion,
)
from commonplace.platform.identity.services.signature import HEADER, ServiceKey
from commonplace.platform.identity.tokens import key_set
from commonplace.platform.identity.verifier import Identity, LiveSession
from commonplace.platform.parts import Parts

T = TypeVar("T")


class UnreadableQuestion(BadRequest):
    """A service of another release asks otherwise."""

    def __init__(self) -> None:
        super().__init__("This question cannot be read. Run the same release of all services.")


async def asked_by_a_service(request: Request) -> bytes:
    """The body of a request that a service of this installation signed.

    Raises:
        NotFound: nobody of us did, and is answered as at any path that is none.
    """
    parts: Parts = request.app.state.parts
    header, body = request.headers.get(HEADER, ""), await request.body()
    if not parts[ServiceKey].is_genuine(header, request.method, request.url.path, body):
        raise NotFound("There is nothing at this path.")
    return body


Question = Annotated[bytes, Depends(asked_by_a_service)]
router = APIRouter(include_in_schema=False)


@router.get(KEYS_PATH)
async def keys(_question: Question, parts: AllParts) -> Response:
    """The keys that access tokens are verified with, as a JSON Web Key Set."""
    return _answer(key_set(await parts[Accounts].tokens.keys.verifying_keys()))


@router.post(SESSION_PATH)
async def session(question: Question, parts: AllParts) -> Response:
    """Whether a session or an API token is alive, and whose it is."""
    live = await _live(parts, _read(question, SessionQuestion))
    return _answer(SessionAnswer(None if live is None else KnownSession.of(live)))


@router.post(FOREIGN_PATH)
async def foreign(question: Question, parts: AllParts) -> Response:
    """Whom a token of another provider lets in."""
    asked, known = _read(question, ForeignQuestion), parts[Identity].foreign
    if known is None or not known.is_foreign(asked.token):
        return _answer(ForeignAnswer(detail=InvalidCredential().detail))
    origin = Origin(address=asked.address, user_agent=asked.user_agent, is_secure=asked.is_secure)
    try:
        admitted = await known.admit(asked.token, origin)
    except Problem as problem:
        is_over = isinstance(problem, SessionOver)
        return _answer(ForeignAnswer(status=problem.status, detail=problem.detail, is_over=is_over))
    return _answer(
        ForeignAnswer(person_id=admitted.person_id, session_id=admitted.session_id, expires_at=admitted.expires_at)
    )


@router.post(PROOF_PATH)
async def proof(question: Question, parts: AllParts) -> Response:
    """Whether a session's person has proved lately who they are."""
    asked = _read(question, ProofQuestion)
    caller = Caller(person_id=asked.person_id, session_id=asked.session_id, role="user", scopes=frozenset(asked.scopes))
    try:
        await parts[Proofs].refuse_unless_recent(caller)
    except ProofNeeded as needed:
        return _answer(ProofAnswer(is_proved=False, minutes=needed.minutes, factors=list(needed.factors)))
    return _answer(ProofAnswer(is_proved=True))


@router.post(PEOPLE_PATH)
async def people(question: Question, parts: AllParts) -> Response:
    """Who people are, by ids or by an address."""
    asked = _read(question, PeopleQuestion)
    if len(asked.ids) > MOST_PEOPLE:
        raise UnreadableQuestion
    found: Sequence[Person] = tuple((await parts[People].people(asked.ids)).values())
    at = None if asked.address is None else await parts[People].person_at(asked.address)
    return _answer(PeopleAnswer(people=list(found), at=at))


async def _live(parts: Parts, asked: SessionQuestion) -> LiveSession | None:
    sessions = parts[Accounts].sessions
    try:
        if asked.session_id is not None:
            return await sessions.live_session(asked.session_id)
        if asked.cookie_digest is not None:
            return await sessions.live_session_of_cookie(bytes.fromhex(asked.cookie_digest))
        return await sessions.live_api_token(bytes.fromhex(asked.api_token_digest or ""))
    except ValueError as error:
        raise UnreadableQuestion from error


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise UnreadableQuestion from error


def _answer(answer: Any) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})
