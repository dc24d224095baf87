"""Web Push: what a push service is sent, how it is understood, and whom we never speak to."""

import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from commonplace.platform.http.addresses import is_public
from commonplace.platform.messages.errors import PushGone, PushRefused, PushUnavailable
from commonplace.platform.messages.push import LARGEST_CONTENT, PushMessage, Receiver, parse_receiver
from commonplace.platform.messages.push_settings import PushSettings
from commonplace.platform.messages.web_push import WebPush, build_web_push
from commonplace.settings import SettingsRefused, load_settings
from tests.certificates import Certificates
from tests.push_service import Browser, PushService, content, serving, text

pytestmark = pytest.mark.anyio
SECRET = b"a secret of an installation"


def web_push(**settings: Any) -> WebPush:
    return build_web_push(PushSettings(**settings), secret=SECRET, contact="mailto:cloud@example.org")


def receiver(browser: Browser, endpoint: str) -> Receiver:
    keys = browser.subscription(endpoint)["keys"]
    return parse_receiver(endpoint=endpoint, **keys, allows_private=True)


def message(content: bytes = b"{}", **others: Any) -> PushMessage:
    return PushMessage(content=content, topic="topic", ttl_seconds=3600, **others)


@pytest.fixture
async def service(certificates: Certificates) -> AsyncIterator[PushService]:
    async with serving(certificates.server) as service:
        yield service


@pytest.fixture
async def push(certificates: Certificates) -> AsyncIterator[WebPush]:
    push = web_push(private_addresses=True, trusted_certificates=certificates.authority, timeout_seconds=5)
    yield push
    await push.close()


