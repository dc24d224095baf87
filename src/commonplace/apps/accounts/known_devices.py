"""How a device is known again when somebody signs in from it.

A browser keeps a cookie that outlives its sessions, so that it stays the same device wherever it is carried. A program
that keeps none is known by its `User-Agent`, without the numbers of its version, and the network it comes from.
"""

import hashlib
from datetime import timedelta
from typing import Final

from commonplace.apps.accounts.device import Device
from commonplace.apps.accounts.user_agents import without_versions

SEEN_EVERY: Final = timedelta(hours=1)  #: how often the last use of a device is written down, at most
FORGOTTEN_AFTER: Final = timedelta(days=400)  #: a browser has forgotten its cookie by then, too


def digest_of(device: Device) -> bytes:
    """What the database holds of a device: two with the same are one device, for one person."""
    known_by = ("cookie", device.token) if device.token else (without_versions(device.user_agent), device.network)
    return hashlib.sha256("\0".join(known_by).encode("utf-8", "surrogatepass")).digest()
