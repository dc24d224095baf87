"""Which files are read in the child process, and by which module of `reading`. Loads none of them."""

from typing import Final

_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OPEN: Final = "application/vnd.oasis.opendocument."
_MACRO: Final = "application/vnd.ms-"

_READERS: Final[dict[str, str]] = {
    "application/pdf": "pdf",
    "text/html": "markup",
    "application/rtf": "rtf",
    "message/rfc822": "mail",
    "application/epub+zip": "book",
    **dict.fromkeys(
        (
            *(_OFFICE + kind for kind in ("wordprocessingml.document", "wordprocessingml.template")),
            *(_OFFICE + kind for kind in ("spreadsheetml.sheet", "spreadsheetml.template")),
            *(_OFFICE + f"presentationml.{kind}" for kind in ("presentation", "slideshow", "template")),
            *(
                _MACRO + f"{kind}.macroEnabled.12"
                for kind in ("word.document", "excel.sheet", "powerpoint.presentation")
            ),
            *(_OPEN + kind for kind in ("text", "spreadsheet", "presentation", "graphics", "text-template")),
        ),
        "office",
    ),
    **dict.fromkeys(
        (
            "application/zip",
            "application/java-archive",
            "application/vnd.android.package-archive",
            "application/x-tar",
            "application/gzip",
            "application/x-bzip2",
            "application/x-xz",
        ),
        "listing",
    ),
}

_WITH_PICTURES: Final = frozenset({"pdf", "office", "book"})


def reader_of(media_type: str) -> str | None:
    """The module that reads such files; None: nothing does."""
    return _READERS.get(media_type)


def may_have_picture(media_type: str) -> bool:
    """Whether reading such a file may give a picture that stands for it."""
    return media_type.startswith("image/") or _READERS.get(media_type) in _WITH_PICTURES
