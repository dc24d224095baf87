"""What an installation may choose about HTTP: whom it answers, and how much of it."""

import ipaddress
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from commonplace.platform.http.certificate import Certificate


def _words(value: Any) -> Any:
    """`a, b` and `["a", "b"]` both mean two words."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else [w.strip() for w in value.split(",") if w.strip()]


def _origin(value: str) -> str:
    scheme, separator, host = value.rstrip("/").partition("://")
    if value != "*" and (scheme not in ("http", "https") or not separator or not host or set("/?#@ ") & set(host)):
        raise ValueError("An origin is `*`, or a scheme, a host and perhaps a port, such as https://cloud.example.org.")
    return value.rstrip("/").lower()


def _network(value: str) -> str:
    ipaddress.ip_network(value, strict=False)
    return value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode, BeforeValidator(_words)]
Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], NoDecode, BeforeValidator(_words)]


class HttpSettings(BaseModel):
    """Whom the server answers."""

    allowed_hosts: Words = Field(
        default=(),
        description="Host names that requests may address, separated by commas; `*.example.org` stands for every name "
        "below it, `*` for any. Empty: this machine's own names (and, when bound to all addresses, any IP address).",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, separated by "
        "commas. Empty: nobody's.",
    )
    strict_transport_seconds: int = Field(
        default=31_536_000,
        ge=0,
        description="How long browsers are told to insist on https (HSTS), in production over https. 0: not at all.",
    )


class TlsSettings(BaseModel):
    """The server's own HTTPS, where no gateway has it."""

    certificate: Path | None = Field(
        default=None,
        description="A PEM file: the certificate of this server's name, followed by those that lead to its authority. "
        "With TLS__KEY the server answers https (TLS 1.3) and nothing else.",
    )
    key: Path | None = Field(default=None, description="A PEM file: the certificate's key, without a password.")
    reload_seconds: float = Field(
        default=60.0, gt=0, le=86_400, description="How often to look whether the certificate was renewed."
    )

    @property
    def pair(self) -> Certificate | None:
        """The certificate; None where the server speaks http."""
        if self.certificate is None or self.key is None:
            return None
        return Certificate(self.certificate, self.key)


class LimitsSettings(BaseModel):
    """How much one request, one client and the whole installation may ask for."""

    body_bytes: int = Field(
        default=1024 * 1024,
        ge=1,
        description="Longest request body where the route does not stream it; streamed uploads have their own limits.",
    )
    url_bytes: int = Field(default=8_192, ge=256, description="Longest path and query string together.")
    header_bytes: int = Field(default=32_768, ge=1_024, description="All header names and values together, at most.")
    request_seconds: float = Field(
        default=30.0, gt=0, description="How long a request may take, streams and WebSockets excepted."
    )
    requests_per_second: int = Field(
        default=1_000, ge=0, description="Requests a second for all processes on this machine together. 0: no limit."
    )
    requests_per_address: int = Field(
        default=2_000, ge=0, description="Requests from one client address in `address_window_seconds`. 0: no limit."
    )
    address_window_seconds: int = Field(default=300, ge=1, description="The period of `requests_per_address`.")
    requests_in_flight: int = Field(
        default=512, ge=1, description="Requests that one process works on at once; further ones are told to come back."
    )
    streams_in_flight: int = Field(
        default=256, ge=1, description="Uploads and downloads that one process carries at once, beside the former."
    )
    websockets: int = Field(default=2_000, ge=1, description="WebSocket connections that one process holds open.")


class CorsSettings(BaseModel):
    """Which other sites' pages may call the API from a browser."""

    origins: Origins = Field(
        default=(),
        description="Origins allowed to call with credentials, such as https://app.example.org, separated by commas. "
        "`*` alone: any origin, without credentials (tokens in headers still work). Empty: none but our own.",
    )
    preflight_seconds: int = Field(
        default=600, ge=0, description="How long a browser may remember the answer to a preflight request."
    )
