"""Access tokens: what is accepted, and every way of making one up that is not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commonplace.platform.identity.errors import CredentialExpired, InvalidCredential
from commonplace.platform.identity.settings import JwtSettings
from commonplace.platform.identity.tokens import AccessTokens, SigningKey, VerifyingKey, key_set

pytestmark = pytest.mark.anyio

NOW = 1_800_000_000
KID = "0123456789abcdef"
PERSON, SESSION = uuid4(), uuid4()


class OneKey:
    """A key source with one key."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.asked: list[str] = []

    async def signing_key(self) -> SigningKey:
        return SigningKey(kid=KID, private_key=self.private)

    async def verifying_key(self, kid: str) -> VerifyingKey | None:
        self.asked.append(kid)
        return VerifyingKey(kid=kid, public_key=self.private.public_key()) if kid == KID else None

    async def verifying_keys(self) -> Sequence[VerifyingKey]:
        return [VerifyingKey(kid=KID, public_key=self.private.public_key())]


class Time:
    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def keys() -> OneKey:
    return OneKey()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def tokens(keys: OneKey, time: Time) -> AccessTokens:
    return AccessTokens(keys, JwtSettings(), clock=time)


@pytest.fixture
async def token(tokens: AccessTokens) -> str:
    return await tokens.issue(person_id=PERSON, session_id=SESSION, role="user")


def claims(**changed: Any) -> dict[str, Any]:
    genuine = {
        "iss": "commonplace", "aud": "commonplace", "sub": str(PERSON), "sid": str(SESSION), "role": "user",
        "iat": NOW, "exp": NOW + 3600, "jti": str(uuid4()),
    }  # fmt: skip
    return {name: value for name, value in {**genuine, **changed}.items() if value is not None}


def segment(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def test_a_token_names_person_session_and_role_for_an_hour(tokens: AccessTokens, token: str) -> None:
    found = await tokens.verify(token)
    assert (found.person_id, found.session_id, found.role) == (PERSON, SESSION, "user")
    assert found.expires_at - found.issued_at == 3600
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": KID, "typ": "JWT"}


async def test_it_expires_to_the_second(tokens: AccessTokens, token: str, time: Time) -> None:
    time.now = NOW + 3599.9
    await tokens.verify(token)
    time.now = NOW + 3600
    with pytest.raises(CredentialExpired):
        await tokens.verify(token)


async def test_others_verify_it_with_the_key_set(tokens: AccessTokens, token: str) -> None:
    published = key_set(await tokens.keys.verifying_keys())
    assert set(published["keys"][0]) == {"kty", "crv", "x", "kid", "use", "alg"}  # no private half
    key = jwt.PyJWKSet.from_dict(published)[KID]
    options: Any = {"verify_exp": False, "verify_iat": False}
    found = jwt.decode(token, key, algorithms=["EdDSA"], audience="commonplace", options=options)
    assert found["sub"] == str(PERSON)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "elsewhere"}, {"iss": None}, {"aud": "elsewhere"}, {"aud": None}, {"aud": ["commonplace", "elsewhere"]},
        {"exp": None}, {"exp": "tomorrow"}, {"exp": True}, {"exp": [1]}, {"exp": 1e400}, {"iat": None},
        {"iat": NOW + 3600}, {"nbf": NOW + 10}, {"nbf": "later"}, {"sub": None}, {"sub": 7}, {"sub": "ana"},
        {"sid": None}, {"sid": "1"}, {"sid": 12}, {"sid": {}}, {"role": None}, {"role": "root"}, {"role": ["user"]},
        {"jti": None}, {"jti": "x"},
    ],
    ids=str,
)  # fmt: skip
async def test_claims_that_are_not_ours_are_refused_though_signed_by_us(
    tokens: AccessTokens, keys: OneKey, changed: dict[str, Any]
) -> None:
    forged = jwt.encode(claims(**changed), keys.private, algorithm="EdDSA", headers={"kid": KID})
    with pytest.raises(InvalidCredential):
        await tokens.verify(forged)


async def test_the_same_claims_signed_by_us_unchanged_are_accepted(tokens: AccessTokens, keys: OneKey) -> None:
    genuine = jwt.encode(claims(), keys.private, algorithm="EdDSA", headers={"kid": KID})
    assert (await tokens.verify(genuine)).person_id == PERSON


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
async def test_no_algorithm_is_refused(tokens: AccessTokens, algorithm: str) -> None:
    for signature in ("", segment(b"\0" * 64)):
        forged = f"{segment({'alg': algorithm, 'kid': KID, 'typ': 'JWT'})}.{segment(claims())}.{signature}"
        with pytest.raises(InvalidCredential):
            await tokens.verify(forged)


