"""Removing objects, and copying them all: never at the same time.

A backup copies what a snapshot of the database names, which takes long; what it has not come to yet must not go. So it
holds `COPYING` for as long as it copies, taken before the snapshot, and who removes bytes that a row named asks for
`MAY_REMOVE` in the transaction that removes the row. Removals do not wait for each other, nor for a backup: what must
not go now goes with the next sweep.
"""

from typing import Final

from sqlalchemy import text

from commonplace.platform.database.query import Query

_LOCK: Final = 0x6F626A65637473  # "objects"

#: Run by whoever copies objects, in a transaction that stays open meanwhile.
COPYING: Final = Query(text(f"SELECT pg_advisory_xact_lock_shared({_LOCK})"))
#: Whether objects may be removed, by whoever removes their rows in this transaction. It never waits.
MAY_REMOVE: Final = Query(text(f"SELECT pg_try_advisory_xact_lock({_LOCK})"))
