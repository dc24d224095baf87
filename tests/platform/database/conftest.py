"""Tests of the database itself: each has one of its own."""

import pytest

from commonplace.platform.database.address import Address


@pytest.fixture
def database_address(cloned_database_address: Address) -> Address:
    """One that a test may alter: tables are made and connections ended."""
    return cloned_database_address
