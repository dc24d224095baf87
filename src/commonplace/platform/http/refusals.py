"""The problems with which a request is refused at the door, before the application sees it."""

from http import HTTPStatus

from commonplace.platform.errors import BadRequest, NotAllowed, Problem


class MisdirectedRequest(Problem):
    """The request names a host that this server does not answer for."""

    status = HTTPStatus.MISDIRECTED_REQUEST

    def __init__(self) -> None:
        super().__init__(
            "This server does not answer for the host in the address. If it should, its administrator adds the name to "
            "HTTP__ALLOWED_HOSTS."
        )


class AmbiguousHost(BadRequest):
    """The request names no host, or several."""

    def __init__(self) -> None:
        super().__init__("The request must have exactly one Host header, with a host name or address in it.")


class UriTooLong(Problem):
    """Path and query string are too long together."""

    status = HTTPStatus.REQUEST_URI_TOO_LONG

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"Path and query string may have {limit_bytes} bytes together.", limit_bytes=limit_bytes)


class HeadersTooLarge(Problem):
    """The header fields are too large together."""

    status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(f"All header fields may have {limit_bytes} bytes together.", limit_bytes=limit_bytes)


class PayloadTooLarge(Problem):
    """The request's body is too long for this route."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"The body of this request may have {limit_bytes} bytes. Files are uploaded to /api/files.",
            limit_bytes=limit_bytes,
        )


class MalformedLength(BadRequest):
    """`Content-Length` is not a number."""

    def __init__(self) -> None:
        super().__init__("Content-Length must be a decimal number of bytes.")


class TooManyRequests(Problem):
    """A limit of requests in a time is reached."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, *, limit: str, requests: int, window_seconds: int, retry_after_seconds: int) -> None:
        whose = "one address" if limit == "address" else "this installation"
        super().__init__(
            f"The limit of {requests} requests in {window_seconds} s for {whose} is reached; "
            f"try again in {retry_after_seconds} s.",
            retry_after_seconds=retry_after_seconds,
            limit=limit,
            limit_requests=requests,
            window_seconds=window_seconds,
        )


class Overloaded(Problem):
    """The server works on as many requests as it can."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, what: str, at_once: int) -> None:
        super().__init__(
            f"The server already works on {at_once} {what} at once; try again in a second.", retry_after_seconds=1
        )


class TookTooLong(Problem):
    """The request was given up because it took too long."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The request took longer than {seconds:g} s and was given up.",
            retry_after_seconds=5,
        )


class BodyTooSlow(Problem):
    """The client did not send the whole body in time."""

    status = HTTPStatus.REQUEST_TIMEOUT

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body of the request did not arrive within {seconds:g} s.")

    def headers(self) -> dict[str, str]:
        """The rest of the body would be taken for the next request: the connection ends."""
        return {"Connection": "close"}


class CrossSiteRequest(NotAllowed):
    """Another site's page made the browser send this request."""

    def __init__(self) -> None:
        super().__init__(
            "The request comes from a page of another site and would change something. Pages of that site may be "
            "allowed by CORS__ORIGINS."
        )


class OriginNotAllowed(NotAllowed):
    """A preflight asks for an origin that is not allowed."""

    def __init__(self) -> None:
        super().__init__("Pages of this origin may not call this API. Origins are allowed by CORS__ORIGINS.")
