"""Invariant 20: every capture at a provider is one payment here, and the reverse. The daily comparison."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from moneyed import Money

from payments import operations
from payments.models import Allocation, Comparison, Payment, PaymentSession, ReconciliationIssue, Refund
from payments.operations import comparing
from payments.providers.base import Transaction
from tests.books import assert_sound
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.faults import Fault
from tests.payments.test_operations_completing import agreed, complete

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
SOON = NOW + timedelta(minutes=1)
TOMORROW = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def of_this_test_alone(sandbox):
    """What earlier tests left in the sandbox's books is no money of these."""
    sandbox.store.clear()


def compared(at=SOON) -> list[tuple[str, int, int]]:
    made = operations.compare(at=at)
    return [(one.provider.code, one.compared, one.differing) for one in made]


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_books_that_agree(invoice, sandbox, stella, code):
    complete(agreed(invoice, sandbox, code))
    payment = Payment.objects.get()
    operations.refund_payment(payment=payment, amount=1000, reason="x", at=NOW, staff=stella)
    expected = [(STRIPE, 2 if code == STRIPE else 0, 0), (PAYPAL, 2 if code == PAYPAL else 0, 0)]
    assert sorted(compared()) == sorted(expected)
    assert sorted(compared(TOMORROW)) == sorted(expected)
    assert not ReconciliationIssue.objects.exists()


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_a_capture_whose_session_we_had_given_up_is_booked(invoice, sandbox, code):
    session = agreed(invoice, sandbox, code)
    PaymentSession.objects.filter(pk=session.pk).update(status="cancelled", ended_at=NOW)
    sandbox.capture_at_dashboard(session.reference)
    assert (code, 1, 1) in compared()
    payment = Payment.objects.get()
    assert (payment.status, payment.session, payment.amount) == ("captured", session, 3940)
    assert Allocation.objects.get().invoice == invoice
    assert (code, 1, 0) in compared(TOMORROW)


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_what_went_back_of_such_a_capture_is_booked_with_it(invoice, sandbox, code):
    """Also where the provider lists the newest first, and so the refund before its capture."""
    session = agreed(invoice, sandbox, code)
    PaymentSession.objects.filter(pk=session.pk).update(status="cancelled", ended_at=NOW)
    sandbox.capture_at_dashboard(session.reference)
    sandbox.refund_at_dashboard(session.reference, 500)
    assert (code, 2, 2) in compared()
    assert (Payment.objects.get().status, Refund.objects.get().amount) == ("partially_refunded", 500)
    assert sorted(Allocation.objects.values_list("amount", flat=True)) == [-500, 3940]


def test_money_for_no_payment_of_ours_is_nobodys(invoice, sandbox):
    session = agreed(invoice, sandbox, STRIPE)
    sandbox.capture_at_dashboard(session.reference)
    PaymentSession.objects.filter(pk=session.pk).update(reference="pi_another")
    assert (STRIPE, 1, 1) in compared()
    payment = Payment.objects.get()
    assert (payment.status, payment.session, payment.account, payment.amount) == (
        "unassigned",
        None,
        None,
        3940,
    )
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.amount, issue.currency) == ("unknown", payment, 3940, "USD")
    assert issue.known == (
        f"$39.40 moved at Card as {session.reference}, for no payment of ours. Assign it to an account, or "
        "send it back."
    )
    assert (STRIPE, 1, 0) in compared(TOMORROW)
    assert (Payment.objects.count(), ReconciliationIssue.objects.count()) == (1, 1)


