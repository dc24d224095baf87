"""The parts of a process that asks the auth service who is calling."""

from collections.abc import Sequence
from typing import Final

import httpx

from commonplace.platform.database.bus import Bus
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.people import People
from commonplace.platform.identity.proofs import Proofs
from commonplace.platform.identity.services.client import AccountsClient
from commonplace.platform.identity.services.people import RemotePeople
from commonplace.platform.identity.services.service import AuthService
from commonplace.platform.identity.services.signature import ServiceKey
from commonplace.platform.identity.services.sources import RemoteForeignTokens, RemoteKeys, RemoteProofs, RemoteSessions
from commonplace.platform.identity.settings import JwtSettings
from commonplace.platform.identity.tokens import KEYS_CHANGED, AccessTokens
from commonplace.platform.identity.verifier import Identity
from commonplace.platform.parts import Parts
from commonplace.platform.valkey.cache import SharedCache

REMEMBERED_SECONDS: Final = 5.0  #: how long a caller is let in before the auth service is asked again


def compose_remote(parts: Parts, urls: Sequence[str], *, transport: httpx.AsyncBaseTransport | None = None) -> None:
    """Add `Identity`, `People` and `Proofs` that ask the auth service at `urls`; nothing is connected yet.

    A sign-out is heard over the bus, as in every process; one that is out of touch with it asks at each request.
    """
    clock = (parts[Clock] if Clock in parts else Clock()).time
    client = AccountsClient(urls, parts[ServiceKey], transport=transport)
    keys = RemoteKeys(client)
    parts[Bus].subscribe(KEYS_CHANGED, keys.grow_stale)
    identity = Identity(
        tokens=AccessTokens(keys, parts[JwtSettings], clock=clock),
        sessions=RemoteSessions(client),
        bus=parts[Bus],
        recheck_seconds=REMEMBERED_SECONDS,
        clock=clock,
    )
    identity.foreign = RemoteForeignTokens(client, parts[JwtSettings].issuer)
    parts.add(identity)
    people = RemotePeople(client, cache=parts[SharedCache]) if SharedCache in parts else RemotePeople(client)
    parts.add(people, as_=People)
    parts.add(RemoteProofs(client), as_=Proofs)
    parts.add(client, as_=AuthService)
    parts.on_close(client.close)
