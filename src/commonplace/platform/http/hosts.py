"""Which hosts this server answers for.

Without this check a page of evil.example could let its own name resolve to 127.0.0.1 (DNS rebinding) and read a
server that listens on loopback only, as its own origin. An attack needs a name, so an IP address in the Host header
is harmless, and is accepted where the server listens on all addresses.
"""

import ipaddress
import socket
from collections.abc import Iterable

from commonplace.platform.errors import Problem
from commonplace.platform.http.context import RequestContext
from commonplace.platform.http.refusals import AmbiguousHost, MisdirectedRequest

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ALL_ADDRESSES = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not bound to
_MAX_REMEMBERED = 1_000


class AllowedHosts:
    """The names that requests may address; ports do not matter.

    `allowed` is the administrator's list; when it is empty, the names of this machine stand in for it: loopback, the
    address bound, and with all addresses bound also the machine's own name and any IP address.
    """

    def __init__(self, allowed: Iterable[str], bound_host: str) -> None:
        names = {_bare(name) for name in allowed}
        self._any = "*" in names
        self._any_address = not names and bound_host in _ALL_ADDRESSES
        if not names:
            names = {*_LOOPBACK, bound_host.lower().strip("[]")}
            if self._any_address:
                names |= {socket.gethostname().lower(), socket.gethostname().lower() + ".local"}
        self._suffixes = tuple(name[1:] for name in names if name.startswith("*."))
        self._names = frozenset(names)
        self._known: set[bytes] = set()  #: Host headers that were allowed, as sent

    def refusal(self, request: RequestContext) -> Problem | None:
        """Why `request` is not for this server; None when it is."""
        host = request.fields.get(b"host", b"")
        if host in self._known and not request.has_many_hosts:
            return None
        name = host_name(host)
        if name is None or request.has_many_hosts:
            return AmbiguousHost()
        if not self._allows(name):
            return MisdirectedRequest()
        if len(self._known) < _MAX_REMEMBERED:
            self._known.add(host)
        return None

    def _allows(self, name: str) -> bool:
        if self._any or name in self._names or (self._suffixes and name.endswith(self._suffixes)):
            return True
        return self._any_address and _is_address(name)


def host_name(host: bytes) -> str | None:
    """The name or address in a Host header, lower case, without port and brackets; None when it is malformed."""
    try:
        text = host.decode("ascii").lower()
    except UnicodeDecodeError:
        return None
    if text.startswith("["):
        name, bracket, port = text[1:].partition("]")
        is_sound = bool(bracket) and (not port or (port.startswith(":") and port[1:].isdigit()))
    else:
        name, colon, port = text.partition(":")
        is_sound = not colon or port.isdigit()
        name = name.removesuffix(".")  # the root's dot names the same host
    return name if is_sound and name and not set(name) & set("/?#@ \\,") else None


def _bare(name: str) -> str:
    """A name of the administrator's list, which may have been written with a port."""
    return host_name(name.encode("ascii", "replace")) or name.lower().strip("[]")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
