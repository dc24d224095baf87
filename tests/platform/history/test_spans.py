"""The cells of time: a version stands in exactly one, and whoever asks for a time of it looks there."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from commonplace.platform.history.spans import GRACE, spans_around
from tests.platform.history.conftest import Sql

pytestmark = pytest.mark.anyio
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


async def test_what_was_so_at_a_time_is_found_under_one_of_its_cells(sql: Sql) -> None:
    chance = random.Random(7)
    begins = [_BEGIN + timedelta(seconds=chance.random() * 10 ** chance.randint(0, 8)) for _ in range(300)]
    begins += [datetime(1969, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)]
    ends = [begin + timedelta(seconds=10 ** (chance.random() * 8)) for begin in begins]
    rows = await sql(
        "SELECT platform.span_of(f, u) AS span, platform.span_of(f, NULL) AS still"
        " FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) AS given (f, u)",
        begins=begins,
        ends=ends,
    )
    assert {row.still for row in rows} == {0}
    for begin, end, row in zip(begins, ends, rows, strict=True):
        between = begin + (end - begin) * chance.random()
        for at in (begin, between, end, begin - GRACE, end + GRACE):
            assert row.span in spans_around(at)
    elsewhere = _BEGIN - timedelta(days=500)
    shared = set(spans_around(elsewhere))
    assert sum(row.span in shared for row in rows) < 60  # and hardly ever under those of another time


def test_a_time_lies_in_few_cells() -> None:
    assert max(len(spans_around(_BEGIN + timedelta(minutes=7 * number))) for number in range(5000)) <= 42
