"""Reservations on one invoice stand beside each other."""

import pytest

from core.errors import Conflict
from invoices import operations
from tests import factories
from tests.books import refuses


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account)


def test_a_release_gives_back_its_own_share_only(invoice):
    operations.reserve(invoice, 1000)
    operations.reserve(invoice, 500)
    operations.release(invoice, 1000)
    invoice.refresh_from_db()
    assert (invoice.reserved_amount, invoice.open_balance) == (500, 3440)


def test_together_they_are_no_more_than_is_open(invoice):
    operations.reserve(invoice, 3000)
    with refuses(Conflict, f"The open balance of invoice {invoice.number} has changed"):
        operations.reserve(invoice, 941)
    operations.reserve(invoice, 940)
    invoice.refresh_from_db()
    assert invoice.open_balance == 0
