"""Variables out of AWS Secrets Manager.

A secret is a JSON object. Its names are those of the environment (`JWT__SECRET_KEY`), or as other programs spell them
(`Jwt:SecretKey`, `ConnectionStrings:DefaultConnection`, nested or not). What RDS keeps there (`username`, `password`,
and perhaps `host`, `port`, `dbname`) goes into `DATABASE_URL`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from commonplace.platform.database.address import Address
from commonplace.platform.secrets.settings import SecretsSettings

JWT_SECRET: Final = "JWT__SECRET_KEY"  # noqa: S105 - a variable's name
PREVIOUS_JWT_SECRET: Final = "JWT__PREVIOUS_SECRET_KEY"  # noqa: S105 - the same
DATABASE_URL: Final = "DATABASE_URL"
_CONNECTION: Final = "connectionstrings:defaultconnection"  # as .NET spells it
_OF_RDS: Final = frozenset({"username", "password", "host", "port", "dbname", "engine", "dbinstanceidentifier"})


class SecretUnreadable(Exception):
    """The secret cannot be had, or is not what it has to be; the message says why, and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What was read."""

    values: Mapping[str, str] = field(repr=False)  #: by the environment's names
    version: str  #: changes when it is rotated


def read(settings: SecretsSettings, *, database: Address | None) -> Secret:
    """Read the secrets; takes a second, blocking. `database` is what other sources say: RDS tells no host at times.

    Raises:
        SecretUnreadable: one cannot be had, or is no JSON object.
    """
    client = _client(settings)
    values: dict[str, str] = {}
    versions = []
    for secret_id in reversed(settings.ids):
        told, version = _get(client, secret_id)
        values |= _variables(secret_id, told, database)
        versions.append(version)
        if JWT_SECRET in values and PREVIOUS_JWT_SECRET not in values:
            before = _previous(client, secret_id)
            if before is not None and before != values[JWT_SECRET]:
                values[PREVIOUS_JWT_SECRET] = before
    return Secret(values, "/".join(versions))


def _client(settings: SecretsSettings) -> Any:
    try:
        import boto3  # noqa: PLC0415 - an extra, and half a second
        from botocore.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise SecretUnreadable("boto3 is not installed; the extra `aws` brings it") from error
    try:
        return boto3.client(
            "secretsmanager",
            region_name=settings.aws_region,
            endpoint_url=settings.aws_endpoint_url,
            config=Config(connect_timeout=3, read_timeout=5, retries={"max_attempts": 3, "mode": "standard"}),
        )
    except Exception as error:  # botocore's errors have no root that is here without it
        raise SecretUnreadable(_reason(error)) from error


def _get(client: Any, secret_id: str, **stage: str) -> tuple[Mapping[str, Any], str]:
    try:
        answer = client.get_secret_value(SecretId=secret_id, **stage)
    except Exception as error:  # as above
        raise SecretUnreadable(f"{secret_id}: {_reason(error)}") from error
    text = answer.get("SecretString")
    try:
        told = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise SecretUnreadable(f"{secret_id}: it holds no JSON object")
    return told, str(answer.get("VersionId", ""))


def _previous(client: Any, secret_id: str) -> str | None:
    """The JWT secret of the version before, if there is one: what is sealed with it is still to be read."""
    try:
        told, _ = _get(client, secret_id, VersionStage="AWSPREVIOUS")
    except SecretUnreadable:
        return None
    return dict(_flat(told)).get(JWT_SECRET)


def _variables(secret_id: str, told: Mapping[str, Any], database: Address | None) -> dict[str, str]:
    found = dict(_flat(told))
    named = {name.lower(): str(value) for name, value in told.items() if name.lower() in _OF_RDS and value is not None}
    if "password" in named and DATABASE_URL not in found:
        found[DATABASE_URL] = _with_credentials(secret_id, named, database)
    return found


def _flat(told: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}:")
        elif value is not None and (prefix or name.lower() not in _OF_RDS):
            yield _spelled(prefix + name), str(value).lower() if isinstance(value, bool) else str(value)


def _spelled(name: str) -> str:
    """A name as the environment spells it: `Jwt:SecretKey` is `JWT__SECRET_KEY`."""
    parts = name.replace("__", ":").split(":")
    if ":".join(parts).lower() == _CONNECTION:
        return DATABASE_URL
    return "__".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part).upper() for part in parts)


def _with_credentials(secret_id: str, named: Mapping[str, str], base: Address | None) -> str:
    """The database's address with what RDS keeps in a secret."""
    host, name = named.get("host") or (base and base.host), named.get("dbname") or (base and base.database)
    user = named.get("username") or (base and base.user)
    if not host or not name or not user:
        raise SecretUnreadable(f"{secret_id}: it has a password, and nothing says for which database")
    port = named.get("port") or (str(base.port) if base else "5432")
    mode = base.sslmode if base else "require"
    authority = f"{quote(user, safe='')}:{quote(named['password'], safe='')}@"
    place = f"/{quote(name, safe='')}?host={quote(host, safe='')}&port={port}&sslmode={mode}"
    certificate = f"&sslrootcert={quote(base.sslrootcert, safe='')}" if base and base.sslrootcert else ""
    return f"postgresql://{authority}{place}{certificate}"


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or type(error).__name__)
