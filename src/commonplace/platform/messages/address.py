"""Where mail goes, read from `MAIL__URL`."""

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_PORTS: Final = {"smtp": 587, "smtps": 465}
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


@dataclass(frozen=True, kw_only=True)
class MailAddress:
    """A mail server, Amazon SES in a region, or a directory."""

    scheme: Literal["smtp", "smtps", "ses", "file"]
    host: str = ""  #: ses: the region
    port: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    starttls: bool = True  #: smtp only: whether the connection is encrypted before anything is said
    endpoint: str | None = None  #: ses only: another address than the region's own
    directory: str = ""  #: file only; relative to the data directory

    def __str__(self) -> str:
        """The address without user and password."""
        if self.scheme == "file":
            return f"file:{self.directory}"
        return f"ses://{self.host}" if self.scheme == "ses" else f"{self.scheme}://{self.host}:{self.port}"


def parse_mail_address(text: str) -> MailAddress:
    """Read a URL.

    Raises:
        ValueError: it is none that mail can go to; the text holds nothing of a password.
    """
    try:
        parts = urlsplit(text.strip())
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise ValueError("is no URL; write smtp://user:password@host:587, smtps://… or file:./mail") from None
    if parts.scheme == "file":
        directory = unquote(parts.path)
        if not directory or parts.netloc or parts.query:
            raise ValueError("names no directory; write file:./mail or file:/path/to/it")
        return MailAddress(scheme="file", directory=directory)
    if parts.scheme == "ses":
        return _ses(parts)
    if parts.scheme not in {"smtp", "smtps"} or not host or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError(
            "is no smtp://host, smtps://host, ses://region or file:directory"
            " (in a password, write @ as %40, : as %3A, / as %2F)"
        )
    starttls = _starttls(parts.scheme, parts.query)
    user, password = _credentials(parts)
    if not host.isprintable():
        raise ValueError("has a character in the host that cannot be printed")
    if user is not None and parts.scheme == "smtp" and not starttls:
        raise ValueError("would send the password in clear; leave out starttls=never, or the user")
    return MailAddress(
        scheme="smtp" if parts.scheme == "smtp" else "smtps",
        host=host,
        port=_PORTS[parts.scheme] if port is None else port,
        user=user,
        password=password,
        starttls=starttls and parts.scheme == "smtp",
    )


def _ses(parts: SplitResult) -> MailAddress:
    """`ses://eu-central-1`, with an access key as user and password where AWS's own tools would find none."""
    region, options = parts.hostname or "", dict(parse_qsl(parts.query, keep_blank_values=True))
    endpoint = options.pop("endpoint", None)
    if not _REGION.fullmatch(region) or parts.port is not None or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError("names no region of AWS; write ses://eu-central-1")
    if options or (endpoint is not None and urlsplit(endpoint).scheme not in {"http", "https"}):
        raise ValueError("may have ?endpoint=https://… and nothing else after a ?")
    user, password = _credentials(parts)
    return MailAddress(scheme="ses", host=region, user=user, password=password, endpoint=endpoint)


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if (user is None) != (password is None):
        raise ValueError("has a user without a password, or a password without a user")
    if not f"{user or ''}{password or ''}".isprintable():
        raise ValueError("has a character in user or password that cannot be printed")
    return user, password


def _starttls(scheme: str, query: str) -> bool:
    options = dict(parse_qsl(query, keep_blank_values=True))
    starttls = options.pop("starttls", "required")
    if options or starttls not in {"required", "never"} or (scheme == "smtps" and query):
        raise ValueError("may have ?starttls=required or ?starttls=never (smtp:// only), and nothing else after a ?")
    return starttls == "required"
