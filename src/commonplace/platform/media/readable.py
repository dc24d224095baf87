"""Which files are read in the child process, and by which module of `reading`. Loads none of them."""

from typing import Final

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."

_READERS: Final[dict[str, str]] = {
    "application/pdf": "pdf",
}


def reader_of(media_type: str) -> str | None:
    """The module that reads such files; None: nothing does."""
    return _READERS.get(media_type)
