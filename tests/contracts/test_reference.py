"""The reference says what the code does."""

import re
from collections import Counter

import pytest

from infrastructure.reference import ROOT, pages

PAGES = pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name], "Run `python -m infrastructure.reference`."


def test_each_problem_has_a_name_of_its_own() -> None:
    """The name is the `type` that clients act on: two classes of one name would be one problem to them."""
    names = re.findall(r"^\| `([a-z0-9-]+)` \|", PAGES["docs/reference/problems.md"], flags=re.MULTILINE)
    assert len(names) > 100
    assert [name for name, number in Counter(names).items() if number > 1] == []
