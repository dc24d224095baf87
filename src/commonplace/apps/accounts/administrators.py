"""Routes of those who look after people."""

from typing import Annotated

from fastapi import Depends

from commonplace.apps.accounts.errors import AdministratorsOnly
from commonplace.platform.http.dependencies import CurrentCaller
from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.proofs import ProvedCaller


async def _administrator(caller: CurrentCaller) -> Caller:
    if not caller.is_administrator:
        raise AdministratorsOnly
    return caller


async def _proved(caller: ProvedCaller) -> Caller:
    return await _administrator(caller)


Administrator = Annotated[Caller, Depends(_administrator)]
ProvedAdministrator = Annotated[Caller, Depends(_proved)]  #: has proved lately who they are, for what is dangerous
