"""Thumbnails in further forms, and whose files are read first."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import text

from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.events.dispatcher import Dispatcher
from commonplace.platform.events.registry import Registry
from commonplace.platform.parts import Parts
from tests.apps.files.conftest import StoredKeys, Upload
from tests.platform.media import pictures

Deliver = Callable[[], Awaitable[None]]


@pytest.fixture(autouse=True)
def _with_forms(environ: dict[str, str]) -> None:
    environ["FILES__PICTURE_FORMS"] = '["webp", "avif"]'


pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("whole")]


async def test_a_thumbnail_comes_in_the_form_that_is_taken(
    ana: Any, upload: Upload, deliver: Deliver, stored_keys: StoredKeys
) -> None:
    file = await upload(ana, "a.jpg", pictures.encoded(pictures.quarters(100, 80), "JPEG"))
    await upload(ana, "a.txt", b"no picture")
    await deliver()
    url = f"/api/files/{file['id']}/thumbnail"
    tags = set()
    for accept, media_type in (
        ("image/avif,image/webp,*/*", "image/avif"),
        ("image/webp,*/*", "image/webp"),
        ("*/*", "image/jpeg"),
    ):
        answer = await ana.get(url, headers={"Accept": accept})
        assert (answer.headers["Content-Type"], answer.headers["Vary"]) in {
            (media_type, "Accept"),
            ("image/avif", "Accept"),  # whichever is smaller, where both are taken
            ("image/webp", "Accept"),
        }
        tags.add(answer.headers["ETag"])
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.size == (100, 80)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert len(tags) > 1
    large = await ana.get(url, params={"size": 2048}, headers={"Accept": "image/avif"})
    assert large.headers["Content-Type"] == "image/jpeg"
    before = len(await stored_keys())
    assert (await ana.post(f"/api/process/files/{file['id']}")).status_code == 202
    await deliver()
    assert len(await stored_keys()) == before


async def test_who_has_little_waiting_goes_before_who_has_much(
    ana: Any, ben: Any, upload: Upload, deliver: Deliver, parts: Parts
) -> None:
    files = [("file", (f"{number}.txt", f"{number}".encode())) for number in range(20)]
    assert (await ana.post("/api/files/batch", files=files)).status_code == 201
    await Dispatcher(parts[Database], parts[Registry]).dispatch()
    await upload(ben, "late.txt", b"late")
    await Dispatcher(parts[Database], parts[Registry]).dispatch()
    async with parts[Database].reading() as session:
        rows = await session.all(
            Query(
                text("""
                SELECT event ->> 'owner_id' AS owner_id, priority FROM platform.delivery
                WHERE queue = 'processing' ORDER BY priority DESC, run_at, id
                """)
            )
        )
    owners = [row.owner_id for row in rows]
    assert owners.index(ben.person["id"]) == 1
    assert [row.priority for row in rows] == [0, 0, -1, *[-2] * 2, *[-3] * 4, *[-4] * 8, *[-5] * 4]
    await deliver()
