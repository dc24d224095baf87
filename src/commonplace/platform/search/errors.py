"""What can go wrong with search.

Problem
└── MomentWithoutZone  422
"""

from http import HTTPStatus

from commonplace.platform.errors import Problem


class MomentWithoutZone(Problem):
    """A moment was given without its time zone."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self) -> None:
        super().__init__("`since` and `until` are moments with a time zone, such as 2024-05-17T08:00:00Z.")
