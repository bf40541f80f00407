"""What a provider will not do: a refusal for good ends the session and frees its invoice, a declined payer is
asked again and charged by nobody else, and what may have happened is never taken for a refusal."""

import json
from datetime import timedelta

import pytest

from core.audit import Actor
from payments import operations
from payments.models import Payment, PaymentCollectionInvoice, ProviderCall, ReconciliationIssue
from payments.operations.completing import look_at
from payments.operations.outcomes import PaymentOutcome
from payments.operations.reconciling import Reconciled
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, LOST_QUESTION, Fault, refused
from tests.payments.test_operations_completing import agreed, complete, paid, processing, taken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
GOOD, DECLINED = "4242424242424242", "4000000000009995"
MINUTE = timedelta(minutes=1)
LATER = NOW + 2 * MINUTE
HOOK = Actor(kind="event", id="evt_1", label="An event of the provider")
ENDED = "Payment status: canceled"


def paypal_says(issue):
    return Fault(422, json.dumps({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue}]}))


FOR_GOOD = pytest.mark.parametrize(
    ("code", "fault"),
    [(STRIPE, refused(400)), (STRIPE, refused(402)), (PAYPAL, paypal_says("TRANSACTION_REFUSED"))],
)


def captured_at_paypal(sandbox, session, status):
    """The order as PayPal shows it when its capture has this status."""
    order = sandbox.store.get("order", session.reference)
    unit = order["purchase_units"][0]
    unit["payments"] = {
        "captures": [{"id": f"C-{session.reference}", "status": status, "amount": unit["amount"]}]
    }
    sandbox.store.put("order", {**order, "status": "COMPLETED"}, at=0)


def assert_failed(session, invoice, word, *, at=NOW):
    """It ended without money, nothing is kept for it, and staff have nothing to do."""
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.provider_status, session.ended_at, session.look_again_at) == (
        "failed",
        word,
        at,
        None,
    )
    assert (invoice.status, invoice.reserved_amount, invoice.open_balance) == ("sent", 0, 3940)
    assert not PaymentCollectionInvoice.objects.filter(is_claimed=True).exists()
    assert not ReconciliationIssue.objects.filter(resolved_at=None).exists()
    assert not Payment.objects.exists()
    assert_sound(at)


@FOR_GOOD
def test_a_capture_that_is_refused_for_good_ends_the_session(code, fault, invoice, sandbox, line):
    session = agreed(invoice, sandbox, code)
    line.next_calls = [("/capture", fault)]
    assert complete(session) == PaymentOutcome(invoice.pk, "canceled", False, error=ENDED)
    assert_failed(session, invoice, "canceled")
    if code == STRIPE:
        assert sandbox.intent(session.reference)["status"] == "canceled"  # the payer's money is let go
    with unchanged():
        assert operations.reconcile(at=LATER, everything=True) == Reconciled(0, 0, 0)
    again = agreed(invoice, sandbox, code)
    assert (again.pk != session.pk, again.reference != session.reference) == (True, True)
    assert complete(again, at=LATER) == paid(invoice)
    assert (taken(sandbox, session), taken(sandbox, again)) == ([], [3940])
    assert line.calls("/capture") == 2
    assert_sound(LATER)


@FOR_GOOD
def test_a_late_hint_about_a_refused_payment_takes_nothing(code, fault, invoice, sandbox, line):
    session = agreed(invoice, sandbox, code)
    line.next_calls = [("/capture", fault)]
    complete(session)
    session.refresh_from_db()
    with unchanged():
        assert look_at(session=session, at=LATER, by=HOOK).status == "canceled"
    assert line.calls("/capture") == 1
    assert taken(sandbox, session) == []


@pytest.mark.parametrize("fault", [LOST_QUESTION, LOST_ANSWER, refused(503)])
def test_a_refused_capture_that_could_not_be_cancelled_stays_undecided(invoice, sandbox, line, fault):
    session = agreed(invoice, sandbox)
    line.next_calls = [("/capture", refused(400)), ("/cancel", fault)]
    assert complete(session) == processing(invoice)
    invoice.refresh_from_db()
    assert (invoice.reserved_amount, invoice.open_balance) == (3940, 0)
    assert_sound()
    line.next_calls = [("/capture", refused(400))]
    assert operations.reconcile(at=LATER) == Reconciled(1, 1, 0)
    assert_failed(session, invoice, "canceled", at=LATER)
    assert taken(sandbox, session) == []


