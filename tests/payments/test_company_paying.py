"""Paying company invoices at the storefront: several in one payment, in full or in part."""

import pytest

from accounts.models import Membership
from core.audit import AuditEntry
from invoices.models import Invoice
from payments import operations
from payments.models import PaymentCollection, PaymentSession
from tests import cast, factories
from tests.books import assert_sound, unchanged
from tests.factories import MANUAL, NOW, STRIPE
from tests.payments.company_documents import CART, FINISH, ONE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice):
    return used(graphql(alice))


def used(shop):
    """Its token was used before, so that a refusal has nothing to write at all."""
    shop.post("{ invoices { totalCount } }")
    return shop


@pytest.fixture
def pair(account):
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


def cart(*items, currency="USD", **details):
    lines = [{"invoiceId": pk, "amount": amount} for pk, amount in items]
    return {"lineItems": lines, "currency": currency, "details": details}


def open_balances(shop, invoices):
    nodes = [shop(ONE, id=one.pk)["invoice"] for one in invoices]
    return [(one["openBalance"]["value"], one["status"], one["pendingPaymentCount"]) for one in nodes]


def test_several_in_one_payment_from_the_cart_to_the_receipt(shop, account, pair, sandbox):
    made = shop(CART, data=cart((pair[0].pk, "10.0000"), (pair[1].pk, "39.4000")))
    result = made["invoiceCreateBcCart"]["result"]
    collection = PaymentCollection.objects.get()
    assert result["cartId"] == str(collection.pk)
    assert result["checkoutUrl"].endswith(f"/account/{account.number}/pay/{collection.pk}/")
    assert collection.amount == 4940
    session = initiated(collection, STRIPE)
    sandbox.confirm_card(session.reference, "4242424242424242")
    assert shop(FINISH, id=collection.pk, comment="For March")["invoiceFinishBcPayment"] == {
        "result": "succeeded"
    }
    assert open_balances(shop, pair) == [("29.4000", 1, 0), ("0.0000", 2, 0)]
    assert AuditEntry.objects.get(action="paymentcollection.remarked").reason == "For March"
    assert shop(FINISH, id=collection.pk)["invoiceFinishBcPayment"] == {"result": "succeeded"}
    assert_sound()


def initiated(collection, code):
    return operations.change_method(collection=collection, provider_code=code, at=NOW, by=factories.SYSTEM)


def test_a_promise_takes_its_amounts_off_the_open_balances_at_once(shop, pair):
    shop(CART, data=cart((pair[0].pk, "10"), (pair[1].pk, "39.4")))
    collection = PaymentCollection.objects.get()
    initiated(collection, MANUAL)
    assert shop(FINISH, id=collection.pk)["invoiceFinishBcPayment"] == {"result": "manual_pending"}
    assert open_balances(shop, pair) == [("29.4000", 1, 1), ("0.0000", 2, 1)]


def test_a_cart_that_nobody_chose_a_way_for_is_not_finished(shop, pair):
    shop(CART, data=cart((pair[0].pk, "10")))
    text = "Choose how to pay first"
    with unchanged():
        assert shop.error(FINISH, id=PaymentCollection.objects.get().pk) == (text, "CONFLICT")


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("39.41", "Invoice INV-2025-002: Payment amount cannot exceed outstanding balance of $39.40"),
        ("0", "Invoice INV-2025-002: Payment amount must be positive"),
        ("-1", "Invoice INV-2025-002: Payment amount must be positive"),
        ("1.005", "Invoice INV-2025-002: Enter dollars with at most 2 decimals"),
        ("ten", "Invoice INV-2025-002: Enter an amount"),
        ("1,5", "Invoice INV-2025-002: Enter an amount"),
        ("NaN", "Invoice INV-2025-002: Enter an amount"),
        ("", "Invoice INV-2025-002: Enter an amount"),
        ("9" * 40, "Invoice INV-2025-002: Enter an amount"),
    ],
)
def test_a_wrong_amount_names_its_invoice_and_makes_nothing(shop, pair, amount, text):
    with unchanged():
        (error,) = shop.post(CART, {"data": cart((pair[0].pk, "10"), (pair[1].pk, amount))}).json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == (text, "VALIDATION_ERROR")


def test_a_foreign_and_a_random_invoice_are_refused_alike(shop, pair, mallory):
    foreign = factories.an_open_invoice(mallory.user.accounts.get())
    for pk in (foreign.pk, 987654321, -5):
        with unchanged():
            error = shop.error(CART, data=cart((pair[0].pk, "10"), (pk, "10")))
        assert error == (f"Invoice {pk} not found", "NOT_FOUND")


def test_companies_are_paid_one_at_a_time(shop, pair, alice, mallory):
    """Also by somebody who may pay for both."""
    other = mallory.user.accounts.get()
    Membership.objects.create(user=alice.user, account=other, role="admin")
    theirs = factories.an_open_invoice(other)
    with unchanged():
        error = shop.error(CART, data=cart((pair[0].pk, "10"), (theirs.pk, "10")))
    text = f"Invoice {theirs.number} is another company's: pay it on its own"
    assert error == (text, "VALIDATION_ERROR")


def test_another_currency_is_refused(shop, pair):
    with unchanged():
        error = shop.error(CART, data=cart((pair[0].pk, "10"), currency="EUR"))
    assert error == ("Invoice INV-2025-001 is in USD, not in EUR", "VALIDATION_ERROR")


def test_nothing_is_no_payment(shop, account):
    with unchanged():
        error = shop.error(CART, data=cart())
    assert error == ("Select at least one invoice", "VALIDATION_ERROR")


def test_a_paid_invoice_is_refused(shop, account, stella):
    paid = factories.a_paid_invoice(account, stella)
    with unchanged():
        assert shop.error(CART, data=cart((paid.pk, "10"))) == (
            "Invoice INV-2025-001 is already paid",
            "CONFLICT",
        )


def test_who_may_not_pay_is_refused(graphql, account, pair, sam, bob, shop):
    shop(CART, data=cart((pair[0].pk, "10")))
    collection = PaymentCollection.objects.get()
    refused = ("Insufficient permissions", "FORBIDDEN")
    for theirs in (used(graphql(sam)), used(graphql(bob))):
        with unchanged():
            assert theirs.error(CART, data=cart((pair[0].pk, "10"))) == refused
            assert theirs.error(FINISH, id=collection.pk) == refused


def test_a_member_pays_their_own_orders_alone(graphql, account, pair):
    ann = cast.member("Ann Example", account, "custom", get_invoices=2, pay_invoice=1)
    line = factories.an_unpaid_order(account, display_id="77")
    type(line.order).objects.filter(pk=line.order.pk).update(placed_by=ann.user)
    own = factories.an_open_invoice(account, line)
    shop = graphql(ann)
    assert shop(CART, data=cart((own.pk, "10")))["invoiceCreateBcCart"]["result"]["cartId"]
    with unchanged():
        error = shop.error(CART, data=cart((own.pk, "10"), (pair[0].pk, "10")))
    assert error == ("Insufficient permissions", "FORBIDDEN")


def test_a_stranger_finishes_nothing(graphql, shop, pair, mallory):
    shop(CART, data=cart((pair[0].pk, "10")))
    collection = PaymentCollection.objects.get()
    for pk in (collection.pk, 987654321):
        assert graphql(mallory).error(FINISH, id=pk) == ("Payment not found", "NOT_FOUND")
    assert PaymentSession.objects.filter(status="created").count() == 3
    assert Invoice.objects.filter(paid_amount__gt=0).count() == 0
