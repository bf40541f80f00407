"""Charges in the back office: for reading, each with the invoice that bills it."""

from datetime import timedelta

import pytest
import time_machine

from accounts.models import AccountLineItem, Region
from tests import factories
from tests.back_office import list_of, page_of, rows
from tests.factories import NOW


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


@pytest.fixture
def charges(account, stella):
    """One unbilled, one on an invoice, one whose payment is pending, one paid."""
    made = [account.line_items.get()]
    made += [
        factories.an_unpaid_order(account, display_id=f"B{number}", at=NOW + timedelta(minutes=number))
        for number in (1, 2, 3)
    ]
    factories.an_open_invoice(account, made[1])
    factories.a_promised_payment(factories.an_open_invoice(account, made[2]))
    paid = factories.an_open_invoice(account, made[3])
    factories.payments.verify_manual_payment(payment=factories.a_promised_payment(paid), at=NOW, staff=stella)
    return made


def test_all(staff, charges):
    assert rows(staff.get(list_of(AccountLineItem, show="all"))) == [
        [at, "Globex", order, "North America", "$39.40", "$39.40", state, invoice]
        for at, order, state, invoice in (
            ("3 Sep 2025, 05:21", "Order #1756876866", "Unpaid", "–"),
            ("3 Sep 2025, 05:22", "Order #B1", "On invoice", "INV-2025-001"),
            ("3 Sep 2025, 05:23", "Order #B2", "Payment pending", "INV-2025-002"),
            ("3 Sep 2025, 05:24", "Order #B3", "Paid", "INV-2025-003"),
        )
    ]


@pytest.mark.parametrize(
    ("tab", "orders"),
    [
        ("unbilled", ["Order #1756876866"]),
        ("billed", ["Order #B1", "Order #B2"]),
        ("paid", ["Order #B3"]),
    ],
)
def test_tabs(staff, charges, tab, orders):
    assert [row[2] for row in rows(staff.get(list_of(AccountLineItem, show=tab)))] == orders


def test_opens_with_the_unbilled(staff, charges):
    assert len(rows(staff.get(list_of(AccountLineItem)))) == 1


def test_both_currencies(staff, account):
    factories.a_rate("JPY", "USD", "0.0068")
    line = factories.an_unpaid_order(
        account, "1183", display_id="J1", region=factories.a_region("Japan", "JPY")
    )
    listed = rows(staff.get(list_of(AccountLineItem, region__id__exact=Region.objects.get(name="Japan").pk)))
    assert [row[4:6] for row in listed] == [["¥1,183", "$8.04"]]
    assert "0.0068" in staff.get(page_of(line)).content.decode()