def test_a_crash_while_nobodys_money_is_booked(invoice, sandbox, monkeypatch):
    """It is booked and told to staff, or neither: the next comparison does both."""
    session = agreed(invoice, sandbox, STRIPE)
    sandbox.capture_at_dashboard(session.reference)
    PaymentSession.objects.filter(pk=session.pk).update(reference="pi_another")
    with monkeypatch.context() as patch:
        patch.setattr("payments.operations.comparing.record", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            compared()
    assert not Payment.objects.exists()
    assert (STRIPE, 1, 1) in compared()
    assert ReconciliationIssue.objects.get().payment == Payment.objects.get()
    assert_sound()


def test_a_part_of_nobodys_money_that_went_back(invoice, sandbox, stella):
    """Capture and refund are found by one comparison, in whatever order they are told; the rest of the money
    is still nobody's."""
    session = agreed(invoice, sandbox, STRIPE)
    sandbox.capture_at_dashboard(session.reference)
    PaymentSession.objects.filter(pk=session.pk).update(reference="pi_another")
    sandbox.refund_at_dashboard(session.reference, 940)
    assert (STRIPE, 2, 2) in compared()
    assert (STRIPE, 2, 0) in compared(SOON)
    payment = Payment.objects.get()
    refund = Refund.objects.get()
    assert (payment.status, refund.status, refund.amount) == ("unassigned", "done", 940)
    assert_sound()
    operations.refund_payment(payment=payment, amount=3000, reason="x", at=SOON, staff=stella)
    payment.refresh_from_db()
    assert payment.status == "refunded"
    assert_sound()


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_a_capture_that_we_had_given_up_and_that_went_back(invoice, sandbox, code):
    session = agreed(invoice, sandbox, code)
    PaymentSession.objects.filter(pk=session.pk).update(status="cancelled", ended_at=NOW)
    sandbox.capture_at_dashboard(session.reference)
    sandbox.refund_at_dashboard(session.reference)
    assert (code, 2, 2) in compared()
    assert (Payment.objects.get().status, Refund.objects.get().amount) == ("refunded", 3940)
    assert (code, 2, 0) in compared(SOON)


def test_another_amount(invoice, sandbox):
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    Payment.objects.filter(pk=payment.pk).update(amount=4000)
    assert (STRIPE, 1, 1) in compared()
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment) == ("mismatch", payment)
    assert "moved as" in issue.known
    assert "$40.00" in issue.known
    compared(TOMORROW)
    assert ReconciliationIssue.objects.count() == 1


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_a_payment_that_the_provider_does_not_know(invoice, sandbox, code):
    complete(agreed(invoice, sandbox, code))
    sandbox.store.clear()
    assert (code, 0, 0) in compared(), "a report may lag: nothing is missing yet"
    assert (code, 0, 1) in compared(TOMORROW)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment) == ("missing", Payment.objects.get())
    assert "does not know it" in issue.known


def test_a_report_that_lags_is_asked_about_one_by_one(invoice, sandbox, monkeypatch):
    complete(agreed(invoice, sandbox, STRIPE))
    monkeypatch.setattr("payments.providers.stripe.Stripe.transactions", lambda self, **_: iter(()))
    assert (STRIPE, 0, 0) in compared(TOMORROW)
    assert not ReconciliationIssue.objects.exists()


def test_a_refund_made_at_the_provider(invoice, sandbox):
    complete(agreed(invoice, sandbox, PAYPAL))
    sandbox.refund_at_dashboard(Payment.objects.get().session.reference, 500)
    assert (PAYPAL, 2, 1) in compared()
    refund = Refund.objects.get()
    assert (refund.status, refund.amount) == ("done", 500)
    assert ReconciliationIssue.objects.get().kind == "unknown"
    assert (PAYPAL, 2, 0) in compared(TOMORROW)
    assert_sound()


def test_refunds_of_no_payment_of_ours_are_told_once(invoice, sandbox, monkeypatch):
    """Of captures that are older than the first comparison."""
    moved = [
        Transaction("refund", f"re_{number}", Money("5.00", "USD"), NOW, "pi_of_nobody") for number in (1, 2)
    ]
    monkeypatch.setattr("payments.providers.stripe.Stripe.transactions", lambda self, **_: iter(moved))
    assert (STRIPE, 2, 2) in compared()
    told = ReconciliationIssue.objects.order_by("pk")
    assert [(one.kind, one.amount, one.currency, one.payment) for one in told] == [
        ("unknown", 500, "USD", None)
    ] * 2
    assert [one.known for one in told] == [
        f"$5.00 went back at Card as {one.reference}, of no payment of ours. Look it up at the provider."
        for one in moved
    ]
    ReconciliationIssue.objects.update(resolved_at=NOW)
    compared(TOMORROW)
    assert not ReconciliationIssue.objects.filter(resolved_at=None).exists()


def test_a_refund_that_the_provider_does_not_know(invoice, sandbox, stella):
    complete(agreed(invoice, sandbox, STRIPE))
    made = operations.refund_payment(
        payment=Payment.objects.get(), amount=500, reason="x", at=NOW, staff=stella
    )
    Refund.objects.filter(pk=made.pk).update(reference="re_of_nobody")
    compared(TOMORROW)
    assert {issue.kind for issue in ReconciliationIssue.objects.all()} >= {"missing"}


