"""What verifying a token adds to reading one thing: asked of `Identity` itself, for over HTTP it cannot be left out."""

import asyncio
import time
from typing import Final

from benchmarks.servers import Commonplace
from commonplace import application
from commonplace.platform.identity.verifier import Identity
from commonplace.settings import load_settings

CHECKS: Final = 20_000
TARGET: Final = 0.05  #: of a point read


def token_check_us(ours: Commonplace) -> float:
    """The mean time of a check, in µs: a token that was seen before, as in every request but a caller's first."""
    return asyncio.run(_measure(ours))


async def _measure(ours: Commonplace) -> float:
    settings = load_settings(ours.environ, env_file=None)
    address, lease = application.database_of(settings)
    try:
        apps = application.served_apps(settings, ["accounts"])
        async with application.opened(application.compose(settings, address, apps), apps) as parts:
            identity = parts[Identity]
            await identity.caller_of_bearer(ours.token)
            began = time.perf_counter()
            for _ in range(CHECKS):
                await identity.caller_of_bearer(ours.token)
            return (time.perf_counter() - began) / CHECKS * 1e6
    finally:
        if lease is not None:
            lease.close()
