"""The time of exposure is read from EXIF by whoever wrote it."""

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.platform.media.exif import taken_at

TAKEN, OFFSET = 0x9003, 0x9011


def block(*tags: tuple[int, bytes], order: str = "<", mark: bytes = b"") -> bytes:
    """EXIF with text tags in its second table."""
    start = 8 + 2 + 12 + 4
    texts_start = start + 2 + 12 * len(tags) + 4
    entries, texts = b"", b""
    for tag, text in tags:
        entries += struct.pack(order + "HHII", tag, 2, len(text), texts_start + len(texts))
        texts += text
    head = {"<": b"II*\x00", ">": b"MM\x00*"}[order] + struct.pack(order + "IH", 8, 1)
    pointer = struct.pack(order + "HHIII", 0x8769, 4, 1, start, 0)
    return mark + head + pointer + struct.pack(order + "H", len(tags)) + entries + bytes(4) + texts


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mark", [b"", b"Exif\x00\x00"])
@pytest.mark.parametrize(
    ("offset", "zone"),
    [
        (b"+02:00\x00", timezone(timedelta(hours=2))),
        (b"-03:30\x00", timezone(-timedelta(hours=3, minutes=30))),
        (b"+00:00\x00", UTC),
        (b"Z     \x00", UTC),
        (b"+23:00\x00", None),  # Nobody lives there.
        (b"      \x00", None),
        (b"\xff\xff\xff\xff\xff\xff\x00", None),
        (None, None),
    ],
)
def test_the_time_carries_the_offset_that_was_written(
    offset: bytes | None, zone: timezone | None, order: str, mark: bytes
) -> None:
    tags = [(TAKEN, b"2024:02:29 23:59:58\x00")] + ([(OFFSET, offset)] if offset else [])
    assert taken_at(block(*tags, order=order, mark=mark)) == datetime(2024, 2, 29, 23, 59, 58, tzinfo=zone)


@pytest.mark.parametrize(
    "date",
    [
        b"0000:00:00 00:00:00\x00",
        b"    :  :     :  :  \x00",
        b"2023:02:29 10:00:00\x00",
        b"2023:01:01 25:00:00\x00",
        b"1601:01:01 00:00:00\x00",
        b"9999:12:31 23:59:59\x00",
        b"yesterday\x00",
        b"\xff" * 20,
    ],
)
def test_an_impossible_time_is_none(date: bytes) -> None:
    assert taken_at(block((TAKEN, date), (OFFSET, b"-01:00\x00"))) is None


def test_no_exif_is_no_time() -> None:
    assert taken_at(b"") is None
    assert taken_at(b"Exif\x00\x00") is None
    assert taken_at(block()) is None


def test_a_table_that_is_its_own_neighbour_ends() -> None:
    looping = b"II*\x00" + struct.pack("<IHHHII", 8, 0xFFFF, 0x8769, 4, 1, 8) + b"\x00" * 8
    assert taken_at(looping) is None


@given(st.data())
def test_any_damage_is_none_or_a_time(data: st.DataObject) -> None:
    exif = bytearray(block((TAKEN, b"2024:02:29 23:59:58\x00"), (OFFSET, b"+02:00\x00")))
    for _ in range(data.draw(st.integers(1, 4))):
        exif[data.draw(st.integers(8, len(exif) - 1))] = data.draw(st.integers(0, 255))
    found = taken_at(bytes(exif[: data.draw(st.integers(0, len(exif)))]))
    assert found is None or found.year > 1800
