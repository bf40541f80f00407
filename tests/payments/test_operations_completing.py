"""Claim, call, settle: the money is taken once, however often it is asked and wherever the line breaks."""

from datetime import timedelta

import pytest
import requests

from accounts.models import Account
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, NotFound
from core.outbox import OutboxMessage
from payments import operations
from payments.models import (
    Allocation,
    Payment,
    PaymentCollectionInvoice,
    PaymentSession,
    ProviderCall,
)
from payments.operations.outcomes import PaymentOutcome
from payments.providers.base import Observation, State
from tests import factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, LOST_QUESTION, refused

pytestmark = pytest.mark.django_db
GOOD, DECLINED = "4242424242424242", "4000000000009995"
CARDS_AND_WALLETS = pytest.mark.parametrize("code", [STRIPE, PAYPAL])
LATER = NOW + timedelta(minutes=2)


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


def complete(session, at=NOW, by=SYSTEM):
    return operations.complete_payment(session=session, at=at, by=by)


def agreed(invoice, sandbox, code=STRIPE, by=SYSTEM):
    """A session whose payer agreed at the provider."""
    session = factories.an_initiated_session(invoice, code, by=by)
    if code == STRIPE:
        sandbox.confirm_card(session.reference, GOOD)
    else:
        sandbox.approve_paypal(session.reference)
    return session


def taken(sandbox, session):
    return [entry.amount for entry in sandbox.ledger() if entry.reference == session.reference]


def paid(invoice):
    return PaymentOutcome(invoice.pk, "succeeded", True, "Invoice INV-2025-001 paid successfully")


def processing(invoice):
    return PaymentOutcome(invoice.pk, "processing", True, "Your payment is being processed")


@CARDS_AND_WALLETS
def test_everything_moves_together(code, account, invoice, sandbox, alice):
    session = agreed(invoice, sandbox, code, by=alice.actor)
    assert complete(session, by=alice.actor) == paid(invoice)
    payment = Payment.objects.get()
    assert (payment.status, payment.amount, payment.currency, payment.captured_at) == (
        "captured",
        3940,
        "USD",
        NOW,
    )
    assert (payment.session, payment.account, payment.payer) == (session, account, alice.user)
    if code == STRIPE:
        assert (payment.reference, payment.method) == (session.reference, "card")
        assert payment.method_details == {"brand": "visa", "last4": "4242"}
    else:
        assert (payment.reference != session.reference, payment.method) == (True, "paypal")
    (allocation,) = Allocation.objects.all()
    assert (allocation.invoice, allocation.payment, allocation.amount) == (invoice, payment, 3940)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_at, invoice.paid_amount, invoice.reserved_amount) == (
        "paid",
        NOW,
        3940,
        0,
    )
    line = account.line_items.get()
    assert (line.settled_amount, line.settled_account_amount) == (3940, 3940)
    account.refresh_from_db()
    assert (account.paid_amount, account.balance_due, account.available_credit) == (3940, 0, 100_000)
    session.refresh_from_db()
    assert (session.status, session.ended_at, session.look_again_at) == ("succeeded", NOW, None)
    assert not PaymentCollectionInvoice.objects.filter(is_claimed=True).exists()
    moves = AuditEntry.objects.filter(object_kind="payments.paymentsession").order_by("pk")
    assert [(entry.action, entry.actor_label) for entry in moves] == [
        ("paymentsession.initiated", "alice@example.com"),
        ("paymentsession.capturing", "alice@example.com"),
        ("paymentsession.succeeded", "alice@example.com"),
    ]
    messages = OutboxMessage.objects.order_by("pk").values_list("kind", "payload")
    assert list(messages) == [
        ("invoice.closed", {"invoice": invoice.pk}),
        ("payments.receipt", {"payment": payment.pk}),
    ]
    assert taken(sandbox, session) == [3940]
    assert_sound()


@pytest.mark.parametrize("code", [STRIPE, PAYPAL, MANUAL])
def test_asked_again_it_answers_the_same_and_does_nothing(code, invoice, sandbox):
    session = factories.an_initiated_session(invoice, MANUAL) if code == MANUAL else None
    session = session or agreed(invoice, sandbox, code)
    first = complete(session)
    calls = len(sandbox.calls)
    for _ in range(3):
        with unchanged():
            assert complete(session) == first
    assert len(sandbox.calls) == calls


