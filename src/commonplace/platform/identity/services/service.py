"""The auth service as the other services see it."""

from collections.abc import Mapping
from typing import Protocol


class AuthService(Protocol):
    """A part of processes that ask another service who is calling."""

    async def check(self) -> Mapping[str, str | int | float | bool] | None:
        """Whether it answers, for `/health`.

        Raises:
            AccountsUnavailable: it does not.
        """
