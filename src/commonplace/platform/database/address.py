"""A database's address in any of the spellings people have: libpq's URL, SQLAlchemy's, and .NET's connection string."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

_DOTNET = {
    "host": "host", "server": "host", "data source": "host",
    "port": "port",
    "database": "database", "initial catalog": "database",
    "username": "user", "user id": "user", "user": "user", "uid": "user",
    "password": "password", "pwd": "password",
    "ssl mode": "sslmode", "sslmode": "sslmode",
    "trust server certificate": "trust",
}  # fmt: skip
_SECURE = {"require", "verify-ca", "verify-full"}
_MODES = _SECURE | {"disable", "allow", "prefer"}


class MalformedAddress(ValueError):
    """The text is no database address; the message says why without repeating a password."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a database is and how to get in."""

    host: str
    port: int = 5432
    user: str
    password: str | None = field(default=None, repr=False)
    database: str
    sslmode: str = "prefer"
    sslrootcert: str | None = None

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is refused without TLS."""
        return self.sslmode in _SECURE

    @property
    def is_local_socket(self) -> bool:
        """Whether the address is a Unix socket's directory, which never leaves the machine."""
        return self.host.startswith("/")

    def driver_arguments(self) -> dict[str, Any]:
        """What `asyncpg.connect` takes."""
        arguments: dict[str, Any] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
        }
        if not self.is_local_socket:
            arguments["ssl"] = self.sslmode
        return arguments

    def libpq_url(self) -> str:
        """The address as PostgreSQL's own programs take it, without the password (that goes by `PGPASSWORD`)."""
        authority = f"{quote(self.user, safe='')}@" + ("" if self.is_local_socket else f"{self.host}:{self.port}")
        query = (
            f"host={quote(self.host, safe='')}&port={self.port}" if self.is_local_socket else f"sslmode={self.sslmode}"
        )
        return f"postgresql://{authority}/{quote(self.database, safe='')}?{query}"


def parse_address(text: str) -> Address:
    """Read `postgresql://…` (also `postgres://`, `postgresql+asyncpg://`) or `Host=…;Database=…;SSL Mode=Require`.

    Raises:
        MalformedAddress: it is neither, or misses a host, user or database, or names an unknown TLS mode.
    """
    text = text.strip()
    parts = _from_url(text) if re.match(r"^postgres(ql)?(\+\w+)?://", text) else _from_pairs(text)
    missing = [name for name in ("host", "user", "database") if not parts.get(name)]
    if missing:
        raise MalformedAddress(f"The database address names no {' and no '.join(missing)}.")
    mode = parts.get("sslmode", "prefer").lower().replace("verifyfull", "verify-full").replace("verifyca", "verify-ca")
    if mode not in _MODES:
        raise MalformedAddress(f"The TLS mode {mode!r} is unknown; use one of {', '.join(sorted(_MODES))}.")
    port = parts.get("port", "5432")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - the largest port
        raise MalformedAddress("The database address has a port that is no number from 1 to 65535.")
    return Address(
        host=parts["host"],
        port=int(port),
        user=parts["user"],
        password=parts.get("password"),
        database=parts["database"],
        sslmode=mode,
        sslrootcert=parts.get("sslrootcert"),
    )


def _from_url(text: str) -> Mapping[str, str]:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise MalformedAddress(f"The database URL cannot be read: {error}.") from None
    query = {name.lower(): value for name, value in parse_qsl(url.query, keep_blank_values=True)}
    parts = {
        "host": unquote(url.hostname or query.get("host", "")),
        "port": str(port or query.get("port", "5432")),
        "user": unquote(url.username or query.get("user", "")),
        "database": unquote(url.path.lstrip("/")),
        "sslmode": query.get("sslmode") or query.get("ssl") or "prefer",
    }
    password = url.password or query.get("password")
    if password is not None:
        parts["password"] = unquote(password)
    if "sslrootcert" in query:
        parts["sslrootcert"] = query["sslrootcert"]
    return parts


def _from_pairs(text: str) -> Mapping[str, str]:
    parts: dict[str, str] = {}
    for pair in filter(None, (piece.strip() for piece in text.split(";"))):
        name, equals, value = pair.partition("=")
        if not equals:
            raise MalformedAddress("The database address is neither postgresql://… nor Name=Value;… pairs.")
        known = _DOTNET.get(name.strip().lower())
        if known is not None:
            parts[known] = value.strip()
    return parts
