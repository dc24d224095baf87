"""Pages of tasks as HTML: which tasks stand where, for whom, at any address; the browser's side is in tests/pages."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.apps.tasks.conftest import Make
from tests.visitor import Visitor

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}


async def page(visitor: Visitor, path: str = "/app/tasks", **query: Any) -> str:
    answer = await visitor.get(path, params=query, headers=HTML)
    assert answer.status_code == 200, (path, query, answer.text)
    text: str = answer.text
    return text


def groups(html: str) -> dict[str, list[str]]:
    """The titles under each heading, by its key."""
    found = {}
    for section in re.findall(r"<section class=\"(?:group|column).*?</section>", html, re.DOTALL):
        key = re.search(r'id="(?:group|column)-([^"]+)"', section)
        assert key is not None
        found[key[1]] = re.findall(r'class="task .*? data-title="([^"]*)"', section)
    return found


def day(after: int) -> dict[str, str]:
    return {"date": (datetime.now(UTC).date() + timedelta(days=after)).isoformat()}


async def test_each_task_stands_under_its_heading(ana: Visitor, make: Make, make_list: Make) -> None:
    home = await make_list(ana, "home <b>")
    for number, title in ((-3, "late"), (0, "now"), (1, "soon"), (5, "this week"), (40, "some time")):
        await make(ana, title, due=day(number), list_id=home["id"])
    await make(ana, "whenever", tags=["x"], priority="high")
    begun = await make(ana, "begun", start=day(-1))
    await make(ana, "a step", parent_id=begun["id"])
    await make(ana, "a step with a day", parent_id=begun["id"], due=day(1))
    done = await make(ana, "done", due=day(-1))
    await ana.patch(f"/api/tasks/{done['id']}", json={"status": "done"})

    today = await page(ana)
    assert groups(today) == {"overdue": ["late"], "today": ["now", "begun"], "done": ["done"]}
    assert "home &lt;b&gt;" in today
    assert "<b>" not in today
    everything = groups(await page(ana, "/app/tasks/all"))
    assert everything["tomorrow"] == ["soon", "a step with a day"]
    assert (everything["week"], everything["later"], everything["none"]) == (["this week"], ["some time"], ["whenever"])
    upcoming = groups(await page(ana, "/app/tasks/upcoming"))
    assert list(upcoming.values()) == [["soon", "a step with a day"], ["this week"], ["some time"]]
    assert [*groups(await page(ana, "/app/tasks/all", order="priority"))] == ["high", "none", "done"]
    assert groups(await page(ana, "/app/tasks/all", q="wheth when")) == {}
    assert groups(await page(ana, "/app/tasks/all", tag="x", priority="high")) == {"none": ["whenever"]}
    assert groups(await page(ana, "/app/tasks/all", status="done")) == {"done": ["done"]}
    in_list = groups(await page(ana, f"/app/tasks/list/{home['id']}", order="title"))
    assert in_list == {"open": ["late", "now", "some time", "soon", "this week"]}
    board = groups(await page(ana, "/app/tasks/board", list=home["id"]))
    assert (len(board["open"]), board["in_progress"], board["done"]) == (5, [], [])
    kept = await ana.post("/api/task-filters", json={"title": "mine", "query": {"has_due": False, "sort": "-title"}})
    found = groups(await page(ana, filter=kept.json()["id"]))
    assert found["open"] == ["a step", "begun", "whenever"]
    assert await page(ana, filter=kept.json()["id"], order="date")


async def test_what_is_not_shared_is_not_there(ana: Visitor, ben: Visitor, make: Make, make_list: Make) -> None:
    home = await make_list(ana)
    task = await make(ana, "pay the rent", list_id=home["id"], notes="in secret")
    for path in (f"/app/tasks/list/{home['id']}", f"/app/tasks/list/{uuid4()}", f"/app/tasks?filter={uuid4()}"):
        assert (await ben.get(path, headers=HTML)).status_code == 404
    assert "secret" not in await page(ben, task=task["id"], history="yes")  # The page as it is, without details.
    # Shared by itself: the task is there, and the list it lies in is not.
    await ana.post("/api/shares", json={"item_id": task["id"], "email": ben.email, "level": "view"})
    seen = await page(ben, "/app/tasks/all", task=task["id"], history="yes")
    assert groups(seen) == {"none": ["pay the rent"]}
    assert home["id"] not in seen
    assert "in secret" in seen
    assert 'data-writable="no"' in seen
    answer = await Visitor(ana.http).get("/app/tasks/trash", headers=HTML | {"Authorization": "", "Cookie": ""})
    assert answer.status_code == 303


async def test_any_date_and_any_address_gets_a_page(ana: Visitor, make: Make) -> None:
    await ana.put("/auth/profile", json={"time_zone": "Pacific/Kiritimati"})
    ends = [{"date": "9999-12-31", "time": "23:59", "time_zone": "UTC"}, {"date": "0001-01-01"}]
    ends += [{"date": "0001-01-01", "time": "00:00", "time_zone": "Pacific/Kiritimati"}, {"date": "9999-12-31"}]
    made = [await make(ana, f"end {number}", due=end, start=end) for number, end in enumerate(ends)]
    rule = "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=9;UNTIL=99991231T000000Z"
    hostile = {"notes": "[x](javascript:alert(1)) <b onclick=x>", "recurrence": rule, "tags": ['"><i>']}
    await ana.patch(f"/api/tasks/{made[0]['id']}", json=hostile)
    paths = ["", "/upcoming", "/all", "/board", "/calendar"]
    months = ["9999-12", "9998-12", "0001-01", "1900-02", "2026-13", "x", "\u0662\u0660\u0662\u0666-11"]
    for query in (
        *({"month": month} for month in months),
        {"q": "'; \\ % _ \" <", "tag": "<", "priority": "9", "order": "--", "most": "-1", "status": "x"},
        {"most": "99999999999", "q": "a" * 5000},
        {"task": made[0]["id"], "history": "yes"},
        {"task": str(uuid4())},
    ):
        for path in paths if "month" not in query else paths[-1:]:
            html = await page(ana, f"/app/tasks{path}", **query)
            assert "javascript:" not in html
            assert "<i>" not in html
            assert "onclick" not in html.replace("&lt;b onclick=x&gt;", "")
    zero = await ana.get("/app/tasks/all", params={"q": "\0", "tag": "\0"}, headers=HTML)
    assert zero.status_code == 200
