"""Where pictures of people are found."""

from typing import Final
from uuid import UUID

SMALL: Final = 128  #: pixels of a side, beside a name
LARGE: Final = 512  #: where the person themselves is shown
PICTURES_PATH: Final = "/api/auth/pictures"


def picture_path(picture_id: UUID, variant: int | str) -> str:
    """The path of one form of a picture: what stands there never changes, since each change has another id."""
    return f"{PICTURES_PATH}/{picture_id}/{variant}"
