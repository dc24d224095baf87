"""The devices that a person has notified: browsers that subscribed to Web Push, each as long as its session lasts."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from commonplace.apps.notifications import device_queries as queries
from commonplace.apps.notifications.errors import (
    DeviceNotAllowed,
    DeviceNotFound,
    NoDeviceWithoutSession,
    TooManyDevices,
)
from commonplace.apps.notifications.events import DevicesChanged
from commonplace.apps.notifications.schemas import DeviceCreate, DeviceRead, PushRead
from commonplace.apps.notifications.settings import NotificationsSettings
from commonplace.platform.database.ids import new_id
from commonplace.platform.database.row import Row
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.events import log
from commonplace.platform.identity.caller import EVERYTHING, Caller
from commonplace.platform.messages.mailbox import one_line
from commonplace.platform.messages.push import parse_receiver
from commonplace.platform.messages.web_push import WebPush
from commonplace.platform.parts import Parts

_UNNAMED = "A browser"


async def read_push(session: ReadSession, parts: Parts, caller: Caller) -> PushRead:
    """What a browser needs to subscribe, and which devices are notified."""
    return PushRead(
        public_key=parts[WebPush].public_key,
        most_devices=parts[NotificationsSettings].devices,
        devices=await devices_of(session, caller),
    )


async def devices_of(session: ReadSession, caller: Caller) -> Sequence[DeviceRead]:
    """The caller's devices, the oldest first."""
    rows = await session.all(queries.DEVICES, person_id=caller.person_id)
    return [_read(row, caller) for row in rows]


async def add_device(session: WriteSession, parts: Parts, caller: Caller, wanted: DeviceCreate) -> DeviceRead:
    """Have a browser notified for as long as the caller's session lasts.

    A browser that is known is known anew: whoever was signed in on it before is not told there any more. A session has
    one device; what it had before goes.

    Raises:
        NoDeviceWithoutSession: the caller came by an API token.
        DeviceNotAllowed: the subscription is none that can be used.
        TooManyDevices: the person has as many as they can have.
    """
    if caller.scopes != EVERYTHING:
        raise NoDeviceWithoutSession
    try:
        receiver = parse_receiver(
            endpoint=wanted.endpoint,
            p256dh=wanted.keys.p256dh,
            auth=wanted.keys.auth,
            allows_private=parts[WebPush].allows_private,
        )
    except ValueError as error:
        raise DeviceNotAllowed(str(error)) from None
    digest = hashlib.sha256(receiver.endpoint.encode() + receiver.public_key + receiver.auth).digest()
    most = parts[NotificationsSettings].devices
    person_id = caller.person_id
    await session.execute(queries.LOCK_DEVICES, person_id=person_id)
    await session.execute(queries.DISPLACE_DEVICES, digest=digest, person_id=person_id, session_id=caller.session_id)
    if await session.scalar(queries.COUNT_DEVICES, person_id=person_id, digest=digest) >= most:
        raise TooManyDevices(most)
    row = await session.first(
        queries.ADD_DEVICE,
        id=new_id(),
        person_id=person_id,
        session_id=caller.session_id,
        name=one_line(wanted.name) or _UNNAMED,
        endpoint=receiver.endpoint,
        public_key=receiver.public_key,
        auth=receiver.auth,
        our_key=parts[WebPush].public_key,
        digest=digest,
        now=datetime.now(UTC),
    )
    if row is None:
        raise LookupError("The statement always answers with a row.")
    await log.tell(session, DevicesChanged(), owner_id=person_id, by=person_id)
    return _read(row, caller)


async def remove_device(session: WriteSession, caller: Caller, device_id: UUID) -> None:
    """Have a device notified no more; what is on its way to it is not sent.

    Raises:
        DeviceNotFound: it is none of the caller's.
    """
    if await session.first(queries.REMOVE_DEVICE, device_id=device_id, person_id=caller.person_id) is None:
        raise DeviceNotFound
    await log.tell(session, DevicesChanged(), owner_id=caller.person_id, by=caller.person_id)


def _read(row: Row, caller: Caller) -> DeviceRead:
    return DeviceRead(
        id=row.id,
        name=row.name,
        is_current=row.session_id == caller.session_id,
        created_at=row.created_at,
        seen_at=row.seen_at,
    )
