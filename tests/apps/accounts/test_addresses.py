"""Addresses: the quick way for plain domains is the slow one's equal."""

import idna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commonplace.apps.accounts.addresses import LONGEST_ADDRESS, parse_address, sign_in_key
from commonplace.apps.accounts.errors import MalformedAddress


@pytest.mark.parametrize("examples", [pytest.param(30), pytest.param(20_000, marks=pytest.mark.long)])
def test_a_domain_has_the_key_that_idna_gives_it(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(domain=st.from_regex(r"\A[A-Za-z0-9.-]{1,70}\Z") | st.text(max_size=30).filter(lambda text: "@" not in text))
    def check(domain: str) -> None:
        try:
            expected = idna.encode(domain.rstrip(), uts46=True).decode().rstrip(".")
        except (idna.IDNAError, UnicodeError):
            expected = None
        try:
            found = parse_address(f"ana@{domain}").key.partition("@")[2]
        except MalformedAddress:
            found = None
        assert found == expected

    check()


@pytest.mark.parametrize("examples", [pytest.param(30), pytest.param(20_000, marks=pytest.mark.long)])
def test_whatever_is_typed_has_a_key_that_a_database_can_hold(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(text=st.text(st.characters(), max_size=300) | st.emails())
    def check(text: str) -> None:
        key = sign_in_key(text)
        assert "\x00" not in key
        assert key.encode()
        try:
            address = parse_address(text)
        except MalformedAddress:
            assert key.startswith(" ")
            return
        assert key == address.key
        assert sign_in_key(address.written.upper()) == key or not text.isascii()
        assert parse_address(address.key).key == key
        assert len(address.written.encode()) <= LONGEST_ADDRESS

    check()


@given(email=st.emails())
def test_every_address_of_the_usual_form_is_accepted(email: str) -> None:
    assert parse_address(email).key == email.lower()
