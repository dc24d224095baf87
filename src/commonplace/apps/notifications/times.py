"""What time it is for notifications."""

from datetime import UTC, datetime

from commonplace.platform.identity.clock import Clock
from commonplace.platform.parts import Parts


def now_of(parts: Parts) -> datetime:
    """The present moment, UTC, by the clock among the parts if there is one."""
    clock = parts[Clock] if Clock in parts else Clock()
    return datetime.fromtimestamp(clock.time(), UTC)
