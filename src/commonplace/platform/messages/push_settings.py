"""How notices are pushed to browsers, as the operator sets it."""

import ssl
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr, field_validator

from commonplace.platform.messages.push_keys import read_key


class PushSettings(BaseModel):
    """Web Push."""

    private_key: SecretStr | None = Field(
        default=None,
        description="The private key by which push services know this installation (VAPID): 32 bytes in base64url."
        " Left out: derived from JWT__SECRET_KEY.",
    )
    contact: str | None = Field(
        default=None,
        description="Where a push service reaches you: `mailto:…` or `https://…`. Left out: PUBLIC_URL, or MAIL__FROM.",
    )
    kept_hours: int = Field(
        default=24, ge=0, le=672, description="How long a push service keeps a notice for a browser that is away."
    )
    timeout_seconds: float = Field(default=20.0, gt=0, le=300, description="How long sending one notice may take.")
    private_addresses: bool = Field(
        default=False,
        description="Whether push services on private addresses and other ports than 443 are reached: for a push"
        " service of your own network, and for tests. People name these addresses.",
    )
    trusted_certificates: Path | None = Field(
        default=None, description="Certificates (PEM) to trust for push services, instead of those of the system."
    )

    @field_validator("private_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        read_key(value.get_secret_value())
        return value

    @field_validator("contact")
    @classmethod
    def _is_a_contact(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not value.startswith(("mailto:", "https://")) or not value.isprintable() or " " in value:
            raise ValueError("is neither mailto:… nor https://…")
        return value

    @field_validator("trusted_certificates", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("trusted_certificates")
    @classmethod
    def _is_readable(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.create_default_context(cafile=value)
            except OSError:
                raise ValueError("cannot be read, or holds no certificate in PEM form") from None
        return value
