"""Database addresses in the spellings people have."""

import pytest

from commonplace.platform.database.address import MalformedAddress, parse_address


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://ana:p%40ss@db.example.org:6543/cloud?sslmode=require",
        "postgres://ana:p%40ss@db.example.org:6543/cloud?sslmode=require",
        "postgresql+asyncpg://ana:p%40ss@db.example.org:6543/cloud?ssl=require",
        "Host=db.example.org;Port=6543;Database=cloud;Username=ana;Password=p@ss;SSL Mode=Require",
        "server=db.example.org; port=6543; initial catalog=cloud; user id=ana; pwd=p@ss; sslmode=require;",
    ],
)
def test_every_spelling_says_the_same(text: str) -> None:
    address = parse_address(text)
    assert (address.host, address.port, address.database) == ("db.example.org", 6543, "cloud")
    assert (address.user, address.password) == ("ana", "p@ss")
    assert address.is_encrypted


def test_a_neon_address_is_encrypted() -> None:
    address = parse_address("postgresql://u:p@ep-cool-name-123-pooler.eu-central-1.aws.neon.tech/db?sslmode=require")
    assert address.is_encrypted
    assert address.host.endswith("neon.tech")


def test_a_socket_directory_is_local() -> None:
    address = parse_address("postgresql://u@/db?host=/var/run/postgresql&port=5433")
    assert address.is_local_socket
    assert "ssl" not in address.driver_arguments()
    assert parse_address(address.libpq_url()) == address


@pytest.mark.parametrize(("mode", "encrypted"), [("disable", False), ("prefer", False), ("VerifyFull", True)])
def test_what_counts_as_encrypted(mode: str, encrypted: bool) -> None:
    assert parse_address(f"Host=h;Database=d;Username=u;SSL Mode={mode}").is_encrypted is encrypted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no host and no user and no database"),
        ("mysql://u:secret@h/d", "neither"),
        ("postgresql://u:secret@/d", "no host"),
        ("postgresql://u:secret@h:99999/d", "cannot be read"),
        ("postgresql://u:secret@h/d?sslmode=sure", "sslmode|TLS mode"),
        ("Host=h;Port=many;Database=d;Username=u;Password=secret", "port"),
    ],
)
def test_what_is_wrong_is_told_without_the_password(text: str, says: str) -> None:
    with pytest.raises(MalformedAddress, match=says) as raised:
        parse_address(text)
    assert "secret" not in str(raised.value)
