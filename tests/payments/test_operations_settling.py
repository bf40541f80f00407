"""Booking what was seen: late money, surplus, several invoices in one payment."""

import pytest

from accounts.models import Account
from core.audit import SYSTEM, AuditEntry
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import (
    AccountCredit,
    Allocation,
    Payment,
    PaymentSession,
    ReconciliationIssue,
)
from payments.operations.outcomes import PaymentOutcome
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import MANUAL, NOW, STRIPE
from tests.payments.callers import stripe_client

pytestmark = pytest.mark.django_db
GOOD = "4242424242424242"


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


def tamper(sandbox, reference, **changes):
    """Change what the provider knows of a payment, behind everybody's back."""
    thing = sandbox.store.get("payment_intent", reference)
    sandbox.store.put("payment_intent", {**thing, **changes}, at=NOW.timestamp())


def taken_elsewhere(invoice, sandbox, minor=3940):
    """A card session whose money the provider took without our asking."""
    session = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(session.reference, GOOD)
    stripe_client(sandbox).payment_intents.capture(session.reference, {"amount_to_capture": minor})
    return session


def look(session, at=NOW):
    fresh = PaymentSession.objects.select_related("provider", "collection").get(pk=session.pk)
    return operations.look_at(session=fresh, at=at, by=SYSTEM)


def issues():
    return [(issue.kind, issue.amount, issue.resolved_at) for issue in ReconciliationIssue.objects.all()]


# Money that comes late, or twice


def test_money_for_a_cancelled_invoice_is_kept_as_credit(account, invoice, sandbox):
    session = taken_elsewhere(invoice, sandbox)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong address")
    told = look(session)
    assert told == PaymentOutcome(invoice.pk, "succeeded", True, "$39.40 paid and kept as account credit")
    payment, credit = Payment.objects.get(), AccountCredit.objects.get()
    assert (payment.status, payment.amount, payment.account) == ("captured", 3940, account)
    assert (credit.amount, credit.payment, credit.account, credit.reason) == (
        3940,
        payment,
        account,
        f"More was paid than was open ({payment.reference})",
    )
    assert issues() == [("surplus", 3940, None)]
    assert ReconciliationIssue.objects.get().known == (
        f"$39.40 of payment {payment.reference} was more than its invoices had open. It is kept as account "
        "credit. Tell the customer, or refund it at the provider."
    )
    assert not Allocation.objects.exists()
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount) == ("cancelled", 0)
    assert Account.objects.get(pk=account.pk).paid_amount == 0
    drain(at=NOW)
    assert_sound()


def test_the_trail_tells_of_the_payment_and_of_what_is_kept(account, invoice, sandbox):
    session = taken_elsewhere(invoice, sandbox)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong address")
    look(session)
    money = AuditEntry.objects.filter(object_kind__in=["payments.payment", "payments.accountcredit"])
    rows = money.order_by("pk").values_list("action", "object_id", "account_id", "after", "actor_kind")
    assert list(rows) == [
        (
            "payment.captured",
            Payment.objects.get().pk,
            account.pk,
            {"status": "captured", "amount": 3940, "currency": "USD"},
            "system",
        ),
        (
            "credit.kept",
            AccountCredit.objects.get().pk,
            account.pk,
            {"amount": 3940, "currency": "USD"},
            "system",
        ),
    ]


def test_money_that_is_found_when_a_closed_invoice_ends_its_sessions(account, invoice, sandbox):
    session = taken_elsewhere(invoice, sandbox)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong address")
    drain(at=NOW)
    session.refresh_from_db()
    assert session.status == "succeeded"
    assert AccountCredit.objects.get().amount == 3940
    assert_sound()


def test_money_for_an_invoice_that_was_paid_meanwhile(account, invoice, sandbox, stella):
    session = taken_elsewhere(invoice, sandbox)
    operations.verify_manual_payment(payment=factories.a_promised_payment(invoice), at=NOW, staff=stella)
    drain(at=NOW)
    statuses = Payment.objects.order_by("pk").values_list("provider__code", "status", "amount")
    assert list(statuses) == [(MANUAL, "captured", 3940), (STRIPE, "captured", 3940)]
    assert AccountCredit.objects.get().amount == 3940
    assert issues() == [("surplus", 3940, None)]
    assert Account.objects.get(pk=account.pk).paid_amount == 3940
    session.refresh_from_db()
    assert session.status == "succeeded"
    assert_sound()


