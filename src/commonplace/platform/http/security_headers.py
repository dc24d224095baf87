"""What browsers are told to forbid themselves with our answers.

The policy has no exception for inline scripts or styles and names no other host: pages load what `/static` serves. A
route that sets one of these headers itself keeps its own value.
"""

from collections.abc import Iterable

from commonplace.platform.http.cors import HeaderList

CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",  # WebSockets of the same host included (CSP level 3)
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

#: For bytes that a person uploaded: shown in place they may neither run, load, post nor be scripted from elsewhere.
USER_CONTENT: dict[str, str] = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}

_ALWAYS: HeaderList = [
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
    # Answers are somebody's own data unless the route says otherwise.
    (b"cache-control", b"no-store"),
]


class SecurityHeaders:
    """The headers that each response gets, as far as its route did not set them."""

    def __init__(self, *, strict_transport_seconds: int) -> None:
        """`strict_transport_seconds`: 0 outside production, where a browser must not be bound to https."""
        self._over_http = _ALWAYS
        self._over_https = list(_ALWAYS)
        if strict_transport_seconds:
            policy = f"max-age={strict_transport_seconds}".encode()
            self._over_https.append((b"strict-transport-security", policy))
        self._names = frozenset(name for name, _ in self._over_https)

    def missing(self, present: Iterable[tuple[bytes, bytes]], scheme: str) -> HeaderList:
        """What to add to the headers `present`."""
        ours = self._over_https if scheme in ("https", "wss") else self._over_http
        own = {name for name, _ in present}
        if self._names.isdisjoint(own):
            return ours
        return [header for header in ours if header[0] not in own]
