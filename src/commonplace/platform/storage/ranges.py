"""Which bytes of an object a range means."""

from commonplace.platform.storage.errors import RangeNotSatisfiable


def range_end(start: int, end: int | None, size_bytes: int) -> int:
    """Where the range from `start` to before `end` ends in an object of that size.

    An empty object has one range, from 0 to its end.

    Raises:
        RangeNotSatisfiable: the range holds no byte.
    """
    stop = size_bytes if end is None else min(end, size_bytes)
    if 0 <= start < stop or (start == stop == 0 and (end is None or end > 0)):
        return stop
    raise RangeNotSatisfiable(start=start, end=end, size_bytes=size_bytes)
