"""The reference says what the code does."""

import pytest

from infrastructure.reference import ROOT, pages

PAGES = pages()


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text() == PAGES[name], "Run `python -m infrastructure.reference`."
