"""Secrets out of AWS Secrets Manager (moto's): their order, their spellings, their rotation while a process runs."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import boto3
import httpx
import pyotp
import pytest
from asgi_lifespan import LifespanManager
from moto.server import ThreadedMotoServer
from sqlalchemy import text

from commonplace import application
from commonplace.apps.accounts import handlers
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.factors import totp
from commonplace.platform.database.address import Address
from commonplace.platform.database.query import Query
from commonplace.platform.database.session import Database
from commonplace.platform.identity.services.signature import ServiceKey
from commonplace.platform.parts import Parts
from commonplace.platform.secrets.watch import SecretsWatch
from commonplace.settings import SettingsRefused, load_settings
from tests.conftest import SECRET

OTHER_SECRET = "another-secret-of-the-length-that-is-asked-for-9876543210"
STRONG = "7f3b9a1c5e8d2f4a6b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a"
NAME = "joiabagur-prod"
_SEALED = Query(text("SELECT sealed_secret FROM accounts.totp"))


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


class Store:
    """The secret, as whoever runs AWS sees it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._api: Any = boto3.client(
            "secretsmanager",
            region_name="eu-central-1",
            endpoint_url=address,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def put(self, value: Any, name: str = NAME) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        try:
            self._api.put_secret_value(SecretId=name, SecretString=text)
        except self._api.exceptions.ResourceNotFoundException:
            self._api.create_secret(Name=name, SecretString=text)


@pytest.fixture
def store(moto: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    httpx.post(f"{moto}/moto-api/reset")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Store(moto)


def of_manager(store: Store, **other: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "production",
        "SECRETS__AWS_SECRET_ID": NAME,
        "SECRETS__AWS_REGION": "eu-central-1",
        "SECRETS__AWS_ENDPOINT_URL": store.address,
        **other,
    }


def test_it_goes_before_files_and_the_environment(store: Store, tmp_path: Path) -> None:
    for name in ("issuer", "audience"):
        (tmp_path / name).write_text("of the file")
    env_file = tmp_path / ".env"
    env_file.write_text("JWT__SECRET_KEY=of-dotenv\nJWT__ACCESS_SECONDS=600\nSHARING__MOST_GRANTS=1\n")
    store.put(
        {
            "ConnectionStrings": {"DefaultConnection": "Host=db;Database=cloud;Username=u;Password=p;SSL Mode=Require"},
            "Jwt:SecretKey": STRONG,
            "JWT__ISSUER": "of the manager",
            "Unknown": {"Thing": 1},
        }
    )
    environ = of_manager(
        store,
        jwt__issuer="of the environment",
        JWT__ISSUER_FILE=str(tmp_path / "issuer"),
        JWT__AUDIENCE_FILE=str(tmp_path / "audience"),
        JWT__AUDIENCE="of the environment",
    )
    settings = load_settings(environ, env_file=env_file)
    assert settings.database_address == Address(host="db", user="u", password="p", database="cloud", sslmode="require")
    assert settings.jwt.secret_key is not None
    assert settings.jwt.secret_key.get_secret_value() == STRONG
    assert (settings.jwt.issuer, settings.jwt.audience) == ("of the manager", "of the file")
    assert settings.jwt.access_seconds == 600
    # Rotated: what is sealed with the one before is still read.
    store.put(
        {
            "ConnectionStrings:DefaultConnection": "postgresql://u:q@db/cloud?sslmode=require",
            "JWT__SECRET_KEY": STRONG[::-1],
        }
    )
    settings = load_settings(environ, env_file=env_file)
    assert settings.jwt.previous_secret_key is not None
    assert settings.jwt.previous_secret_key.get_secret_value() == STRONG


def test_what_rds_keeps_goes_into_the_address(store: Store) -> None:
    store.put({"username": "app", "password": "p@ss/w:rd", "engine": "postgres"}, "rds")
    store.put({"JWT__SECRET_KEY": STRONG})
    environ = of_manager(store, DATABASE_URL="postgresql://old:gone@db.example.org:6432/cloud?sslmode=verify-full")
    settings = load_settings(environ | {"SECRETS__AWS_SECRET_ID": f"{NAME}, rds"}, env_file=None)
    assert settings.database_address == Address(
        host="db.example.org", port=6432, user="app", password="p@ss/w:rd", database="cloud", sslmode="verify-full"
    )
    store.put({"username": "app", "password": "x", "host": "h", "port": 5433, "dbname": "d", "JWT__SECRET_KEY": STRONG})
    address = load_settings(of_manager(store), env_file=None).database_address
    assert address == Address(host="h", port=5433, user="app", password="x", database="d", sslmode="require")


def test_what_cannot_be_read_is_told_and_nothing_starts(store: Store) -> None:
    def refusal(**other: str) -> str:
        with pytest.raises(SettingsRefused) as refused:
            load_settings(of_manager(store, **other), env_file=None)
        return str(refused.value)

    assert f"SECRETS__AWS_SECRET_ID: cannot be read: {NAME}: ResourceNotFoundException" in refusal()
    store.put("no JSON")
    assert "it holds no JSON object" in refusal()
    store.put({"username": "u", "password": "hunter22"})
    told = refusal()
    assert "nothing says for which database" in told
    assert "hunter22" not in told
    store.put({"JWT__SECRET_KEY": "short"})
    assert "JWT__SECRET_KEY" in refusal(DATABASE_URL="postgresql://u@db/cloud?sslmode=require")
    assert "EndpointConnectionError" in refusal(SECRETS__AWS_ENDPOINT_URL="http://127.0.0.1:9")


@pytest.mark.long
@pytest.mark.anyio
async def test_development_calls_nobody(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of AWS leads into a trap, and the whole application starts, works and stops without falling in."""
    caught: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def _fall(self) -> None:
            caught.append(self.path)
            self.send_error(500)

        do_GET = do_POST = do_PUT = _fall  # noqa: N815 - the names of the standard library

    trap = HTTPServer(("127.0.0.1", 0), Trap)
    threading.Thread(target=trap.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{trap.server_port}"
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_EC2_METADATA_SERVICE_ENDPOINT"):
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
    try:
        told = {"SECRETS__AWS_SECRET_ID": NAME, "SECRETS__AWS_ENDPOINT_URL": address, "SECRETS__REFRESH_SECONDS": "1"}
        settings = load_settings(environ | told, env_file=None)
        apps = application.served_apps(settings)
        parts = application.compose(settings, settings.database_address or _never(), apps)
        async with LifespanManager(
            application.build(settings, parts, apps), startup_timeout=30, shutdown_timeout=30
        ) as manager:
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app=manager.app), base_url="http://localhost")
            async with client:
                assert (await client.get("/health")).status_code in {200, 503}
                person = {"email": "ana@example.org", "password": "correct horse battery", "name": "Ana"}
                assert (await client.post("/auth/register", json=person)).status_code == 201
                await asyncio.sleep(1.1)
        assert SecretsWatch not in parts
        assert caught == []
        async with httpx.AsyncClient() as thing:
            assert (await thing.get(f"{address}/seen")).status_code == 500  # the trap does catch
        assert caught == ["/seen"]
    finally:
        trap.shutdown()
        trap.server_close()


def _never() -> Address:
    raise AssertionError


# While it runs


@asynccontextmanager
async def rotating(
    store: Store, environ: dict[str, str], address: Address
) -> AsyncIterator[tuple[Parts, Any, asyncpg.Connection]]:
    """An application whose password the secret holds; with a connection that may change passwords."""
    keeper = await asyncpg.connect(**address.driver_arguments())
    told = of_manager(store, ENVIRONMENT="staging", SECRETS__REFRESH_SECONDS="3600")
    store.put({"username": address.user, "password": address.password, "JWT__SECRET_KEY": SECRET})
    try:
        settings = load_settings(environ | told, env_file=None)
        assert settings.database_address is not None
        apps = application.served_apps(settings)
        parts = application.compose(settings, settings.database_address, apps)
        built = application.build(settings, parts, apps)
        async with LifespanManager(built, startup_timeout=30, shutdown_timeout=30) as manager:
            client = httpx.AsyncClient(transport=httpx.ASGITransport(app=manager.app), base_url="http://localhost")
            async with client:
                yield parts, client, keeper
    finally:
        await keeper.execute(f"ALTER ROLE {address.user} PASSWORD '{address.password}'")
        await keeper.close()


@pytest.mark.anyio
async def test_rotated_secrets_are_taken_while_it_runs(
    store: Store, environ: dict[str, str], database_address: Address
) -> None:
    async with rotating(store, environ, database_address) as (parts, client, keeper):
        await _rotate(parts, client, keeper, store)


async def _rotate(parts: Parts, client: Any, keeper: asyncpg.Connection, store: Store) -> None:
    accounts = parts[Accounts]
    person = {"email": "ana@example.org", "password": "correct horse battery", "name": "Ana"}
    made = (await client.post("/auth/register", json=person)).json()
    tokens = (await client.post("/auth/login", json=person)).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    await client.post("/api/auth/factors/totp", headers=bearer)
    before = await accounts.signing_keys.signing_key()

    # Rotated at AWS and in the database; every connection is cut, so that each has to be opened anew.
    first = parts[Database].address
    file = await client.post("/api/files?name=a.txt", content=b"a", headers=bearer)
    link = (await client.get(f"/api/files/{file.json()['id']}/url", headers=bearer)).json()["url"]
    asked = parts[ServiceKey].sign("GET", "/internal/x", b"")
    store.put(
        {
            "username": first.user,
            "password": "second",
            "JWT__SECRET_KEY": OTHER_SECRET,
            "JWT__PREVIOUS_SECRET_KEY": SECRET,
        }
    )
    await keeper.execute(f"ALTER ROLE {first.user} PASSWORD 'second'")
    parts[SecretsWatch]._looked -= 2
    await keeper.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'commonplace%'"
    )
    assert parts[Database].address == first
    async with asyncio.timeout(20):
        while (await client.get("/auth/profile", headers=bearer)).status_code != 200:
            await asyncio.sleep(0.05)
    assert parts[Database].address.password == "second"  # seen since the first was refused; nobody had to wait an hour

    # What the secret before has signed still counts; services and links are signed with the new one.
    assert (await client.get(link)).content == b"a"
    assert parts[ServiceKey].is_genuine(asked, "GET", "/internal/x", b"")
    again = parts[ServiceKey].sign("GET", "/internal/x", b"")
    assert ServiceKey(OTHER_SECRET.encode()).is_genuine(again, "GET", "/internal/x", b"")

    # Nobody is signed out by the new JWT secret; what comes now is signed with a key that it seals.
    async with parts[Database].reading() as session:
        sealed = await session.scalar(_SEALED)
    secret = totp.unseal(accounts, UUID(made["id"]), sealed)
    assert secret is not None
    assert len(pyotp.TOTP(secret).now()) == 6
    after = await accounts.signing_keys.signing_key()
    assert after.kid != before.kid
    assert (await client.get("/auth/profile", headers=bearer)).status_code == 200
    context: Any = SimpleNamespace(parts=parts)
    await handlers.seal_factors_anew(context, context)
    accounts.keys.take(OTHER_SECRET.encode())  # the one before is gone
    async with parts[Database].reading() as session:
        assert totp.unseal(accounts, UUID(made["id"]), await session.scalar(_SEALED)) == secret


from sqlalchemy import text  # noqa: E402
