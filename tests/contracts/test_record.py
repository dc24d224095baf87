"""Nothing writes an item's table, or the record, but the record itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from commonplace.installed import APPS
from commonplace.platform.app import load
from commonplace.platform.history.kind import Kind

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "commonplace"

#: Who may write the record's own tables. Restoring a backup fills an empty database with a whole record.
MAY_WRITE_THE_RECORD = (
    "platform/history/",
    "platform/events/log.py",
    "platform/events/partitions.py",
    "platform/events/erasing.py",
    "platform/backup/",
)
RECORD = frozenset({"platform.item", "platform.version", "platform.event"})
_WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM(?:\s+ONLY)?|TRUNCATE(?:\s+TABLE)?|MERGE\s+INTO|COPY)\s+"
    r"\"?([a-z_]+)\"?\.\"?([a-z_]+)\"?",
    re.IGNORECASE,
)


def kinds() -> list[Kind]:
    return [load(reference) for app in map(load, APPS) for reference in app.kinds]


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = str(path.relative_to(SOURCE))
        if "/migrations/" not in name:
            yield name, ast.parse(path.read_text())


def texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every piece of text in a module; what is filled into it stands as a space."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            pieces = [piece.value if isinstance(piece, ast.Constant) else " " for piece in node.values]
            yield node.lineno, "".join(map(str, pieces))


def written_tables(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for line, value in texts(tree):
        for match in _WRITES.finditer(value):
            yield line, f"{match[1]}.{match[2]}".lower()


def test_there_are_kinds_to_look_for() -> None:
    assert {"files.file", "files.folder", "accounts.person"} <= {kind.qualified_table for kind in kinds()}


def test_no_sql_goes_round_the_record() -> None:
    items = {kind.qualified_table for kind in kinds()}
    found = [
        f"{name}:{line} writes {table}"
        for name, tree in modules()
        for line, table in written_tables(tree)
        if (table in items or table in RECORD) and not name.startswith(MAY_WRITE_THE_RECORD)
    ]
    assert not found, f"{found}: use history.create, history.change or events.tell; they keep the past and tell of it."


def test_no_statement_of_sqlalchemy_goes_round_the_record() -> None:
    classes = {kind.table.__name__ for kind in kinds()}
    found = [
        f"{name}:{node.lineno} {ast.unparse(node)[:60]}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        if ast.unparse(node.func).rpartition(".")[2] in {"insert", "update", "delete", "merge", "add", "add_all"}
        if any(isinstance(argument, ast.Name) and argument.id in classes for argument in node.args)
        or any(ast.unparse(argument).partition("(")[0] in classes for argument in node.args)
    ]
    assert not found, f"{found}: use history.create and history.change; they keep the past and tell of it."


def test_the_check_sees_what_it_looks_for() -> None:
    """Of a check that finds nothing one must know that it could."""
    wrong = ast.parse('''
FIRST = text(f"""
    WITH x AS (SELECT 1) UPDATE files.file SET size_bytes = {size}
""")
SECOND = "insert into platform.item (id) values (1)"
THIRD = text("DELETE FROM only files.folder")
FOURTH = "TRUNCATE platform.version"
RIGHT = "SELECT * FROM files.file FOR UPDATE OF item"
''')
    assert {table for _, table in written_tables(wrong)} == {
        "files.file",
        "platform.item",
        "files.folder",
        "platform.version",
    }
