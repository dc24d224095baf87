"""The part of a picture that is shown where there is room for a square only."""

from typing import Final

import msgspec

SMALLEST_SIDE: Final = 0.05  #: of the shorter side: less shows nothing but blocks


class Square(msgspec.Struct, frozen=True, kw_only=True):
    """A square within a picture as it is shown, whatever its size in pixels."""

    side: float = 1.0  #: of the shorter side of the picture: `SMALLEST_SIDE` to 1
    x: float = 0.5  #: where in the room that is left: 0 is the left edge, 1 the right one
    y: float = 0.5  #: 0 is the top, 1 the bottom

    def within(self, width: int, height: int) -> tuple[int, int, int]:
        """Left, top and side of the square, in pixels of a picture of this size; at least one pixel, always inside."""
        shorter = min(width, height)
        side = max(1, min(shorter, round(min(max(self.side, SMALLEST_SIDE), 1.0) * shorter)))
        x, y = (min(max(place, 0.0), 1.0) for place in (self.x, self.y))
        return round(x * (width - side)), round(y * (height - side)), side


CENTRE: Final = Square()  #: as much as there is, from the middle
