"""Whose name S3 is asked in, and that what expires is fetched again in time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from commonplace.platform.storage import credentials as module
from commonplace.platform.storage.credentials import CredentialSource
from commonplace.platform.storage.errors import StorageUnavailable
from commonplace.platform.storage.sigv4 import Credentials

pytestmark = pytest.mark.anyio

GIVEN = Credentials("given", "secret")
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "of-environment", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
Answer = Callable[[str, dict[str, str]], str | None]


@pytest.fixture
async def host() -> AsyncIterator[Callable[[Answer], Awaitable[str]]]:
    """`await host(answer)`: the address of a server that answers with `answer("METHOD /path", headers)`; None: 403."""
    servers = []

    async def start(answer: Answer) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {line.split(": ")[0].lower(): line.split(": ")[1] for line in head[1:] if line}
            body = answer(head[0].removesuffix(" HTTP/1.1"), headers)
            status = "403 Forbidden" if body is None else "200 OK"
            text = (body or "").encode()
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text
            )
            await writer.drain()
            writer.close()

        servers.append(await asyncio.start_server(serve, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


def role(name: str, lifetime: timedelta) -> str:
    expiration = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps({"AccessKeyId": name, "SecretAccessKey": "s", "Token": "t", "Expiration": expiration})


async def test_what_is_given_goes_first() -> None:
    assert await CredentialSource(GIVEN, ENVIRONMENT).get() == GIVEN


async def test_then_the_environment() -> None:
    assert await CredentialSource(None, ENVIRONMENT).get() == Credentials("of-environment", "s", "t")


async def test_then_the_role_of_the_container(host: Any, tmp_path: Path) -> None:
    def answer(_: str, headers: dict[str, str]) -> str | None:
        return role("container", timedelta(hours=1)) if headers.get("authorization") == "let me" else None

    (tmp_path / "token").write_text("let me\n")
    address = await host(answer)
    for token in (
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "let me"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(tmp_path / "token")},
    ):
        environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{address}/role", **token}
        found = await CredentialSource(None, environment).get()
        assert (found.access_key_id, found.session_token) == ("container", "t")


async def test_the_container_may_be_told_by_a_path(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    address = await host(lambda request, _: role("container", timedelta(hours=1)) if request == "GET /v2/x" else None)
    monkeypatch.setattr(module, "CONTAINER_ADDRESS", address)
    source = CredentialSource(None, {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"})
    assert (await source.get()).access_key_id == "container"


async def test_then_the_role_of_the_machine(host: Any) -> None:
    def answer(request: str, headers: dict[str, str]) -> str | None:
        if request == "PUT /latest/api/token":
            return "session"
        if headers.get("x-aws-ec2-metadata-token") != "session":
            return None
        if request == "GET /latest/meta-data/iam/security-credentials/":
            return "photographer\n"
        if request == "GET /latest/meta-data/iam/security-credentials/photographer":
            return role("machine", timedelta(hours=1))
        return None

    source = CredentialSource(None, {}, machine_address=await host(answer))
    assert (await source.get()).access_key_id == "machine"


async def test_a_role_is_asked_once_until_it_is_about_to_expire(host: Any) -> None:
    asked: list[str] = []

    def answer(request: str, _: dict[str, str]) -> str:
        asked.append(request)
        return role(f"number-{len(asked)}", timedelta(minutes=4) if len(asked) == 1 else timedelta(hours=1))

    source = CredentialSource(None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": await host(answer)})
    assert (await source.get()).access_key_id == "number-1"
    names = {found.access_key_id for found in await asyncio.gather(*(source.get() for _ in range(10)))}
    assert names == {"number-2"}
    given = await source.for_obstore()
    assert (given["access_key_id"], given["token"]) == ("number-2", "t")
    assert given["expires_at"] < datetime.now(UTC) + timedelta(minutes=56)
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [lambda *_: None, lambda *_: "", lambda *_: "{}", lambda *_: '{"AccessKeyId": "x"}'])
async def test_where_there_are_none_the_way_out_is_told(host: Any, answer: Answer) -> None:
    address = await host(answer)
    for source in (
        CredentialSource(None, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": address}),
        CredentialSource(None, {}, machine_address=address),
    ):
        with pytest.raises(StorageUnavailable, match="FILE_STORAGE__ACCESS_KEY_ID"):
            await source.get()
