"""Mail as it is stored (`.eml`, RFC 5322 and MIME): who wrote what to whom, and what was attached."""

from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final

from commonplace.platform.media.found import Found, facts_of
from commonplace.platform.media.reading.markup import Page
from commonplace.platform.media.reading.source import Collected, Read, Source

_MOST_BYTES: Final = 64_000_000
_MOST_PARTS: Final = 1000
_MOST_HTML_BYTES: Final = 8_000_000


def read(source: Source) -> Read:
    """Subject, sender, recipients, date, the text (of HTML what one reads), and the names of what is attached."""
    with source.path.open("rb") as file:
        data = file.read(_MOST_BYTES)
    message = message_from_bytes(data, policy=policy.default)
    collected = Collected()
    attached: list[str] = []
    for name in ("subject", "from", "to", "cc"):
        if value := _header(message, name):
            collected.add(f"{value}\n")
    for part in _parts(message):
        if source.is_late or collected.is_full:
            collected.is_cut = True
            break
        file_name = part.get_filename()
        if file_name is not None:
            attached.append(file_name)
            collected.add(f"{file_name}\n")
        elif part.get_content_type() == "text/plain":
            collected.add(_plain(part) + "\n")
        elif part.get_content_type() == "text/html" and not _has_plain(message):
            Page(collected).take(_payload(part)[:_MOST_HTML_BYTES])
    text, is_cut = collected.found()
    facts = facts_of(
        title=_header(message, "subject"),
        author=_header(message, "from"),
        to=_header(message, "to"),
        sent_at=_sent_at(message),
        attachments=attached[:100],
    )
    return Read(Found(text=text, is_cut=is_cut or len(data) == _MOST_BYTES, facts=facts))


def _parts(message: Any) -> Iterator[EmailMessage]:
    """The parts that hold something, in their order."""
    for number, part in enumerate(message.walk()):
        if number >= _MOST_PARTS:
            return
        if not part.is_multipart():
            yield part


def _has_plain(message: Any) -> bool:
    return any(
        part.get_content_type() == "text/plain" and part.get_filename() is None and _payload(part).strip()
        for part in _parts(message)
    )


def _payload(part: Any) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _plain(part: Any) -> str:
    data = _payload(part)
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _header(message: Any, name: str) -> str | None:
    """A header as people read it; one that the library cannot parse is left out."""
    try:
        value = message.get(name)
    except (ValueError, IndexError, AttributeError):  # malformed addresses make its parser raise these
        return None
    return None if value is None else str(value)[:2000]


def _sent_at(message: Any) -> str | None:
    try:
        date: datetime | None = message["date"].datetime
    except (AttributeError, TypeError, ValueError, IndexError):
        return None
    return date.isoformat() if date is not None else None