def test_409_at_stripe_says_that_nobody_knows(invoice, sandbox, line):
    """Another request is at work on the intent: it may be taking the money."""
    session = agreed(invoice, sandbox)
    line.next_calls = [("/capture", refused(409, after=True))]
    assert complete(session) == processing(invoice)
    assert ProviderCall.objects.get(kind="capture").outcome == "ProviderUnavailable"
    assert line.calls("/cancel") == 0
    invoice.refresh_from_db()
    assert (invoice.reserved_amount, invoice.open_balance) == (3940, 0)
    assert_sound()
    assert operations.reconcile(at=LATER) == Reconciled(1, 1, 0)
    assert complete(session) == paid(invoice)
    assert taken(sandbox, session) == [3940]
    assert_sound(LATER)


@pytest.mark.parametrize("word", ["DECLINED", "FAILED"])
def test_a_paypal_capture_that_is_denied_after_a_while_lets_the_payer_begin_anew(
    word, invoice, sandbox, line
):
    session = agreed(invoice, sandbox, PAYPAL)
    captured_at_paypal(sandbox, session, "PENDING")
    assert complete(session) == processing(invoice)
    captured_at_paypal(sandbox, session, word)
    assert operations.reconcile(at=LATER) == Reconciled(1, 1, 0)
    assert_failed(session, invoice, word, at=LATER)
    again = agreed(invoice, sandbox, PAYPAL)
    assert (again.pk != session.pk, again.reference != session.reference) == (True, True)
    assert complete(again, at=LATER) == paid(invoice)
    assert taken(sandbox, again) == [3940]
    assert_sound(LATER)


def test_a_paypal_capture_that_was_pending_is_booked_when_it_completes(invoice, sandbox):
    session = agreed(invoice, sandbox, PAYPAL)
    captured_at_paypal(sandbox, session, "PENDING")
    assert complete(session) == processing(invoice)
    captured_at_paypal(sandbox, session, "COMPLETED")
    session.refresh_from_db()
    assert look_at(session=session, at=LATER, by=HOOK) == paid(invoice)
    payment = Payment.objects.get()
    assert (payment.reference, payment.amount, payment.captured_at) == (f"C-{session.reference}", 3940, LATER)
    assert_sound(LATER)


# Declines: the payer's turn


@pytest.mark.parametrize("by", [None, HOOK], ids=["reconciliation", "a webhook"])
def test_a_declined_instrument_is_charged_again_by_the_payer_alone(invoice, sandbox, line, alice, by):
    """PayPal's order reads APPROVED as before: nothing tells that the payer chose another instrument."""
    session = agreed(invoice, sandbox, PAYPAL, by=alice.actor)
    line.always = [("/capture", paypal_says("INSTRUMENT_DECLINED"))]
    word = "INSTRUMENT_DECLINED"
    declined = PaymentOutcome(invoice.pk, word, False, error=f"Payment status: {word}")
    assert complete(session, by=alice.actor) == declined
    for minutes in (2, 5, 15, 60):
        at = NOW + minutes * MINUTE
        session.refresh_from_db()
        if by is None:
            assert session.look_again_at == at
            assert operations.reconcile(at=at) == Reconciled(1, 0, 0)
        else:
            assert look_at(session=session, at=at, by=by) == declined
    assert line.calls("/capture") == 1
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.provider_status, session.decline_reason, invoice.open_balance) == (
        "initiated",
        word,
        "declined",
        3940,
    )
    line.always = []
    assert complete(session, at=at, by=alice.actor) == paid(invoice)
    assert taken(sandbox, session) == [3940]
    assert line.calls("/capture") == 2
    keys = [headers["PayPal-Request-Id"] for _, path, _, headers in line.seen if path.endswith("/capture")]
    assert len(set(keys)) == 2
    assert_sound(at)


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
@pytest.mark.parametrize("looked_between", [False, True])
@pytest.mark.parametrize("by", [None, HOOK], ids=["reconciliation", "a webhook"])
def test_a_payer_who_chose_another_card_and_is_gone_has_paid(invoice, sandbox, code, looked_between, by):
    """Declined first, then agreed anew at the provider; the browser never came back."""
    session = factories.an_initiated_session(invoice, code)
    if code == STRIPE:
        sandbox.confirm_card(session.reference, DECLINED)
    else:
        sandbox.approve_paypal(session.reference, funding="declined")
    assert complete(session).success is False
    if looked_between:
        assert operations.reconcile(at=LATER) == Reconciled(1, 0, 0)
    if code == STRIPE:
        sandbox.confirm_card(session.reference, GOOD)
    else:
        sandbox.approve_paypal(session.reference)
    at = NOW + 5 * MINUTE
    session.refresh_from_db()
    if by is None:
        assert operations.reconcile(at=at) == Reconciled(1, 1, 0)
    else:
        look_at(session=session, at=at, by=by)
    assert complete(session) == paid(invoice)
    assert taken(sandbox, session) == [3940]
    assert_sound(at)
