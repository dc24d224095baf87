"""PostgreSQL's own programs, run on the installation's database: `pg_dump`, `pg_restore` and `psql`.

They come with the embedded server's wheel and work with any server of its version or older.
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from typing import IO, Final

from commonplace.platform.backup.errors import ProgramFailed
from commonplace.platform.database.address import Address
from commonplace.platform.database.embedded.binaries import find_binaries

_CHUNK: Final = 1024 * 1024
_WORDS: Final = 2000  # of a program's last words
_NEW_SETTING: Final = b"SET transaction_timeout = 0;\n"  # unknown to servers before version 17


async def dump(address: Address, *, snapshot: str, schemas: Sequence[str], to: IO[bytes]) -> None:
    """Write these schemas, as the exported snapshot shows them, to an open file.

    Raises:
        ProgramFailed: `pg_dump` failed.
    """
    process = await _start(
        address,
        "pg_dump",
        "--format=custom",
        "--compress=gzip:3",
        "--no-owner",
        "--no-privileges",
        "--lock-wait-timeout=10s",
        f"--snapshot={snapshot}",
        *(f"--schema={schema}" for schema in schemas),
        f"--dbname={address.libpq_url()}",
        stdin=DEVNULL,
        stdout=to,
    )
    await _finish("pg_dump", process)


async def contents(dumped: Iterator[bytes]) -> int:
    """How many entries a dump has.

    Raises:
        ProgramFailed: `pg_restore` cannot read it.
    """
    process = await _start(None, "pg_restore", "--list", stdin=PIPE, stdout=PIPE)
    feeding = asyncio.create_task(_feed(process, dumped))
    try:
        listing = b"".join([chunk async for chunk in _output(process)])
        await _finish("pg_restore", process)
    finally:
        await _end(process, feeding)
    return sum(1 for line in listing.splitlines() if line and not line.startswith(b";"))


async def load(address: Address, dumped: Iterator[bytes], *, before: str, after: str, server_version: int) -> None:
    """Run `before`, what the dump holds, and `after`, all in one transaction: everything happens, or nothing does.

    Raises:
        ProgramFailed: one of the programs failed, or a statement was refused; the database is as it was.
    """
    restore = await _start(None, "pg_restore", "--no-owner", "--no-privileges", "--file=-", stdin=PIPE, stdout=PIPE)
    psql = await _start(
        address,
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        f"--dbname={address.libpq_url()}",
        stdin=PIPE,
        stdout=DEVNULL,
    )
    feeding = asyncio.create_task(_feed(restore, dumped))
    try:
        await _say(psql, f"BEGIN;\n{before}\n".encode())
        is_first = True
        async for chunk in _output(restore):
            if is_first and server_version < 170000:  # noqa: PLR2004 - PostgreSQL 17
                chunk = chunk.replace(_NEW_SETTING, b"")  # noqa: PLW2901 - the same chunk, fit for an older server
            is_first = False
            await _say(psql, chunk)
        await _finish("pg_restore", restore)
        await _say(psql, f"\n{after}\nCOMMIT;\n".encode())
        if psql.stdin is not None:
            psql.stdin.close()
        await _finish("psql", psql)
    except (BrokenPipeError, ConnectionResetError):
        await _finish("psql", psql)  # it ended before it had heard everything, and says why
        raise ProgramFailed("psql ended before it was told everything.") from None
    finally:
        await _end(psql, feeding)
        await _end(restore, feeding)


async def _start(
    address: Address | None, program: str, *arguments: str, stdin: int, stdout: int | IO[bytes]
) -> Process:
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGAPPNAME": f"commonplace-{program}"}
    if address is not None and address.password is not None:
        environment["PGPASSWORD"] = address.password
    if address is not None and address.sslrootcert is not None:
        environment["PGSSLROOTCERT"] = address.sslrootcert
    for name in ("HOME", "TMPDIR"):  # where libpq looks for certificates
        if name in os.environ:
            environment[name] = os.environ[name]
    return await asyncio.create_subprocess_exec(
        find_binaries() / program, *arguments, stdin=stdin, stdout=stdout, stderr=PIPE, env=environment, limit=_CHUNK
    )


async def _feed(process: Process, chunks: Iterator[bytes]) -> None:
    """Hand a program its input; it need not want all of it."""
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        while (chunk := await asyncio.to_thread(next, chunks, None)) is not None:
            await _say(process, chunk)
    process.stdin.close()


async def _output(process: Process) -> AsyncIterator[bytes]:
    if process.stdout is not None:
        while chunk := await process.stdout.read(_CHUNK):
            yield chunk


async def _say(process: Process, chunk: bytes) -> None:
    if process.stdin is not None:
        if process.stdin.is_closing():  # the program has ended, and uvloop would raise what says nothing
            raise BrokenPipeError
        process.stdin.write(chunk)
        await process.stdin.drain()


async def _finish(program: str, process: Process) -> None:
    words = b"" if process.stderr is None else await process.stderr.read()
    code = await process.wait()
    if code:
        text = words[-_WORDS:].decode(errors="replace").strip() or "It said nothing."
        raise ProgramFailed(f"{program} ended with code {code}: {text}")


async def _end(process: Process, feeding: asyncio.Task[None]) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
