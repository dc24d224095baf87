"""How people reach this installation: what links in mails begin with.

It comes from the settings alone. A `Host` header is what a client says, and would lead the reader of a mail elsewhere.
"""

from dataclasses import dataclass
from typing import Final, Self

_ALL_ADDRESSES: Final = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class PublicUrl:
    """The address of the installation, without a slash at its end."""

    base: str
    is_configured: bool = True  #: whether it was set; otherwise it is what this machine makes of its own name

    @classmethod
    def of(cls, public_url: str | None, host: str, port: int, *, scheme: str = "http") -> Self:
        """`PUBLIC_URL`; left out, the address that is listened on, as this machine reaches it."""
        if public_url:
            return cls(public_url.rstrip("/"))
        reached = "127.0.0.1" if host in _ALL_ADDRESSES else host
        return cls(f"{scheme}://{f'[{reached}]' if ':' in reached else reached}:{port}", is_configured=False)

    def __str__(self) -> str:
        return self.base

    def to(self, path: str) -> str:
        """The whole address of a page; `path` begins with a slash."""
        return self.base + path
