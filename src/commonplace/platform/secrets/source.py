"""AWS Secrets Manager as a source of settings."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from commonplace.platform.database.address import Address, parse_address
from commonplace.platform.secrets.manager import DATABASE_URL, read
from commonplace.platform.secrets.settings import SecretsSettings

NAMED_BY: Final = "SECRETS__AWS_SECRET_ID"


def from_manager(values: Mapping[str, str], dotenv: Mapping[str, str | None]) -> Mapping[str, str]:
    """What it says, by the names that go before those of `values` (the environment) and `dotenv`.

    Nobody is asked in development, whatever is set.

    Raises:
        SecretUnreadable: it is to be asked, and does not answer with what it has to.
    """
    found = {name.upper(): value or "" for name, value in dotenv.items()}
    found |= {name.upper(): value for name, value in values.items()}
    if not found.get(NAMED_BY) or found.get("ENVIRONMENT", "development").lower() == "development":
        return {}
    given = {name: found.get(f"SECRETS__{name.upper()}") for name in SecretsSettings.model_fields}
    try:
        settings = SecretsSettings.model_validate({name: value for name, value in given.items() if value})
    except ValidationError:
        return {}  # told with all other faults
    told = read(settings, database=_address_of(found.get(DATABASE_URL))).values
    # However the environment writes a name, it is not to be there a second time.
    return {**told, **{name: told[name.upper()] for name in values if name.upper() in told}}


def _address_of(url: str | None) -> Address | None:
    """Where the database is; None also where that cannot be read, which is told with all other faults."""
    with suppress(ValueError):
        return parse_address(url) if url else None
    return None
