"""What two versions of a text have in common, line by line, as far as texts are not too long to be compared."""

import asyncio
import difflib
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple

from commonplace.platform.storage.protocol import ObjectStorage

LONGEST_BYTES: Final = 256 * 1024  #: of either text
MOST_LINES: Final = 5000  #: of either text
_CONTEXT: Final = 3  #: lines around a change
_TEXTS: Final = frozenset(
    {
        "application/json",
        "application/xml",
        "application/javascript",
        "application/toml",
        "application/yaml",
        "application/x-sh",
        "application/x-yaml",
        "application/sql",
        "image/svg+xml",
    }
)

LineKind = Literal["same", "added", "removed", "gap"]
WhyNot = Literal["not_text", "too_long"]


class Line(NamedTuple):
    """A line of a comparison. `gap` stands for lines that are the same and not shown."""

    kind: LineKind
    text: str
    before: int | None  #: its number in the earlier text
    after: int | None  #: its number in the later one


class Compared(NamedTuple):
    """The lines, or why there are none."""

    lines: Sequence[Line] | None
    why_not: WhyNot | None = None


async def compare(
    storage: ObjectStorage, before: tuple[str, dict[str, Any]], after: tuple[str, dict[str, Any]]
) -> Compared:
    """Compare two texts, each given by the key of its bytes and the state of its version."""
    for _, state in (before, after):
        if not _is_text(state["media_type"]):
            return Compared(None, "not_text")
        if state["size_bytes"] > LONGEST_BYTES:
            return Compared(None, "too_long")
    texts = []
    for key, _ in (before, after):
        try:
            texts.append((await _bytes_of(storage, key)).decode().splitlines())
        except UnicodeDecodeError:
            return Compared(None, "not_text")
    if max(len(text) for text in texts) > MOST_LINES:
        return Compared(None, "too_long")
    return Compared(await asyncio.to_thread(lines_of, *texts))


def lines_of(before: Sequence[str], after: Sequence[str]) -> list[Line]:
    """The lines of two texts with what was removed and added, and three lines around each change."""
    matcher = difflib.SequenceMatcher(None, before, after)
    found: list[Line] = []
    reached = 0
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        if group[0][1] > reached:
            found.append(Line("gap", "", None, None))
        for operation, b1, b2, a1, a2 in group:
            found += _of_operation(operation, before[b1:b2], after[a1:a2], b1 + 1, a1 + 1)
        reached = group[-1][2]
    if found and reached < len(before):
        found.append(Line("gap", "", None, None))
    return found


def _of_operation(
    operation: str, before: Sequence[str], after: Sequence[str], first_before: int, first_after: int
) -> Iterator[Line]:
    if operation == "equal":
        for number, text in enumerate(before):
            yield Line("same", text, first_before + number, first_after + number)
        return
    for number, text in enumerate(before):
        yield Line("removed", text, first_before + number, None)
    for number, text in enumerate(after):
        yield Line("added", text, None, first_after + number)


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type.partition(";")[0] in _TEXTS


async def _bytes_of(storage: ObjectStorage, key: str) -> bytes:
    async with await storage.read(key) as reader:
        return b"".join([block async for block in reader])
