"""Payments that take their time: what is under way keeps its invoice, whoever saw it first, is looked at on a
schedule that counts from what happened last, and never goes unmentioned."""

from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from core.audit import SYSTEM, Actor
from core.errors import Conflict
from payments import operations
from payments.models import AccountCredit, Payment, PaymentCollectionInvoice, PaymentSession
from payments.operations.completing import look_at
from payments.operations.reconciling import Reconciled
from tests import factories
from tests.books import assert_sound, refuses
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import LOST_ANSWER, LOST_QUESTION
from tests.payments.test_ending_sessions import intent_is
from tests.payments.test_operations_completing import agreed, complete, paid, processing, taken

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
GOOD, DECLINED = "4242424242424242", "4000000000009995"
MINUTE = timedelta(minutes=1)
LATER = NOW + 2 * MINUTE
HOOK = Actor(kind="event", id="evt_1", label="pp_stripe_stripe payment_intent.processing")


def seen_by(by, session, at=LATER):
    """Reconciliation or a webhook looks at the session."""
    session.refresh_from_db()
    if by is SYSTEM:
        operations.reconcile(at=at)
    else:
        look_at(session=session, at=at, by=by)
    session.refresh_from_db()


def claimed():
    return list(PaymentCollectionInvoice.objects.filter(is_claimed=True).values_list("collection", flat=True))


EITHER = pytest.mark.parametrize("by", [SYSTEM, HOOK], ids=["reconciliation", "a webhook"])


@EITHER
def test_a_payment_seen_under_way_keeps_its_invoice(invoice, sandbox, by):
    """A bank debit that the payer began, and closed the browser: nobody may pay a second time."""
    card, wallet = factories.an_initiated_session(invoice, STRIPE), agreed(invoice, sandbox, PAYPAL)
    intent_is(sandbox, card, status="processing")
    look_at(session=card, at=LATER, by=by)
    card.refresh_from_db()
    invoice.refresh_from_db()
    assert (card.status, card.claimed_at, card.look_again_at) == ("capturing", LATER, LATER + 2 * MINUTE)
    assert (invoice.reserved_amount, invoice.open_balance) == (3940, 0)
    assert claimed() == [card.collection_id]
    assert_sound(LATER)
    with refuses(Conflict, "Invoice INV-2025-001 is being paid right now"):
        complete(wallet, at=LATER)
    with refuses(Conflict, "Invoice INV-2025-001 is awaiting the result of a payment"):
        factories.an_initiated_session(invoice, MANUAL, at=LATER)
    assert taken(sandbox, wallet) == []
    intent_is(sandbox, card, status="succeeded", amount_received=3940)
    seen_by(by, card, at=LATER + 2 * MINUTE)
    assert complete(card) == paid(invoice)
    assert [(made.session, made.amount) for made in Payment.objects.all()] == [(card, 3940)]
    assert not AccountCredit.objects.exists()
    assert_sound(LATER + 2 * MINUTE)


@EITHER
@pytest.mark.parametrize(
    ("word", "status"), [("requires_payment_method", "initiated"), ("canceled", "failed")]
)
def test_a_payment_under_way_that_comes_to_nothing_frees_its_invoice(invoice, sandbox, by, word, status):
    session = factories.an_initiated_session(invoice, STRIPE)
    intent_is(sandbox, session, status="processing")
    seen_by(by, session)
    intent_is(sandbox, session, status=word)
    seen_by(by, session, at=LATER + 2 * MINUTE)
    invoice.refresh_from_db()
    assert (session.status, invoice.reserved_amount, invoice.open_balance) == (status, 0, 3940)
    assert claimed() == []
    assert_sound(LATER + 2 * MINUTE)


@EITHER
def test_a_payment_under_way_leaves_an_invoice_that_another_one_has(invoice, sandbox, line, by):
    card, wallet = factories.an_initiated_session(invoice, STRIPE), agreed(invoice, sandbox, PAYPAL)
    line.next_calls = [("/capture", LOST_ANSWER)]
    assert complete(wallet) == processing(invoice)
    intent_is(sandbox, card, status="processing")
    look_at(session=card, at=NOW + MINUTE, by=by)
    card.refresh_from_db()
    invoice.refresh_from_db()
    assert (card.status, card.provider_status, card.claimed_at) == ("initiated", "processing", None)
    assert (invoice.reserved_amount, invoice.open_balance) == (3940, 0)
    assert_sound(NOW + MINUTE)
    operations.reconcile(at=LATER)
    assert complete(wallet) == paid(invoice)
    assert [(made.session, made.amount) for made in Payment.objects.all()] == [(wallet, 3940)]
    assert_sound(LATER)


