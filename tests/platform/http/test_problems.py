"""Everything that goes wrong is answered as one kind of document."""

import asyncio
import time
from http import HTTPStatus
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, File, HTTPException, UploadFile
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Scope

from commonplace.platform.errors import Conflict, NotAllowed, NotFound, Problem
from commonplace.platform.http import front
from commonplace.platform.http.problems import Document, install, problems
from commonplace.platform.http.settings import LimitsSettings
from tests.conftest import LogLines
from tests.platform.http.asking import Answer, ask, request_scope

pytestmark = pytest.mark.anyio


class StaleVersion(Problem):
    """Somebody was faster."""

    status = HTTPStatus.PRECONDITION_FAILED


class Credentials(BaseModel):
    email: str
    password: Annotated[str, Field(min_length=100)]
    age: Annotated[int, Field(ge=18)] = 20


def make_app() -> FastAPI:
    app = FastAPI(docs_url=None, openapi_url=None, redirect_slashes=False)

    @app.get("/stale")
    async def stale() -> None:
        raise StaleVersion("Version 3 is stored, not 2.", expected=2, actual=3, status="lie", retry_after_seconds=7)

    @app.post("/sign-in")
    async def sign_in(credentials: Credentials) -> str:
        return credentials.email

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, headers={"X-Pot": "short"})

    @app.get("/defect")
    async def defect() -> None:
        password = "hunter2-in-a-local-variable"
        raise RuntimeError(f"never shown {len(password)}")

    @app.post("/upload")
    async def upload(file: Annotated[UploadFile, File()]) -> int:
        return len(await file.read())

    @app.get("/broken-off")
    async def broken_off() -> StreamingResponse:
        async def chunks() -> Any:
            yield b"first"
            raise RuntimeError("disk is gone")

        return StreamingResponse(chunks())

    @app.get("/left")
    async def left() -> None:
        raise ClientDisconnect

    @app.get("/app/files")
    async def page() -> None:
        raise NotFound("No such page.")

    return app


@pytest.fixture
def app() -> ASGIApp:
    return front.build(make_app())


def members(answer: Answer) -> dict[str, Any]:
    assert answer.header("content-type") == "application/problem+json"
    document: dict[str, Any] = answer.json
    assert document["status"] == answer.status
    assert document["request_id"] == answer.header("x-request-id")
    return document


class TestProblem:
    async def test_is_rendered_with_its_extensions(self, app):
        answer = await ask(app, path="/stale")
        assert answer.status == 412
        document = members(answer)
        assert document["type"] == "/problems/stale-version"
        assert document["title"] == "Stale version"
        assert document["detail"] == "Version 3 is stored, not 2."
        assert document["instance"] == "/stale"
        assert (document["expected"], document["actual"]) == (2, 3)

    async def test_says_when_to_come_back(self, app):
        assert (await ask(app, path="/stale")).header("retry-after") == "7"

    async def test_is_not_stored_by_caches(self, app):
        assert (await ask(app, path="/stale")).all("cache-control") == ["no-store"]

    async def test_can_be_raised_outside_of_a_router(self):
        async def raw(_scope: Any, _receive: Any, _send: Any) -> None:
            raise Conflict("Not now.")

        answer = await ask(front.build(raw))
        assert members(answer)["type"] == "/problems/conflict"


class TestValidation:
    async def test_names_each_place(self, app):
        answer = await ask(app, "POST", "/sign-in", {"content-type": "application/json"}, body=b'{"age": 3}')
        assert answer.status == 422
        document = members(answer)
        assert document["type"] == "/problems/validation-failed"
        assert {error["location"] for error in document["errors"]} == {"body.email", "body.password", "body.age"}
        assert all(error["message"] for error in document["errors"])

    async def test_never_echoes_what_was_sent(self, app):
        body = b'{"email": "a@b.example", "password": "correct horse battery"}'
        answer = await ask(app, "POST", "/sign-in", {"content-type": "application/json"}, body=body)
        assert answer.status == 422
        assert b"correct horse" not in answer.body
        assert b"a@b.example" not in answer.body

    @pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"email": "\xff"}', b"[" * 100_000])
    async def test_refuses_what_is_not_json(self, app, body):
        answer = await ask(app, "POST", "/sign-in", {"content-type": "application/json"}, body=body)
        assert answer.status in (400, 422)
        assert members(answer)["detail"]

    async def test_refuses_a_broken_form(self, app):
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = await ask(app, "POST", "/upload", headers, body=b"--x\r\nno header at all")
        assert answer.status in (400, 422)
        members(answer)

    async def test_lists_no_more_places_than_anybody_reads(self):
        app = FastAPI()

        @app.post("/many")
        async def many(numbers: list[int]) -> int:
            return len(numbers)

        body = b"[" + b",".join([b'"x"'] * 1000) + b"]"
        answer = await ask(front.build(app), "POST", "/many", {"content-type": "application/json"}, body=body)
        assert answer.status == 422
        assert len(answer.json["errors"]) == 50
        assert answer.json["detail"].startswith("1000 values")


class TestRouting:
    async def test_an_unknown_path_is_not_found(self, app):
        answer = await ask(app, path="/nowhere")
        assert answer.status == 404
        assert members(answer)["type"] == "/problems/not-found"

    async def test_another_method_names_the_possible_ones(self, app):
        answer = await ask(app, "DELETE", "/stale")
        assert answer.status == 405
        assert members(answer)["type"] == "/problems/method-not-allowed"
        assert answer.header("allow") == "GET, HEAD"

    async def test_a_library_s_own_status_is_kept(self, app):
        answer = await ask(app, path="/teapot")
        assert answer.status == 418
        assert members(answer)["type"] == "about:blank"
        assert answer.header("x-pot") == "short"


