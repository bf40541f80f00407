"""The books as a whole, to see that nothing was written."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps

from core.errors import Refusal
from payments import operations
from tests.factories import NOW

OURS = ("core", "accounts", "orders", "invoices", "payments")


def everything() -> dict[str, list[tuple]]:
    """Every row of ours, with every column."""
    models = [model for label in OURS for model in apps.get_app_config(label).get_models()]
    return {model._meta.label: list(model._default_manager.order_by("pk").values_list()) for model in models}


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
