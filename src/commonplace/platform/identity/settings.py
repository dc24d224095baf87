"""How access tokens are made out. The environment's names start with `JWT__`."""

from typing import Final

from pydantic import BaseModel, Field, SecretStr, field_validator

MINIMUM_SECRET_BYTES: Final = 32
_PLACEHOLDERS: Final = (
    "changeme",
    "change-me",
    "change_me",
    "change me",
    "secret",
    "password",
    "example",
    "placeholder",
)
_FEWEST_CHARACTERS: Final = 10  # different ones; random hexadecimal of this length has more


class JwtSettings(BaseModel):
    """Access tokens (JSON Web Tokens): who makes them out, for whom, and for how long."""

    secret_key: SecretStr | None = Field(
        default=None,
        description="Encrypts the signing keys that the database holds; 32 bytes or more, such as"
        " `openssl rand -hex 32` prints. Every process of an installation has the same one. Left out on a laptop,"
        " one is made and kept with the data; production requires it.",
    )
    previous_secret_key: SecretStr | None = Field(
        default=None,
        description="The JWT__SECRET_KEY before the present one: what it has sealed (authenticator apps, links in"
        " mails, signed URLs) goes on to count. Take it away after a week.",
    )
    issuer: str = Field(default="commonplace", min_length=1, description="The `iss` of every token.")
    audience: str = Field(default="commonplace", min_length=1, description="The `aud` of every token.")
    access_seconds: int = Field(default=3600, ge=60, le=86_400, description="How long an access token is valid.")

    @field_validator("secret_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"is shorter than {MINIMUM_SECRET_BYTES} bytes; `openssl rand -hex 32` prints a good one")
        return value


def weakness(secret: str) -> str | None:
    """Why `secret` must not protect a production installation, in words that do not repeat it; None: it may."""
    lowered = secret.lower()
    if len(secret.encode()) < MINIMUM_SECRET_BYTES:
        return f"it is shorter than {MINIMUM_SECRET_BYTES} bytes"
    if any(word in lowered for word in _PLACEHOLDERS):
        return "it reads like a placeholder"
    if len(set(secret)) < _FEWEST_CHARACTERS:
        return "it repeats a few characters"
    return None
