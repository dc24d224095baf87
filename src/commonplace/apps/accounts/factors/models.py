"""The tables of second factors, and of what a sign-in with two steps needs meanwhile."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

_SCHEMA: Final = {"schema": "accounts"}
_MOMENT: Final[Any] = DateTime(timezone=True)


def _of_a_person() -> list[ForeignKey]:
    return [ForeignKey("accounts.account.person_id", ondelete="CASCADE")]


def _of_a_session() -> list[ForeignKey]:
    return [ForeignKey("accounts.session.id", ondelete="CASCADE")]


class Totp(SQLModel, table=True):
    """A person's authenticator app. It counts from `confirmed_at` on."""

    __tablename__: ClassVar[Any] = "totp"
    __table_args__ = (_SCHEMA,)

    person_id: UUID = Field(sa_column_args=_of_a_person(), primary_key=True)
    sealed_secret: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=_MOMENT)
    confirmed_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    last_step: int | None = Field(default=None, sa_type=BigInteger)


class RecoveryCode(SQLModel, table=True):
    """The digest of a recovery code that was not used yet."""

    __tablename__: ClassVar[Any] = "recovery_code"
    __table_args__ = (_SCHEMA,)

    person_id: UUID = Field(sa_column_args=_of_a_person(), primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    created_at: datetime = Field(sa_type=_MOMENT)


class Passkey(SQLModel, table=True):
    """A key pair whose private half an authenticator of the person keeps (WebAuthn)."""

    __tablename__: ClassVar[Any] = "passkey"
    __table_args__ = (
        Index("passkey_by_credential", "credential_id", unique=True),
        Index("passkey_of_person", "person_id", "created_at"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(sa_column_args=_of_a_person())
    credential_id: bytes = Field(sa_type=LargeBinary)
    public_key: bytes = Field(sa_type=LargeBinary)
    sign_count: int = Field(sa_type=BigInteger)
    name: str = Field(sa_type=Text)
    transports: str = Field(sa_type=Text)
    is_synced: bool
    created_at: datetime = Field(sa_type=_MOMENT)
    last_used_at: datetime | None = Field(default=None, sa_type=_MOMENT)


class SecondStep(SQLModel, table=True):
    """A sign-in whose password was right, and which waits for its second step."""

    __tablename__: ClassVar[Any] = "second_step"
    __table_args__ = (
        CheckConstraint("kind IN ('api', 'browser')", name="second_step_kind"),
        Index("second_step_of_person", "person_id"),
        Index("second_step_by_end", "expires_at"),
        Index("second_step_of_identity", "identity_id", postgresql_where=text("identity_id IS NOT NULL")),
        CheckConstraint("(password_changed_at IS NULL) <> (identity_id IS NULL)", name="second_step_first"),
        _SCHEMA,
    )

    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    person_id: UUID = Field(sa_column_args=_of_a_person())
    kind: str = Field(sa_type=Text)
    attempt_id: UUID
    account_key: bytes = Field(sa_type=LargeBinary)
    network: str = Field(sa_type=Text)
    password_changed_at: datetime | None = Field(default=None, sa_type=_MOMENT)
    identity_id: UUID | None = Field(
        default=None, sa_column_args=[ForeignKey("accounts.identity.id", ondelete="CASCADE")]
    )
    tries: int = Field(sa_column_kwargs={"server_default": text("0")})
    expires_at: datetime = Field(sa_type=_MOMENT)


class SpentChallenge(SQLModel, table=True):
    """A passkey's challenge that was answered; it is kept until it would be too old anyway."""

    __tablename__: ClassVar[Any] = "spent_challenge"
    __table_args__ = (Index("spent_challenge_by_end", "expires_at"), _SCHEMA)

    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    expires_at: datetime = Field(sa_type=_MOMENT)


class FactorTries(SQLModel, table=True):
    """How often a factor of a person was tried since it was last right."""

    __tablename__: ClassVar[Any] = "factor_tries"
    __table_args__ = (_SCHEMA,)

    person_id: UUID = Field(sa_column_args=_of_a_person(), primary_key=True)
    factor: str = Field(sa_type=Text, primary_key=True)
    tries: int
    last_at: datetime = Field(sa_type=_MOMENT)
    locks: int
    locked_until: datetime | None = Field(default=None, sa_type=_MOMENT)


class Proof(SQLModel, table=True):
    """When the person behind a session last proved who they are, and by what."""

    __tablename__: ClassVar[Any] = "proof"
    __table_args__ = (_SCHEMA,)

    session_id: UUID = Field(sa_column_args=_of_a_session(), primary_key=True)
    proved_at: datetime = Field(sa_type=_MOMENT)
    method: str = Field(sa_type=Text)


class EnrolmentDue(SQLModel, table=True):
    """A session that may do nothing but set up a second factor."""

    __tablename__: ClassVar[Any] = "enrolment_due"
    __table_args__ = (_SCHEMA,)

    session_id: UUID = Field(sa_column_args=_of_a_session(), primary_key=True)
