"""Sizes and moments as people read them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from commonplace.platform.pages import formats

VIENNA = ZoneInfo("Europe/Vienna")


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (212_400, "212 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (2_400_000, "2.4 MB"),
        (99_940_000, "99.9 MB"),
        (99_960_000, "100 MB"),
        (412_345_678, "412 MB"),
        (3_100_000_000, "3.1 GB"),
        (10**19, "10000 PB"),
    ],
)
def test_sizes_are_decimal_with_three_digits_at_most(size_bytes: int, words: str) -> None:
    assert formats.size_text(size_bytes) == words


def test_a_size_carries_its_exact_value() -> None:
    assert formats.size(2_400_000) == '<data class="size" value="2400000" data-unit="byte">2.4\u00a0MB</data>'


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 files"), (1, "1 file"), (128, "128 files"), (10_001, "10,001 files")]
)
def test_counts_agree_with_their_noun(number: int, words: str) -> None:
    assert formats.count(number, "file") == words


@pytest.mark.parametrize(
    ("style", "words"),
    [("day", "15 Jun"), ("heading", "15 June"), ("full", "15 June 2026, 00:30"), ("time", "00:30")],
)
def test_moments_are_told_in_the_persons_time_zone(style: formats.WhenStyle, words: str) -> None:
    moment = datetime(2026, 6, 14, 22, 30, tzinfo=UTC)
    assert formats.moment_text(moment, VIENNA, style, today=date(2026, 11, 21)) == words


def test_another_year_is_said() -> None:
    moment = datetime(2025, 6, 14, tzinfo=UTC)
    assert formats.moment_text(moment, VIENNA, "day", today=date(2026, 11, 21)) == "14 Jun 2025"


def test_a_moment_carries_its_exact_value() -> None:
    moment = datetime(2024, 6, 14, 22, 30, tzinfo=UTC)
    assert formats.when(moment, VIENNA) == (
        '<time datetime="2024-06-14T22:30:00Z" data-when="day" title="15 June 2024, 00:30">15 Jun 2024</time>'
    )
