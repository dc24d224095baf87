"""E-mail addresses: what counts as one, and when two are the same."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import idna

from commonplace.apps.accounts.errors import MalformedAddress

LONGEST_ADDRESS: Final = 254  #: bytes, RFC 5321 section 4.5.3.1.3 less its angle brackets
LONGEST_LOCAL_PART: Final = 64  #: bytes
_ATOM: Final = re.compile(r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,.\"]+(\.[^\s\x00-\x1f\x7f()<>\[\]:;@\\,.\"]+)*")
_PLAIN_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zs", "Zl", "Zp"})  # categories nobody can read or type


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address."""

    written: str  #: as the person wrote it, in NFC
    key: str  #: equal for two spellings of one address: case, width and the form of the domain do not count


def parse_address(text: str) -> Address:
    """Read an address; letters of every script may stand in both parts.

    Raises:
        MalformedAddress: it is none, or too long.
    """
    written = unicodedata.normalize("NFC", text.strip())
    local, at, domain = written.rpartition("@")
    if not at or not local or not domain:
        raise MalformedAddress("it needs a name, an @ and a domain")
    local_key = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", local).casefold())
    if not _ATOM.fullmatch(local_key) or any(unicodedata.category(char) in _UNSEEN for char in local + local_key):
        raise MalformedAddress("the part before the @ has a character that cannot stand there")
    if len(local_key.encode()) > LONGEST_LOCAL_PART or len(local.encode()) > LONGEST_LOCAL_PART:
        raise MalformedAddress(f"the part before the @ is longer than {LONGEST_LOCAL_PART} bytes")
    domain_key = _domain_key(domain)
    if max(len(local_key.encode()) + len(domain_key), len(written.encode()) - 1) + 1 > LONGEST_ADDRESS:
        raise MalformedAddress(f"it is longer than {LONGEST_ADDRESS} bytes")
    return Address(written=written, key=f"{local_key}@{domain_key}")


def _domain_key(domain: str) -> str:
    lowered = domain.lower()
    if _PLAIN_DOMAIN.fullmatch(lowered) and "--" not in lowered:
        return lowered  # what IDNA makes of it too, at a fiftieth of the time
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode().rstrip(".")
    except (idna.IDNAError, UnicodeError):
        raise MalformedAddress("the part after the @ is no domain") from None


def sign_in_key(text: str) -> str:
    """The key of whatever somebody typed as their address; text that is none has a key too, that fits no account."""
    try:
        return parse_address(text).key
    except MalformedAddress:
        storable = text[: LONGEST_ADDRESS * 4].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        return " " + unicodedata.normalize("NFKC", storable).casefold()
