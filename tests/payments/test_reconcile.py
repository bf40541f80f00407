"""Reconciliation: what died, went silent or was lost is brought to its end."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from core.audit import SYSTEM, AuditEntry
from core.outbox import OutboxMessage
from payments import operations
from payments.models import Payment, PaymentSession, ReconciliationIssue
from payments.operations.reconciling import Reconciled
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, LOST_QUESTION, Fault, refused

pytestmark = pytest.mark.django_db
GOOD = "4242424242424242"
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


def stuck(invoice, sandbox, line, word="capture", fault=LOST_ANSWER):
    """A card session that is capturing, of which we know no more."""
    session = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(session.reference, GOOD)
    line.always = [(word, fault)]
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    return session


def run(**options):
    out = StringIO()
    call_command("reconcile", stdout=out, **options)
    return out.getvalue().strip()


def test_the_command(invoice, sandbox, line, time_machine):
    stuck(invoice, sandbox, line)
    line.always = []
    assert run() == "0 sessions looked at, 0 ended, 0 could not be looked up"
    time_machine.move_to(NOW + 2 * MINUTE, tick=False)
    assert run() == "1 sessions looked at, 1 ended, 0 could not be looked up"
    with unchanged():
        assert run() == "0 sessions looked at, 0 ended, 0 could not be looked up"
    assert Payment.objects.get().amount == 3940
    assert not OutboxMessage.objects.exclude(status="done").exists()  # it delivers what waits
    assert_sound()


def test_the_command_with_all_waits_for_nothing(invoice, sandbox, line):
    stuck(invoice, sandbox, line)
    line.always = []
    assert run(all=True) == "1 sessions looked at, 1 ended, 0 could not be looked up"


@pytest.mark.parametrize("code", [STRIPE, PAYPAL])
def test_an_authorized_payment_whose_browser_is_gone_is_captured(invoice, sandbox, code):
    session = factories.an_initiated_session(invoice, code)
    if code == STRIPE:
        sandbox.confirm_card(session.reference, GOOD)
    else:
        sandbox.approve_paypal(session.reference)
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(1, 1, 0)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_at) == ("paid", NOW + 2 * MINUTE)
    told = AuditEntry.objects.get(action="paymentsession.capturing")
    assert told.actor_label == "Invoicing Site"
    assert_sound()


def test_an_abandoned_payment_is_looked_at_ever_more_rarely(invoice, sandbox):
    session = factories.an_initiated_session(invoice, STRIPE)
    at, waits = NOW, []
    for _ in range(7):
        session.refresh_from_db()
        waits.append((session.look_again_at - at) // MINUTE)
        at = session.look_again_at
        assert operations.reconcile(at=at - timedelta(seconds=1)).looked_at == 0
        assert operations.reconcile(at=at) == Reconciled(1, 0, 0)
    assert waits == [2, 3, 10, 45, 1440, 1440, 1440]
    assert not ReconciliationIssue.objects.exists()
    assert_sound(at)


def test_an_undecided_payment_is_looked_at_ever_more_rarely_and_told_once(invoice, sandbox, line):
    session = stuck(invoice, sandbox, line, "payment_intents", refused(503))
    at, waits, told = NOW, [], []
    for _ in range(6):
        session.refresh_from_db()
        waits.append((session.look_again_at - at) // MINUTE)
        at = session.look_again_at
        assert operations.reconcile(at=at) == Reconciled(1, 0, 1)
        told.append(ReconciliationIssue.objects.count())
        assert_sound(at)
    assert waits == [2, 3, 10, 45, 1440, 1440]
    assert told == [0, 0, 1, 1, 1, 1]  # after 2, 5, 15 minutes, …
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.session, issue.amount, issue.currency) == ("undecided", session, 3940, "USD")
    assert issue.opened_at == NOW + 15 * MINUTE
    assert issue.known == (
        f"Payment session {session.pk} has been capturing since 2025-09-03 05:21 UTC. "
        f"{session.provider.name} has not decided (last word: no answer). We keep asking. "
        f"Look up {session.reference} at the provider."
    )
    line.always = []
    end = at + timedelta(days=1)
    assert operations.reconcile(at=end) == Reconciled(1, 1, 0)
    issue.refresh_from_db()
    assert (issue.resolved_at, issue.resolution) == (end, "The session ended as succeeded.")
    assert_sound(end)


def test_a_payment_that_the_provider_has_not_decided_stays_as_it_is(invoice, sandbox, line):
    session = stuck(invoice, sandbox, line)
    line.always = []
    intent = sandbox.store.get("payment_intent", session.reference)
    sandbox.store.put("payment_intent", {**intent, "status": "processing"}, at=0)
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(1, 0, 0)
    session.refresh_from_db()
    assert (session.status, session.provider_status) == ("capturing", "processing")
    assert not Payment.objects.exists()
    sandbox.store.put("payment_intent", intent, at=0)
    assert operations.reconcile(at=NOW + 7 * MINUTE) == Reconciled(1, 1, 0)
    assert_sound()


def test_a_decline_that_is_found_later_frees_the_invoice(invoice, sandbox, line):
    session = stuck(invoice, sandbox, line, "capture", LOST_QUESTION)
    line.always = []
    intent = sandbox.store.get("payment_intent", session.reference)
    error = {"code": "card_declined", "decline_code": "insufficient_funds"}
    declined = {**intent, "status": "requires_payment_method", "last_payment_error": error}
    sandbox.store.put("payment_intent", declined, at=0)
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(1, 0, 0)
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.decline_reason, invoice.open_balance) == (
        "initiated",
        "insufficient_funds",
        3940,
    )
    assert_sound()


def test_a_payment_that_was_cancelled_at_the_provider(invoice, sandbox, line):
    session = stuck(invoice, sandbox, line, "capture", LOST_QUESTION)
    line.always = []
    intent = sandbox.store.get("payment_intent", session.reference)
    sandbox.store.put("payment_intent", {**intent, "status": "canceled"}, at=0)
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(1, 1, 0)
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.ended_at, invoice.open_balance) == ("failed", NOW + 2 * MINUTE, 3940)
    assert_sound()


def test_a_capturing_payment_that_the_provider_forgot_is_for_staff(invoice, sandbox, line):
    """The money may have moved: nothing is guessed."""
    session = stuck(invoice, sandbox, line)
    line.always = [(session.reference, refused(404))]
    for minutes in (2, 7, 22):
        assert operations.reconcile(at=NOW + minutes * MINUTE) == Reconciled(1, 0, 1)
    session.refresh_from_db()
    assert session.status == "capturing"
    assert ReconciliationIssue.objects.get().kind == "undecided"
    assert_sound(NOW + 22 * MINUTE)


def test_an_initiated_payment_that_the_provider_forgot_is_over(invoice, sandbox, line):
    session = factories.an_initiated_session(invoice, PAYPAL)
    line.always = [(session.reference, refused(404))]
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(1, 1, 0)
    session.refresh_from_db()
    assert (session.status, session.provider_status) == ("cancelled", "expired")
    again = factories.an_initiated_session(invoice, PAYPAL)
    assert again.pk != session.pk
    assert_sound()


@pytest.mark.parametrize("fault", [refused(503), Fault(200, "{}"), Fault(200, "<html>")])
def test_one_bad_session_does_not_keep_back_the_others(account, invoice, sandbox, line, fault):
    bad = factories.an_initiated_session(invoice, STRIPE)
    good = factories.an_initiated_session(factories.an_open_invoice(account), STRIPE)
    sandbox.confirm_card(good.reference, GOOD)
    line.always = [(bad.reference, fault)]
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(2, 1, 1)
    good.refresh_from_db()
    assert good.status == "succeeded"


def test_promises_and_providers_that_were_taken_out_are_asked_nothing(account, invoice, sandbox):
    factories.an_initiated_session(invoice, MANUAL)
    other = factories.an_initiated_session(factories.an_open_invoice(account), STRIPE)
    type(other.provider).objects.filter(code=STRIPE).update(code="pp_acme")
    assert operations.reconcile(at=NOW + timedelta(days=2), everything=True) == Reconciled(0, 0, 0)


def test_a_held_card_waits_while_somebody_else_s_promise_is_checked(invoice, sandbox, stella):
    """The hold is neither captured nor lost sight of; when the promise is verified it is given back."""
    card = factories.an_initiated_session(invoice, STRIPE)
    promise = factories.a_promised_payment(invoice)
    sandbox.confirm_card(card.reference, GOOD)
    assert operations.reconcile(at=NOW + 2 * MINUTE) == Reconciled(1, 0, 0)
    card.refresh_from_db()
    assert (card.status, sandbox.intent(card.reference)["status"]) == ("initiated", "requires_capture")
    operations.verify_manual_payment(payment=promise, at=NOW + 3 * MINUTE, staff=stella)
    operations.reconcile(at=NOW + 3 * MINUTE)
    card.refresh_from_db()
    assert (card.status, sandbox.intent(card.reference)["status"]) == ("cancelled", "canceled")
    assert Payment.objects.count() == 1
    assert_sound()


def test_20_every_capture_at_the_provider_has_one_payment_here(account, sandbox, line):
    before = len(sandbox.ledger())
    faults = [LOST_ANSWER, LOST_QUESTION, refused(500, after=True), refused(500), refused(429), None]
    for fault in faults:
        invoice = factories.an_open_invoice(account)
        session = factories.an_initiated_session(invoice, STRIPE)
        sandbox.confirm_card(session.reference, GOOD)
        line.next_calls = [("capture", fault)] if fault else []
        operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    operations.reconcile(at=NOW + 2 * MINUTE)
    theirs = sorted((entry.reference, entry.amount) for entry in sandbox.ledger()[before:])
    ours = sorted(Payment.objects.values_list("reference", "amount"))
    assert theirs == ours
    assert len(ours) == len(faults)
    assert set(PaymentSession.objects.filter(provider__code=STRIPE).values_list("status", flat=True)) == {
        "succeeded"
    }
    assert_sound()
