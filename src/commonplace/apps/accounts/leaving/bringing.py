"""What of an account comes along in an archive: the profile and the picture, where there are none here yet.

Name, address and role are this installation's. A profile that was changed here stays as it is.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from commonplace.apps.accounts.errors import ProfileNotAllowed
from commonplace.apps.accounts.pictures import queries
from commonplace.apps.accounts.pictures.errors import PictureNotAllowed, PictureTooLarge
from commonplace.apps.accounts.pictures.service import take_picture
from commonplace.apps.accounts.profile import change_profile, read_profile
from commonplace.apps.accounts.schemas import ProfileChange
from commonplace.platform.database.session import Database
from commonplace.platform.leaving.bringing import Bringing
from commonplace.platform.media.square import Square

_FIELDS = ("job_title", "time_zone", "language")


class _Person(msgspec.Struct):
    state: dict[str, Any]


async def bring(bringing: Bringing) -> Mapping[str, int]:
    """Take what there is; how much, by the archive's members."""
    return {**await _profile(bringing), **await _picture(bringing)}


async def _profile(bringing: Bringing) -> Mapping[str, int]:
    people = await bringing.lines("accounts/person", _Person)
    if not people:
        return {}
    given = {field: value for field in _FIELDS if isinstance(value := people[0].state.get(field), str) and value}
    async with bringing.parts[Database].writing() as session:
        present = await read_profile(session, bringing.person_id)
        if present.version > 1 or not given:
            return {}
        with suppress(ProfileNotAllowed):
            changed = await change_profile(session, bringing.person_id, ProfileChange(**given), expected=None)
            return {"profile": 1} if changed.version > present.version else {}
    return {}


async def _picture(bringing: Bringing) -> Mapping[str, int]:
    squares = await bringing.lines("accounts/picture", Square)
    member = bringing.member("profile/picture.")
    if not squares or member is None:
        return {}
    async with bringing.parts[Database].reading() as session:
        if await session.scalar(queries.IS_THERE, person_id=bringing.person_id) is not None:
            return {}
    with suppress(PictureNotAllowed, PictureTooLarge):
        await take_picture(bringing.parts, bringing.person_id, bringing.chunks(member), squares[0])
        return {"picture": 1}
    return {}
