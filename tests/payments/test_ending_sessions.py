"""What must take no money any more: every session of a closed invoice ends, each cancel is a question of its
own, and nobody captures for a claim that was given back."""

from datetime import timedelta

import pytest
import requests

from core.audit import SYSTEM
from core.outbox import OutboxMessage, drain
from invoices import operations as invoices
from payments import operations
from payments.models import (
    AccountCredit,
    Payment,
    PaymentSession,
    ProviderCall,
    ReconciliationIssue,
)
from payments.operations.completing import look_at
from payments.operations.reconciling import StillLive, end_session
from payments.providers.base import Observation, ProviderUnavailable, State
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, LOST_QUESTION, Fault, refused
from tests.payments.test_operations_completing import agreed, complete, processing, taken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
GOOD = "4242424242424242"
MINUTE = timedelta(minutes=1)
LATER = NOW + 2 * MINUTE
STORED_FAILURE = Fault(500, "{}")


def intent_is(sandbox, session, **changes):
    """The card payment as Stripe shows it from now on."""
    intent = sandbox.store.get("payment_intent", session.reference)
    sandbox.store.put("payment_intent", {**intent, **changes}, at=0)


def known(session):
    """The session as somebody reads it now."""
    return PaymentSession.objects.select_related("provider", "collection").get(pk=session.pk)


def statuses():
    return dict(PaymentSession.objects.values_list("provider__code", "status"))


def test_every_cancel_has_a_key_of_its_own(invoice, sandbox, line):
    """Stripe keeps a failure for its key: asked again by it, it only says it again."""
    session = factories.an_initiated_session(invoice, STRIPE)
    line.always = [("/cancel", STORED_FAILURE)]
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            end_session(session=session, at=NOW)
    line.always = []
    end_session(session=session, at=LATER)
    session.refresh_from_db()
    assert (session.status, session.ended_at) == ("cancelled", LATER)
    keys = [headers["Idempotency-Key"] for _, path, _, headers in line.seen if path.endswith("/cancel")]
    calls = ProviderCall.objects.filter(kind="cancel").order_by("pk")
    assert keys == [str(call.uuid) for call in calls]
    assert len(set(keys)) == 4
    assert [(call.outcome, call.answered_at) for call in calls] == [("", None)] * 3 + [("canceled", LATER)]


@pytest.fixture
def undecided_card(invoice, sandbox, stella):
    """The invoice was paid by a bank transfer while a card payment, which Stripe has not decided, and an
    agreed PayPal order were open; the card's session is the first."""
    card = factories.an_initiated_session(invoice, STRIPE)
    agreed(invoice, sandbox, PAYPAL)
    intent_is(sandbox, card, status="processing")
    promise = factories.a_promised_payment(invoice)
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    return card


def test_one_session_that_does_not_end_does_not_keep_the_others_alive(undecided_card, sandbox):
    drain(at=NOW)
    assert statuses() == {STRIPE: "initiated", PAYPAL: "cancelled", MANUAL: "succeeded"}
    message = OutboxMessage.objects.get(kind="invoice.closed")
    assert (message.status, message.attempts, message.last_error) == ("waiting", 1, "StillLive")
    assert_sound()
    intent_is(sandbox, undecided_card, status="requires_payment_method")
    drain(at=message.not_before)
    assert statuses() == {STRIPE: "cancelled", PAYPAL: "cancelled", MANUAL: "succeeded"}
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("done", 2)
    assert_sound(message.done_at)


def test_money_of_a_session_that_did_not_end_becomes_credit(undecided_card, sandbox):
    drain(at=NOW)
    intent_is(sandbox, undecided_card, status="succeeded", amount_received=3940)
    drain(at=NOW + MINUTE)
    assert statuses() == {STRIPE: "succeeded", PAYPAL: "cancelled", MANUAL: "succeeded"}
    credit = AccountCredit.objects.get()
    assert (credit.payment.session, credit.amount) == (undecided_card, 3940)
    issue = ReconciliationIssue.objects.get(resolved_at=None)
    assert (issue.kind, issue.amount) == ("surplus", 3940)
    assert_sound(NOW + MINUTE)


def test_a_session_that_its_provider_does_not_end_is_told(undecided_card):
    with pytest.raises(StillLive):
        end_session(session=known(undecided_card), at=NOW)


# A claim that was given back


@pytest.fixture
def meanwhile(monkeypatch):
    """Something happens while the answer to the next question about a reference travels."""
    real = requests.Session.send

    def arrange(reference, act):
        waiting = [act]

        def send(self, request, **options):
            answer = real(self, request, **options)
            if request.method == "GET" and reference in request.url and waiting:
                waiting.pop()()
            return answer

        monkeypatch.setattr(requests.Session, "send", send)

    return arrange


