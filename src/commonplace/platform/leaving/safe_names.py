"""Names of people's things as parts of a path that every file system takes, and none misreads."""

import re
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

LONGEST_PATH: Final = 1024  #: bytes of UTF-8; a zip holds 65,535, but what unpacks it may not
_LONGEST_NAME: Final = 200  #: bytes, of a name that is changed
_SUFFIX: Final = 20
# Slashes and controls lead elsewhere, the others Windows refuses; overrides of direction show another name.
_UNSAFE: Final = re.compile('[\\x00-\\x1f\\x7f-\\x9f<>:"|?*/\\\\\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)


def safe_name(name: str, item_id: UUID) -> str:
    """The name itself where it is harmless; else one that is like it, with some digits of the id: no two are alike."""
    safe = _UNSAFE.sub("_", name)
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    safe = safe.rstrip(". ").lstrip(" ")
    if safe == name and len(name.encode()) <= 255 and not name.startswith("~"):  # noqa: PLR2004 - what a disk takes
        return name
    return marked_name(safe or "_", item_id)


def marked_name(name: str, item_id: UUID) -> str:
    """The name with the last digits of the id before its ending, shortened where it is long."""
    suffix = PurePosixPath(name).suffix
    suffix = suffix if len(suffix.encode()) <= _SUFFIX and suffix != name else ""
    stem = name.removesuffix(suffix).encode()[:_LONGEST_NAME].decode(errors="ignore")
    return f"{stem} ~{item_id.hex[-12:]}{suffix}"
