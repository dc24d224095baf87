"""How a device shows folders, by the cookies that remember it."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from commonplace.apps.files.shown import Look

_COOKIE: Final = "commonplace_files"
_SIDE: Final = "commonplace_files_side"  #: written by static/js/side.js
_BY_TIME: Final = "-updated_at"
_A_YEAR_SECONDS: Final = 31_536_000


def look_of(request: Request, *, in_order_of_time: bool = False) -> Look:
    """What the address asks for, else what is remembered; `in_order_of_time`: where no other order makes sense."""
    asked = request.query_params
    sort = _BY_TIME if in_order_of_time else asked.get("sort")
    return Look.of(request.cookies.get(_COOKIE, ""), asked.get("view"), sort)


def remember(response: Response, look: Look) -> None:
    """Have the device show folders so from now on."""
    response.set_cookie(_COOKIE, str(look), max_age=_A_YEAR_SECONDS, path="/app/files", samesite="lax")


def side_of(request: Request) -> str:
    """Whether the folders stand beside the list: `closed`, or `open` where there is room."""
    return "closed" if request.cookies.get(_SIDE) == "closed" else "open"
