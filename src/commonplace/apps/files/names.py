"""Names of files and folders: which are taken, and how another one beside a taken one looks.

A name is kept as it was sent. Refused is only what no file system or tool could handle: the rest is the person's
choice, Windows' device names among them (such a name does harm on that person's disk only, where Windows refuses it).
"""

import unicodedata
from pathlib import PurePosixPath
from typing import Final

from commonplace.apps.files.errors import InvalidName

LONGEST_NAME: Final = 255  #: bytes of UTF-8, as file systems have it
#: What `checked_name` takes, but for the bytes, as other languages' regular expressions have it.
NAME_PATTERN: Final = r"^(?!\.{1,2}$)(?=.*\S)[^/\\\u0000-\u001f\u007f-\u009f\u2028\u2029]+$"
_LINE_ENDS: Final = frozenset({"Zl", "Zp"})
_LONGEST_SUFFIX: Final = 20  #: bytes; a longer "extension" is a part of the name


def checked_name(name: str) -> str:
    """The name as it is, when a file or folder can have it.

    Raises:
        InvalidName: it cannot; the text says why.
    """
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidName("A name must be text that UTF-8 can write; this one has half a character in it.") from None
    if not name.strip():
        raise InvalidName("A name must have at least one character that can be seen.")
    if name in (".", ".."):
        raise InvalidName("A name cannot be “.” or “..”: they mean folders.")
    if length > LONGEST_NAME:
        raise InvalidName(f"A name may have {LONGEST_NAME} bytes of UTF-8 at most; this one has {length}.")
    for character in "/\\":
        if character in name:
            raise InvalidName(f"A name cannot have “{character}” in it: it parts folders. Make a folder first.")
    if not name.isprintable() and (bad := _control_character(name)) is not None:
        raise InvalidName(f"A name cannot have the control character U+{ord(bad):04X} in it.")
    return name


def numbered_file(name: str, number: int) -> str:
    """`("a.txt", 2)` gives `a (2).txt`; shortened where it would be too long."""
    path = PurePosixPath(name)
    suffix = path.suffix
    if path.stem.endswith(".tar"):
        suffix = f".tar{suffix}"
    if len(suffix.encode()) > _LONGEST_SUFFIX or suffix == name:
        suffix = ""
    return _numbered(name.removesuffix(suffix), number, suffix)


def numbered_folder(name: str, number: int) -> str:
    """`("photos", 2)` gives `photos (2)`; shortened where it would be too long."""
    return _numbered(name, number, "")


def extension_of(name: str) -> str:
    """The name's extension without its dot; empty when it has none."""
    return PurePosixPath(name).suffix.removeprefix(".")


def _numbered(stem: str, number: int, suffix: str) -> str:
    end = f" ({number}){suffix}"
    room = LONGEST_NAME - len(end.encode())
    kept = stem.encode()[:room].decode(errors="ignore")
    while len(kept) < len(stem) and kept and unicodedata.combining(stem[len(kept)]):
        kept = kept[:-1]  # not between a letter and its accent
    return kept + end


def _control_character(name: str) -> str | None:
    for character in name:
        category = unicodedata.category(character)
        if category == "Cc" or category in _LINE_ENDS:
            return character
    return None
