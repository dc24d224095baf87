"""Keys: how they are made. Which are refused is tested with every storage in test_contract.py."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commonplace.platform.storage.errors import InvalidKey
from commonplace.platform.storage.keys import Category, model_key, new_key, validate_key

MOMENT = datetime(2026, 3, 4, 23, 30, 5, 678_901, tzinfo=timezone(timedelta(hours=-2)))
FORM = re.compile(
    r"(files|thumbnails|product-photos|sale-photos|ml-models|exports|backups)/\d{4}/\d\d/\d\d/"
    r"\d{8}T\d{9}Z-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(\.[a-z0-9]{1,16})?"
)


def test_a_key_is_category_day_time_and_chance_in_utc() -> None:
    key = new_key(Category.PRODUCT_PHOTOS, "jpg", now=MOMENT)
    assert re.fullmatch(r"product-photos/2026/03/05/20260305T013005678Z-[0-9a-f-]{36}\.jpg", key)


def test_a_key_is_of_this_moment_unless_told_otherwise() -> None:
    before = datetime.now(UTC)
    day = new_key(Category.FILES).split("/")[1:4]
    assert day in ([f"{moment:%Y}", f"{moment:%m}", f"{moment:%d}"] for moment in (before, datetime.now(UTC)))


@given(
    category=st.sampled_from(Category),
    extension=st.text(max_size=40),
    now=st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 — hypothesis wants it so.
)
def test_every_key_has_the_form_and_is_accepted(category: Category, extension: str, now: datetime) -> None:
    key = new_key(category, extension, now=now)
    assert FORM.fullmatch(key)
    assert validate_key(key) == key


def test_no_two_keys_are_the_same() -> None:
    assert len({new_key(Category.FILES, "txt", now=MOMENT) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("extension", "kept"),
    [
        ("jpg", ".jpg"),
        (".JPG", ".jpg"),
        ("7z", ".7z"),
        ("", ""),
        (".", ""),
        ("tar.gz", ""),
        ("../x", ""),
        ("a/b", ""),
        ("jpg\n", ""),
        ("ж", ""),
        ("x" * 16, "." + "x" * 16),
        ("x" * 17, ""),
    ],
)
def test_an_extension_is_kept_when_it_is_a_harmless_one(extension: str, kept: str) -> None:
    assert new_key(Category.FILES, extension)[-36 - len(kept) :][36:] == kept


def test_a_model_lies_below_its_version() -> None:
    assert model_key("1.2.0-rc1", "group1-shard1of2.bin") == "ml-models/v1.2.0-rc1/group1-shard1of2.bin"


@pytest.mark.parametrize(
    ("version", "name"), [("1/2", "a"), ("1", "a/b"), ("1", ".."), ("1", ""), ("1 2", "a"), ("1", ".hidden")]
)
def test_a_model_cannot_lie_elsewhere(version: str, name: str) -> None:
    with pytest.raises(InvalidKey):
        model_key(version, name)
