"""Every answer bears the id of its request; the problem in it and the access log's line bear the same."""

from typing import Any

import httpx
import pytest

from commonplace.platform.database.errors import DatabaseUnavailable
from commonplace.platform.database.session import Database
from tests.conftest import LogLines
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio

UNKNOWN = "01890000-0000-7000-8000-000000000000"


async def asked(visitor: Visitor, status: int, monkeypatch: pytest.MonkeyPatch, **headers: str) -> httpx.Response:
    """An answer of this status."""
    faults = {500: RuntimeError("a defect"), 503: DatabaseUnavailable()}
    if status in faults:

        async def fail(_database: Database) -> Any:
            raise faults[status]

        monkeypatch.setattr(Database, "acquire", fail)
    method, path, options = "GET", "/api/files", {}
    if status == 304:
        made = (await visitor.post("/api/files", files={"file": ("a.txt", b"1")})).json()
        path = f"/api/files/{made['id']}"
        headers["If-None-Match"] = (await visitor.get(path)).headers["ETag"]
    elif status == 404:
        path = f"/api/files/{UNKNOWN}"
    elif status in {413, 422}:
        method, path = "POST", "/api/folders"
        options = {"json": {"name": "x" * 2_000_000 if status == 413 else 5}}
    answer: httpx.Response = await visitor.request(method, path, headers=headers, **options)
    assert answer.status_code == status, answer.text
    return answer


@pytest.mark.parametrize("status", [200, 304, 404, 413, 422, 500, 503])
@pytest.mark.parametrize("own", [None, "order-4711"])
async def test_answer_problem_and_log_line_bear_one_id(
    log_lines: LogLines, ana: Visitor, monkeypatch: pytest.MonkeyPatch, status: int, own: str | None
) -> None:  # The log comes first: the application takes the one it finds.
    answer = await asked(ana, status, monkeypatch, **({"X-Request-ID": own} if own else {}))
    (identifier,) = answer.headers.get_list("X-Request-ID")
    assert identifier == own if own else len(identifier) == 32
    told = [line for line in log_lines() if line["event"] == "http.request" and line["correlation_id"] == identifier]
    assert [line["status"] for line in told] == [status]
    if status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == identifier
        assert "/problems/" + told[0]["problem"] == answer.json()["type"]
    else:
        assert "problem" not in told[0]
