"""A browser that goes to an issuer and comes back, and the issuers of the tests."""

import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.real_issuer import RealIssuer

HERE = "http://localhost"
SECRET = "a-client-secret-of-the-tests-0123456789abcdef"
_APPLE_KEY = ec.generate_private_key(ec.SECP256R1())
APPLE_PEM = _APPLE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
CALLBACK = "/app/sign-in/with/{}/callback"
NAMES = ("home", "google", "keycloak", "facebook", "apple")


def start() -> RealIssuer:
    """An issuer that poses as each of those that there are presets for."""
    clients = [
        {
            "client_id": name,
            "client_secret": SECRET,
            "redirect_uris": [HERE + CALLBACK.format(name)],
            "token_endpoint_auth_method": "client_secret_post"
            if name in {"facebook", "apple"}
            else "client_secret_basic",
        }
        for name in NAMES
    ]
    public = _APPLE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    apple = {"clientId": "apple", "secret": SECRET, "teamId": "TEAM", "keyId": "KEY", "publicKey": public}
    return RealIssuer(clients, apple)


def variables(address: str) -> dict[str, str]:
    """The settings under which this installation knows it."""
    found = {}
    for name in NAMES:
        prefix = f"ACCOUNTS__ISSUERS__{name.upper()}__"
        found |= {f"{prefix}ISSUER": address, f"{prefix}CLIENT_ID": name}
        if name != "apple":
            found[f"{prefix}CLIENT_SECRET"] = SECRET
    found["ACCOUNTS__ISSUERS__KEYCLOAK__ADMINISTRATORS_GROUP"] = "keepers"
    found |= {
        "ACCOUNTS__ISSUERS__APPLE__APPLE_TEAM_ID": "TEAM",
        "ACCOUNTS__ISSUERS__APPLE__APPLE_KEY_ID": "KEY",
        "ACCOUNTS__ISSUERS__APPLE__APPLE_PRIVATE_KEY": APPLE_PEM,
        "ACCOUNTS__ISSUERS__FACEBOOK__ISSUER": "https://www.facebook.com",
        "ACCOUNTS__ISSUERS__FACEBOOK__AUTHORIZATION_ENDPOINT": f"{address}/auth",
        "ACCOUNTS__ISSUERS__FACEBOOK__TOKEN_ENDPOINT": f"{address}/token",
        "ACCOUNTS__ISSUERS__FACEBOOK__USERINFO_ENDPOINT": f"{address}/graph/me",
    }
    return found


async def at_issuer(address: str, who: str | None, there: httpx.AsyncClient | None = None) -> httpx.Response:
    """Go where the installation leads, be `who` there (None: cancel), and stop where the issuer leads back."""
    browser = there or httpx.AsyncClient(verify=False)  # noqa: S501 - it speaks HTTP, and reading certificates takes long
    try:
        answer = await browser.get(address)
        for _ in range(10):
            if "location" in answer.headers:
                target = str(answer.url.join(answer.headers["location"]))
                if target.startswith(HERE + "/app/"):
                    return answer
                answer = await browser.get(target)
            elif 'name="who"' in answer.text:
                form = {"who": who, "do": "go"} if who is not None else {"do": "cancel"}
                answer = await browser.post(answer.url, data=form)
            else:
                return answer
    finally:
        if there is None:
            await browser.aclose()
    raise AssertionError("The issuer leads in circles.")


async def back(browser: Any, answer: httpx.Response, *, user: str | None = None) -> httpx.Response:
    """Come back as the issuer says: by a redirect, or by the form that its page posts."""
    if "location" in answer.headers:
        target = answer.headers["location"]
        if "/with/facebook/" in target:  # which does not name itself when it leads back
            target = re.sub(r"&iss=[^&]+", "", target)
        came: httpx.Response = await browser.get(target)
        return came
    action = re.search(r'action="([^"]+)"', answer.text)
    assert action, answer.text
    form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', answer.text))
    if user is not None:
        form["user"] = user
    foreign = {"Origin": "https://appleid.apple.com", "Sec-Fetch-Site": "cross-site"}
    request = browser.build_request("POST", urlsplit(action[1]).path, data=form, headers=foreign)
    request.headers.pop("cookie", None)  # SameSite=Lax: none goes along with what another site's page posts
    posted = await browser.send(request)
    assert posted.status_code == 303, posted.text
    came = await browser.get(posted.headers["location"])
    assert isinstance(came, httpx.Response)
    return came


async def sign_in_by(browser: Any, name: str, who: str | None, *, wanted: str = "/app/files") -> httpx.Response:
    """Sign in by the issuer of this name, as `who` is called there."""
    answer = await browser.get(f"/app/sign-in/with/{name}", params={"next": wanted})
    assert answer.status_code == 303, answer.text
    return await back(browser, await at_issuer(answer.headers["location"], who))


def leads_to(answer: httpx.Response) -> str:
    """Where a page that leads on by itself leads."""
    found = re.search(r'content="0; url=([^"]+)"', answer.text)
    assert found, answer.text
    return found[1].replace("&amp;", "&")
