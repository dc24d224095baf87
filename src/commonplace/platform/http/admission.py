"""Who and what is let in: the checks that a request passes before its route, in their order."""

from collections.abc import Callable

from starlette.responses import Response

from commonplace.platform.http.aliases import Aliases
from commonplace.platform.http.cors import Cors, is_preflight
from commonplace.platform.http.cross_site import SAFE_METHODS, is_cross_site
from commonplace.platform.http.exchange import Exchange
from commonplace.platform.http.hosts import AllowedHosts
from commonplace.platform.http.limits import InFlight, RequestLimits
from commonplace.platform.http.refusals import (
    CrossSiteRequest,
    HeadersTooLarge,
    MalformedLength,
    OriginNotAllowed,
    PayloadTooLarge,
    UriTooLong,
)
from commonplace.platform.http.settings import LimitsSettings
from commonplace.platform.identity.services.signature import PREFIX as INTERNAL

#: Asked by machines that watch us, often: they must hear the truth under load, too.
NEVER_LIMITED = frozenset({"/health", "/health/live", "/metrics"})
#: Asked by load balancers under whatever address we have there; they tell nobody more than that we live.
FOR_ANY_HOST = frozenset({"/health", "/health/live"})
_NO_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_HEADERS = 128


class Admission:
    """The checks. Each raises the problem with which it refuses."""

    def __init__(
        self,
        *,
        hosts: AllowedHosts,
        aliases: Aliases,
        cors: Cors,
        settings: LimitsSettings,
        requests: RequestLimits,
        in_flight: InFlight,
        is_stream: Callable[[str, str], bool],
        takes_cross_site: Callable[[str, str], bool],
        session_cookie: bytes,
    ) -> None:
        self.in_flight = in_flight
        self._hosts = hosts
        self._aliases = aliases
        self._cors = cors
        self._settings = settings
        self._requests = requests
        self._is_stream = is_stream
        self._takes_cross_site = takes_cross_site
        self._session_cookie = session_cookie

    def admit(self, exchange: Exchange) -> Response | None:
        """Let a request in, or answer it here when it is a preflight.

        Raises:
            Problem: it is refused.
        """
        scope, request = exchange.scope, exchange.request
        method: str = scope["method"]
        is_internal = request.path.startswith(INTERNAL)  # asked by our own services, as their signatures say
        fields = request.fields
        if self._cors.is_on:
            exchange.add_cors(self._cors.response_headers(fields.get(b"origin")))
        self._check_address_and_size(exchange, check_host=request.path not in FOR_ANY_HOST and not is_internal)
        self._aliases.rewrite(scope)
        if method == "OPTIONS" and is_preflight(method, fields):
            answer = self._cors.preflight(method, fields)
            if answer is None:
                raise OriginNotAllowed
            return answer
        is_unsafe = method not in SAFE_METHODS and is_cross_site(fields, self._cors, self._session_cookie)
        if is_unsafe and not self._takes_cross_site(method, scope["path"]):
            raise CrossSiteRequest
        exchange.is_stream = self._is_stream(method, scope["path"])
        if request.path not in NEVER_LIMITED and not is_internal:
            refusal = self.in_flight.refusal(is_stream=exchange.is_stream) or self._requests.refusal(
                request.client_address
            )
            if refusal is not None:
                raise refusal
        if not exchange.is_stream:
            self._limit_body(exchange, method)
        return None

    def admit_websocket(self, exchange: Exchange) -> None:
        """Let a WebSocket handshake in.

        Raises:
            Problem: it is refused.
        """
        request = exchange.request
        self._check_address_and_size(exchange, check_host=True)
        self._aliases.rewrite(exchange.scope)
        if is_cross_site(request.fields, self._cors, self._session_cookie):
            raise CrossSiteRequest
        refusal = self.in_flight.websocket_refusal() or self._requests.refusal(request.client_address)
        if refusal is not None:
            raise refusal

    def close(self) -> None:
        """Let go of what is shared with other processes."""
        self._requests.close()

    def _check_address_and_size(self, exchange: Exchange, *, check_host: bool) -> None:
        scope, request, settings = exchange.scope, exchange.request, self._settings
        if check_host:
            refusal = self._hosts.refusal(request)
            if refusal is not None:
                raise refusal
        if len(scope.get("raw_path") or request.path) + len(scope["query_string"]) > settings.url_bytes:
            raise UriTooLong(settings.url_bytes)
        header_bytes = sum(map(len, request.fields)) + sum(map(len, request.fields.values()))
        if header_bytes > settings.header_bytes or len(scope["headers"]) > _MAX_HEADERS:
            raise HeadersTooLarge(settings.header_bytes)

    def _limit_body(self, exchange: Exchange, method: str) -> None:
        fields, limit = exchange.request.fields, self._settings.body_bytes
        declared = fields.get(b"content-length")
        if declared is not None:
            if not declared.isdigit():
                raise MalformedLength
            if int(declared) > limit:
                raise PayloadTooLarge(limit)
        elif method in _NO_BODY and b"transfer-encoding" not in fields:
            return
        exchange.limit_body(limit)
