"""Where to go after signing in, or after proving who one is."""

from typing import Final

_LONGEST: Final = 2000  # characters
_FIRST_PAGE: Final = "/app"  # leads on to the first page


def next_page(wanted: str | None, otherwise: str = _FIRST_PAGE) -> str:
    """A page of ours, whatever the address asked for."""
    is_ours = wanted is not None and wanted.startswith("/app/") and wanted.isprintable() and "\\" not in wanted
    return wanted if is_ours and wanted is not None and len(wanted) <= _LONGEST else otherwise
