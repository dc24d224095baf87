"""A pooler in transaction mode, as PgBouncer is one, in the test's own loop: each transaction gets another server.

It speaks just enough of PostgreSQL's protocol (version 3) to know where a transaction ends: the server says
ReadyForQuery with the status "idle". Whatever a client leaves behind in a connection (settings, prepared statements,
advisory locks, LISTEN) it will not find there again.
"""

import asyncio
import contextlib
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator

from commonplace.platform.database.address import Address

_SSL_REQUEST, _CANCEL_REQUEST = 80877103, 80877102
_ASKS_FOR_AN_ANSWER = (b"Q", b"S", b"H", b"F", b"c", b"f")  # Query, Sync, Flush, FunctionCall, CopyDone, CopyFail
_READY, _COPY_IN, _TERMINATE = b"Z", b"G", b"X"
#: What ends the answers to a Flush: RowDescription or NoData after a Describe, and errors.
_DESCRIBED = (b"T", b"n", b"E")

Pipe = tuple[StreamReader, StreamWriter]


class Pooler:
    """Connections to the server, handed to one client after the other."""

    def __init__(self, server: Address) -> None:
        self._path = f"{server.host}/.s.PGSQL.{server.port}"
        self._idle: asyncio.Queue[Pipe] = asyncio.Queue()  # the one that waited longest goes first
        self.transactions = 0
        self.servers: set[int] = set()  #: those that a transaction was sent to

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Talk with one client until it leaves."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            startup = await _startup(reader, writer)
            if startup is not None:
                await self._sign_in(startup, (reader, writer))
                while (first := await _message(reader))[:1] != _TERMINATE:
                    server = await self._idle.get()
                    self.servers.add(id(server[1]))
                    self.transactions += 1
                    await _transaction(first, (reader, writer), server)
                    self._idle.put_nowait(server)
        writer.close()

    async def _sign_in(self, startup: bytes, client: Pipe) -> None:
        """Let a client sign in to a server of its own, which then is everybody's."""
        server = await asyncio.open_unix_connection(self._path)
        server[1].write(startup)
        while True:
            answer = await _message(server[0])
            client[1].write(answer)
            if answer[:1] == _READY:
                self._idle.put_nowait(server)
                return
            if answer[:1] == b"R" and answer[5:9] not in (b"\0\0\0\0", b"\0\0\0\x0c"):  # more is asked for
                server[1].write(await _message(client[0]))

    async def close(self) -> None:
        """End the connections to the server."""
        while not self._idle.empty():
            (await self._idle.get())[1].close()


async def _startup(reader: StreamReader, writer: StreamWriter) -> bytes | None:
    """The client's first message; None when it only wanted to cancel something."""
    while True:
        length, code = struct.unpack("!II", await reader.readexactly(8))
        rest = await reader.readexactly(length - 8)
        if code != _SSL_REQUEST:
            return None if code == _CANCEL_REQUEST else struct.pack("!II", length, code) + rest
        writer.write(b"N")


async def _transaction(message: bytes, client: Pipe, server: Pipe) -> None:
    """Pass messages both ways until the server is idle again."""
    while True:
        server[1].write(message)
        if message[:1] in _ASKS_FOR_AN_ANSWER and await _answers(client[1], server[0], is_flush=message[:1] == b"H"):
            return
        message = await _message(client[0])


async def _answers(client: StreamWriter, server: StreamReader, *, is_flush: bool) -> bool:
    """Pass the server's answers on until it is the client's turn; whether the transaction is over."""
    while True:
        answer = await _message(server)
        client.write(answer)
        kind = answer[:1]
        if kind == _READY:
            return answer[5:6] == b"I"
        if kind == _COPY_IN or (is_flush and kind in _DESCRIBED):
            return False


async def _message(reader: StreamReader) -> bytes:
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


@contextlib.asynccontextmanager
async def pooling(server: Address) -> AsyncIterator[tuple[Pooler, int]]:
    """A pooler before this server, and the port of 127.0.0.1 that it listens on."""
    pooler = Pooler(server)
    clients: set[asyncio.Task[None]] = set()

    def met(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(pooler.serve(reader, writer))
        clients.add(task)
        task.add_done_callback(clients.discard)

    listener = await asyncio.start_server(met, "127.0.0.1", 0)
    try:
        yield pooler, listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await pooler.close()
