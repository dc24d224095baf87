"""`docs/reference/requirements.md` cannot claim a test that does not exist, nor leave a requirement out."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "requirements.md"
STATES = {"shown", "partly", "later", "claim"}
COUNTS = {"S0": 43, "S1": 82, "S2": 56, "S3": 26, "S4": 95}  #: rows of each document, so that none is lost


def rows() -> Iterator[tuple[str, str, str, str]]:
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if re.match(r"\| S\d-", line) and len(cells) == 4:
            yield cells[0], cells[1], cells[2], cells[3]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{part.name}" for part in node.body if hasattr(part, "name")} | {node.name}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names.add(node.name)
    return frozenset(names)


def test_every_row_has_a_known_state() -> None:
    assert {state for _, _, state, _ in rows()} <= STATES


def test_no_requirement_is_missing_or_named_twice() -> None:
    ids = [identifier for identifier, _, _, _ in rows()]
    assert len(ids) == len(set(ids))
    found = {name: sum(1 for identifier in ids if identifier.startswith(name)) for name in COUNTS}
    assert found == COUNTS


def test_what_is_shown_names_tests_that_exist() -> None:
    for identifier, _, state, shown_by in rows():
        named = re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", shown_by)
        assert (state in {"shown", "partly"}) == bool(named), f"{identifier}: {state}, but {shown_by or 'no test'}"
        for path, test in named:
            assert (ROOT / path).is_file(), f"{identifier}: there is no {path}"
            assert test in names_in(path), f"{identifier}: {path} has no {test}"
