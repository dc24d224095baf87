"""Statements built with SQLAlchemy Core, compiled once to what asyncpg sends.

Composing a statement is worth SQLAlchemy's while; executing it is not: through its asyncpg dialect a point read costs
five to eight times the driver alone. So a `Query` keeps the compiled text and the order of its parameters, and the
driver caches the server's plan by that text.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT: Final = PGDialect_asyncpg()  # type: ignore[no-untyped-call]


class Query:
    """One statement with named parameters, compiled when it is first used.

    Make it a constant of the module; what varies is a `bindparam`. Values that stand in the statement itself (such as
    `Task.status == "open"`) become parameters with those values.
    """

    __slots__ = ("_constants", "_known", "_names", "_sql", "_statement")

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._sql: str | None = None
        self._names: Sequence[str] = ()
        self._known: frozenset[str] = frozenset()
        self._constants: Mapping[str, Any] = {}

    @property
    def sql(self) -> str:
        """The text as the server sees it, its parameters numbered `$1`, `$2` and so on."""
        if self._sql is None:
            compiled = self._statement.compile(dialect=_DIALECT)
            if not isinstance(compiled, SQLCompiler):
                raise TypeError(f"{type(self._statement).__name__} is not a statement that takes parameters.")
            self._names = tuple(compiled.positiontup or ())
            self._constants = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
            self._known = frozenset(self._names)
            self._sql = compiled.string
        return self._sql

    def bound(self, parameters: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """The text, and the parameters in the order in which it numbers them.

        Raises:
            TypeError: a parameter is missing, or one is given that the statement does not have.
        """
        sql = self.sql
        constants = self._constants
        try:
            values = [parameters[name] if name in parameters else constants[name] for name in self._names]
        except KeyError as missing:
            raise TypeError(f"The statement needs the parameter {missing}.") from None
        if not parameters.keys() <= self._known:
            unknown = ", ".join(sorted(parameters.keys() - self._known))
            raise TypeError(f"The statement has no parameter {unknown}.")
        return sql, values
