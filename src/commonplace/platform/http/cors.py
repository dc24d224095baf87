"""Which other sites' pages may read our answers (the Fetch standard's CORS protocol).

Allowed origins are answered by name and with credentials; `*` alone is answered literally and without. Starlette's
middleware is not taken: it answers a preflight of a forbidden origin with plain text, and costs a layer on every
request.
"""

from http import HTTPStatus

from starlette.responses import Response

from commonplace.platform.http.context import Fields
from commonplace.platform.http.settings import CorsSettings

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
#: What a page may send beside the headers that need no permission.
REQUEST_HEADERS = (
    "Authorization, Content-Type, Content-Disposition, Idempotency-Key, If-Match, If-None-Match, If-Modified-Since, "
    "If-Range, Range, Traceparent, X-Request-ID, "
    "Tus-Resumable, Upload-Checksum, Upload-Concat, Upload-Defer-Length, Upload-Length, Upload-Metadata, "
    "Upload-Offset, X-HTTP-Method-Override, X-Requested-With"
)
#: What a page may read beside the headers that need no permission.
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Location, Content-Range, ETag, Idempotent-Replayed, Link, Location, "
    "Retry-After, X-Request-ID, "
    "Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
    "Upload-Concat, Upload-Defer-Length, Upload-Expires, Upload-Length, Upload-Metadata, Upload-Offset"
)

HeaderList = list[tuple[bytes, bytes]]


class Cors:
    """The answer to every `Origin`."""

    def __init__(self, settings: CorsSettings) -> None:
        self.any = "*" in settings.origins
        self._origins = frozenset(origin.encode() for origin in settings.origins if origin != "*")
        self.is_on = bool(settings.origins)
        self._seconds = settings.preflight_seconds

    def allows_with_credentials(self, origin: bytes) -> bool:
        """Whether pages of `origin` may call us in their visitor's name."""
        return origin in self._origins

    def allows(self, origin: bytes) -> bool:
        """Whether pages of `origin` may call us at all."""
        return self.any or origin in self._origins

    def response_headers(self, origin: bytes | None) -> HeaderList:
        """What every response to a request from `origin` (None: it names none) carries.

        `Vary: Origin` goes with all of them as soon as an answer depends on it: a cache must not hand the answer that
        one origin got to another.
        """
        if not self.is_on:
            return []
        headers: HeaderList = [(b"vary", b"Origin")] if self._origins else []
        if origin is None or not self.allows(origin):
            return headers
        if origin in self._origins:
            headers += [(b"access-control-allow-origin", origin), (b"access-control-allow-credentials", b"true")]
        else:
            headers.append((b"access-control-allow-origin", b"*"))
        headers.append((b"access-control-expose-headers", EXPOSED_HEADERS.encode()))
        return headers

    def preflight(self, method: str, fields: Fields) -> Response | None:
        """The answer to a preflight from an allowed origin; None when the request is something else.

        Its `Access-Control-Allow-Origin` is added like that of any response.
        """
        if not is_preflight(method, fields) or not self.allows(fields[b"origin"]):
            return None
        return Response(
            status_code=HTTPStatus.NO_CONTENT,
            headers={
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": REQUEST_HEADERS,
                "Access-Control-Max-Age": str(self._seconds),
                "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
            },
        )


def is_preflight(method: str, fields: Fields) -> bool:
    """Whether a browser asks for permission, rather than for something."""
    return method == "OPTIONS" and b"origin" in fields and b"access-control-request-method" in fields
