"""Billing everything: what waits, by account and region, and an invoice over exactly that."""

from datetime import UTC, date, datetime

import pytest

from core.errors import Conflict, Forbidden, Invalid
from invoices import operations
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TODAY = NOW.date()


@pytest.fixture
def clerk(db):
    return a_clerk("invoices.issue_invoice")


def waiting(first=None, last=TODAY) -> list[tuple]:
    found = operations.unbilled_by_account(first=first, last=last)
    return [(str(one.account.company_name), one.region.name, one.total) for one in found]


def bill(one, staff, last=TODAY):
    return operations.bill_unbilled(unbilled=one, first=None, last=last, at=NOW, staff=staff)


def test_each_account_and_region_by_itself(account, clerk):
    europe, other = factories.a_region("Europe", "EUR"), factories.an_account("Acme")
    factories.a_rate("EUR", "USD", "1.10")
    factories.an_unpaid_order(account, "10.00", display_id="2")
    factories.an_unpaid_order(account, "7.00", display_id="3", region=europe)
    factories.an_unpaid_order(other, "5.00", display_id="4")
    assert waiting() == [
        ("Acme", "North America", 500),
        ("Globex", "Europe", 700),
        ("Globex", "North America", 4940),
    ]
    for one in operations.unbilled_by_account(first=None, last=TODAY):
        invoice = bill(one, clerk)
        assert (invoice.account, invoice.region, invoice.total_amount, invoice.currency) == (
            one.account,
            one.region,
            one.total,
            one.region.currency,
        )
    assert waiting() == []
    assert_sound()


def test_both_days_belong_to_it_where_the_organization_is(account):
    """Berlin's 10 September is from 22:00 on the 9th to 22:00 on the 10th elsewhere."""
    factories.an_organization(time_zone="Europe/Berlin")
    moments = ((9, 21, 59, "1.00"), (9, 22, 0, "2.00"), (10, 21, 59, "4.00"), (10, 22, 0, "8.00"))
    for day, hour, minute, price in moments:
        at = datetime(2025, 9, day, hour, minute, tzinfo=UTC)
        factories.an_unpaid_order(account, price, display_id=price, at=at)
    tenth, eleventh = date(2025, 9, 10), date(2025, 9, 11)
    assert waiting(tenth, tenth) == [("Globex", "North America", 600)]
    assert waiting(None, tenth) == [("Globex", "North America", 3940 + 700)]
    assert waiting(eleventh, eleventh) == [("Globex", "North America", 800)]


def test_only_what_was_seen(account, clerk):
    (seen,) = operations.unbilled_by_account(first=None, last=TODAY)
    factories.an_unpaid_order(account, "5.00", display_id="2")
    with refuses(Conflict, "Charges came or went meanwhile. Look again"):
        bill(seen, clerk)
    (now,) = operations.unbilled_by_account(first=None, last=TODAY)
    assert bill(now, clerk).total_amount == 4440
    with refuses(Conflict, "Charges came or went meanwhile. Look again"):
        bill(now, clerk)


def test_refusals(account):
    (one,) = operations.unbilled_by_account(first=None, last=TODAY)
    other = a_clerk("invoices.draft_invoice")
    with refuses(Forbidden, "Insufficient permissions"):
        bill(one, other)
    with refuses(Invalid, "The end date must be after the start date", field="last"):
        operations.unbilled_by_account(first=TODAY, last=date(2025, 9, 2))
