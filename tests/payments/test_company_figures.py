"""A company's figures at the storefront: what it owes on invoices, and how it can pay."""

from datetime import timedelta

import pytest

from tests import factories
from tests.factories import NOW
from tests.payments.test_company_invoices import shop, the_clock, three

__all__ = ["shop", "the_clock", "three"]
pytestmark = pytest.mark.django_db


STATS = """query ($status: Int!, $places: Int, $companies: [Int]) {
invoiceStats(status: $status, decimalPlaces: $places, companyIds: $companies) {
totalBalance overDueBalance hasDueInvoice hasOverDueInvoice } }"""


def test_figures_are_in_the_account_s_currency_alone(shop, three, time_machine):
    assert shop(STATS, status=1)["invoiceStats"] == {
        "totalBalance": 75.0,
        "overDueBalance": 0.0,
        "hasDueInvoice": True,
        "hasOverDueInvoice": False,
    }
    assert shop(STATS, status=0)["invoiceStats"]["totalBalance"] == 0.0  # the open one is in euros
    time_machine.move_to(NOW + timedelta(days=400), tick=False)
    alice_later = shop.post(STATS, {"status": 1, "places": 0})
    assert alice_later.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"  # the token is over


def test_figures_of_what_is_overdue(shop, three, time_machine):
    time_machine.move_to(NOW + timedelta(days=10), tick=False)
    assert shop(STATS, status=1, places=0)["invoiceStats"] == {
        "totalBalance": 75.0,
        "overDueBalance": 75.0,
        "hasDueInvoice": False,
        "hasOverDueInvoice": True,
    }


@pytest.mark.parametrize(("places", "told"), [(0, 11.0), (1, 10.5), (2, 10.5), (10, 10.5)])
def test_figures_are_rounded_half_up(shop, account, places, told):
    factories.an_open_invoice(account, factories.an_unpaid_order(account, "10.50", display_id="H"))
    assert shop(STATS, status=0, places=places)["invoiceStats"]["totalBalance"] == told


def test_figures_of_a_foreign_company_are_refused(graphql, account, mallory):
    shop = graphql(mallory)
    for pk in (account.pk, 987654321):
        assert shop.error(STATS, status=0, companies=[pk]) == ("Account not found", "NOT_FOUND")


@pytest.mark.parametrize(
    ("argument", "values"), [("status", {"status": 3}), ("decimalPlaces", {"status": 0, "places": 11})]
)
def test_figures_with_a_wrong_value(shop, account, argument, values):
    (error,) = shop.post(STATS, values).json()["errors"]
    assert error["extensions"]["field"] == argument


def test_who_pays_and_how(shop, account, alice):
    told = shop(
        """{ invoiceCustomerInformation { companyId companyName payerId payerName }
        invoicePaymentModules { moduleName value } invoiceBcOrderAllowMethods { allowMethods } }"""
    )
    assert told["invoiceCustomerInformation"] == {
        "companyId": str(account.pk),
        "companyName": "Globex",
        "payerId": str(alice.user.pk),
        "payerName": "Alice Example",
    }
    codes = ["pp_stripe_stripe", "pp_paypal_paypal", "pp_system_default"]
    assert [one["value"] for one in told["invoicePaymentModules"]] == codes
    assert told["invoiceBcOrderAllowMethods"]["allowMethods"] == codes
