"""What each example of a property starts from, and leaves as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def rolled_back() -> Iterator[None]:
    """Nothing that is written here stays. To the site it is no transaction: like those of the test runner, it
    may hold durable ones."""
    example = transaction.atomic()
    example._from_testcase = True  # type: ignore[attr-defined]  # the stubs do not know it
    with example:
        try:
            yield
        finally:
            transaction.set_rollback(True)