async def test_a_mac_made_with_the_public_key_is_refused(tokens: AccessTokens, keys: OneKey) -> None:
    public = keys.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.rstrip(), public.public_bytes_raw(), segment(public.public_bytes_raw()).encode()):
        signed = f"{segment({'alg': 'HS256', 'kid': KID, 'typ': 'JWT'})}.{segment(claims())}"
        mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
        with pytest.raises(InvalidCredential):
            await tokens.verify(f"{signed}.{segment(mac)}")


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/dev/null",
        "' OR 1=1 --",
        "x\x00y",
        "",
        "0" * 65,
        "http://evil.example/key",
        "é" * 8,
        "|ls",
    ],
)
async def test_a_key_id_that_leads_elsewhere_is_never_looked_up(tokens: AccessTokens, keys: OneKey, kid: str) -> None:
    forged = jwt.encode(claims(), Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": kid})
    with pytest.raises(InvalidCredential):
        await tokens.verify(forged)
    assert keys.asked == []


@pytest.mark.parametrize("kid", [None, 7, ["a"], {"a": 1}, True])
async def test_a_key_id_that_is_no_text_is_refused(tokens: AccessTokens, kid: Any) -> None:
    forged = f"{segment({'alg': 'EdDSA', 'kid': kid})}.{segment(claims())}.{segment(b'0' * 64)}"
    with pytest.raises(InvalidCredential):
        await tokens.verify(forged)


async def test_a_foreign_key_is_refused_under_its_own_id_and_under_ours(tokens: AccessTokens) -> None:
    foreign = Ed25519PrivateKey.generate()
    for kid in (KID, "fedcba9876543210"):
        with pytest.raises(InvalidCredential):
            await tokens.verify(jwt.encode(claims(), foreign, algorithm="EdDSA", headers={"kid": kid}))


async def test_other_algorithms_are_refused(tokens: AccessTokens) -> None:
    others: list[tuple[str, Any]] = [
        ("HS256", "x" * 64), ("RS256", generate_rsa_key(65537, 2048)), ("ES256", generate_ec_key(SECP256R1())),
    ]  # fmt: skip
    for algorithm, key in others:
        with pytest.raises(InvalidCredential):
            await tokens.verify(jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": KID}))


@pytest.mark.parametrize("extra", [{"jwk": {}}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"},
                                   {"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}], ids=str)  # fmt: skip
async def test_a_header_that_says_more_is_refused(tokens: AccessTokens, keys: OneKey, extra: dict[str, Any]) -> None:
    header = {"alg": "EdDSA", "kid": KID, "typ": "JWT", **extra}
    signed = f"{segment(header)}.{segment(claims())}"
    with pytest.raises(InvalidCredential):
        await tokens.verify(f"{signed}.{segment(keys.private.sign(signed.encode()))}")


async def test_every_change_of_one_character_is_refused(tokens: AccessTokens, token: str) -> None:
    for place, character in enumerate(token):
        other = "A" if character != "A" else "B"
        with pytest.raises(InvalidCredential):
            await tokens.verify(token[:place] + other + token[place + 1 :])


async def test_one_signature_is_written_in_one_way_only(tokens: AccessTokens, token: str) -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for other in alphabet.replace(token[-1], ""):
        with pytest.raises(InvalidCredential):
            await tokens.verify(token[:-1] + other)
    for decorated in (token + "=", token + "==", " " + token, token + "\n", token.replace(".", ".!", 1)):
        with pytest.raises(InvalidCredential):
            await tokens.verify(decorated)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "Bearer x",
        "\0",
        "🙂.🙂.🙂",
        "e30.e30.",
        "e30.e30.e30",
        "x" * 100_000,
        "a" * 3000 + ".b.c",
    ],
    ids=lambda text: text[:10],
)
async def test_what_is_no_token_is_refused(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(InvalidCredential):
        await tokens.verify(text)


async def test_deeply_nested_json_is_refused(tokens: AccessTokens, keys: OneKey) -> None:
    deep = b"[" * 700 + b"]" * 700
    signed = f"{segment({'alg': 'EdDSA', 'kid': KID, 'typ': 'JWT'})}.{segment(deep)}"
    with pytest.raises(InvalidCredential):
        await tokens.verify(f"{signed}.{segment(keys.private.sign(signed.encode()))}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.long
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["iss", "aud", "sub", "sid", "role", "iat", "exp", "jti", "nbf"]), value=json_values)
async def test_no_signed_claim_of_any_shape_breaks_the_verification(
    tokens: AccessTokens, keys: OneKey, name: str, value: Any
) -> None:
    signed = f"{segment({'alg': 'EdDSA', 'kid': KID, 'typ': 'JWT'})}.{segment({**claims(), name: value})}"
    try:
        found = await tokens.verify(f"{signed}.{segment(keys.private.sign(signed.encode()))}")
    except InvalidCredential:
        return
    assert found.role in {"user", "administrator"}
    assert found.issued_at <= NOW + 60
    assert found.expires_at > NOW - 1


@pytest.mark.long
@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300) | st.from_regex(r"\A[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,90}\Z"))
async def test_no_text_is_taken_for_a_token(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(InvalidCredential):
        await tokens.verify(text)
