"""Callers that were verified lately, by the credential they came with."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from uuid import UUID

from commonplace.platform.identity.caller import Caller


class RememberedCallers:
    """A bounded memory; the entry unused for longest gives way. An entry never outlives its `until`."""

    def __init__(self, limit: int) -> None:
        """With room for `limit` credentials, about 1 kB each."""
        self._limit = limit
        self._entries: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._credentials: defaultdict[UUID, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, credential: str, now: float) -> Caller | None:
        """The caller of a credential, or None when it is not remembered or its time is over."""
        entry = self._entries.get(credential)
        if entry is None:
            return None
        caller, until = entry
        if now >= until:
            self._drop(credential)
            return None
        self._entries.move_to_end(credential)
        return caller

    def put(self, credential: str, caller: Caller, until: float) -> None:
        """Remember a caller until `until` (Unix seconds)."""
        self._drop(credential)
        self._entries[credential] = (caller, until)
        self._credentials[caller.session_id].add(credential)
        if len(self._entries) > self._limit:
            self._drop(next(iter(self._entries)))

    def forget(self, session_ids: Iterable[UUID]) -> None:
        """Drop every credential of these sessions."""
        for session_id in session_ids:
            for credential in tuple(self._credentials.get(session_id, ())):
                self._drop(credential)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self._credentials.clear()

    def _drop(self, credential: str) -> None:
        entry = self._entries.pop(credential, None)
        if entry is not None:
            session_id = entry[0].session_id
            credentials = self._credentials[session_id]
            credentials.discard(credential)
            if not credentials:
                del self._credentials[session_id]
