"""`.env.example`, generated from the settings so that it names each one: `python -m commonplace.settings_example`."""

import sys
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from commonplace.setting_names import variables
from commonplace.settings import settings_class


def example() -> str:
    """The text of `.env.example`: every variable with what it means, commented out at its default."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Every setting of Commonplace, at its default. Copy this file to .env and change what you need."
    yield "# A secret can be kept in a file instead: NAME_FILE=/path/to/it."
    for variable, info in variables(settings_class()):
        if variable.endswith(("__IS_PRODUCTION", "__AUTH_PROVIDER")):  # these follow ENVIRONMENT and AUTH_PROVIDER
            continue
        yield ""
        yield from (f"# {line}" for line in textwrap.wrap(info.description or "", width=110))
        yield f"# {variable}={_default(info)}"


def _default(info: FieldInfo) -> str:
    value: Any = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, (list, tuple, set, frozenset)):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.write(example())
