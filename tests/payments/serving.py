"""The database of the tests, for threads and processes besides."""

from collections.abc import Iterator

import pytest

from battery.databases import copied


@pytest.fixture
def shared_database(transactional_db: None) -> Iterator[str]:
    """The address of a database that other threads and processes can use."""
    with copied() as address:
        yield address
