"""The OpenAPI document and the pages made of it."""

import re
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, Query
from pydantic import BaseModel, Field

from commonplace.platform.app import Alias
from commonplace.platform.errors import NotFound
from commonplace.platform.http import docs_page, front, health, metrics_page, openapi
from commonplace.platform.http.conditional import IfMatch
from commonplace.platform.http.problems import problems
from commonplace.platform.http.routing import Router
from tests.platform.http.asking import ask

pytestmark = pytest.mark.anyio


class NoteNotFound(NotFound):
    """No such note, or it is not yours."""


class Note(BaseModel):
    text: Annotated[str, Field(description="What to keep <b>in mind</b>.")]
    tags: list[str] = []
    importance: int | None = None


def make_app() -> FastAPI:
    app = FastAPI(title="Notes", version="7", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    notes = APIRouter(prefix="/api/notes", tags=["notes"])

    @notes.post("", status_code=201)
    async def write_note(note: Note) -> Note:
        """Keep a note."""
        return note

    @notes.get("/{note_id}", responses=problems(NoteNotFound))
    async def read_note(note_id: int, fields: Annotated[str, Query(description="Which fields.")] = "") -> Note:
        """Read <script>alert(1)</script> a note."""
        raise NoteNotFound(f"{note_id} {fields}")

    drafts = Router(prefix="/api/drafts", tags=["notes"])

    @drafts.put("/{draft_id}")
    async def change_draft(draft_id: int, if_match: IfMatch) -> Note:
        """Change a draft."""
        return Note(text=f"{draft_id} {if_match}")

    for router in (notes, drafts, health.router, metrics_page.router, docs_page.router):
        app.include_router(router)
    openapi.install(
        app,
        aliases=[Alias(path="/notes", canonical="/api/notes")],
        is_public=lambda _method, path: not path.startswith("/api/"),
    )
    return app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return make_app().openapi()


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


class TestDocument:
    def test_lists_what_any_operation_may_answer(self, document):
        for operation in operations(document):
            assert {"400", "414", "421", "429", "431", "500", "503"} <= operation["responses"].keys()
            assert "default" not in operation["responses"], "with it no answer would be undocumented"
            for response in operation["responses"].values():
                assert response["description"]
                assert "X-Request-ID" in response["headers"]
            assert "Retry-After" in operation["responses"]["429"]["headers"]

    def test_lists_what_changes_may_answer_beside(self, document):
        assert {"403", "408", "413"} <= document["paths"]["/api/notes"]["post"]["responses"].keys()
        reading = document["paths"]["/api/notes/{note_id}"]["get"]["responses"]
        assert not {"408", "413"} & reading.keys()
        assert "`scope-missing`" in reading["403"]["description"]
        assert "cross-site" not in reading["403"]["description"]

    def test_says_which_headers_a_route_heeds(self, document):
        change = document["paths"]["/api/drafts/{draft_id}"]["put"]
        assert change["description"].endswith("Heeds `If-Match` and `Idempotency-Key`.")
        assert "`idempotency-key-reused`" in change["responses"]["422"]["description"]
        assert "Idempotent-Replayed" in change["responses"]["200"]["headers"]
        assert "Heeds" not in document["paths"]["/api/notes"]["post"].get("description", "")

    def test_describes_problems_by_one_schema(self, document):
        response = document["paths"]["/api/notes"]["post"]["responses"]["422"]
        assert response["content"] == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert "HTTPValidationError" not in str(document)

    def test_says_who_may_call(self, document):
        assert document["paths"]["/api/notes"]["post"]["security"] == [{"bearer": []}, {"basic": []}, {"cookie": []}]
        assert "401" in document["paths"]["/api/notes"]["post"]["responses"]
        assert document["paths"]["/health"]["get"]["security"] == []
        assert "401" not in document["paths"]["/health"]["get"]["responses"]
        assert document["components"]["securitySchemes"]["cookie"]["name"] == "commonplace_session"

    def test_keeps_what_a_route_says_itself(self, document):
        responses = document["paths"]["/api/notes/{note_id}"]["get"]["responses"]
        assert "`note-not-found`: No such note" in responses["404"]["description"]
        assert "HealthReport" in str(document["paths"]["/health"]["get"]["responses"]["503"])

    def test_refers_to_nothing_that_is_not_there(self, document):
        for reference in re.findall(r"'\$ref': '#/([^']+)'", str(document)):
            part: Any = document
            for name in reference.split("/"):
                part = part[name]

    def test_is_made_once(self):
        app = make_app()
        assert app.openapi() is app.openapi()


class TestPages:
    @pytest.fixture
    def app(self) -> Any:
        return front.build(make_app())

    async def test_programs_get_the_document(self, app):
        answer = await ask(app, path="/openapi.json")
        assert answer.json["info"]["title"] == "Notes"
        assert "`Idempotency-Key`" in answer.json["info"]["description"]
        assert answer.header("cache-control") == "no-cache"
        again = await ask(app, path="/openapi.json", headers={"if-none-match": answer.header("etag") or ""})
        assert (again.status, again.body) == (304, b"")

    async def test_people_get_every_operation(self, app):
        page = (await ask(app, path="/docs")).body.decode()
        assert "/api/notes/{note_id}" in page
        assert "Also at <code>/notes/{note_id}</code>" in page
        assert "Keep a note." in page
        assert "list of string" in page
        assert "integer or null" in page
        assert "Which fields." in page

    async def test_nothing_in_them_breaks_the_policy(self, app):
        for path in ("/docs", "/problems/note-not-found"):
            page = (await ask(app, path=path)).body.decode()
            assert "<script" not in page
            assert "<style" not in page
            assert " style=" not in page
            assert "&lt;script&gt;" in page or path != "/docs"
            assert re.findall(r'(?:src|href)="(https?:[^"]+)"', page) in (
                [],
                ["https://www.rfc-editor.org/rfc/rfc9457"],
            )

    async def test_the_style_is_served_here(self, app):
        answer = await ask(app, path="/docs/docs.css")
        assert (answer.status, answer.header("content-type")) == (200, "text/css; charset=utf-8")

    async def test_problems_are_explained(self, app):
        page = (await ask(app, path="/problems/note-not-found")).body.decode()
        assert "No such note, or it is not yours." in page
        assert "404 Not Found" in page

    async def test_unknown_problems_are_not(self, app):
        answer = await ask(app, path="/problems/no-such-thing")
        assert answer.status == 404
        assert answer.json["type"] == "/problems/unknown-problem"
