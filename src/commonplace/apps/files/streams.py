"""Which requests carry bytes without limit. Loaded before any route, so it imports nothing."""

import re
from typing import Final

_STREAMS: Final = re.compile(
    r"POST /api/files(?:/batch)?"
    r"|PUT /api/files/[^/]+/content"
    r"|POST /api/files/uploads"
    r"|(?:PATCH|POST) /api/files/uploads/[^/]+"
    r"|GET /api/files/[^/]+/(?:content|versions/[0-9]+/content)"
    r"|(?:GET|PUT) /api/storage/[^/]+"
    r"|(?:GET|HEAD|POST) /api/files/archive"
    r"|(?:GET|HEAD) /api/folders/[^/]+/archive"
)
_PREFIXES: Final = ("/api/files", "/api/folders/", "/api/storage/")


def is_stream(method: str, path: str) -> bool:
    """Whether the body or the answer may be of any size and take any time."""
    return path.startswith(_PREFIXES) and _STREAMS.fullmatch(f"{method} {path}") is not None
