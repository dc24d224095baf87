"""Which files are read in the child process, and by which module of `reading`. Loads none of them."""

from typing import Final

#: Raw pictures of cameras, by the extension of their names: most are TIFF files, and nothing else tells them apart.
RAW: Final = {
    "3fr": "image/x-hasselblad-3fr",
    "arw": "image/x-sony-arw",
    "cr2": "image/x-canon-cr2",
    "cr3": "image/x-canon-cr3",
    "dng": "image/x-adobe-dng",
    "nef": "image/x-nikon-nef",
    "nrw": "image/x-nikon-nrw",
    "orf": "image/x-olympus-orf",
    "pef": "image/x-pentax-pef",
    "raf": "image/x-fuji-raf",
    "rw2": "image/x-panasonic-rw2",
    "srw": "image/x-samsung-srw",
}
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
        ("audio/mpeg", "audio/mp4", "audio/ogg", "audio/flac", "audio/wav", "audio/aiff", "audio/x-ms-wma"), "sound"
    ),
    **dict.fromkeys(
        (
            *("video/mp4", "video/quicktime", "video/3gpp", "video/x-matroska", "video/webm", "video/vnd.avi"),
            *("video/ogg", "video/mpeg", "video/mp2t", "video/x-flv", "video/x-ms-wmv"),
        ),
        "film",
    ),
    **dict.fromkeys(RAW.values(), "raw"),
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

_WITH_PICTURES: Final = frozenset({"pdf", "office", "book", "sound", "film", "raw"})


def reader_of(media_type: str) -> str | None:
    """The module that reads such files; None: nothing does."""
    return _READERS.get(media_type)


def may_have_picture(media_type: str) -> bool:
    """Whether reading such a file may give a picture that stands for it."""
    return media_type.startswith("image/") or _READERS.get(media_type) in _WITH_PICTURES
