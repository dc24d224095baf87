"""The page of results without scripts, and the pieces that scripts ask for."""

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.anyio


async def page(visitor: Any, path: str = "/app/search", **parameters: Any) -> str:
    answer: httpx.Response = await visitor.get(path, params=parameters, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_results_stand_in_the_page_and_whatever_is_in_them_is_text(
    ana: Any, ben: Any, deliver: Any, folder: Any, file: Any, task: Any
) -> None:
    empty = await page(ana)
    assert "type:pdf size:&gt;10MB" in empty, "it teaches the filters"
    assert 'href="/app/search?q=type%3Apdf+size%3A%3E10MB"' in empty

    garden = await folder(ana, "Garden")
    evil = await file(ana, "<img src=x onerror=alert(1)> walnut.txt", garden, b"a <script>walnut</script> & more")
    for number in range(30):
        await task(ana, title=f"walnut {number:02}", tags=["nuts"])
    answer = await ana.post("/api/shares", json={"item_id": evil, "email": ben.email, "level": "view"})
    assert answer.status_code == 201
    await deliver()

    found = await page(ana, q="walnut", sort="name")
    assert "31 are found." in found
    assert "&lt;img src=x onerror=alert(1)&gt; <mark>walnut</mark>.txt" in found
    assert "a &lt;script&gt;<mark>walnut</mark>&lt;/script&gt; &amp; more" in found
    assert "<script>walnut" not in found
    assert 'href="/app/search?q=walnut&amp;kind=task&amp;sort=name"' in found, "of one kind only"
    more = found[found.index("/app/search/results?q=walnut&amp;sort=name&amp;after=") :]
    cursor = more.partition("after=")[2].partition('"')[0]
    further = await page(ana, "/app/search/results", q="walnut", sort="name", after=cursor)
    assert further.count('class="found-item"') == 6
    assert "<html" not in further
    whole = await page(ana, q="walnut", sort="name", after=cursor)
    assert whole.count('class="found-item"') == 6
    assert "<html" in whole

    tasks = await page(ana, q="walnut", kind="task")
    assert "30 are found." in tasks
    assert "shared by" not in tasks
    assert "#nuts" in tasks
    theirs = await page(ben, q="walnutt size:>1kB size:<x")
    assert "is no size" in theirs
    assert "Nothing is found" in theirs
    theirs = await page(ben, q="wallnut")
    assert "shared by Ana" in theirs
    assert "was looked for as walnut, too" in theirs
    piece = await page(ben, "/app/search/results", q="wallnut")
    assert piece.lstrip().startswith('<div id="results">')


async def test_nobody_is_led_to_the_way_in(nobody: Any) -> None:
    answer = await nobody.get("/app/search", params={"q": "x"}, headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/sign-in?next=%2Fapp%2Fsearch%3Fq%3Dx")
    assert (await nobody.get("/api/search", params={"q": "x"})).status_code == 401
