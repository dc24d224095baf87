"""A second factor that an installation asks for, and that a person has yet to set up."""

from typing import Final

from commonplace.platform.errors import NotAllowed

ENROLMENT_PAGE: Final = "/app/account/security"  #: where it is set up


class SecondFactorMissing(NotAllowed):
    """A second factor has to be set up before anything else."""

    def __init__(self) -> None:
        super().__init__(
            "Here a second factor is needed, and you have none yet. Set one up on the page `continue_at`, or by"
            " `POST /api/auth/factors/totp`; until then nothing else is possible.",
            continue_at=ENROLMENT_PAGE,
        )
