"""Guessing the password of a link, and how soon that ends.

A guess is entered as wrong before it is looked at, and taken back when it was right; so guessing many at once gains
nothing. They are rows of the database: the limits hold for all machines together, and a restart forgives nothing.
"""

import math
from typing import Final

from sqlalchemy import text

from commonplace.platform.database.ids import new_id
from commonplace.platform.database.query import Query
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import Database
from commonplace.platform.parts import Parts
from commonplace.platform.sharing.errors import TooManyGuesses, WrongLinkPassword
from commonplace.platform.sharing.settings import SharingSettings
from commonplace.platform.sharing.visits.gate import LinkGate

_LONGEST: Final = 256  #: characters; no link has a longer password
_ENTER = Query(text("INSERT INTO platform.link_guess (id, link_id, network) VALUES (:id, :link_id, :network)"))
_TAKE_BACK = Query(text("DELETE FROM platform.link_guess WHERE id = :id"))
_SINCE: Final = "at > clock_timestamp() - make_interval(secs => CAST(:seconds AS integer)) AND id <> :id"
_AGE: Final = "CAST(extract(epoch FROM clock_timestamp() - min(at)) AS double precision)"
_COUNT = Query(
    text(f"""
    SELECT of_link.number AS of_link, of_link.age AS link_age, of_network.number AS of_network,
        of_network.age AS network_age
    FROM (SELECT count(*) AS number, {_AGE} AS age FROM platform.link_guess
        WHERE link_id = :link_id AND {_SINCE}) AS of_link,
    (SELECT count(*) AS number, {_AGE} AS age FROM platform.link_guess
        WHERE network = :network AND {_SINCE}) AS of_network
    """)
)


async def require_password(parts: Parts, link: Row, password: str, address: str) -> None:
    """Compare a password with that of a link. No connection is held while it is hashed.

    Raises:
        WrongLinkPassword: it is another one.
        TooManyGuesses: too many wrong ones came for this link, or from this address, in the last hour.
        LinkBusy: many are being looked at.
    """
    gate, settings, database = parts[LinkGate], parts[SharingSettings], parts[Database]
    guess = {"id": new_id(), "link_id": link.link_id, "network": gate.network_key(address)}
    async with gate.turn():
        async with database.reading() as session:  # each statement by itself: others see the guess at once
            await session.execute(_ENTER, **guess)
            counts = await session.first(_COUNT, **guess, seconds=settings.guess_window_seconds)
            wait_seconds = 0.0 if counts is None else _wait_seconds(counts, settings)
            if wait_seconds > 0:
                await session.execute(_TAKE_BACK, id=guess["id"])
                raise TooManyGuesses(retry_after_seconds=max(1, math.ceil(wait_seconds)))
        if len(password) > _LONGEST or not await gate.fits(password, link.password_hash):
            raise WrongLinkPassword
    async with database.reading() as session:
        await session.execute(_TAKE_BACK, id=guess["id"])


def _wait_seconds(counts: Row, settings: SharingSettings) -> float:
    """How long until the oldest guess of a full window has left it; 0 while there is room."""
    waits = [0.0]
    if counts.of_link >= settings.guesses_per_link:
        waits.append(settings.guess_window_seconds - counts.link_age)
    if counts.of_network >= settings.guesses_per_address:
        waits.append(settings.guess_window_seconds - counts.network_age)
    return max(waits)
