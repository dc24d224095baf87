"""Secrets and personal addresses stay out of the log."""

from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from commonplace.platform.telemetry.redaction import REDACTED, redacted, redacted_text
from tests.platform.telemetry.conftest import LogLines

SECRET = "hunter2-correct-horse"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    [
        "password", "new_password", "passwd", "passphrase", "secret", "client_secret", "token", "access_token",
        "refreshToken", "Authorization", "authorisation", "cookie", "set-cookie", "api_key", "apikey", "private_key",
        "credential", "credentials", "dsn", "DATABASE_URL", "database_url", "signature", "otp", "recovery_code",
        "email", "e_mail", "recipient_email",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), [SECRET], {"inner": SECRET}, SecretStr(SECRET), 1234567])
def test_fields_that_are_named_for_secrets_lose_their_value(name, value):
    assert redacted(name, value) == REDACTED


@pytest.mark.parametrize(
    ("name", "value"),
    [("token_type", "bearer"), ("size_bytes", 7), ("path", "/api/files"), ("has_password", True), ("token", None)],
)
def test_other_fields_keep_theirs(name, value):
    assert redacted(name, value) == value


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"bearer {SECRET} was refused",
        f"Basic {SECRET}",
        f"password={SECRET}&next=/",
        f"password: {SECRET}",
        f'{{"password": "{SECRET}"}}',
        f"{{'new_password': '{SECRET}'}}",
        f"JWT__SECRET_KEY={SECRET}",
        f"postgresql://commonplace:{SECRET}@db.internal:5432/cloud",
        f"redis://:{SECRET}@cache/0",
        f"/api/files/7/content?signature={SECRET}&expires=1",
        f"/app/welcome?token={SECRET}",
        f"https://bucket/key?X-Amz-Signature={SECRET}",
    ],
)
def test_secrets_inside_texts_are_replaced(text):
    assert SECRET not in redacted_text(text)


@pytest.mark.parametrize("text", [f"token {JWT} expired", f"{JWT}", f"got '{JWT}'"])
def test_tokens_inside_texts_are_replaced(text):
    assert JWT.split(".")[1] not in redacted_text(text)


@pytest.mark.parametrize(
    "address", ["ada@example.org", "ada.lovelace+cloud@mail.example.co.uk", "a_b%c@sub-domain.example"]
)
def test_addresses_of_people_are_replaced(address):
    assert redacted_text(f"mail to {address}, refused") == "mail to [e-mail], refused"


@pytest.mark.parametrize(
    "text",
    [
        "nothing to hide",
        "a @ b",
        "/api/files?limit=50&after=7",
        "2 keys were rotated",
        "postgresql://db.internal/cloud",
    ],
)
def test_harmless_texts_stay(text):
    assert redacted_text(text) == text


def test_containers_are_gone_through():
    assert redacted("context", {"user": {"password": SECRET, "name": "Ada"}, "sent": ["ada@example.org", 3, None]}) == {
        "user": {"password": REDACTED, "name": "Ada"},
        "sent": ["[e-mail]", 3, None],
    }


def test_what_is_nested_too_deep_is_dropped():
    value: Any = SECRET
    for _ in range(20):
        value = [value]
    assert SECRET not in str(redacted("deep", value))


def test_bytes_are_counted_not_shown():
    assert redacted("body", SECRET.encode()) == f"[{len(SECRET)} bytes]"


def test_lines_and_tracebacks_are_redacted(log_lines: LogLines):
    log = structlog.get_logger()
    log.info("person.signed_in", email="ada@example.org", password=SECRET, note=f"token={SECRET}")
    try:
        raise RuntimeError(f"could not connect to postgresql://u:{SECRET}@db/cloud for ada@example.org")  # noqa: TRY301
    except RuntimeError:
        log.exception("database.lost")
    text = str(log_lines())
    assert SECRET not in text
    assert "ada@example.org" not in text
    assert "person.signed_in" in text
