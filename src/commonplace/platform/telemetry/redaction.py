"""Keeps secrets and personal addresses out of log lines.

Two nets, since neither is enough: fields whose name says that they are secret lose their value, and in every other
text the shapes of secrets (tokens, passwords inside addresses, e-mail addresses) are replaced. Log names and ids
instead.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any

REDACTED = "[redacted]"
MAX_DEPTH = 6  #: nested deeper than this, a value is replaced whole

_SECRET_NAME = re.compile(
    r"passw|passphrase|secret|token|authori[sz]ation|cookie|api_?key|private_?key|credential|dsn|database_url"
    r"|signature|otp|recovery_code|e_?mail",
    re.IGNORECASE,
)
_PUBLIC_NAMES = frozenset({"token_type", "token_kind"})

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bcp[rl]?_[\w-]{20,}"), "[token]"),  # API tokens, refresh tokens, links
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), "[token]"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 [token]"),
    (
        re.compile(r"(?i)\b(\w*(?:password|passwd|secret|token|api_?key)\w*[\"']?\s*[=:]\s*)[\"']?[^\s\"'&,;)}]+"),
        r"\1[redacted]",
    ),
    (re.compile(r"(?i)([?&](?:sig|signature|key|code|x-amz-signature|x-amz-credential)=)[^&\s\"']+"), r"\1[redacted]"),
    (re.compile(r"(://[^\s/@:]*:)[^\s/@]+(@)"), r"\1[redacted]\2"),
    (re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
)
_PATHS_WITH_TOKENS = ("/api/links/", "/api/storage/", "/s/")
_HINT = re.compile(r"(?i)@|eyJ|cp[rl]?_|bearer|basic|passw|secret|token|key|sig|code=")


def redacted_text(text: str) -> str:
    """`text` with everything that looks like a secret or an e-mail address replaced."""
    if not _HINT.search(text):
        return text
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def redacted_path(path: str) -> str:
    """A request's path without the token that some have in them: whoever holds it needs no other credential."""
    for prefix in _PATHS_WITH_TOKENS:
        if path.startswith(prefix):
            rest = path[len(prefix) :].partition("/")
            return f"{prefix}[token]{rest[1]}{rest[2]}"
    return path


def redacted(name: str, value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one line for each kind of value
    """What may be logged of the field `name` with `value`; containers are gone through, other objects stay."""
    if value is None or isinstance(value, bool):
        return value
    if _SECRET_NAME.search(name) and name not in _PUBLIC_NAMES:
        return REDACTED
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, bytes | bytearray):
        return f"[{len(value)} bytes]"
    if depth >= MAX_DEPTH:
        return REDACTED
    if isinstance(value, Mapping):
        return {key: redacted(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted("", item, depth + 1) for item in value]
    if isinstance(value, int | float):
        return value
    return redacted_text(str(value))


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Pass every field of a log event through `redacted` (a structlog processor)."""
    for name, value in event.items():
        event[name] = redacted(name, value)
    return event
