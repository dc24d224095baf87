"""What goes in and out over HTTP."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from commonplace.apps.accounts.factors.passkeys import LONGEST_NAME
from commonplace.apps.accounts.factors.showing import Shown

FactorName = Literal["totp", "recovery_code", "passkey"]
_CODE: Final = "Six digits of the authenticator app."
_PASSKEY: Final = "What `PublicKeyCredential.toJSON()` gives (WebAuthn level 3)."
PasskeyName = Annotated[
    str, Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_NAME}, description="How its person calls it.")
]


class PasskeyOptions(BaseModel):
    """What the browser needs."""

    public_key: Annotated[
        dict[str, Any],
        Field(description="For `PublicKeyCredential.parseRequestOptionsFromJSON` or `…CreationOptionsFromJSON`."),
    ]


class SecondStepRead(BaseModel):
    """The password was right; a second factor is needed."""

    challenge_token: Annotated[str, Field(description="For `POST /api/auth/second-step`, and for nothing else.")]
    factors: Annotated[list[FactorName], Field(description="What the person can show.")]
    expires_in: Annotated[int, Field(description="Seconds until the sign-in must begin again.")]


class OneFactor(BaseModel):
    """Exactly one factor."""

    code: Annotated[str | None, Field(max_length=64, repr=False, description=_CODE)] = None
    recovery_code: Annotated[str | None, Field(max_length=64, repr=False, description="One of the recovery codes.")] = (
        None
    )
    passkey: Annotated[dict[str, Any] | None, Field(repr=False, description=_PASSKEY)] = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(value is not None for value in self._ways()) != 1:
            raise ValueError(f"Exactly one of {self._names()} is needed")
        return self

    def _ways(self) -> tuple[object, ...]:
        return (self.code, self.recovery_code, self.passkey)

    def _names(self) -> str:
        return "`code`, `recovery_code` and `passkey`"

    @property
    def shown(self) -> Shown:
        """The factor."""
        return Shown(code=self.code, recovery_code=self.recovery_code, passkey=self.passkey)


_ONE_OF: Final[list[Any]] = [{"required": [name]} for name in ("code", "recovery_code", "passkey")]


class SecondStepTake(OneFactor):
    """The second step of a sign-in."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF})

    challenge_token: Annotated[str, Field(max_length=200, repr=False)]


class SecondStepAsk(BaseModel):
    """The sign-in that a passkey is to complete."""

    challenge_token: Annotated[str, Field(max_length=200, repr=False)]


class ProofGive(OneFactor):
    """A second factor; or the password, where the person has no second factor."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [*_ONE_OF, {"required": ["password"]}]})

    password: Annotated[str | None, Field(repr=False)] = None

    def _ways(self) -> tuple[object, ...]:
        return (*super()._ways(), self.password)

    def _names(self) -> str:
        return "`code`, `recovery_code`, `passkey` and `password`"


class ProofRead(BaseModel):
    """Until when the proof counts."""

    proved_until: datetime


class PasskeySignIn(BaseModel):
    """A passkey as the only factor."""

    passkey: Annotated[dict[str, Any], Field(repr=False, description=_PASSKEY)]


class PasskeyCreate(BaseModel):
    """A passkey that the browser has made."""

    name: PasskeyName
    passkey: Annotated[dict[str, Any], Field(repr=False, description=_PASSKEY)]


class PasskeyChange(BaseModel):
    """A passkey's new name."""

    name: PasskeyName


class PasskeyRead(BaseModel):
    """A passkey, as its person sees it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    is_synced: Annotated[bool, Field(description="Whether it is kept by a service beside the device.")]
    created_at: datetime
    last_used_at: datetime | None


class FactorsRead(BaseModel):
    """A person's second factors."""

    totp_since: Annotated[datetime | None, Field(description="Since when an authenticator app is set up.")]
    passkeys: list[PasskeyRead]
    recovery_codes_left: int
    is_asked_for: Annotated[bool, Field(description="Whether this installation asks the person for one.")]
    proved_until: Annotated[datetime | None, Field(description="Until when the session's last proof counts.")]


class TotpRead(BaseModel):
    """What an authenticator app is set up with; it is shown once, and counts when a code of it was given."""

    secret: Annotated[str, Field(description="Base32, for apps without a camera.")]
    uri: Annotated[str, Field(description="`otpauth://totp/…`")]
    qr_code: Annotated[str, Field(description="The URI as a QR code: an SVG picture.")]


class TotpConfirm(BaseModel):
    """A code of the app that was set up."""

    code: Annotated[str, Field(max_length=64, repr=False, description=_CODE)]


class FactorAdded(BaseModel):
    """A factor counts now."""

    passkey_id: UUID | None = None
    recovery_codes: Annotated[
        list[str] | None, Field(description="Made with the first factor; they are shown this once.")
    ] = None


class RecoveryCodesRead(BaseModel):
    """New recovery codes; they are shown this once, and the ones before count no more."""

    recovery_codes: list[str]
