"""Fixtures for the tests of apps: they are many, and none alters the schema, so one database serves a worker's all."""

import pytest

from commonplace.platform.database.address import Address


@pytest.fixture
def database_address(emptied_database_address: Address) -> Address:
    return emptied_database_address
