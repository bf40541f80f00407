"""What the storefront tells of accounts and invoices beside the steps of a payment."""

import pytest

from core.audit import SYSTEM
from tests import factories
from tests.documents import GET_ACCOUNTS
from tests.factories import MANUAL, NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice):
    return graphql(alice)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.mark.parametrize("count", [1, 100, 1000])
def test_the_overview_needs_as_many_statements_for_any_number_of_rows(
    shop, account, django_assert_num_queries, count
):
    factories.many_unpaid_orders(account, count)
    shop(GET_ACCOUNTS)
    with django_assert_num_queries(7):
        (told,) = shop(GET_ACCOUNTS)["getCustomerAccounts"]
    assert told["unpaidLineItemsByRegion"]["totalUnpaidItems"] == count + 1
    assert len(told["lineItems"]) == min(count + 1, 50)


def test_paid_invoices(shop, account, stella):
    paid = factories.a_paid_invoice(account, stella)
    told = shop("{ getCustomerPaidInvoices }")["getCustomerPaidInvoices"]
    assert [(one["id"], one["status"], one["paidAt"]) for one in told] == [
        (str(paid.pk), "paid", "2025-09-03T05:21:07.596Z")
    ]


def test_the_active_invoice_and_its_sessions(shop, invoice):
    session = factories.an_initiated_session(invoice, MANUAL, by=SYSTEM)
    told = shop(
        "query($id: ID!) {"
        " activeInvoice(invoiceId: $id) { openBalance formattedOpenBalance paymentCollection { amount } }"
        " getInvoicePaymentSessions(invoiceId: $id) { id status isSelected } }",
        id=invoice.pk,
    )
    assert told["activeInvoice"] == {
        "openBalance": 3940,
        "formattedOpenBalance": "$39.40",
        "paymentCollection": {"amount": 3940},
    }
    selected = [one for one in told["getInvoicePaymentSessions"] if one["isSelected"]]
    assert selected == [{"id": str(session.pk), "status": "initiated", "isSelected": True}]


def test_the_lines_of_an_invoice_are_told_through_fragments_too(shop, invoice):
    told = shop(
        "query($id: ID!) { activeInvoice(invoiceId: $id) { ...counted ...counted } }"
        " fragment counted on Invoice { itemCount ... on Invoice { lineItems { accountLineItem {"
        " orderDisplayId } } } }",
        id=invoice.pk,
    )
    line = {"accountLineItem": {"orderDisplayId": "1756876866"}}
    assert told["activeInvoice"] == {"itemCount": 1, "lineItems": [line]}
