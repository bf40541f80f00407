"""Money that does not fit: recorded and told, never spent; what was only authorized is not taken."""

from datetime import timedelta

import pytest
from moneyed import Money

from accounts.models import Account
from core.audit import SYSTEM
from core.outbox import OutboxMessage, drain
from payments import operations
from payments.models import Allocation, Payment, PaymentCollectionInvoice, ReconciliationIssue
from payments.providers.base import Observation, State
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW, STRIPE
from tests.payments.test_operations_completing import agreed, complete, processing
from tests.payments.test_operations_settling import issues, look, taken_elsewhere, tamper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
LATER = NOW + timedelta(minutes=2)


def mismatches(sandbox, reference, kind):
    if kind == "currency":
        tamper(sandbox, reference, currency="eur")
    elif kind == "another session":
        tamper(sandbox, reference, metadata={"session": "00000000-0000-4000-8000-000000000000"})
    elif kind == "no session":
        tamper(sandbox, reference, metadata={})
    else:
        tamper(sandbox, reference, livemode=True)


MISMATCHES = [
    ("amount", "the amount is $30.00, not $39.40", ("USD", 3000)),
    ("currency", "the amount is €39.40, not $39.40", ("EUR", 3940)),
    ("another session", "it names another payment session", ("USD", 3940)),
    ("no session", "it names another payment session", ("USD", 3940)),
    ("live mode", "it was made in live mode", ("USD", 3940)),
]


@pytest.mark.parametrize(("kind", "why", "booked"), MISMATCHES)
def test_money_that_does_not_fit_is_unassigned_and_keeps_its_invoice(
    account, invoice, sandbox, kind, why, booked
):
    session = taken_elsewhere(invoice, sandbox, 3000 if kind == "amount" else 3940)
    if kind != "amount":
        mismatches(sandbox, session.reference, kind)
    assert operations.complete_payment(session=session, at=NOW, by=SYSTEM).status == "processing"
    payment = Payment.objects.get()
    assert (payment.status, payment.account, payment.session) == ("unassigned", None, session)
    assert (payment.currency, payment.amount, payment.reference) == (*booked, session.reference)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.session, issue.resolved_at) == (
        "mismatch",
        payment,
        session,
        None,
    )
    assert issue.known == (
        f"{session.provider.name} reports {session.reference} as captured, but {why}. "
        "It is booked as unassigned, and its invoices are kept. Compare both sides at the provider."
    )
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, invoice.status, invoice.reserved_amount, invoice.paid_amount) == (
        "capturing",
        "sent",
        3940,
        0,
    )
    assert not Allocation.objects.exists()
    assert not OutboxMessage.objects.filter(kind="payments.receipt").exists()
    assert Account.objects.get(pk=account.pk).paid_amount == 0
    assert_sound()


def test_money_that_does_not_fit_is_booked_once_and_looked_at_ever_more_rarely(invoice, sandbox):
    session = taken_elsewhere(invoice, sandbox, 3000)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    at, waits = NOW, []
    for _ in range(6):
        session.refresh_from_db()
        waits.append((session.look_again_at - at) // timedelta(minutes=1))
        at = session.look_again_at
        operations.reconcile(at=at)
    assert waits == [2, 3, 10, 45, 1440, 1440]
    assert Payment.objects.count() == 1
    assert issues() == [("mismatch", 3940, None)]  # one matter, one issue
    assert_sound(at)
    ReconciliationIssue.objects.update(resolved_at=at)
    operations.reconcile(at=at + timedelta(days=1))
    assert [kind for kind, _, resolved in issues() if resolved is None] == ["undecided"]


def test_money_that_does_not_fit_is_found_before_anybody_completes_the_payment(invoice, sandbox):
    """By webhook or reconciliation: the invoice is kept from a second payment all the same."""
    session = taken_elsewhere(invoice, sandbox, 3000)
    assert look(session).status == "processing"
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.claimed_at, invoice.open_balance) == ("capturing", NOW, 0)
    assert Payment.objects.get().status == "unassigned"
    assert_sound()