class TestDefect:
    @pytest.mark.usefixtures("log_lines")
    async def test_tells_the_client_an_id_and_nothing_else(self, app):
        answer = await ask(app, path="/defect")
        assert answer.status == 500
        assert members(answer)["type"] == "/problems/internal-error"
        assert b"never shown" not in answer.body
        assert b"Traceback" not in answer.body

    async def test_tells_the_log_everything(self, app, log_lines: LogLines):
        answer = await ask(app, path="/defect")
        (line,) = [line for line in log_lines() if line["event"] == "request.failed"]
        assert line["correlation_id"] == answer.header("x-request-id")
        assert line["route"] == "/defect"
        assert "RuntimeError: never shown" in line["exception"]

    async def test_in_the_middle_of_an_answer_breaks_it_off(self, app, log_lines: LogLines):
        with pytest.raises(ConnectionAbortedError):
            await ask(app, path="/broken-off")
        events = [line["event"] for line in log_lines()]
        assert "request.failed" in events
        assert "response.broken_off" in events


class TestUnreadBody:
    """A server resets a connection that it closes with unread bytes in it, and the client may lose its answer."""

    @staticmethod
    async def refused(body: list[bytes], *, slow: bool = False, **limits: Any) -> tuple[int, int]:
        """The status of an answer to a body that nobody reads, and how many parts of it were still not taken then."""
        answered: list[tuple[int, int]] = []
        parts = list(body)

        async def refuse(_scope: Any, _receive: Any, _send: Any) -> None:
            raise NotAllowed("Not here.")

        async def receive() -> dict[str, Any]:
            if slow:
                await asyncio.sleep(60)
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.append((message["status"], len(parts)))

        scope = request_scope("POST", headers={"content-length": str(sum(map(len, body)))})
        await front.build(refuse, limits=LimitsSettings(**limits))(scope, receive, send)
        return answered[0]

    async def test_is_taken_before_the_refusal_leaves(self):
        assert await self.refused([b"x" * 1000] * 5) == (403, 0)

    async def test_is_taken_where_the_request_is_refused_at_the_door(self):
        assert await self.refused([b"x" * 1000] * 5, body_bytes=10) == (413, 0)

    async def test_is_left_where_it_is_long(self):
        assert await self.refused([b"x" * 50_000] * 3, body_bytes=10) == (413, 3)

    async def test_delays_the_refusal_by_a_second_at_most(self):
        began = time.monotonic()
        assert await self.refused([b"x"], slow=True) == (403, 1)
        assert time.monotonic() - began < 3


class TestDisconnect:
    async def test_is_no_error(self, log_lines: LogLines):
        answer = await ask(front.build(make_app()), path="/left")
        assert answer.status == 0
        (line,) = log_lines()
        assert (line["event"], line["status"]) == ("http.request", 499)

    async def test_of_somebody_else_is_told_the_client(self):
        async def away(_scope: Any, _receive: Any, _send: Any) -> None:
            raise StaleVersion("The database went away.") from ConnectionResetError()

        assert (await ask(front.build(away))).status == StaleVersion.status

    async def test_while_the_problem_is_sent_is_no_error(self, log_lines: LogLines):
        async def gone(_message: Any) -> None:
            raise BrokenPipeError

        async def receive() -> dict[str, Any]:
            return {"type": "http.disconnect"}

        await front.build(make_app())(request_scope(path="/stale"), receive, gone)
        assert [line["level"] for line in log_lines()] == ["warning"]


class TestPages:
    @pytest.fixture
    def app(self) -> ASGIApp:
        def page(_scope: Scope, document: Document) -> Response | None:
            return HTMLResponse(f"<h1>{document['title']}</h1>", status_code=document["status"])

        return front.build(make_app(), html_problem=page)

    async def test_show_a_problem_to_people(self, app):
        answer = await ask(app, path="/app/files", headers={"accept": "text/html,*/*;q=0.8"})
        assert answer.status == 404
        assert answer.body == b"<h1>Not found</h1>"

    @pytest.mark.parametrize(("path", "accept"), [("/app/files", "application/json"), ("/nowhere", "text/html")])
    async def test_leave_programs_their_document(self, app, path, accept):
        members(await ask(app, path=path, headers={"accept": accept}))


async def test_a_plain_application_can_answer_problems_too():
    app = make_app()
    install(app)
    answer = await ask(app, path="/stale")
    assert answer.status == 412
    assert answer.json["type"] == "/problems/stale-version"
    assert (await ask(app, path="/nowhere")).json["type"] == "/problems/not-found"


def test_routes_document_their_problems():
    documented = problems(NotFound, StaleVersion, Conflict)
    assert set(documented) == {404, 409, 412}
    assert "`stale-version`: Somebody was faster." in documented[412]["description"]
    assert "application/problem+json" in documented[404]["content"]


async def test_a_cancellation_is_passed_on():
    started = asyncio.Event()

    async def waits(_scope: Any, _receive: Any, _send: Any) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(ask(front.build(waits)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.usefixtures("log_lines")
async def test_a_cancellation_that_nobody_asked_for_is_a_defect_and_answered():
    async def cancels_itself(_scope: Any, _receive: Any, _send: Any) -> None:
        raise asyncio.CancelledError

    assert (await ask(front.build(cancels_itself))).status == 500
