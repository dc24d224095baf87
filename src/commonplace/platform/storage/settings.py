"""Where objects are kept, as the operator sets it: `FILE_STORAGE__TYPE=local|s3` and the rest of `FILE_STORAGE__*`."""

import base64
import binascii
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from commonplace.platform.storage.signing import LIFETIME_LIMIT

ENCRYPTION_KEY_BYTES = 32


def decode_encryption_key(text: str) -> bytes:
    """The 32 bytes of a key written in hexadecimal or base64 (either alphabet).

    Raises:
        ValueError: it is neither, or has another length.
    """
    try:
        key = (
            bytes.fromhex(text)
            if len(text) == 2 * ENCRYPTION_KEY_BYTES
            else base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
        )
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != ENCRYPTION_KEY_BYTES:
        raise ValueError("needs 32 bytes, in hexadecimal or base64; `openssl rand -base64 32` makes some.")
    return key


def _decoded_keys(text: SecretStr | None) -> tuple[bytes, ...]:
    """The keys that stand in a setting, with commas between them.

    Raises:
        ValueError: one of them is none.
    """
    written = "" if text is None else text.get_secret_value()
    return tuple(decode_encryption_key(key.strip()) for key in written.split(",") if key.strip())


class StorageSettings(BaseModel):
    """One storage: a directory of this machine, or a bucket."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["local", "s3"] = Field("local", description="Where objects are kept: `local` or `s3`, in any case.")
    directory: Path | None = Field(
        None, description="Local: the directory of the objects. Default: `objects` in COMMONPLACE_DATA_DIR."
    )
    minimum_free_bytes: int = Field(
        1_000_000_000,
        ge=0,
        description="Local: uploads are refused (507) when less than this would stay free, so that the database lives.",
    )
    encryption_key: SecretStr | None = Field(
        None,
        description="Local: 32 bytes in base64 or hexadecimal; new objects are then encrypted with AES-256-GCM. "
        "Without the key they cannot be read again. Files are then streamed by us, not sent by the web server.",
    )
    previous_encryption_keys: SecretStr | None = Field(
        None,
        description="Local: keys of before, with commas between them, that older objects may be encrypted with. "
        "`commonplace storage reencrypt` makes them unnecessary.",
    )
    bucket: str | None = Field(None, description="S3: the bucket. It must exist.")
    region: str = Field("us-east-1", description="S3: the bucket's region.")
    endpoint_url: str | None = Field(
        None, description="S3: the address of a server other than AWS (SeaweedFS, MinIO), e.g. `http://10.0.0.5:8333`."
    )
    public_endpoint_url: str | None = Field(
        None, description="S3: the address of the same server for browsers, in signed URLs. Default: ENDPOINT_URL."
    )
    access_key_id: str | None = Field(
        None, description="S3: default: AWS_ACCESS_KEY_ID, else the role of the container or machine."
    )
    secret_access_key: SecretStr | None = Field(None, description="S3: goes with ACCESS_KEY_ID.")
    kms_key_id: str | None = Field(
        None, description="S3: encrypt with this key (SSE-KMS). Default: SSE-S3, AES-256 with keys of the bucket."
    )
    request_timeout_seconds: float = Field(
        30.0, gt=0, description="S3: a request (of at most 5 MiB; more only in objects over 5 GB) may take this long."
    )
    max_attempts: int = Field(3, ge=1, le=10, description="S3: a request is tried so many times, then it is a 503.")
    url_lifetime_minutes: int = Field(
        60, ge=1, le=LIFETIME_LIMIT // timedelta(minutes=1), description="How long a signed URL works."
    )

    @field_validator("type", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator(
        "directory", "bucket", "endpoint_url", "public_endpoint_url", "access_key_id", "kms_key_id", mode="before"
    )
    @classmethod
    def _empty_is_unset(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("encryption_key")
    @classmethod
    def _key_has_its_length(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value():
            decode_encryption_key(value.get_secret_value())
            return value
        return None

    @field_validator("previous_encryption_keys")
    @classmethod
    def _previous_keys_have_their_length(cls, value: SecretStr | None) -> SecretStr | None:
        return value if _decoded_keys(value) else None

    @property
    def current_key(self) -> bytes | None:
        """The key that new files are encrypted with, of 32 bytes."""
        return next(iter(_decoded_keys(self.encryption_key)), None)

    @property
    def previous_keys(self) -> tuple[bytes, ...]:
        """The keys that older files may be encrypted with."""
        return _decoded_keys(self.previous_encryption_keys)

    @model_validator(mode="after")
    def _s3_is_complete(self) -> Self:
        if self.type == "s3" and self.bucket is None:
            raise ValueError("TYPE=s3 needs BUCKET.")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("ACCESS_KEY_ID and SECRET_ACCESS_KEY go together.")
        return self
