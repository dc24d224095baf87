"""Requests that another site's page made the browser send (CSRF) are refused, without tokens in forms.

The rule is that of Go's `net/http.CrossOriginProtection` (after Filippo Valsorda, "Cross-Site Request Forgery", 2025):

1. safe methods pass; they change nothing;
2. `Sec-Fetch-Site: same-origin` or `none` (typed, bookmarked) passes, any other value is refused: every browser since
   2023 sends the header on requests to https and to loopback, and pages cannot forge it;
3. without it, an `Origin` whose host is the request's passes, any other is refused;
4. with neither it is no browser of this decade, or no browser at all: it passes. A cookie that a program sends was put
   there by the program.

Origins that CORS allows with credentials pass; with `*`, so does any origin whose request carries no session cookie.
The rule holds whether a cookie is sent or not: signing a stranger in under another account needs none either.
WebSockets are held to it in the same way, since a browser lets any page open one.
"""

from urllib.parse import urlsplit

from commonplace.platform.http.context import Fields
from commonplace.platform.http.cors import Cors

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_PAGES = frozenset({b"same-origin", b"none"})


def is_cross_site(fields: Fields, cors: Cors, session_cookie: bytes) -> bool:
    """Whether an unsafe request or WebSocket handshake with these header fields is to be refused."""
    site = fields.get(b"sec-fetch-site")
    origin = fields.get(b"origin")
    if site in _OWN_PAGES or (site is None and origin is None):
        return False
    if site is None and origin is not None and _is_same_host(origin, fields.get(b"host", b"")):
        return False
    if origin is None:
        return True
    if cors.allows_with_credentials(origin):
        return False
    return not cors.any or session_cookie + b"=" in fields.get(b"cookie", b"")


def _is_same_host(origin: bytes, host: bytes) -> bool:
    """Whether `origin` (`https://cloud.example:8443`, or `null`) is of `host`; the scheme cannot be known, as in Go."""
    return urlsplit(origin.decode("latin-1")).netloc.lower() == host.decode("latin-1").lower() != ""
