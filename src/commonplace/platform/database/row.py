"""Rows as they come from the driver, and the types a connection translates."""

from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

if TYPE_CHECKING:

    class Row(asyncpg.Record):
        """A row of an answer: `row.name` and `row["name"]`."""

        def __getattr__(self, name: str) -> Any: ...

else:

    class Row(asyncpg.Record):
        """A row of an answer: `row.name` and `row["name"]`."""

        __slots__ = ()

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError:
                raise AttributeError(f"The row has no column {name!r}; it has {', '.join(self.keys())}.") from None


async def prepare_connection(connection: "asyncpg.Connection[Row]") -> None:
    """Teach a new connection JSON: `jsonb` columns are Python objects on our side."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + (value if isinstance(value, bytes) else _encode(value))


def _decode_jsonb(value: bytes) -> Any:
    return _decode(memoryview(value)[1:])
