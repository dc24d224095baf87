"""What is known of a request before anybody looks into it: its id, who sent it, over what."""

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from starlette.types import Scope

from commonplace.platform.telemetry.correlation import new_id

_REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,127}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = b"0" * 32
#: Any of these says that somebody passed the request on.
_FORWARDING = frozenset(
    {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"forwarded", b"x-real-ip", b"via"}
)
_KEY = "commonplace.request"

Fields = Mapping[bytes, bytes]


class RequestContext:
    """One request or WebSocket connection."""

    __slots__ = (
        "client_address",
        "fields",
        "forwarded",
        "has_many_hosts",
        "method",
        "path",
        "peer_address",
        "request_id",
        "scheme",
    )

    def __init__(self, scope: Scope, proxies: "TrustedProxies") -> None:
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        fields: Fields = dict(headers)
        self.has_many_hosts = False
        if len(fields) != len(headers):
            fields = _merged(headers)
            self.has_many_hosts = sum(name == b"host" for name, _ in headers) > 1
        #: header fields by lower-case name; fields sent several times are joined as HTTP joins them
        self.fields = fields
        self.request_id = _request_id(fields)
        self.method: str = scope.get("method", "GET")  #: as the client sent it: routes are told GET instead of HEAD
        self.path: str = scope["path"]  #: as the client sent it, before an alias is resolved
        #: who holds the other end of the connection; empty when it has no address (a Unix socket)
        self.peer_address: str = scope["client"][0] if scope.get("client") else ""
        self.client_address = self.peer_address  #: who asks, as far as trusted proxies tell
        self.scheme: str = scope["scheme"]
        #: whether any proxy, trusted or not, says that it passed the request on
        self.forwarded = not _FORWARDING.isdisjoint(fields)
        if self.forwarded and proxies.are_configured and proxies.include(self.peer_address):
            self._believe(proxies)

    def _believe(self, proxies: "TrustedProxies") -> None:
        chain = self.fields.get(b"x-forwarded-for", b"").decode("latin-1")
        for hop in reversed([hop.strip() for hop in chain.split(",") if hop.strip()]):
            address = _address_of_hop(hop)
            if address is None:
                break
            self.client_address = address
            if not proxies.include(address):
                break
        scheme = self.fields.get(b"x-forwarded-proto", b"").decode("latin-1").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            is_socket = self.scheme in ("ws", "wss")
            self.scheme = scheme.replace("http", "ws") if is_socket else scheme


class TrustedProxies:
    """The networks whose forwarding headers are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = [ipaddress.ip_network(network, strict=False) for network in networks]
        self._known: dict[str, bool] = {}

    @property
    def are_configured(self) -> bool:
        """Whether anybody is trusted at all."""
        return bool(self._networks)

    def include(self, address: str) -> bool:
        """Whether `address` is one of them; the answer is remembered, for few peers connect to such a server."""
        known = self._known.get(address)
        if known is None:
            known = _is_within(address, self._networks)
            if len(self._known) > 1_000:  # noqa: PLR2004 - so that strangers cannot fill the memory
                self._known.clear()
            self._known[address] = known
        return known


def of(scope: Scope) -> RequestContext:
    """The context of a request that came through `Front`.

    Raises:
        KeyError: it did not.
    """
    return cast("RequestContext", scope[_KEY])


def attach(scope: Scope, request: RequestContext) -> None:
    """Let `of(scope)` answer `request`."""
    scope[_KEY] = request


def route_of(scope: Scope) -> str:
    """The template of the route that answers, such as `/api/files/{file_id}`; `unmatched` when none does.

    It is what metrics and traces are grouped by: there are few of them, while there are as many paths as clients
    invent.
    """
    told = scope.get("commonplace.route")
    if told is not None:
        return cast("str", told)
    effective = scope.get("fastapi", {}).get("effective_route_context")  # an included router's route, with its prefix
    route = effective or scope.get("route")
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return template if isinstance(template, str) and template else "unmatched"


def is_loopback(address: str) -> bool:
    """Whether `address` is this machine's own."""
    return address.startswith("127.") or address in ("::1", "::ffff:127.0.0.1")


def _request_id(fields: Fields) -> str:
    sent = fields.get(b"x-request-id")
    if sent is not None and _REQUEST_ID.fullmatch(sent):
        return sent.decode()
    traceparent = fields.get(b"traceparent")
    if traceparent is not None:
        match = _TRACEPARENT.fullmatch(traceparent)
        if match is not None and match[1] != _NO_TRACE:
            return match[1].decode()
    return new_id()


def _merged(headers: Iterable[tuple[bytes, bytes]]) -> Fields:
    merged: dict[bytes, bytes] = {}
    for name, value in headers:
        if name not in merged:
            merged[name] = value
        elif name != b"host":  # a second Host is refused; the first decides until then
            merged[name] += (b"; " if name == b"cookie" else b", ") + value
    return merged


def _address_of_hop(hop: str) -> str | None:
    """The address in one entry of X-Forwarded-For, which some proxies write with a port."""
    bare = hop.partition("]")[0].removeprefix("[") if hop.startswith("[") else hop
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _is_within(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any(parsed in network or (mapped is not None and mapped in network) for network in networks)
