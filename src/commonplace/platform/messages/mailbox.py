"""A mailbox: who a message is from or to, with a name for people and an address for servers."""

import re
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Final

import idna

LONGEST_LOCAL_PART: Final = 64  #: bytes, RFC 5321 section 4.5.3.1.1
LONGEST_ADDRESS: Final = 254  #: bytes, RFC 5321 section 4.5.3.1.3 less its angle brackets
_NAMED: Final = re.compile(r"(?P<name>.*?)\s*<(?P<address>[^<>]*)>", re.DOTALL)
_ATOMS: Final = re.compile(r"[^\s\x00-\x1f\x7f()<>\[\]:;@\\,.\"]+(\.[^\s\x00-\x1f\x7f()<>\[\]:;@\\,.\"]+)*")
_PLAIN_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where a message goes, or comes from."""

    name: str  #: may be empty; one line
    local: str  #: before the @; letters of every script (RFC 6531)
    domain: str  #: in the ASCII form of IDNA (RFC 5891), which every server understands

    @property
    def address(self) -> str:
        """The address as servers are told it."""
        return f"{self.local}@{self.domain}"

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.local.isascii()

    def header(self) -> Address:
        """For a From or To header; the name is encoded there as it needs to be."""
        return Address(display_name=self.name, username=self.local, domain=self.domain)


def parse_mailbox(text: str) -> Mailbox:
    """Read `address` or `Name <address>`.

    Raises:
        ValueError: the address is none; nothing that could end a header or a command passes.
    """
    named = _NAMED.fullmatch(text.strip())
    name, address = (named["name"], named["address"]) if named else ("", text.strip())
    local, at, domain = unicodedata.normalize("NFC", address).rpartition("@")
    if not at or not _ATOMS.fullmatch(local) or any(unicodedata.category(char)[0] in "CZ" for char in local):
        raise ValueError("is no e-mail address; write name@example.org or Name <name@example.org>")
    mailbox = Mailbox(name=one_line(name.strip().strip('"')), local=local, domain=_ascii_domain(domain))
    if len(local.encode()) > LONGEST_LOCAL_PART or len(mailbox.address.encode()) > LONGEST_ADDRESS:
        raise ValueError(f"is longer than {LONGEST_LOCAL_PART} bytes before the @, or {LONGEST_ADDRESS} in all")
    return mailbox


def one_line(text: str) -> str:
    """`text` without anything that could end a line or a header, or that nobody sees; white space becomes a space."""
    seen = (" " if char.isspace() or unicodedata.category(char) in {"Cc", "Cs"} else char for char in text)
    return " ".join("".join(seen).split())


def _ascii_domain(domain: str) -> str:
    if _PLAIN_DOMAIN.fullmatch(domain.lower()) and "--" not in domain:
        return domain.lower()
    try:
        return idna.encode(domain, uts46=True, transitional=False).decode().rstrip(".")
    except (idna.IDNAError, UnicodeError):
        raise ValueError("has no domain after the @") from None
