"""The facts that accounts tells. None carries an address, a name or a secret: those stand in `accounts` only.

A failed sign-in is no event: strangers could fill the log with them, and one more write for an address that exists
would tell that it does. They stand in `accounts.sign_in_attempt`, for a while.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from commonplace.platform.events.event import Event

TokenEndReason = Literal["revoked", "password_reset", "address_restored"]


@dataclass(frozen=True, kw_only=True)
class PersonRegistered(Event):
    """A person has an account now."""

    name: ClassVar[str] = "person.registered"
    person_id: UUID
    role: Literal["user", "administrator"]
    how: Literal["sign_up", "first_run", "command", "invitation", "issuer"]


@dataclass(frozen=True, kw_only=True)
class PersonInvited(Event):
    """Somebody is invited by mail; to which address stands with the invitation."""

    name: ClassVar[str] = "person.invited"
    invitation_id: UUID


@dataclass(frozen=True, kw_only=True)
class ProfileChanged(Event):
    """A person's profile has a new version."""

    name: ClassVar[str] = "person.profile_changed"
    person_id: UUID
    fields: tuple[str, ...]  #: names of what changed


@dataclass(frozen=True, kw_only=True)
class PictureChanged(Event):
    """A person is shown by another picture, another part of it, or by their initials again."""

    name: ClassVar[str] = "person.picture_changed"
    person_id: UUID
    is_removed: bool


@dataclass(frozen=True, kw_only=True)
class RoleChanged(Event):
    """A person became an administrator, or an administrator became a user."""

    name: ClassVar[str] = "person.role_changed"
    person_id: UUID
    role: Literal["user", "administrator"]


@dataclass(frozen=True, kw_only=True)
class PersonSuspended(Event):
    """A person may not sign in until further notice; their sessions were ended."""

    name: ClassVar[str] = "person.suspended"
    person_id: UUID


@dataclass(frozen=True, kw_only=True)
class PersonReinstated(Event):
    """A suspended person may sign in again."""

    name: ClassVar[str] = "person.reinstated"
    person_id: UUID


@dataclass(frozen=True, kw_only=True)
class PasswordReset(Event):
    """A person has a new password, by the link of a letter or by somebody with access to the server; sessions ended."""

    name: ClassVar[str] = "person.password_reset"
    person_id: UUID
    how: Literal["command", "letter"] = "command"


@dataclass(frozen=True, kw_only=True)
class LetterAsked(Event):
    """A mail with a link that does one thing once was asked for; whoever sends it finds out whether anybody gets it."""

    name: ClassVar[str] = "letter.asked"
    letter_id: UUID
    purpose: Literal["verify", "reset", "change", "undo", "register"]


@dataclass(frozen=True, kw_only=True)
class AddressVerified(Event):
    """A person has proved that they get the mail of their address."""

    name: ClassVar[str] = "address.verified"
    person_id: UUID


@dataclass(frozen=True, kw_only=True)
class AddressChanged(Event):
    """A person signs in with another address now."""

    name: ClassVar[str] = "address.changed"
    person_id: UUID
    letter_id: UUID | None  #: to the old address, with the link that undoes it; None where no mail is sent


@dataclass(frozen=True, kw_only=True)
class AddressRestored(Event):
    """A change of address was undone from the old one; sessions ended and API tokens were revoked."""

    name: ClassVar[str] = "address.restored"
    person_id: UUID


@dataclass(frozen=True, kw_only=True)
class SignedIn(Event):
    """A session began. Where and by which program stands with the session itself."""

    name: ClassVar[str] = "session.began"
    person_id: UUID
    session_id: UUID
    method: Literal[
        "password",
        "registration",
        "password_and_totp",
        "password_and_recovery_code",
        "password_and_passkey",
        "passkey",
        "identity",
        "identity_and_totp",
        "identity_and_recovery_code",
        "identity_and_passkey",
        "cognito_token",
    ]
    kind: Literal["api", "browser"]


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event):
    """A session ended before its time; its credentials are refused from now on."""

    name: ClassVar[str] = "session.ended"
    person_id: UUID
    session_id: UUID
    reason: Literal["signed_out", "ended", "disowned", "refresh_reused", "password_reset", "suspended"]


