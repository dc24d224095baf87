"""Under which name passkeys are made and used (WebAuthn section 5.1.3: an origin, and the id of the relying party).

It is `PUBLIC_URL`; where that is not set, the host that the request asked for, which was held against the allowed ones
before it got here. A passkey belongs to one name: reached by another, browsers do not offer it.
"""

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request

from commonplace.apps.accounts.factors.errors import PasskeysNeedHostName
from commonplace.platform.http import context
from commonplace.platform.http.hosts import host_name
from commonplace.platform.http.public_url import PublicUrl
from commonplace.platform.parts import Parts

NAME: Final = "Commonplace"  #: what authenticators show


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who asks for a passkey."""

    id: str  #: the host's name
    origin: str  #: scheme, host and port, as browsers write it


def relying_party_of(request: Request) -> RelyingParty | None:
    """The name that a request reached us by; None where that is an address, which passkeys cannot belong to."""
    parts: Parts = request.app.state.parts
    public = parts[PublicUrl]
    if public.is_configured:
        address = urlsplit(public.base)
        scheme, authority, name = address.scheme, address.netloc, address.hostname or ""
    else:
        seen = context.of(request.scope)
        host = seen.fields.get(b"host", b"")
        scheme, authority, name = seen.scheme, host.decode("latin-1").lower(), host_name(host) or ""
    if not name or _is_address(name):
        return None
    port = authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority else ""
    is_usual = port in ("", {"http": "80", "https": "443"}.get(scheme))
    return RelyingParty(name, f"{scheme}://{name}" + ("" if is_usual else f":{port}"))


async def _relying_party(request: Request) -> RelyingParty:
    found = relying_party_of(request)
    if found is None:
        raise PasskeysNeedHostName
    return found


TheRelyingParty = Annotated[RelyingParty, Depends(_relying_party)]
"""Under which name the request came; `PasskeysNeedHostName` where it came by an address."""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
