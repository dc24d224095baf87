"""Access tokens of a Cognito user pool as credentials, against moto's Cognito, which signs real RS256 tokens."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import httpx
import jwt
import pytest
from asgi_lifespan import LifespanManager
from moto.server import ThreadedMotoServer

from commonplace import application
from commonplace.apps.accounts import people
from commonplace.apps.accounts.context import Accounts
from commonplace.apps.accounts.issuers.web import Web
from commonplace.platform.database.address import Address
from commonplace.platform.identity.clock import Clock
from commonplace.platform.identity.services.compose import compose_remote
from commonplace.settings import load_settings
from tests.apps.accounts.conftest import ClientAt, Rows, SetClock

pytestmark = pytest.mark.anyio
REGION = "eu-central-1"
HOST = f"cognito-idp.{REGION}.amazonaws.com"
PASSWORD = "Correct-horse-battery-7"


class Pool:
    """A user pool with one client."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.api: Any = boto3.client(
            "cognito-idp",
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.id = self.api.create_user_pool(PoolName="people")["UserPool"]["Id"]
        self.client_id, self.other_client_id = (
            self.api.create_user_pool_client(
                UserPoolId=self.id, ClientName=name, ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
            )["UserPoolClient"]["ClientId"]
            for name in ("us", "them")
        )
        self.address = f"https://{HOST}/{self.id}"
        self.api.create_group(UserPoolId=self.id, GroupName="keepers")

    def person(self, name: str, *, email: str, verified: str = "true") -> None:
        attributes = [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": verified}]
        attributes.append({"Name": "name", "Value": name.title()})
        self.api.admin_create_user(UserPoolId=self.id, Username=name, UserAttributes=attributes)
        self.api.admin_set_user_password(UserPoolId=self.id, Username=name, Password=PASSWORD, Permanent=True)

    def tokens(self, name: str, client_id: str | None = None) -> dict[str, str]:
        """Sign in as an application does."""
        answer = self.api.initiate_auth(
            ClientId=client_id or self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )
        found: dict[str, str] = answer["AuthenticationResult"]
        return found


class ToMoto(httpx.AsyncBaseTransport):
    """Leads what is meant for Amazon to moto, which goes by the name that was asked for."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.away = False
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == HOST, request.url
        if self.away:
            raise httpx.ConnectError("away")
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self.port)
        answer = await self._inner.handle_async_request(request)
        body = (await answer.aread()).replace(b"http://", b"https://")  # moto was asked without TLS, and says so
        return httpx.Response(answer.status_code, content=body)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield Pool(server.get_host_and_port()[1])
    server.stop()


@pytest.fixture
def mode() -> str:
    return "both"


@pytest.fixture
def environ(environ: dict[str, str], pool: Pool, mode: str) -> dict[str, str]:
    return environ | {
        "AUTH_PROVIDER": mode,
        "ACCOUNTS__ISSUERS__COGNITO__ISSUER": pool.address,
        "ACCOUNTS__ISSUERS__COGNITO__CLIENT_ID": pool.client_id,
        "ACCOUNTS__ISSUERS__COGNITO__ADMINISTRATORS_GROUP": "keepers",
    }


@pytest.fixture
def web(pool: Pool) -> ToMoto:
    return ToMoto(pool.port)


@pytest.fixture
def parts(parts: Any, web: ToMoto) -> Any:
    parts.add(Web(web))
    return parts


@pytest.fixture
async def other_process(app: Any, settings: Any, apps: Any, clock: SetClock, web: ToMoto) -> AsyncIterator[Any]:
    parts = application.compose(settings, settings.database_address, apps)
    parts.add(clock, as_=Clock)
    parts.add(Web(web))
    async with LifespanManager(
        application.build(settings, parts, apps), startup_timeout=30, shutdown_timeout=30
    ) as manager:
        yield manager.app


async def asked(client: Any, token: str, path: str = "/auth/profile") -> httpx.Response:
    answer: httpx.Response = await client.get(path, headers={"Authorization": f"Bearer {token}"})
    return answer


class _Road(httpx.AsyncBaseTransport):
    """The way from another service to the auth service."""

    def __init__(self, app: Any) -> None:
        self._to = httpx.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._to.handle_async_request(request)


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost", timeout=30)


async def test_a_separate_service_takes_it_too(
    environ: dict[str, str], database_address: Address, pool: Pool, web: ToMoto
) -> None:
    settings = load_settings(environ | {"ACCOUNTS_URL": "http://accounts:8000"}, env_file=None)
    auth_apps, task_apps = (application.served_apps(settings, [name]) for name in ("accounts", "tasks"))
    parts = application.compose(settings, database_address, auth_apps)
    parts.add(Web(web))
    auth_service = application.build(settings, parts, auth_apps)
    parts = application.compose(settings, database_address, task_apps)
    compose_remote(parts, settings.accounts_url, transport=_Road(auth_service))
    task_service = application.build(settings, parts, task_apps)
    async with (
        LifespanManager(auth_service, startup_timeout=30),
        LifespanManager(task_service, startup_timeout=30),
        _client(auth_service) as auth,
        _client(task_service) as tasks,
    ):
        pool.person("remi", email="remi@example.org")
        pool.person("rita", email="rita@example.org", verified="false")
        token = pool.tokens("remi")["AccessToken"]
        made = await tasks.post("/tasks", json={"title": "x"}, headers={"Authorization": f"Bearer {token}"})
        assert made.status_code == 201, made.text
        profile = await asked(auth, token)
        assert profile.json()["email"] == "remi@example.org"

        for wrong in (pool.tokens("remi", pool.other_client_id)["AccessToken"], token[:-6] + "AAAAAA"):
            refused = await asked(tasks, wrong, "/tasks")
            assert (refused.status_code, refused.json()["type"]) == (401, "/problems/invalid-credential")
        unproved = await asked(tasks, pool.tokens("rita")["AccessToken"], "/tasks")
        assert (unproved.status_code, unproved.json()["type"]) == (403, "/problems/not-admitted")
        elsewhere = jwt.encode({"iss": "https://elsewhere.example"}, "secret-of-thirty-two-characters!", "HS256")
        assert (await asked(tasks, elsewhere, "/tasks")).status_code == 401

        headers = {"Authorization": f"Bearer {token}"}
        assert (await auth.post("/auth/logout", headers=headers)).status_code == 204
        over = await asked(tasks, token, "/tasks")
        assert (over.status_code, over.json()["type"]) == (401, "/problems/session-over")


async def test_a_token_opens_every_route_and_makes_its_person(
    pool: Pool, client_at: ClientAt, rows: Rows, told: Any, accounts: Accounts, web: ToMoto, clock: SetClock
) -> None:
    pool.person("cora", email="cora@example.org")
    token = pool.tokens("cora")["AccessToken"]
    client = client_at()
    first = await asyncio.gather(*(asked(client, token) for _ in range(4)))
    assert [answer.status_code for answer in first] == [200] * 4, [answer.text for answer in first]
    cora = first[0].json()
    assert (cora["email"], cora["name"], cora["is_email_verified"]) == ("cora@example.org", "Cora", True)
    assert len({answer.json()["id"] for answer in first}) == 1
    assert await rows("SELECT issuer FROM accounts.identity") == [{"issuer": pool.address}]
    for path in ("/api/files", "/tasks", "/api/notifications"):
        assert (await asked(client, token, path)).status_code == 200, path
    assert (await told("session.began"))[-1]["method"] == "cognito_token"
    (session,) = (await asked(client, token, "/api/auth/sessions")).json()["items"]
    assert (session["method"], session["is_current"]) == ("cognito_token", True)
    bearer = {"Authorization": f"Bearer {token}"}
    made = await client.post("/api/folders", json={"name": "Mine", "parent_id": None}, headers=bearer)
    assert made.status_code == 201

    # It is no proof of who somebody is: tokens are copied.
    needed = await client.post("/api/auth/tokens", json={"name": "x", "scopes": ["files:read"]}, headers=bearer)
    assert (needed.status_code, needed.json()["type"]) == (403, "/problems/proof-needed")
    # Nor does it serve as anything else of ours.
    assert (await client.post("/auth/refresh", json={"refresh_token": token})).status_code == 401
    client.cookies.set("commonplace_session", token[:128])
    assert (await client.get("/auth/profile")).status_code == 401

    # While the pool is away its keys are known, so nobody is held up.
    web.away = True
    accounts.identity.forget([session["id"]])
    second = pool.tokens("cora")["AccessToken"]
    assert (await asked(client_at(), second)).status_code == 200
    # When its hour is over it is over.
    clock.pass_(3661)
    assert (await asked(client_at(), second)).status_code == 401


async def test_a_sign_out_or_a_suspension_here_refuses_it_at_once(
    pool: Pool, client_at: ClientAt, other_process: Any, accounts: Accounts
) -> None:
    pool.person("dora", email="dora@example.org")
    token, other = pool.tokens("dora")["AccessToken"], pool.tokens("dora")["AccessToken"]
    here, there = client_at(), client_at(of=other_process)
    for client in (here, there):
        assert [(await asked(client, each)).status_code for each in (token, other)] == [200, 200]
    out = await here.post("/auth/logout", headers={"Authorization": f"Bearer {token}"})
    assert out.status_code == 204
    for client in (here, there):
        assert (await asked(client, token)).status_code == 401
        assert (await asked(client, other)).status_code == 200
    await people.suspend(accounts, "dora@example.org")
    fresh = pool.tokens("dora")["AccessToken"]
    for client in (here, there):
        assert [(await asked(client, each)).status_code for each in (token, other, fresh)] == [401] * 3


@pytest.mark.long
async def test_groups_give_the_role(pool: Pool, client_at: ClientAt, rows: Rows) -> None:
    pool.person("gina", email="gina@example.org")
    client = client_at()
    plain = pool.tokens("gina")["AccessToken"]
    assert (await asked(client, plain)).json()["role"] == "user"
    pool.api.admin_add_user_to_group(UserPoolId=pool.id, Username="gina", GroupName="keepers")
    await rows("UPDATE accounts.identity SET role_told_at = role_told_at - interval '5 s' RETURNING 1")
    keeping = pool.tokens("gina")["AccessToken"]
    assert (await asked(client, keeping)).json()["role"] == "administrator"
    assert (await asked(client, keeping, "/api/auth/people")).status_code == 200
    pool.api.admin_remove_user_from_group(UserPoolId=pool.id, Username="gina", GroupName="keepers")
    await rows("UPDATE accounts.identity SET role_told_at = role_told_at - interval '5 s' RETURNING 1")
    assert (await asked(client, pool.tokens("gina")["AccessToken"])).json()["role"] == "user"
    # The token from before, which holds for an hour, does not bring the role back.
    assert (await asked(client_at(), keeping)).json()["role"] == "user"
    assert (await asked(client, keeping, "/api/auth/people")).status_code == 403


async def test_other_tokens_are_refused(pool: Pool, client_at: ClientAt, join: Any, rows: Rows) -> None:
    pool.person("hans", email="hans@example.org")
    client, tokens = client_at(), pool.tokens("hans")
    genuine = tokens["AccessToken"]
    claims = jwt.decode(genuine, options={"verify_signature": False})
    foreign = jwt.encode(
        {**claims, "exp": int(time.time()) + 600}, _other_key(), algorithm="RS256", headers={"kid": "dummy"}
    )
    for how, token in {
        "an ID token": tokens["IdToken"],
        "another client's": pool.tokens("hans", pool.other_client_id)["AccessToken"],
        "a foreign key's": foreign,
        "a foreign key's, under an id that is none": foreign.replace("a", "b"),
        "none's": f"{_part({'alg': 'none', 'kid': 'dummy'})}.{genuine.split('.')[1]}.",
        "cut off": genuine[:-3],
        "another pool's": jwt.encode(
            {**claims, "iss": f"https://{HOST}/other"}, _other_key(), algorithm="RS256", headers={"kid": "dummy"}
        ),
    }.items():
        assert (how, (await asked(client, token)).status_code) == (how, 401)
    assert await rows("SELECT count(*) AS n FROM accounts.account") == [{"n": 0}]

    # An address that has an account is linked by its person; one that is not verified opens nothing.
    await join("ivo")
    pool.person("ivo", email="ivo@example.org")
    pool.person("kai", email="kai@example.org", verified="false")
    taken = await asked(client, pool.tokens("ivo")["AccessToken"])
    assert (taken.status_code, taken.json()["type"]) == (409, "/problems/address-has-account")
    unverified = await asked(client, pool.tokens("kai")["AccessToken"])
    assert (unverified.status_code, unverified.json()["type"]) == (403, "/problems/address-not-vouched")
    assert (await asked(client, genuine)).status_code == 200


@pytest.mark.parametrize("mode", ["cognito"])
async def test_with_cognito_alone_there_are_no_passwords(pool: Pool, client_at: ClientAt) -> None:
    client = client_at()
    person = {"email": "lea@example.org", "password": "correct horse battery", "name": "Lea"}
    for path, body in {
        "/auth/register": person,
        "/auth/login": person,
        "/auth/password/forgot": person,
        "/auth/password/reset": {"token": "x", "password": "correct horse battery"},
    }.items():
        answer = await client.post(path, json=body)
        assert (path, answer.status_code, answer.json()["type"]) == (path, 403, "/problems/local-passwords-off")
    page = (await client.get("/app/sign-in")).text
    assert "Sign in with Cognito" in page
    assert 'name="password"' not in page
    assert (await client.get("/app/sign-up", headers={"Accept": "text/html"})).status_code == 403
    pool.person("lea", email="lea@example.org")
    assert (await asked(client, pool.tokens("lea")["AccessToken"])).status_code == 200


@pytest.mark.parametrize("mode", ["local"])
async def test_without_the_setting_it_is_no_credential(pool: Pool, client_at: ClientAt) -> None:
    pool.person("mia", email="mia@example.org")
    assert (await asked(client_at(), pool.tokens("mia")["AccessToken"])).status_code == 401


def _part(value: dict[str, Any]) -> str:
    import base64
    import json

    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _other_key() -> Any:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