# When it is looked at


def looks(session, since, count):
    """After how many minutes since then each look comes, when each finds nothing new."""
    waits = []
    for _ in range(count):
        session.refresh_from_db()
        at = session.look_again_at
        waits.append((at - since) // MINUTE)
        assert operations.reconcile(at=at - timedelta(seconds=1)).looked_at == 0
        assert operations.reconcile(at=at).looked_at == 1
    return waits


DAY = 24 * 60
SCHEDULE = [2, 5, 15, 60, 60 + DAY, 60 + 2 * DAY]


def test_looks_count_from_the_opening(invoice, sandbox):
    """The session was made with its siblings; it is opened when the customer comes back after lunch."""
    operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    opened_at = NOW + timedelta(hours=2)
    session = factories.an_initiated_session(invoice, PAYPAL, at=opened_at)
    assert looks(session, opened_at, 6) == SCHEDULE


def test_an_order_that_was_opened_late_is_captured_in_time(invoice, sandbox):
    """A PayPal order lives for three hours: a look a day later finds nothing any more."""
    operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    opened_at = NOW + timedelta(hours=2)
    session = factories.an_initiated_session(invoice, PAYPAL, at=opened_at)
    operations.reconcile(at=opened_at + 2 * MINUTE)
    sandbox.approve_paypal(session.reference)  # and the browser is gone, the webhook lost
    assert operations.reconcile(at=opened_at + 5 * MINUTE) == Reconciled(1, 1, 0)
    assert complete(session) == paid(invoice)
    assert_sound(opened_at + 5 * MINUTE)


def test_looks_count_from_a_decline(invoice, sandbox):
    session = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(session.reference, DECLINED)
    declined_at = NOW + timedelta(hours=3)
    assert complete(session, at=declined_at).success is False
    assert looks(session, declined_at, 6) == SCHEDULE


def test_looks_count_from_the_claim(invoice, sandbox, line):
    session = agreed(invoice, sandbox)
    line.always = [(session.reference, LOST_QUESTION)]
    claimed_at = NOW + timedelta(hours=3)
    assert complete(session, at=claimed_at) == processing(invoice)
    assert looks(session, claimed_at, 6) == SCHEDULE


def test_hints_do_not_put_the_next_look_off(invoice, sandbox):
    """processing, charge.pending, charge.updated, …: four looks in as many seconds."""
    session = factories.an_initiated_session(invoice, STRIPE)
    intent_is(sandbox, session, status="processing")
    complete(session)
    for seconds in range(4):
        seen_by(HOOK, session, at=NOW + timedelta(seconds=seconds))
        assert session.look_again_at == NOW + 2 * MINUTE
    assert looks(session, NOW, 6) == SCHEDULE


def test_19_an_undecided_payment_is_never_silent(invoice, sandbox):
    """Reconciliation runs every minute; at no minute is the books' question about it unanswered."""
    session = factories.an_initiated_session(invoice, STRIPE)
    intent_is(sandbox, session, status="processing")
    complete(session)
    for minute in range(1, 31):
        operations.reconcile(at=NOW + minute * MINUTE)
        assert_sound(NOW + minute * MINUTE)
        told = session.issues.filter(kind="undecided", resolved_at=None).count()
        assert told == (1 if minute >= 15 else 0)


# An account that cannot be locked


def test_a_locked_account_does_not_end_the_pass(account, invoice, sandbox):
    """Somebody holds the first account for longer than PostgreSQL lets us wait."""
    stuck = agreed(invoice, sandbox)
    other = agreed(factories.an_open_invoice(factories.an_account("Initech")), sandbox)

    def held(execute, sql, params, many, context):
        if 'FROM "accounts_account" WHERE "accounts_account"."id" =' in sql and account.pk in params:
            raise OperationalError("canceling statement due to lock timeout")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(held):
        assert operations.reconcile(at=LATER) == Reconciled(2, 1, 1)
    assert dict(PaymentSession.objects.exclude(reference="").values_list("pk", "status")) == {
        stuck.pk: "initiated",
        other.pk: "succeeded",
    }
    assert operations.reconcile(at=LATER + MINUTE) == Reconciled(1, 1, 0)
    assert complete(stuck) == paid(invoice)
    assert_sound(LATER + MINUTE)