def test_a_promise_is_reserved_and_counts_nothing(account, invoice, alice):
    session = factories.an_initiated_session(invoice, MANUAL, by=alice.actor)
    text = "Invoice INV-2025-001 is awaiting verification of your payment"
    assert complete(session, by=alice.actor) == PaymentOutcome(invoice.pk, "manual_pending", True, text)
    payment = Payment.objects.get()
    assert (payment.status, payment.amount, payment.reference, payment.payer, payment.captured_at) == (
        "pending",
        3940,
        f"INV-2025-001-{session.pk}",
        alice.user,
        None,
    )
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount, invoice.reserved_amount, invoice.open_balance) == (
        "sent",
        0,
        3940,
        0,
    )
    assert Account.objects.get(pk=account.pk).balance_due == 3940
    assert not Allocation.objects.exists()
    assert_sound()


def test_a_session_that_nobody_opened_has_no_payer_yet(invoice):
    collection = operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    told = "Payment status: requires_payment_method"
    for code in (STRIPE, PAYPAL):
        with unchanged():
            outcome = complete(collection.sessions.get(provider__code=code))
        assert outcome == PaymentOutcome(invoice.pk, "requires_payment_method", False, error=told)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        (STRIPE, "requires_payment_method", "insufficient_funds"),
        (PAYPAL, "PAYER_ACTION_REQUIRED", "declined"),
    ],
)
def test_a_decline_is_kept_and_tried_again_with_another_card(invoice, sandbox, code, status, reason):
    session = factories.an_initiated_session(invoice, code)
    if code == STRIPE:
        sandbox.confirm_card(session.reference, DECLINED)
    else:
        sandbox.approve_paypal(session.reference, funding="declined")
    assert complete(session) == PaymentOutcome(invoice.pk, status, False, error=f"Payment status: {status}")
    session.refresh_from_db()
    assert (session.status, session.provider_status, session.decline_reason) == ("initiated", status, reason)
    invoice.refresh_from_db()
    assert (invoice.reserved_amount, invoice.open_balance) == (0, 3940)
    assert not PaymentCollectionInvoice.objects.filter(is_claimed=True).exists()
    assert not Payment.objects.exists()
    assert_sound()
    if code == STRIPE:
        sandbox.confirm_card(session.reference, GOOD)
    else:
        sandbox.approve_paypal(session.reference)
    assert complete(session) == paid(invoice)
    session.refresh_from_db()
    assert session.decline_reason == ""
    assert taken(sandbox, session) == [3940]
    assert Payment.objects.count() == 1
    assert_sound()


@CARDS_AND_WALLETS
@pytest.mark.parametrize("fault", [LOST_ANSWER, refused(500, after=True)])
def test_a_capture_whose_answer_was_lost_is_booked_once_by_reconciliation(
    code, invoice, sandbox, line, fault
):
    session = agreed(invoice, sandbox, code)
    line.next_calls = [("capture", fault)]
    assert complete(session) == processing(invoice)
    assert taken(sandbox, session) == [3940]
    invoice.refresh_from_db()
    assert (invoice.status, invoice.reserved_amount, invoice.open_balance) == ("sent", 3940, 0)
    assert_sound()
    with unchanged():
        assert complete(session) == processing(invoice)
    rival = "Invoice INV-2025-001 is awaiting the result of a payment"
    with refuses(Conflict, rival):
        factories.an_initiated_session(invoice, MANUAL)
    with unchanged():
        assert operations.reconcile(at=LATER - timedelta(seconds=1)).looked_at == 0
    assert operations.reconcile(at=LATER).ended == 1
    assert complete(session) == paid(invoice)
    assert Payment.objects.get().captured_at == LATER
    with unchanged():
        assert operations.reconcile(at=LATER + timedelta(days=2), everything=True).looked_at == 0
    assert taken(sandbox, session) == [3940]
    assert_sound(LATER)


@CARDS_AND_WALLETS
@pytest.mark.parametrize("fault", [LOST_QUESTION, refused(500), refused(429)])
def test_a_capture_that_was_never_made_is_made_by_reconciliation_with_a_new_key(
    code, invoice, sandbox, line, fault
):
    session = agreed(invoice, sandbox, code)
    line.next_calls = [("capture", fault)]
    assert complete(session) == processing(invoice)
    assert taken(sandbox, session) == []
    operations.reconcile(at=LATER)
    assert complete(session) == paid(invoice)
    assert taken(sandbox, session) == [3940]
    outcomes = ProviderCall.objects.filter(kind="capture").order_by("pk").values_list("outcome", flat=True)
    assert list(outcomes) == ["ProviderUnavailable", "succeeded" if code == STRIPE else "COMPLETED"]
    assert_sound(LATER)


@CARDS_AND_WALLETS
def test_a_last_look_that_fails_decides_nothing(code, invoice, sandbox, line):
    session = agreed(invoice, sandbox, code)
    line.always = [(session.reference, refused(503))]
    assert complete(session) == processing(invoice)
    line.always = []
    operations.reconcile(at=LATER)
    assert complete(session) == paid(invoice)
    assert taken(sandbox, session) == [3940]


