"""How people get in. The environment's names start with `ACCOUNTS__`."""

from typing import Final, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator

from commonplace.apps.accounts.issuers.issuer import issuers_of
from commonplace.apps.accounts.issuers.settings import IssuerSettings
from commonplace.platform.identity.settings import MINIMUM_SECRET_BYTES

_SAFE_BCRYPT_COST: Final = 10


class AccountsSettings(BaseModel):
    """Registration, passwords, sessions, and the limits of signing in."""

    is_production: bool = Field(default=False, description="Follows ENVIRONMENT; there is no need to set it.")
    auth_provider: Literal["local", "cognito", "both"] = Field(
        default="local", description="Follows AUTH_PROVIDER; there is no need to set it."
    )
    issuers: dict[str, IssuerSettings] = Field(
        default_factory=dict,
        description="Issuers of OpenID Connect that people may sign in with, each under a name of yours.",
    )
    registration: Literal["open", "invitation", "closed"] | None = Field(
        default=None,
        description="Who may make an account: anybody, whom an administrator invites, or nobody but by a command on the"
        " server. Left out: anybody on a laptop, by invitation in production.",
    )
    hashing_scheme: Literal["bcrypt", "argon2id"] = Field(
        default="bcrypt",
        description="How new passwords are hashed. Others still verify, and are hashed anew at the next sign-in.",
    )
    registration_by_mail: bool | None = Field(
        default=None,
        description="Whether an account is made only once the link sent to its address is followed, so that nobody"
        " learns which addresses have accounts. Left out: yes where mail is sent by a server.",
    )
    fewest_password_characters: int = Field(
        default=8,
        ge=8,
        le=64,
        description="The length that a new password must have (NIST SP 800-63B asks for 8, and for 15 where it is the"
        " only factor). Common and leaked passwords are refused whatever their length.",
    )
    bcrypt_cost: int = Field(
        default=10,
        ge=4,
        le=16,
        description="Logarithm of bcrypt's rounds: 10 takes 60 ms on a 2.5 GHz core. Production uses 10 at least.",
    )
    argon2_memory_kib: int = Field(default=19_456, ge=8, le=1_048_576, description="Memory for one Argon2id hash, KiB.")
    argon2_passes: int = Field(default=2, ge=1, le=20, description="How often Argon2id goes through its memory.")
    hashing_threads: int | None = Field(
        default=None, ge=1, le=64, description="Threads that hash passwords in a process; left out, one a core."
    )
    hashing_queue: int = Field(
        default=128,
        ge=1,
        le=10_000,
        description="Sign-ins that may wait in a process; the next is told 503. 128 take about 4 s on two cores.",
    )
    failures_per_account_and_address: int = Field(
        default=10, ge=1, le=1000, description="Failed sign-ins to one account from one address in a window."
    )
    failures_before_delay: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Failures after which the next try must wait: 1 s, then twice as long each time.",
    )
    failures_per_address: int = Field(
        default=100, ge=1, le=100_000, description="Failed sign-ins from one address in a window, to any account."
    )
    failures_per_account: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Failed sign-ins to one account in a window, from any address. Addresses from which the person"
        " has signed in before are not held up by it.",
    )
    failure_window_seconds: int = Field(
        default=900, ge=1, le=86_400, description="The length of that window; a failure is forgotten after it."
    )
    second_factor: Literal["optional", "administrators", "everybody"] = Field(
        default="optional",
        description="Who needs a second factor. Who has none is led to set one up at the next sign-in, and can do"
        " nothing else until then.",
    )
    second_factor_key: SecretStr | None = Field(
        default=None,
        description="Encrypts what authenticator apps are set up with; 32 bytes or more. Left out, JWT__SECRET_KEY"
        " does, and a change of that makes every authenticator app useless. What is sealed already is sealed anew"
        " within an hour; only then change JWT__SECRET_KEY.",
    )
    second_step_seconds: int = Field(
        default=300, ge=30, le=3600, description="How long a sign-in waits for its second step after the password."
    )
    second_step_tries: int = Field(
        default=5, ge=1, le=100, description="Wrong second steps after which a sign-in begins again at the password."
    )
    factor_tries: int = Field(
        default=10, ge=1, le=1000, description="Wrong codes after which an authenticator app or recovery codes lock."
    )
    factor_lock_seconds: int = Field(
        default=900, ge=1, le=86_400, description="How long that lasts; each further time twice as long, up to a day."
    )
    proof_minutes: int = Field(
        default=15,
        ge=1,
        le=1440,
        description="How long after signing in, or proving it again, dangerous things may be done.",
    )
    session_idle_days: int = Field(
        default=30, ge=1, le=400, description="A session not used for this long ends; each use begins it anew."
    )
    session_absolute_days: int = Field(
        default=365,
        ge=1,
        le=400,
        description="A session ends after this, used or not. Browsers keep a cookie 400 days.",
    )
    refresh_grace_seconds: float = Field(
        default=10.0,
        ge=0,
        le=60,
        description="For how long the refresh token just replaced still gives its successor, for two tabs at once.",
    )
    first_run_link_hours: int = Field(
        default=24, ge=1, le=720, description="How long the one-time link of the first run is valid after each start."
    )
    new_device_link_hours: int = Field(
        default=72,
        ge=1,
        le=720,
        description="How long the link is valid by which a person ends a session that began on a new device.",
    )
    audit_days: int = Field(
        default=730, ge=30, le=36_500, description="How long it is kept what administrators did to people."
    )
    signing_key_days: int = Field(
        default=90,
        ge=0,
        le=3650,
        description="After how many days access tokens get a new key to be signed with; 0: only by"
        " `commonplace keys rotate`.",
    )
    picture_megabytes: int = Field(
        default=20, ge=1, le=200, description="How large a person's picture may be as it comes, in MB."
    )
    history_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="How long ended sessions and past sign-ins are kept for the person to see.",
    )

    @field_validator("second_factor_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"is shorter than {MINIMUM_SECRET_BYTES} bytes; `openssl rand -hex 32` prints a good one")
        return value

    @property
    def registration_is_open(self) -> bool:
        """Whether anybody may make an account."""
        return (self.registration or ("invitation" if self.is_production else "open")) == "open"

    @property
    def registration_is_closed(self) -> bool:
        """Whether not even an invitation makes an account."""
        return self.registration == "closed"

    @field_validator("issuers")
    @classmethod
    def _are_complete(cls, value: dict[str, IssuerSettings]) -> dict[str, IssuerSettings]:
        issuers_of(value)
        return value

    @property
    def keeps_passwords(self) -> bool:
        """Whether people can sign in here by a password of this installation."""
        return self.auth_provider != "cognito"

    @property
    def takes_pool_tokens(self) -> bool:
        """Whether an access token of a Cognito user pool is a credential here."""
        return self.auth_provider != "local"

    @property
    def has_pool(self) -> bool:
        """Whether an issuer is a user pool of Cognito."""
        return any(issuer.preset == "cognito" for issuer in issuers_of(self.issuers).values())

    @property
    def newcomers_may_come_by_issuer(self) -> bool:
        """Whether an account is made for whom an issuer vouches for: where registration is open, or is theirs."""
        return self.registration_is_open or not self.keeps_passwords

    @property
    def effective_bcrypt_cost(self) -> int:
        """The cost that new hashes have."""
        return max(self.bcrypt_cost, _SAFE_BCRYPT_COST) if self.is_production else self.bcrypt_cost