def test_the_browser_of_these_tests_reads_the_example_of_the_rfc() -> None:
    number = int.from_bytes(content("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
    browser = Browser(ec.derive_private_key(number, ec.SECP256R1()), content("BTBZMqHH6r4Tts7J_aSIgg"))
    body = (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )
    assert browser.read(content(body)) == b"When I grow up, I want to be a watermelon"


async def test_a_notice_reaches_its_browser_and_nobody_else_can_read_it(push: WebPush, service: PushService) -> None:
    browser, endpoint = Browser(), f"{service.origin}/push/secret-name"
    largest = b"\xc3\xa9" * (LARGEST_CONTENT // 2)
    await push.send(receiver(browser, endpoint), message(b"hello", urgency="high"))
    await push.send(receiver(browser, endpoint), message(largest))
    first, second = service.received
    assert browser.read(first.body) == b"hello"
    assert browser.read(second.body) == largest
    assert len(second.body) <= 4096
    assert first.body[:16] != second.body[:16], "a salt for each message"
    assert first.path == "/push/secret-name"
    wanted = {"content-encoding": "aes128gcm", "ttl": "3600", "topic": "topic", "urgency": "high"}
    assert wanted.items() <= first.headers.items()
    assert first.headers["host"] == f"localhost:{service.port}"
    scheme, _, rest = first.headers["authorization"].partition(" ")
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert (scheme, fields["k"]) == ("vapid", push.public_key)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), content(fields["k"]))
    claims = jwt.decode(fields["t"], public, algorithms=["ES256"], audience=service.origin)
    assert claims["sub"] == "mailto:cloud@example.org"
    assert 0 < claims["exp"] - time.time() <= 24 * 3600
    with pytest.raises(ValueError, match="3993"):
        await push.send(receiver(browser, endpoint), message(largest + b"xx"))


async def test_what_a_push_service_answers(push: WebPush, service: PushService) -> None:
    to = receiver(Browser(), f"{service.origin}/push/secret-name")
    for status, error in (
        *((404, PushGone), (410, PushGone), (429, PushUnavailable), (500, PushUnavailable), (503, PushUnavailable)),
        *((400, PushRefused), (401, PushRefused), (403, PushRefused), (413, PushRefused), (307, PushRefused)),
    ):
        service.answers = [status]
        with pytest.raises(error) as raised:
            await push.send(to, message())
        assert "secret-name" not in str(raised.value), "who knows an endpoint could have it blocked"
    assert "secret-name" not in repr(to)
    assert len(service.received) == 10, "a redirect leads nowhere"
    with pytest.raises(PushUnavailable):
        await push.send(receiver(Browser(), "https://localhost:9/"), message())
    with pytest.raises(PushUnavailable):
        await push.send(receiver(Browser(), "https://no-such-name.invalid/"), message())


async def test_a_certificate_has_to_be_good_for_the_name(push: WebPush, certificates: Certificates) -> None:
    async with serving(certificates.other) as service:
        with pytest.raises(PushUnavailable):
            await push.send(receiver(Browser(), f"{service.origin}/x"), message())
        assert not service.received


async def test_a_name_that_leads_to_this_network_is_not_asked(service: PushService, certificates: Certificates) -> None:
    guarded = web_push(trusted_certificates=certificates.authority, timeout_seconds=5)
    with pytest.raises(PushGone):  # `localhost` was let pass by `receiver`; where it leads is looked at again
        await guarded.send(receiver(Browser(), f"{service.origin}/x"), message())
    assert not service.received
    await guarded.close()


@pytest.mark.parametrize(
    ("endpoint", "is_allowed"),
    [
        ("https://push.example.org/x", True),
        ("https://fcm.googleapis.com/fcm/send/a:b", True),
        ("https://[2606:4700::1111]/x", True),
        ("http://push.example.org/x", False),
        ("https://push.example.org:8443/x", False),
        ("https://user@push.example.org/x", False),
        ("https://push.example.org/x#y", False),
        ("https://push.example.org/ä", False),
        ("https://push.example.org/" + "x" * 2100, False),
        ("https://localhost/x", False),
        ("https://printer.local/x", False),
        ("https://127.0.0.1/x", False),
        ("https://127.1/x", False),
        ("https://2130706433/x", False),
        ("https://0x7f.0.0.0x1/x", False),
        ("https://169.254.169.254/latest", False),
        ("https://[::1]/x", False),
        ("https://[::ffff:10.0.0.1]/x", False),
        ("https://[64:ff9b::a00:1]/x", False),
        ("https://[fe80::1]/x", False),
        ("https://:443", False),
        ("https://h:port/", False),
        ("nonsense", False),
    ],
)
def test_where_a_subscription_may_lead(endpoint: str, *, is_allowed: bool) -> None:
    keys = Browser().subscription(endpoint)["keys"]
    if is_allowed:
        assert parse_receiver(endpoint=endpoint, **keys).endpoint == endpoint
    else:
        with pytest.raises(ValueError):
            parse_receiver(endpoint=endpoint, **keys)


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "169.254.1.1", "0.1.2.3", "224.0.0.1"),
        *("::", "fd00::1", "fe80::1%eth0", "ff02::1", "2002:7f00:1::", "2001:0:1::1", "::ffff:192.168.0.1"),
    ],
)
def test_these_addresses_are_nobodys_on_the_internet(address: str) -> None:
    assert not is_public(address)


def test_keys_that_are_none_are_refused() -> None:
    good = Browser().subscription("")["keys"]
    for wrong in (
        {"p256dh": text(b"\x04" + b"\1" * 64)},  # not on the curve
        *({"p256dh": ""}, {"p256dh": "%%"}, {"auth": text(b"short")}, {"auth": "é"}),
    ):
        with pytest.raises(ValueError):
            parse_receiver(endpoint="https://push.example.org/x", **(good | wrong))


def test_the_key_stays_and_a_setting_may_give_another() -> None:
    assert web_push().public_key == web_push().public_key
    other = build_web_push(PushSettings(), secret=b"another secret", contact="mailto:x@example.org")
    assert other.public_key != web_push().public_key
    given = text(hashlib.sha256(b"a key").digest())
    chosen = load_settings({"PUSH__PRIVATE_KEY": given}, env_file=None).push
    assert given not in repr(chosen)
    number = int.from_bytes(content(given))
    expected = Browser(ec.derive_private_key(number, ec.SECP256R1())).public_key
    assert web_push(private_key=given).public_key == text(expected)
    assert len(expected) == 65
    for name, wrong in (
        *(("PRIVATE_KEY", "hunter2hunter2"), ("PRIVATE_KEY", text(b"\0" * 32)), ("CONTACT", "me")),
        ("TRUSTED_CERTIFICATES", "/nowhere"),
    ):
        with pytest.raises(SettingsRefused) as refused:
            load_settings({f"PUSH__{name}": wrong}, env_file=None)
        assert "hunter2" not in str(refused.value)