def test_money_that_comes_while_another_payment_is_promised(account, invoice, sandbox, stella):
    session = taken_elsewhere(invoice, sandbox)
    promise = factories.a_promised_payment(invoice)
    look(session)
    assert AccountCredit.objects.get().amount == 3940  # the promise keeps the invoice
    assert_sound()
    operations.reject_manual_payment(payment=promise, at=NOW, staff=stella, reason="Nothing came")
    assert_sound()


def test_money_on_a_session_that_had_ended_is_booked_all_the_same(account, invoice, sandbox):
    session = taken_elsewhere(invoice, sandbox)
    PaymentSession.objects.filter(pk=session.pk).update(status="cancelled", ended_at=NOW)
    look(session)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount) == ("paid", 3940)
    session.refresh_from_db()
    assert session.status == "cancelled"  # ends are final
    assert Payment.objects.get().session == session


def test_several_invoices_in_one_payment(account, sandbox):
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    session = factories.a_collection_over(*pair).sessions.get(provider__code=STRIPE)
    session = operations.initiate_session(session=session, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, GOOD)
    told = operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    assert told == PaymentOutcome(pair[0].pk, "succeeded", True, "2 invoices paid successfully")
    shares = Allocation.objects.order_by("pk").values_list("invoice", "amount")
    assert list(shares) == [(pair[0].pk, 3940), (pair[1].pk, 3940)]
    assert set(Invoice.objects.values_list("status", flat=True)) == {"paid"}
    drain(at=NOW)
    assert_sound()


def test_a_surplus_on_one_of_several_invoices(account, sandbox, stella):
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    session = factories.a_collection_over(*pair).sessions.get(provider__code=STRIPE)
    session = operations.initiate_session(session=session, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, GOOD)
    stripe_client(sandbox).payment_intents.capture(session.reference)
    operations.verify_manual_payment(payment=factories.a_promised_payment(pair[0]), at=NOW, staff=stella)
    told = look(session)
    assert told.message == "2 invoices paid successfully"
    payment = Payment.objects.get(provider__code=STRIPE)
    assert [(one.invoice, one.amount) for one in payment.allocations.all()] == [(pair[1], 3940)]
    assert AccountCredit.objects.get().amount == 3940
    drain(at=NOW)
    assert_sound()


def test_an_invoice_takes_no_more_than_the_payment_covers_of_it(account, sandbox):
    """$10.00 of the first invoice and all of the second."""
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    collection = factories.a_collection_over(*pair)
    collection.covered.filter(invoice=pair[0]).update(amount=1000)
    collection.sessions.update(amount=4940)
    session = collection.sessions.get(provider__code=STRIPE)
    session = operations.initiate_session(session=session, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, GOOD)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    shares = Allocation.objects.order_by("pk").values_list("invoice", "amount")
    assert list(shares) == [(pair[0].pk, 1000), (pair[1].pk, 3940)]
    pair[0].refresh_from_db()
    assert (pair[0].status, pair[0].paid_amount, pair[0].open_balance) == ("sent", 1000, 2940)
    drain(at=NOW)
    assert_sound()


def test_the_second_payment_of_an_invoice_adds_to_the_first(account, invoice, sandbox, stella):
    collection = factories.a_collection_over(invoice)
    collection.covered.update(amount=1000)
    collection.sessions.update(amount=1000)
    session = collection.sessions.get(provider__code=STRIPE)
    session = operations.initiate_session(session=session, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, GOOD)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    operations.verify_manual_payment(payment=factories.a_promised_payment(invoice), at=NOW, staff=stella)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount) == ("paid", 3940)
    assert sorted(Allocation.objects.values_list("amount", flat=True)) == [1000, 2940]
    assert Account.objects.get(pk=account.pk).paid_amount == 3940
    drain(at=NOW)
    assert_sound()


def test_what_is_seen_again_is_not_booked_again(account, invoice, sandbox):
    """A webhook that comes twice, or after the browser."""
    session = taken_elsewhere(invoice, sandbox)
    first = look(session)
    with unchanged():
        assert look(session) == first
    assert first == PaymentOutcome(
        invoice.pk, "succeeded", True, f"Invoice {invoice.number} paid successfully"
    )
    assert Payment.objects.get().amount == 3940
