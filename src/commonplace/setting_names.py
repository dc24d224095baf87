"""The names of settings, as the environment spells them."""

import re
from collections.abc import Iterator
from typing import Final, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

ANY_NAME: Final = "<NAME>"  #: in a variable's name: what stands there is up to whoever sets it


def variables(kind: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every variable of a settings class as the environment spells it, in order.

    `ANY_NAME` stands where whoever sets it chooses a name.
    """
    for name, info in kind.model_fields.items():
        own = "COMMONPLACE_DATA_DIR" if name == "data_dir" and not prefix else spelled(name, info).upper()
        variable = prefix + own
        section, named = section_of(info), named_sections_of(info)
        if section is not None:
            yield from variables(section, f"{variable}__")
        elif named is not None:
            yield from variables(named, f"{variable}__{ANY_NAME}__")
        else:
            yield variable, info


def spelled(name: str, info: FieldInfo) -> str:
    """A field's name in the environment: its own, or another where Python has taken the word (`from`)."""
    return info.validation_alias if isinstance(info.validation_alias, str) else name


def section_of(info: FieldInfo) -> type[BaseModel] | None:
    """The class of a section; None of a single setting."""
    annotation = info.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def named_sections_of(info: FieldInfo) -> type[BaseModel] | None:
    """The class of sections that each have a name of their own: `dict[str, Section]`."""
    if get_origin(info.annotation) is not dict:
        return None
    kind = get_args(info.annotation)[1]
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


class Known:
    """The variables there are, also those in whose middle a name is chosen."""

    def __init__(self, kind: type[BaseModel]) -> None:
        self.spelled = [variable for variable, _ in variables(kind)]
        self._plain = frozenset(name for name in self.spelled if ANY_NAME not in name)
        self._named = [
            re.compile(re.escape(name).replace(re.escape(ANY_NAME), "[A-Z0-9-]+"))
            for name in self.spelled
            if ANY_NAME in name
        ]

    def __contains__(self, name: str) -> bool:
        return name in self._plain or any(pattern.fullmatch(name) for pattern in self._named)
