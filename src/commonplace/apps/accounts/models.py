"""The tables of accounts.

What a person tells of themselves (`person`, an item with versions) stands apart from how they get in (`account`,
`password`, `session`): an old version of a profile must bring back neither a role nor a password.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, DateTime, ForeignKey, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

# Not used here: whoever compares the models with the schema is to see these tables too.
from commonplace.apps.accounts.factors import models as _factor_models  # noqa: F401
from commonplace.apps.accounts.invitations import models as _invitation_models  # noqa: F401
from commonplace.apps.accounts.issuers import models as _issuer_models  # noqa: F401
from commonplace.apps.accounts.pictures import models as _picture_models  # noqa: F401
from commonplace.platform.history.kind import Kind

_SCHEMA = {"schema": "accounts"}


class Person(SQLModel, table=True):
    """A profile: an item that its person owns. The name is the item's title."""

    __tablename__: ClassVar[Any] = "person"
    __table_args__ = (_SCHEMA,)

    id: UUID = Field(primary_key=True)
    job_title: str | None = Field(default=None, sa_type=Text)
    time_zone: str = Field(sa_type=Text)
    language: str = Field(sa_type=Text)


PERSON = Kind(name="person", table=Person, icon="user")


class Account(SQLModel, table=True):
    """Who may sign in, by which address and in which role."""

    __tablename__: ClassVar[Any] = "account"
    __table_args__ = (
        CheckConstraint("role IN ('user', 'administrator')", name="account_role"),
        CheckConstraint("state IN ('active', 'suspended')", name="account_state"),
        Index("account_by_key", "email_key", unique=True),
        _SCHEMA,
    )

    person_id: UUID = Field(sa_column_args=[ForeignKey("accounts.person.id", ondelete="CASCADE")], primary_key=True)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    email_verified_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    needs_second_factor: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Password(SQLModel, table=True):
    """A person's password, hashed. A person who signs in by other means has no row."""

    __tablename__: ClassVar[Any] = "password"
    __table_args__ = (_SCHEMA,)

    person_id: UUID = Field(
        sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")], primary_key=True
    )
    hash: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=DateTime(timezone=True))


class Session(SQLModel, table=True):
    """One sign-in and all that came of it: a family of refresh tokens, or a browser's cookie."""

    __tablename__: ClassVar[Any] = "session"
    __table_args__ = (
        CheckConstraint("kind IN ('api', 'browser')", name="session_kind"),
        Index("session_of_person", "person_id", "last_used_at"),
        Index("session_by_cookie", "cookie_digest", unique=True, postgresql_where=text("cookie_digest IS NOT NULL")),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")])
    kind: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    address: str = Field(sa_type=Text)
    network: str = Field(sa_type=Text)
    user_agent: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_used_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    latest_end_at: datetime = Field(sa_type=DateTime(timezone=True))
    ended_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    ended_reason: str | None = Field(default=None, sa_type=Text)
    family_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    refresh_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_refresh_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    rotated_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    cookie_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    device_digest: bytes | None = Field(default=None, sa_type=LargeBinary)


class KnownDevice(SQLModel, table=True):
    """A device from which a person has signed in; see `known_devices`."""

    __tablename__: ClassVar[Any] = "known_device"
    __table_args__ = (_SCHEMA,)

    person_id: UUID = Field(
        sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")], primary_key=True
    )
    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    first_seen_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_seen_at: datetime = Field(sa_type=DateTime(timezone=True))


class NewDeviceNotice(SQLModel, table=True):
    """The notice of a session that began on a new device; its link can be used once. See `new_device`."""

    __tablename__: ClassVar[Any] = "new_device_notice"
    __table_args__ = (Index("new_device_notice_of_person", "person_id"), _SCHEMA)

    session_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")])
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    password_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    password_until: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class ApiToken(SQLModel, table=True):
    """A person's key for a program; the token itself is known to the program only."""

    __tablename__: ClassVar[Any] = "api_token"
    __table_args__ = (
        Index("api_token_by_digest", "digest", unique=True),
        Index("api_token_of_person", "person_id", "id"),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")])
    name: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    digest: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    last_used_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class AuditEntry(SQLModel, table=True):
    """One thing that an administrator, or a command on the server, did to a person."""

    __tablename__: ClassVar[Any] = "audit_entry"
    __table_args__ = (
        Index("audit_entry_by_time", "at", "id"),
        Index("audit_entry_of_person", "person_id"),
        Index("audit_entry_by_whom", "by_id"),
        Index("audit_entry_of_invitation", "invitation_id", postgresql_where=text("invitation_id IS NOT NULL")),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    action: str = Field(sa_type=Text)
    person_id: UUID | None = Field(
        default=None, sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")]
    )
    by_id: UUID | None = Field(
        default=None, sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="SET NULL")]
    )
    is_on_server: bool
    detail: str | None = Field(default=None, sa_type=Text)
    address: str | None = Field(default=None, sa_type=Text)
    invitation_id: UUID | None = Field(default=None)


class StoredSigningKey(SQLModel, table=True):
    """A key that signs access tokens; the private half is encrypted, and gone once the key is retired."""

    __tablename__: ClassVar[Any] = "signing_key"
    __table_args__ = (_SCHEMA,)

    kid: str = Field(sa_type=Text, primary_key=True)
    algorithm: str = Field(sa_type=Text)
    public_key: bytes = Field(sa_type=LargeBinary)
    private_key: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    retired_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    revoked_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class SignInAttempt(SQLModel, table=True):
    """One try to sign in: what the limits count, and the history that a person sees. Kept for a while."""

    __tablename__: ClassVar[Any] = "sign_in_attempt"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('pending', 'refused', 'second_step', 'signed_in')", name="sign_in_attempt_outcome"
        ),
        Index("sign_in_attempt_by_account", "account_key", "at"),
        Index("sign_in_attempt_by_network", "network", "at"),
        Index("sign_in_attempt_of_person", "person_id", "at", postgresql_where=text("person_id IS NOT NULL")),
        _SCHEMA,
    )

    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    account_key: bytes = Field(sa_type=LargeBinary)
    person_id: UUID | None = Field(
        default=None, sa_column_args=[ForeignKey("accounts.account.person_id", ondelete="CASCADE")]
    )
    session_id: UUID | None = Field(default=None)
    address: str = Field(sa_type=Text)
    network: str = Field(sa_type=Text)
    user_agent: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    is_forgiven: bool = Field(sa_column_kwargs={"server_default": text("false")})


class FirstRun(SQLModel, table=True):
    """The one-time link that makes the first administrator; no row: there is none to use."""

    __tablename__: ClassVar[Any] = "first_run"
    __table_args__ = (CheckConstraint("singleton", name="first_run_is_one"), _SCHEMA)

    singleton: bool = Field(primary_key=True, sa_column_kwargs={"server_default": text("true")})
    token_digest: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