@dataclass(frozen=True, kw_only=True)
class NewDeviceSignedIn(Event):
    """A session began on a device from which the person had not signed in before."""

    name: ClassVar[str] = "session.began_on_new_device"
    person_id: UUID
    session_id: UUID


@dataclass(frozen=True, kw_only=True)
class ApiTokenMade(Event):
    """A person has a new API token. Its name stands with the token itself."""

    name: ClassVar[str] = "api_token.made"
    person_id: UUID
    token_id: UUID
    scopes: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ApiTokenRevoked(Event):
    """An API token is refused from now on."""

    name: ClassVar[str] = "api_token.revoked"
    person_id: UUID
    token_id: UUID
    reason: TokenEndReason


@dataclass(frozen=True, kw_only=True)
class RefreshReused(Event):
    """A refresh token came a second time, from a holder who cannot be told from the person."""

    name: ClassVar[str] = "session.refresh_reused"
    person_id: UUID
    session_id: UUID


@dataclass(frozen=True, kw_only=True)
class SecondFactorAdded(Event):
    """A person can, and must, show this from now on when signing in; or has new recovery codes."""

    name: ClassVar[str] = "second_factor.added"
    person_id: UUID
    factor: Literal["totp", "passkey", "recovery_codes"]


@dataclass(frozen=True, kw_only=True)
class SecondFactorRequired(Event):
    """An administrator asks a second factor of a person, or (`is_required` false) asks for none any more."""

    name: ClassVar[str] = "second_factor.required"
    person_id: UUID
    is_required: bool


@dataclass(frozen=True, kw_only=True)
class SecondFactorRemoved(Event):
    """This counts no more when the person signs in. Without a `by` of the event it was removed on the server."""

    name: ClassVar[str] = "second_factor.removed"
    person_id: UUID
    factor: Literal["totp", "passkey", "recovery_codes"]


@dataclass(frozen=True, kw_only=True)
class SecondFactorLocked(Event):
    """A factor was wrong too often, by somebody who knows the password or holds a session."""

    name: ClassVar[str] = "second_factor.locked"
    person_id: UUID
    factor: Literal["totp", "recovery_code"]
    until: datetime


@dataclass(frozen=True, kw_only=True)
class RecoveryCodeUsed(Event):
    """A recovery code stood in for a factor; it cannot be used again."""

    name: ClassVar[str] = "recovery_code.used"
    person_id: UUID
    left: int


@dataclass(frozen=True, kw_only=True)
class PasskeyCountedBack(Event):
    """A passkey was refused since its counter had not risen: its authenticator may have been copied."""

    name: ClassVar[str] = "passkey.counted_back"
    person_id: UUID
    passkey_id: UUID


@dataclass(frozen=True, kw_only=True)
class IdentityLinked(Event):
    """A person can sign in by this issuer from now on. Who they are there stands with the identity itself."""

    name: ClassVar[str] = "identity.linked"
    person_id: UUID
    identity_id: UUID
    issuer: str  #: its name in the settings


@dataclass(frozen=True, kw_only=True)
class IdentityUnlinked(Event):
    """A person cannot sign in by this issuer any more. Their sessions go on."""

    name: ClassVar[str] = "identity.unlinked"
    person_id: UUID
    identity_id: UUID
    issuer: str  #: its name in the settings, or its address where it is not configured any more


@dataclass(frozen=True, kw_only=True)
class SigningKeysRotated(Event):
    """Access tokens are signed with a new key from now on."""

    name: ClassVar[str] = "signing_keys.rotated"
    kid: str  #: of the new one
    is_compromised: bool  #: whether what the others signed is refused at once
