"""Refunds that no provider can express, that fail after they were done, and that cannot be read at all."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from moneyed import Money

from core.errors import Conflict
from payments import operations
from payments.models import Comparison, Payment, ReconciliationIssue, Refund
from payments.operations import refunding
from payments.operations.reconciling import reconcile
from payments.providers.base import (
    ProviderForgot,
    ProviderUnavailable,
    Refunded,
    Transaction,
)
from payments.providers.paypal import PayPal
from payments.providers.stripe import Stripe
from tests import factories
from tests.books import assert_sound, refuses
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.faults import Fault
from tests.payments.test_operations_completing import agreed, complete

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def of_this_test_alone(sandbox):
    """What earlier tests left in the sandbox's books is no money of these."""
    sandbox.store.clear()


@pytest.mark.parametrize(
    ("code", "currency", "price", "part"), [(STRIPE, "KWD", "12.340", 6175), (PAYPAL, "HUF", "5000", 10050)]
)
def test_a_part_that_the_provider_cannot_express(sandbox, stella, code, currency, price, part):
    account = factories.an_account("Initech", limit=Money(100000, currency))
    charge = factories.an_unpaid_order(account, price, region=factories.a_region("There", currency))
    complete(agreed(factories.an_open_invoice(account, charge), sandbox, code))
    payment = Payment.objects.get()
    made = operations.refund_payment(payment=payment, amount=part, reason="x", at=NOW, staff=stella)
    assert made.status == "failed"
    assert "did not send it back" in ReconciliationIssue.objects.get().known
    assert reconcile(at=NOW + DAY).refunds == 0
    assert_sound()
    made = operations.refund_payment(payment=payment, amount=payment.amount, reason="x", at=NOW, staff=stella)
    assert made.status == "done"


def failed_afterwards(invoice, sandbox, staff) -> Refund:
    """A refund that was done and that the bank sent back to us."""
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    made = operations.refund_payment(payment=payment, amount=3940, reason="x", at=NOW, staff=staff)
    assert made.status == "done"
    known = sandbox.store.get("refund", made.reference)
    sandbox.store.put("refund", {**known, "status": "failed"}, at=0)
    return made


def test_one_that_failed_after_it_was_done_is_told_by_its_webhook(invoice, sandbox, stella):
    made = failed_afterwards(invoice, sandbox, stella)
    for _ in range(2):
        operations.find_refunds(payment=made.payment, at=NOW + 9 * DAY)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.amount) == ("missing", made.payment, 3940)


def test_staff_who_refund_it_again_at_the_provider(invoice, sandbox, stella, monkeypatch):
    """More went back than we can book: staff hear of it, and the comparison goes on."""
    made = failed_afterwards(invoice, sandbox, stella)
    again = Refunded("re_again", Money("39.40", "USD"), "done")
    monkeypatch.setattr(Stripe, "refunds", lambda self, **_: [again])
    moved = Transaction("refund", again.reference, again.amount, NOW + 9 * DAY, made.payment.reference)
    monkeypatch.setattr(Stripe, "transactions", lambda self, **_: iter([moved]))
    compared = {one.provider.code for one in operations.compare(at=NOW + 9 * DAY)}
    assert compared == {STRIPE, PAYPAL}
    assert any("re_again" in one.known for one in ReconciliationIssue.objects.all())
    assert_sound()


def test_one_that_cannot_be_read_does_not_stop_the_comparison(account, sandbox, monkeypatch):
    """Money that came to the merchant by another way than ours, and went back: PayPal has no order of it."""
    monkeypatch.setattr(PayPal, "refunds", Mock(side_effect=ProviderForgot("PayPal: RESOURCE_NOT_FOUND")))
    five = Money("5.00", "USD")
    moved = [
        Transaction("capture", "C1", five, NOW, "C1"),
        Transaction("refund", "R1", five, NOW, "C1"),
        Transaction("refund", "R2", five, NOW, "of_nobody"),
    ]
    monkeypatch.setattr(PayPal, "transactions", lambda self, **_: iter(moved))
    for day in (1, 2):
        operations.compare(at=NOW + day * DAY)
    assert Comparison.objects.filter(provider__code=PAYPAL).count() == 2
    told = [one.known for one in ReconciliationIssue.objects.order_by("pk")]
    for known, reference in zip(told, ("C1", "R1", "R2"), strict=True):
        assert f" as {reference}, " in known


def test_one_that_is_pending_when_it_is_compared_is_not_silent(invoice, sandbox, monkeypatch):
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    ten = Money("10.00", "USD")
    monkeypatch.setattr(Stripe, "refunds", lambda self, **_: [Refunded("re_late", ten, "pending")])
    moved = [Transaction("refund", "re_late", ten, NOW, payment.reference)]
    monkeypatch.setattr(Stripe, "transactions", lambda self, **_: iter(moved))
    operations.compare(at=NOW + DAY)
    monkeypatch.setattr(Stripe, "refunds", lambda self, **_: [Refunded("re_late", ten, "done")])
    monkeypatch.setattr(Stripe, "transactions", lambda self, **_: iter(()))  # five days ago by now
    operations.compare(at=NOW + 5 * DAY)
    assert ReconciliationIssue.objects.exists()


def test_each_refund_made_at_the_provider_is_told(invoice, sandbox):
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    for amount in (500, 700):
        sandbox.refund_at_dashboard(payment.session.reference, amount)
        operations.find_refunds(payment=payment, at=NOW)
    assert sorted(ReconciliationIssue.objects.values_list("amount", flat=True)) == [500, 700]


def test_another_process_that_pursues_it_first_is_no_refusal(invoice, sandbox, stella, monkeypatch):
    """Staff who hear of a refusal would send the same part back once more."""
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    held, calls = refunding.held, []

    def overtaken(of):
        calls.append(of)
        if len(calls) == 2:  # between the reservation and the lock that asks for it
            refunding.pursue(refund=Refund.objects.get(), at=NOW)
        return held(of)

    monkeypatch.setattr(refunding, "held", overtaken)
    made = operations.refund_payment(payment=payment, amount=1000, reason="x", at=NOW, staff=stella)
    assert (made.status, len(sandbox.ledger())) == ("done", 2)
    assert_sound()


def test_more_is_going_back_than_came(invoice, sandbox, line, stella):
    """One of ours that waits for an answer, and one that somebody made at the provider meanwhile."""
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    line.always = [("/v1/refunds", Fault(500))]
    operations.refund_payment(payment=payment, amount=3000, reason="x", at=NOW, staff=stella)
    line.always = []
    sandbox.refund_at_dashboard(payment.session.reference, 2000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stripe, "refund", Mock(side_effect=ProviderUnavailable))
        operations.find_refunds(payment=payment, at=NOW)
    with refuses(Conflict, f"Nothing of payment {payment.reference} can be sent back"):
        operations.refund_payment(payment=payment, amount=1, reason="x", at=NOW, staff=stella)
    assert_sound()
