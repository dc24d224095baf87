"""Pictures as they go in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from commonplace.apps.accounts.picture_paths import LARGE, SMALL
from commonplace.platform.media.square import SMALLEST_SIDE, Square

SIZES: Final = (SMALL, LARGE)

Side = Annotated[
    float, Field(ge=SMALLEST_SIDE, le=1, description="The square's side, of the shorter side of the picture.")
]
Place = Annotated[
    float, Field(ge=0, le=1, description="Where in the room that is left: 0 at the left or the top, 1 at the end.")
]


class SquareChange(BaseModel):
    """Which square of the picture is shown."""

    model_config = ConfigDict(strict=True)

    side: Side = 1.0
    x: Place = 0.5
    y: Place = 0.5

    def as_square(self) -> Square:
        """The same for whoever cuts it out."""
        return Square(side=self.side, x=self.x, y=self.y)


class PictureRead(BaseModel):
    """A person's picture, as they see it themselves."""

    id: Annotated[UUID, Field(description="Another with each change; the addresses below show the same for ever.")]
    media_type: Annotated[str, Field(description="Of the bytes as they came.")]
    width: int
    height: int
    side: Side
    x: Place
    y: Place
    changed_at: datetime
    small: Annotated[str, Field(description=f"Path of the square with {SMALL} pixels a side.")]
    large: Annotated[str, Field(description=f"Path of the square with {LARGE} pixels a side.")]
    whole: Annotated[str, Field(description="Path of all of it, to choose the square in; for the person alone.")]
