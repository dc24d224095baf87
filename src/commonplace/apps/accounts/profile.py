"""What a person tells of themselves."""

from typing import Any
from uuid import UUID

from commonplace.apps.accounts import queries
from commonplace.apps.accounts.addresses import sign_in_key
from commonplace.apps.accounts.errors import AddressIsFixed
from commonplace.apps.accounts.events import ProfileChanged
from commonplace.apps.accounts.models import PERSON
from commonplace.apps.accounts.profile_rules import clean_job_title, clean_language, clean_name, clean_time_zone
from commonplace.apps.accounts.schemas import PersonRead, ProfileChange
from commonplace.platform.database.session import ReadSession, WriteSession
from commonplace.platform.history import record
from commonplace.platform.history.record import StaleVersion
from commonplace.platform.identity.errors import SessionOver


async def read_profile(session: ReadSession, person_id: UUID) -> PersonRead:
    """A person's profile, as they see it themselves.

    Raises:
        SessionOver: the account is gone since the caller was verified.
    """
    row = await session.first(queries.PROFILE, person_id=person_id)
    if row is None:
        raise SessionOver
    return PersonRead.model_validate(dict(row))


async def change_profile(
    session: WriteSession, person_id: UUID, change: ProfileChange, *, expected: int | None
) -> PersonRead:
    """Change the given fields of a person's profile, by themself. What leaves everything as it was makes no version.

    Raises:
        StaleVersion: `expected` is given and is not the stored version.
        ProfileNotAllowed: a field has a value that cannot be.
        AddressIsFixed: the address given is not the present one.
        SessionOver: the account is gone since the caller was verified.
    """
    wanted = _cleaned(change)
    locked = await record.lock(session, PERSON, person_id)
    if locked is None:
        raise SessionOver
    if expected is not None and expected != locked.version:
        raise StaleVersion(expected=expected, actual=locked.version)
    present = await read_profile(session, person_id)
    if change.email is not None and sign_in_key(change.email) != sign_in_key(present.email):
        raise AddressIsFixed
    changed = {field: value for field, value in wanted.items() if value != getattr(present, field)}
    if not changed:
        return present
    fact = ProfileChanged(person_id=person_id, fields=tuple(sorted(changed)))
    name = changed.pop("name", None)
    await record.change(
        session,
        PERSON,
        locked,
        values=changed,
        item={"title": name} if name is not None else {},
        fact=fact,
        by=person_id,
    )
    return await read_profile(session, person_id)


def _cleaned(change: ProfileChange) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if change.name is not None:
        wanted["name"] = clean_name(change.name)
    if "job_title" in change.model_fields_set:
        wanted["job_title"] = clean_job_title(change.job_title)
    if change.time_zone is not None:
        wanted["time_zone"] = clean_time_zone(change.time_zone)
    if change.language is not None:
        wanted["language"] = clean_language(change.language)
    return wanted