def test_nothing_is_captured_for_a_claim_that_was_given_back(invoice, sandbox, line, meanwhile):
    """Two look at one claim. The first saw the payer not yet agreed and gives the claim back; the second saw
    the payer agreed, and must not take the money of an invoice that was cancelled in between."""
    session = factories.an_initiated_session(invoice, STRIPE)
    line.next_calls = [(session.reference, LOST_QUESTION)]
    assert complete(session) == processing(invoice)
    first, second = known(session), known(session)
    early = Observation(
        state=State.AWAITING_PAYER, reference=session.reference, status="requires_payment_method"
    )
    sandbox.confirm_card(session.reference, GOOD)

    def give_back():
        operations.settle(session=first, seen=early, at=LATER, by=SYSTEM)
        invoices.cancel_invoice(invoice=invoice, at=LATER, staff=None, reason="The customer asked")

    meanwhile(session.reference, give_back)
    assert look_at(session=second, at=LATER, by=SYSTEM).success is False
    assert line.calls("/capture") == 0
    session.refresh_from_db()
    assert session.status == "initiated"
    drain(at=LATER)
    session.refresh_from_db()
    assert (session.status, sandbox.intent(session.reference)["status"]) == ("cancelled", "canceled")
    assert taken(sandbox, session) == []
    assert not Payment.objects.exists()
    assert_sound(LATER)


def test_a_claim_that_was_made_anew_is_left_to_who_made_it(invoice, sandbox, line, meanwhile):
    session = factories.an_initiated_session(invoice, STRIPE)
    line.next_calls = [(session.reference, LOST_QUESTION)]
    complete(session)
    first, second = known(session), known(session)
    early = Observation(
        state=State.AWAITING_PAYER, reference=session.reference, status="requires_payment_method"
    )
    sandbox.confirm_card(session.reference, GOOD)

    def claim_anew():
        operations.settle(session=first, seen=early, at=LATER, by=SYSTEM)
        line.next_calls = [("/capture", LOST_QUESTION)]
        assert complete(session, at=LATER) == processing(invoice)

    meanwhile(session.reference, claim_anew)
    assert look_at(session=second, at=LATER, by=SYSTEM) == processing(invoice)
    assert line.calls("/capture") == 1  # the question that was lost
    assert taken(sandbox, session) == []
    assert_sound(LATER)


# The sessions of an invoice that is closed


@pytest.mark.parametrize("held", [False, True])
def test_the_other_sessions_of_a_paid_invoice_end_through_the_outbox(invoice, sandbox, held):
    card, wallet = (factories.an_initiated_session(invoice, code) for code in (STRIPE, PAYPAL))
    if held:
        sandbox.confirm_card(card.reference, GOOD)
    sandbox.approve_paypal(wallet.reference)
    operations.complete_payment(session=wallet, at=NOW, by=SYSTEM)
    assert_sound()  # they may live as long as the message waits
    assert drain(at=NOW) == 2
    ends = dict(PaymentSession.objects.values_list("provider__code", "status"))
    assert ends == {STRIPE: "cancelled", PAYPAL: "succeeded", MANUAL: "cancelled"}
    assert sandbox.intent(card.reference)["status"] == "canceled"
    call = ProviderCall.objects.get(kind="cancel")
    assert (call.session, call.outcome, call.answered_at) == (card, "canceled", NOW)
    assert_sound()
    with unchanged():
        drain(at=NOW + timedelta(days=1))


@pytest.mark.parametrize("fault", [LOST_ANSWER, refused(503)])
def test_a_sibling_that_could_not_be_cancelled_is_tried_again(invoice, sandbox, line, fault):
    card = factories.an_initiated_session(invoice, STRIPE)
    wallet = factories.an_initiated_session(invoice, PAYPAL)
    sandbox.approve_paypal(wallet.reference)
    operations.complete_payment(session=wallet, at=NOW, by=SYSTEM)
    line.next_calls = [("cancel", fault)]
    drain(at=NOW)
    card.refresh_from_db()
    assert card.status == "initiated"
    assert_sound()
    drain(at=NOW + timedelta(seconds=10))
    card.refresh_from_db()
    assert card.status == "cancelled"
    keys = [headers["Idempotency-Key"] for _, path, _, headers in line.seen if "cancel" in path]
    assert len(keys) == 2
    assert len(set(keys)) == 2  # a key whose answer was a failure would only replay it
    assert_sound()


def test_the_sessions_of_a_cancelled_invoice_end(invoice, sandbox):
    card = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(card.reference, GOOD)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong")
    drain(at=NOW)
    assert set(PaymentSession.objects.values_list("status", flat=True)) == {"cancelled"}
    assert sandbox.intent(card.reference)["status"] == "canceled"
    assert_sound()


def test_a_session_of_a_provider_that_was_taken_out_ends_too(invoice, sandbox, stella):
    card = factories.an_initiated_session(invoice, STRIPE)
    promise = factories.a_promised_payment(invoice)
    type(card.provider).objects.filter(code=STRIPE).update(code="pp_acme")
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    drain(at=NOW)
    card.refresh_from_db()
    assert card.status == "cancelled"
    assert_sound()