def test_a_refund_that_a_lagging_report_leaves_out(invoice, sandbox, stella, monkeypatch):
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    operations.refund_payment(payment=payment, amount=500, reason="x", at=NOW, staff=stella)
    monkeypatch.setattr("payments.providers.stripe.Stripe.transactions", lambda self, **_: iter(()))
    assert (STRIPE, 0, 0) in compared(TOMORROW)
    assert not ReconciliationIssue.objects.exists(), "it was asked about alone"
    Comparison.objects.all().delete()
    monkeypatch.setattr("payments.providers.stripe.Stripe.refunds", lambda self, **_: [])
    assert (STRIPE, 0, 0) in compared(), "a report may lag: nothing is missing yet"
    assert (STRIPE, 0, 1) in compared(TOMORROW)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.amount) == ("missing", payment, 500)


def test_a_refund_that_the_bank_sent_back_to_us(invoice, sandbox, stella):
    """Stripe calls it failed afterwards, and lists it with the others all the same."""
    complete(agreed(invoice, sandbox, STRIPE))
    payment = Payment.objects.get()
    made = operations.refund_payment(payment=payment, amount=500, reason="x", at=NOW, staff=stella)
    known = sandbox.store.get("refund", made.reference)
    sandbox.store.put("refund", {**known, "status": "failed"}, at=0)
    assert (STRIPE, 1, 1) in compared(TOMORROW)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.amount) == ("missing", payment, 500)
    assert "was done and failed afterwards" in issue.known
    operations.resolve_issue(issue=issue, at=TOMORROW, staff=stella, reason="Sent by bank transfer")
    operations.find_refunds(payment=payment, at=TOMORROW)  # as a webhook does
    compared(TOMORROW + timedelta(days=1))
    assert ReconciliationIssue.objects.count() == 1


def test_another_capture_of_the_session_is_not_this_payment(invoice, sandbox, monkeypatch):
    complete(agreed(invoice, sandbox, STRIPE))
    Payment.objects.update(reference="pi_another")
    monkeypatch.setattr("payments.providers.stripe.Stripe.transactions", lambda self, **_: iter(()))
    assert (STRIPE, 0, 1) in compared(TOMORROW)
    assert ReconciliationIssue.objects.get().kind == "missing"


def test_a_provider_that_is_silent_is_compared_the_next_time(invoice, sandbox, line):
    complete(agreed(invoice, sandbox, STRIPE))
    line.always = [("balance_transactions", Fault(500))]
    assert [code for code, *_ in compared()] == [PAYPAL]
    line.always = []
    assert sorted(code for code, *_ in compared(TOMORROW)) == [PAYPAL, STRIPE]
    assert Comparison.objects.filter(provider__code=STRIPE).count() == 1


def test_a_list_that_we_cannot_digest_keeps_no_other_provider_from_being_compared(
    account, sandbox, monkeypatch
):
    def digested(row, *, at):
        if row.code == STRIPE:
            raise ZeroDivisionError
        return real(row, at=at)

    real = comparing._compare
    monkeypatch.setattr(comparing, "_compare", digested)
    with pytest.raises(ZeroDivisionError):
        operations.compare(at=SOON)
    assert [one.provider.code for one in Comparison.objects.all()] == [PAYPAL]


@pytest.mark.parametrize("wrong", ["amount", "unknown"])
def test_what_staff_resolved_is_not_told_again(invoice, sandbox, stella, wrong):
    """The spans of three days see the same money every day."""
    complete(agreed(invoice, sandbox, STRIPE))
    if wrong == "amount":
        Payment.objects.update(amount=4000)
    else:
        sandbox.store.clear()
    later = TOMORROW + timedelta(hours=1)
    compared(later)
    operations.resolve_issue(issue=ReconciliationIssue.objects.get(), at=later, staff=stella, reason="Known")
    compared(later + timedelta(days=1))
    assert ReconciliationIssue.objects.count() == 1


def test_spans_overlap(account):
    compared()
    compared(TOMORROW)
    newest, first = Comparison.objects.filter(provider__code=STRIPE)
    assert first.since == SOON - timedelta(days=31)
    assert newest.since == first.until - timedelta(days=3)


def test_the_issue_list_says_when_it_was_last_compared(client, account, stella):
    compared()
    client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
    page = client.get("/admin/payments/reconciliationissue/").content.decode()
    assert "0 transactions compared" in page
