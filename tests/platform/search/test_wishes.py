"""What is understood of what a person types."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.platform.search.asking import Spelling, question
from commonplace.platform.search.snippets import pattern, snippet
from commonplace.platform.search.wishes import Wishes, read_wishes
from commonplace.platform.search.words import closest, distance, folded, near

KINDS = ("file", "folder", "task", "task_list")
VIENNA = ZoneInfo("Europe/Vienna")


def day(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=VIENNA).astimezone(UTC)  # type: ignore[misc, arg-type, unused-ignore]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("size:>10MB", {"smallest": 10_000_001}),
        ("size:>=1.5kB size:<2kB", {"smallest": 1500, "largest": 1999}),
        ("size:1MiB..2MB", {"smallest": 2**20, "largest": 2_000_000}),
        ("size:100", {"smallest": 90, "largest": 110}),
        ("before:2024 after:2023-05", {"until": day(2024, 1, 1), "since": day(2023, 6, 1)}),
        ("on:2024-02-29", {"since": day(2024, 2, 29), "until": day(2024, 3, 1)}),
        ("after:2023 after:2022", {"since": day(2024, 1, 1)}),
        ("kind:tasks kind:list", {"kinds": ("task", "task_list")}),
        ("type:.PDF type:text/*", {"types": ("pdf", "text/*")}),
        ('in:"Sommer 2023" tag:Süßes', {"containers": ("sommer 2023",), "tags": ("susses",)}),
        ("owner:Ben from:me is:shared", {"people": ("ben", "me"), "is_shared": True}),
        ("is:mine", {"is_shared": False}),
        ("near:48.21,16.37 place:Wien", {"near": (48.21, 16.37, 10.0), "place": "wien"}),
    ],
)
def test_filters(query: str, wanted: dict[str, Any]) -> None:
    wishes = read_wishes(query, zone=VIENNA, kinds=KINDS)
    assert wishes == Wishes(**wanted)


@pytest.mark.parametrize(
    "query",
    [
        "size:>x",
        "size:1..",
        "kind:cow",
        "before:2024-13",
        "on:99999",
        "after:0001",
        "is:odd",
        "near:1",
        "near:a,b",
        "near:91,0",
        "type:;",
        "tag:-",
        "in:!",
        "name:*",
        "place:.",
        "owner:_",
    ],
)
def test_what_is_no_filter_has_a_hint(query: str) -> None:
    wishes = read_wishes(query, zone=ZoneInfo("Pacific/Kiritimati"), kinds=KINDS)
    assert (len(wishes.hints) == 1) or query == "after:0001"
    assert wishes.is_empty or query == "after:0001"


def test_words_phrases_and_what_only_looks_like_a_filter() -> None:
    wishes = read_wishes('tea "Two  weeks" -rome -"new york" https://example.org/a 10:30 name:rep ope', kinds=KINDS)
    assert [term.words for term in wishes.terms] == [
        ("tea",),
        ("two", "weeks"),
        ("https", "example", "org", "a"),
        ("10", "30"),
        ("ope",),
    ]
    assert [(term.is_exact, term.is_open) for term in wishes.terms] == [
        (False, False),
        (True, False),
        (False, False),
        (False, False),
        (False, True),
    ]
    assert [term.words for term in wishes.excluded] == [("rome",), ("new", "york")]
    assert [term.words for term in wishes.in_name] == [("rep",)]
    many = read_wishes(" ".join(f"w{number}" for number in range(100)))
    assert (len(many.terms), len(many.hints)) == (24, 1)


@settings(max_examples=30)
@given(st.text(max_size=60))
def test_any_text_can_be_asked_for(query: str) -> None:
    wishes = read_wishes(query, kinds=KINDS)
    asked = question(wishes, Spelling())
    for words in (asked.everywhere, asked.in_names, asked.public, asked.exact, asked.any_name, asked.not_in_words):
        assert words.count("(") == words.count(")")
        assert words.count("'") % 2 == 0
    found = snippet(query, pattern(wishes, Spelling()))
    if found is not None:
        assert all(0 <= begin < end <= len(found.text) for begin, end in found.marks)


@settings(max_examples=30)
@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@settings(max_examples=30)
@given(st.text("abcdefg", min_size=4, max_size=12), st.data())
def test_a_letter_that_slipped_shares_a_neighbour(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 2))
    letter = data.draw(st.sampled_from("abcxyz"))
    slips = {
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    } - {word}
    for slip in slips:
        assert set(near(word)) & set(near(slip)), slip
        assert distance(word, slip) == 1
        assert closest(slip, [word]) == [word]
