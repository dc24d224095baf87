"""The callers of routes that serve second factors: also those who may do nothing else yet."""

from typing import Annotated

from fastapi import Depends, Request

from commonplace.platform.identity.caller import Caller
from commonplace.platform.identity.proofs import refuse_unless_recent
from commonplace.platform.identity.requests import caller_even_enrolling


async def _enrolling(request: Request) -> Caller:
    return await caller_even_enrolling(request)


async def _proved(request: Request) -> Caller:
    caller = await caller_even_enrolling(request)
    await refuse_unless_recent(request, caller)
    return caller


EnrollingCaller = Annotated[Caller, Depends(_enrolling)]
"""Who is calling, also with a second factor still to be set up."""

ProvedEnrollingCaller = Annotated[Caller, Depends(_proved)]
"""The same, having proved lately who they are."""
