"""A person's picture: what is taken, what is shown of it and to whom, and what is left when it goes."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from commonplace.apps.accounts.pictures.object_uses import PICTURES
from commonplace.platform.media.square import Square
from commonplace.platform.parts import Parts
from commonplace.platform.storage.errors import ObjectNotFound
from commonplace.platform.storage.objects import ObjectUses
from commonplace.platform.storage.protocol import ObjectStorage

from .conftest import Rows, SetClock
from .test_letters import said

pytestmark = pytest.mark.anyio
PATH = "/api/auth/profile/picture"


def photograph(
    size: tuple[int, int] = (900, 300), form: str = "JPEG", *, orientation: int | None = None, mode: str = "RGB"
) -> bytes:
    """Three fields side by side: red, green, blue; with a place where it was taken."""
    image = Image.new(mode, size)
    third = size[0] // 3
    for number, colour in enumerate(((255, 0, 0), (0, 255, 0), (0, 0, 255))):
        image.paste(colour, (number * third, 0, (number + 1) * third, size[1]))
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (47.0, 15.0, 30.0)
    if orientation is not None:
        exif[0x0112] = orientation
    content = io.BytesIO()
    image.save(content, form, **({"exif": exif, "quality": 95} if form == "JPEG" else {}))
    return content.getvalue()


def colour_of(content: bytes, place: tuple[float, float] = (0.5, 0.5)) -> str:
    image = Image.open(io.BytesIO(content)).convert("RGB")
    pixel: Any = image.getpixel((int(place[0] * (image.width - 1)), int(place[1] * (image.height - 1))))
    return ("red", "green", "blue")[max(range(3), key=lambda band: pixel[band])]


async def put(person: Any, content: bytes, **square: float) -> Any:
    answer = await person.put(PATH, content=content, params=square)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def stored(rows: Rows, parts: Parts) -> Callable[[], Any]:
    """`await stored()`: the keys that pictures name; each has its bytes."""

    async def read() -> set[str]:
        keys = {row["key"] for row in await rows("SELECT key FROM accounts.picture_variant")}
        for key in keys:
            await parts[ObjectStorage].stat(key)
        return keys

    return read


async def test_it_is_cut_to_a_square_served_for_ever_and_says_nothing_of_the_place(ana: Any, ben: Any) -> None:
    assert said(await ana.get(PATH)) == (404, "picture-not-found")
    picture = await put(ana, photograph())
    assert (picture["media_type"], picture["width"], picture["height"]) == ("image/jpeg", 900, 300)
    assert (picture["side"], picture["x"], picture["y"]) == (1, 0.5, 0.5)
    assert (await ana.get(PATH)).json() == picture
    for path, width, height in ((picture["small"], 128, 128), (picture["large"], 300, 300)):
        answer = await ben.get(path)
        image = Image.open(io.BytesIO(answer.content))
        assert (image.size, answer.headers["content-type"]) == ((width, height), "image/jpeg")
        assert not image.getexif()
        assert colour_of(answer.content) == "green"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    again = await ben.get(
        picture["small"], headers={"If-None-Match": (await ben.get(picture["small"])).headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    whole = await ana.get(picture["whole"])
    assert Image.open(io.BytesIO(whole.content)).size == (900, 300)
    assert said(await ben.get(picture["whole"])) == (404, "picture-not-found")  # it shows what was left out


async def test_another_part_is_shown_and_the_old_bytes_go(ana: Any, stored: Any, told: Any) -> None:
    first = await put(ana, photograph(), x=0)
    before = await stored()
    assert colour_of((await ana.get(first["small"])).content) == "red"
    changed = await ana.patch(PATH, json={"side": 0.5, "x": 1, "y": 0})
    assert changed.status_code == 200, changed.text
    assert changed.json()["id"] != first["id"]
    shown = await ana.get(changed.json()["large"])
    assert (Image.open(io.BytesIO(shown.content)).size, colour_of(shown.content)) == ((150, 150), "blue")
    assert said(await ana.get(first["small"])) == (404, "picture-not-found")
    assert before.isdisjoint(await stored())
    assert [one["is_removed"] for one in await told("person.picture_changed")] == [False, False]
    for square in ({"side": 0.01}, {"x": -1}, {"y": 2}, {"side": "NaN"}):
        assert (await ana.patch(PATH, json=square)).status_code == 422


@pytest.mark.parametrize(
    ("content", "corner"),
    [
        (photograph((300, 900), orientation=6), "red"), (photograph(form="PNG"), "green"),
        (photograph(form="GIF"), "green"), (photograph(form="WEBP", mode="RGBA"), "green"),
    ],
    ids=["turned", "png", "gif", "transparent webp"],
)  # fmt: skip
async def test_any_image_is_taken_as_it_is_shown(ana: Any, content: bytes, corner: str) -> None:
    picture = await put(ana, content)
    answer = await ana.get(picture["small"])
    assert Image.open(io.BytesIO(answer.content)).size == (128, 128)
    assert colour_of(answer.content, (0.5, 0.0)) == corner


async def test_what_is_no_picture_or_too_large_leaves_nothing(
    ana: Any, nobody: Any, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = photograph()
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    for content in (b"", b"GIF89a", b"<svg onload=alert(1)>", b"#!/bin/sh", real[: len(real) // 2], bomb.getvalue()):
        assert said(await ana.put(PATH, content=content)) == (422, "picture-not-allowed")
    monkeypatch.setattr("commonplace.apps.accounts.pictures.service._MEGABYTE", 50)  # the limit is 1,000 bytes
    assert said(await ana.put(PATH, content=real)) == (413, "picture-too-large")

    async def in_pieces() -> Any:
        yield real

    assert said(await ana.put(PATH, content=in_pieces())) == (413, "picture-too-large")
    assert (await nobody.put(PATH, content=real)).status_code == 401
    assert [info.key async for info in parts[ObjectStorage].list()] == []
    assert said(await ana.patch(PATH, json={})) == (404, "picture-not-found")
    assert said(await ana.delete(PATH)) == (404, "picture-not-found")


async def test_it_is_shown_where_the_person_is_and_gone_when_removed(
    ana: Any, ben: Any, parts: Parts, stored: Any, rows: Rows
) -> None:
    picture = await put(ana, photograph())
    folder = (await ana.post("/api/folders", json={"name": "Trip"})).json()
    await ana.post("/api/shares", json={"item_id": folder["id"], "person_id": ben.person["id"], "level": "view"})
    received = (await ben.get("/api/shares/received")).json()["items"]
    assert received[0]["owner"]["picture"] == picture["small"]
    (original,) = await rows("SELECT key FROM platform.object")
    uses = ObjectUses([PICTURES], apps=["accounts"])
    needed = f"SELECT count(*) AS number FROM platform.object WHERE {uses.is_needed}"
    assert await rows(needed) == [{"number": 1}]
    variants = await stored()
    assert {row["key"] for row in await rows(uses.other_keys[0], keys=[*variants, original["key"]])} == variants
    assert (await ana.delete(PATH)).status_code == 204
    assert (await ben.get("/api/shares/received")).json()["items"][0]["owner"]["picture"] is None
    assert await rows(needed) == [{"number": 0}]
    for key in variants:
        with pytest.raises(ObjectNotFound):
            await parts[ObjectStorage].stat(key)
    await put(ana, photograph())  # the same bytes once more


async def test_the_page_takes_it_without_scripts(ana: Any, clock: SetClock) -> None:
    files = {"picture": ("me.jpg", photograph(), "text/html")}
    taken = await ana.post("/app/account/picture", files=files)
    assert (taken.status_code, taken.headers["location"]) == (303, "/app/account/picture?done=taken")
    picture = (await ana.get(PATH)).json()
    page = await ana.get("/app/account/picture?done=taken")
    assert picture["whole"] in page.text
    assert picture["small"] in page.text  # in the frame
    moved = await ana.post("/app/account/picture/square", data={"side": "50", "x": "0", "y": "junk"})
    assert moved.status_code == 303
    assert [(await ana.get(PATH)).json()[name] for name in ("side", "x", "y")] == [0.5, 0, 0.5]
    for wrong in ({"picture": ("a.txt", b"words", "image/png")}, {"other": ("a", b"", "image/png")}):
        refused = await ana.post("/app/account/picture", files=wrong)
        assert (refused.status_code, "This cannot be your picture" in refused.text) == (422, True)
    assert (await ana.post("/app/account/picture/remove")).status_code == 303
    assert (await ana.post("/app/account/picture/remove")).headers["location"] == "/app/account/picture"


def test_a_square_lies_within_whatever_is_asked_for() -> None:
    for width, height in ((1, 1), (3, 900), (900, 3), (640, 480)):
        for side in (-1.0, 0.0, 0.05, 0.5, 1.0, 9.0):
            for place in (-1.0, 0.0, 0.5, 1.0, 2.0):
                left, top, length = Square(side=side, x=place, y=place).within(width, height)
                assert 0 <= left <= left + length <= width
                assert 0 <= top <= top + length <= height
                assert length >= 1