@pytest.mark.parametrize(
    ("value", "currency", "minor", "written"),
    [
        ("10.50", "ISK", 11, "10.50 ISK"),
        ("39.405", "USD", 3941, "39.405 USD"),
        ("39.404", "USD", 3940, "39.404 USD"),
    ],
)
def test_money_in_odd_places_is_recorded(invoice, sandbox, value, currency, minor, written):
    """What moved is written down as nearly as the currency can, and told as the provider wrote it."""
    session = factories.an_initiated_session(invoice, STRIPE)
    seen = Observation(
        state=State.CAPTURED,
        reference=session.reference,
        capture_reference=session.reference,
        amount=Money(value, currency),
        session=str(session.uuid),
    )
    operations.settle(session=session, seen=seen, at=NOW, by=SYSTEM)
    payment = Payment.objects.get()
    assert (payment.status, payment.amount, payment.currency) == ("unassigned", minor, currency)
    assert f"but the amount is {written}, not $39.40. It is booked" in ReconciliationIssue.objects.get().known
    invoice.refresh_from_db()
    assert (invoice.paid_amount, invoice.open_balance) == (0, 0)
    assert_sound()


def test_money_too_small_to_write_down_is_told_and_keeps_its_invoice(invoice, sandbox):
    session = taken_elsewhere(invoice, sandbox, 3940)
    tamper(sandbox, session.reference, currency="isk", amount_received=40)
    for minutes in (2, 5):
        operations.reconcile(at=NOW + timedelta(minutes=minutes))
    assert not Payment.objects.exists()
    assert ReconciliationIssue.objects.get().known == (
        f"{session.provider.name} reports {session.reference} as captured, but the amount is 0.40 ISK, not "
        "$39.40. Its invoices are kept. Compare both sides at the provider."
    )
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, invoice.open_balance) == ("capturing", 0)
    assert_sound()


def test_money_that_does_not_fit_for_an_invoice_that_is_closed_ends_the_session(invoice, sandbox, stella):
    session = taken_elsewhere(invoice, sandbox, 3000)
    operations.verify_manual_payment(payment=factories.a_promised_payment(invoice), at=NOW, staff=stella)
    drain(at=NOW)
    session.refresh_from_db()
    assert (session.status, session.provider_status) == ("cancelled", "succeeded")
    unassigned = Payment.objects.get(provider__code=STRIPE)
    assert (unassigned.status, unassigned.amount) == ("unassigned", 3000)
    assert not OutboxMessage.objects.exclude(status="done").exists()
    assert issues() == [("mismatch", 3940, None)]
    assert_sound()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"amount": 3000, "amount_capturable": 3000}, "the amount is $30.00, not $39.40"),
        (
            {"amount": 5000, "metadata": {}},
            "the amount is $50.00, not $39.40, and it names another payment session",
        ),
        ({"livemode": True}, "it was made in live mode"),
    ],
)
def test_an_issue_about_an_authorization_names_the_difference_and_closes_with_its_session(
    change, why, invoice, sandbox, line
):
    session = agreed(invoice, sandbox)
    tamper(sandbox, session.reference, **change)
    assert complete(session) == processing(invoice)
    assert line.calls("/capture") == 0
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.session, issue.payment, issue.resolved_at) == ("mismatch", session, None, None)
    assert issue.known == (
        f"{session.provider.name} authorized {session.reference} for payment session {session.pk}, "
        f"but {why}. It was not captured. Cancel it at the provider."
    )
    assert_sound()
    tamper(sandbox, session.reference, status="canceled")
    operations.reconcile(at=LATER)
    session.refresh_from_db()
    issue.refresh_from_db()
    assert session.status == "failed"
    assert (issue.resolved_at, issue.resolution) == (LATER, "The session ended as failed.")
    assert not PaymentCollectionInvoice.objects.filter(is_claimed=True).exists()
    assert_sound(LATER)