class Died(BaseException):
    """The process was killed."""


@pytest.fixture
def dying(monkeypatch):
    """The process dies at the first call whose address contains a word, before or after it was answered."""
    real = requests.Session.send

    def arrange(patch, word, *, after):
        def send(self, request, **options):
            if word not in request.url:
                return real(self, request, **options)
            if after:
                real(self, request, **options)
            raise Died

        patch.setattr(requests.Session, "send", send)

    return arrange


@CARDS_AND_WALLETS
@pytest.mark.parametrize(
    ("word", "after", "captured_by_then"),
    [("{reference}", False, []), ("{reference}/capture", False, []), ("{reference}/capture", True, [3940])],
    ids=["before the call", "at the call", "before settling"],
)
def test_a_process_that_died_is_finished_by_reconciliation(
    code, word, after, captured_by_then, invoice, sandbox, monkeypatch, dying
):
    session = agreed(invoice, sandbox, code)
    with monkeypatch.context() as patch:
        dying(patch, word.format(reference=session.reference), after=after)
        with pytest.raises(Died):
            complete(session)
    assert taken(sandbox, session) == captured_by_then
    session.refresh_from_db()
    assert session.status == "capturing"
    assert_sound()
    operations.reconcile(at=LATER)
    assert complete(session) == paid(invoice)
    assert taken(sandbox, session) == [3940]
    call = ProviderCall.objects.get(kind="capture")
    used = {seen.idempotency_key for seen in sandbox.calls if f"{session.reference}/capture" in seen.path}
    assert used == {str(call.uuid)}  # asked again with the key that was written down
    with unchanged():
        operations.reconcile(at=LATER + timedelta(days=2), everything=True)
    assert_sound(LATER)


@pytest.mark.parametrize("state", [State.AWAITING_PAYER, State.FAILED])
def test_what_was_seen_before_a_claim_cannot_undo_it(invoice, sandbox, line, state):
    """A look began before the payer agreed and ends while the money is on its way."""
    session = agreed(invoice, sandbox)
    before = PaymentSession.objects.select_related("provider", "collection").get(pk=session.pk)
    line.next_calls = [("capture", LOST_ANSWER)]
    complete(session)
    seen = Observation(state=state, reference=session.reference, status="requires_payment_method")
    outcome = operations.settle(session=before, seen=seen, at=NOW + timedelta(seconds=1), by=SYSTEM)
    assert outcome == processing(invoice)
    invoice.refresh_from_db()
    assert invoice.reserved_amount == 3940
    assert_sound()
    operations.reconcile(at=NOW + timedelta(minutes=3))
    assert complete(session) == paid(invoice)
    assert taken(sandbox, session) == [3940]


def test_two_ways_at_once_are_refused(invoice, sandbox, line):
    card, wallet = agreed(invoice, sandbox, STRIPE), agreed(invoice, sandbox, PAYPAL)
    promise = factories.an_initiated_session(invoice, MANUAL)
    line.next_calls = [("capture", LOST_ANSWER)]
    complete(card)
    for other in (wallet, promise):
        with refuses(Conflict, "Invoice INV-2025-001 is being paid right now"):
            complete(other)
    assert taken(sandbox, wallet) == []


def test_an_open_balance_that_shrank_is_not_paid_twice(invoice, sandbox):
    session = agreed(invoice, sandbox)
    type(invoice).objects.filter(pk=invoice.pk).update(reserved_amount=1)
    with refuses(Conflict, "The open balance of invoice INV-2025-001 has changed"):
        complete(session)
    assert taken(sandbox, session) == []


def test_an_account_on_hold_may_still_pay(account, invoice, sandbox):
    Account.objects.filter(pk=account.pk).update(status="suspended")
    assert complete(agreed(invoice, sandbox)) == paid(invoice)


def test_a_provider_that_was_taken_out(invoice):
    session = factories.an_initiated_session(invoice, MANUAL)
    type(session.provider).objects.filter(code=MANUAL).update(code="pp_acme")
    with refuses(NotFound, "Unsupported payment provider: pp_acme"):
        complete(session)


def test_an_order_that_paypal_forgot_has_failed_and_the_invoice_is_free(invoice, sandbox, line):
    session = agreed(invoice, sandbox, PAYPAL)
    line.always = [(session.reference, refused(404))]
    assert complete(session) == PaymentOutcome(
        invoice.pk, "canceled", False, error="Payment status: canceled"
    )
    session.refresh_from_db()
    assert (session.status, session.provider_status) == ("failed", "expired")
    invoice.refresh_from_db()
    assert invoice.open_balance == 3940
    assert_sound()
