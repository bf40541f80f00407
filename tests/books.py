"""The books as a whole, to see that nothing was written."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from django.apps import apps
from django.db import connection

from core.errors import Refusal
from payments import operations
from tests.factories import NOW

OURS = ("core", "accounts", "orders", "invoices", "payments")


@cache
def _statements() -> dict[str, str]:
    tables = [model._meta for label in OURS for model in apps.get_app_config(label).get_models()]
    return {one.label: f'SELECT * FROM "{one.db_table}" ORDER BY "{one.pk.column}"' for one in tables}


def everything() -> dict[str, list[tuple]]:
    """Every row of ours, with every column, as the database has it: asked so often that models take long."""
    with connection.cursor() as cursor:
        return {name: cursor.execute(sql).fetchall() for name, sql in _statements().items()}


@contextmanager
def unchanged() -> Iterator[None]:
    """Fails when the block writes anything."""
    before = everything()
    yield
    after = everything()
    assert {name for name in before if before[name] != after[name]} == set()


@contextmanager
def refuses(kind: type[Refusal], message: str, *, field: str = "") -> Iterator[None]:
    """The block must be refused with this text, and write nothing."""
    with unchanged(), pytest.raises(kind) as caught:
        yield
    assert (type(caught.value), caught.value.message, caught.value.field) == (kind, message, field)


def assert_sound(at=NOW) -> None:
    """No invariant is broken."""
    broken = [str(one) for one in operations.broken_invariants(at=at)]
    assert broken == [], broken
