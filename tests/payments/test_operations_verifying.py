"""Promises: staff verify or reject them, each once, and never their own."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail

from accounts.models import Account, User
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from core.outbox import OutboxMessage, drain
from payments import operations
from payments.models import Payment
from payments.operations.outcomes import PaymentOutcome
from payments.providers.base import Observation, State
from tests import cast, factories
from tests.books import assert_sound, refuses
from tests.factories import MANUAL, NOW, STRIPE

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.fixture
def promise(invoice, alice):
    return factories.a_promised_payment(invoice, by=alice.user)


def verify(payment, staff, reason=""):
    operations.verify_manual_payment(payment=payment, at=LATER, staff=staff, reason=reason)


def reject(payment, staff, reason="Nothing came"):
    operations.reject_manual_payment(payment=payment, at=LATER, staff=staff, reason=reason)


def again(payment, by):
    return operations.complete_payment(session=payment.session, at=LATER, by=by)


def test_a_verified_promise_is_money(account, invoice, promise, stella, alice):
    verify(promise, stella, "  Seen on the statement of 4 September ")
    promise.refresh_from_db()
    assert (promise.status, promise.captured_at, promise.verified_at, promise.verified_by) == (
        "captured",
        LATER,
        LATER,
        stella,
    )
    assert (promise.reason, promise.rejected_at, promise.payer) == (
        "Seen on the statement of 4 September",
        None,
        alice.user,
    )
    assert [(one.invoice, one.amount) for one in promise.allocations.all()] == [(invoice, 3940)]
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_at, invoice.reserved_amount) == ("paid", LATER, 0)
    account.refresh_from_db()
    assert (account.paid_amount, account.balance_due) == (3940, 0)
    promise.session.refresh_from_db()
    assert (promise.session.status, promise.session.provider_status) == ("succeeded", "verified")
    told = AuditEntry.objects.filter(actor_label="stella@example.com").order_by("pk")
    assert [entry.action for entry in told] == [
        "payment.captured",
        "invoice.paid",
        "paymentsession.succeeded",
    ]
    assert again(promise, alice.actor) == PaymentOutcome(
        invoice.pk, "succeeded", True, "Invoice INV-2025-001 paid successfully"
    )
    drain(at=LATER)
    assert_sound(LATER)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["alice@example.com"], "Your bank transfer of $39.40 is verified")


def test_a_rejected_promise_frees_the_invoice_and_says_why(account, invoice, promise, stella, alice):
    reject(promise, stella, " We found no transfer with this reference ")
    promise.refresh_from_db()
    assert (promise.status, promise.rejected_at, promise.verified_at, promise.captured_at) == (
        "failed",
        LATER,
        None,
        None,
    )
    assert (promise.verified_by, promise.reason) == (stella, "We found no transfer with this reference")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.reserved_amount, invoice.open_balance) == ("sent", 0, 3940)
    assert Account.objects.get(pk=account.pk).balance_due == 3940
    assert again(promise, alice.actor) == PaymentOutcome(
        invoice.pk, "rejected", False, error="Payment status: rejected"
    )
    told = AuditEntry.objects.get(action="payment.failed")
    assert (told.reason, told.actor_label) == (
        "We found no transfer with this reference",
        "stella@example.com",
    )
    drain(at=LATER)
    assert_sound(LATER)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (
        ["alice@example.com"],
        "We could not find your bank transfer of $39.40",
    )
    assert "Reason: We found no transfer with this reference" in sent.body
    second = factories.a_promised_payment(invoice, by=alice.user, at=LATER)
    assert second.reference != promise.reference
    assert_sound(LATER)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_rejection_needs_a_reason(promise, stella, reason):
    with refuses(Invalid, "Enter a reason", field="reason"):
        reject(promise, stella, reason)


def test_who_may(promise, alice, mallory, db):
    looker = User.objects.create_user("ben@example.com", "correct horse", is_staff=True)
    for person in (alice.user, mallory.user, looker):
        for act in (verify, reject):
            with refuses(Forbidden, "Insufficient permissions"):
                act(promise, person)
    verifier = Permission.objects.get(codename="verify_payment")
    alice.user.user_permissions.add(verifier)
    customer = User.objects.get(pk=alice.user.pk)
    with refuses(Forbidden, "Insufficient permissions"):
        verify(promise, customer)  # a permission alone makes nobody staff
    looker.user_permissions.add(verifier)
    verify(promise, User.objects.get(pk=looker.pk))
    assert Payment.objects.get().status == "captured"


def test_who_left_may_not(promise, stella):
    stella.is_active = False
    stella.save()
    with refuses(Forbidden, "Insufficient permissions"):
        verify(promise, stella)


@pytest.mark.parametrize("act", [verify, reject])
def test_nobody_decides_on_their_own_promise(invoice, stella, act):
    own = factories.a_promised_payment(invoice, by=stella)
    with refuses(Forbidden, "You recorded this payment yourself: somebody else must verify it"):
        act(own, stella)


@pytest.mark.parametrize(("first", "told"), [(verify, "completed"), (reject, "rejected")])
@pytest.mark.parametrize("second", [verify, reject])
def test_a_promise_is_decided_once(promise, stella, first, told, second):
    first(promise, stella)
    with refuses(Conflict, f"Payment {promise.reference} is already {told}"):
        second(promise, stella)
    assert_sound(LATER)


def test_what_is_no_promise_cannot_be_verified(invoice, stella, sandbox):
    session = factories.an_initiated_session(invoice, factories.STRIPE)
    sandbox.confirm_card(session.reference, "4242424242424242")
    operations.complete_payment(session=session, at=NOW, by=cast.SYSTEM)
    payment = Payment.objects.get()
    with refuses(Conflict, f"Payment {payment.reference} is already completed"):
        verify(payment, stella)
    Payment.objects.filter(pk=payment.pk).update(session=None)
    payment.refresh_from_db()
    with refuses(Conflict, f"Payment {payment.reference} belongs to no payment session"):
        verify(payment, stella)


def test_a_promise_over_several_invoices(account, stella, alice):
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    session = factories.a_collection_over(*pair).sessions.get(provider__code=factories.MANUAL)
    told = operations.complete_payment(session=session, at=NOW, by=alice.actor)
    text = "2 invoices are awaiting verification of your payment"
    assert told == PaymentOutcome(pair[0].pk, "manual_pending", True, text)
    assert_sound()
    verify(Payment.objects.get(), stella)
    assert [invoice.status for invoice in account.invoices.all()] == ["paid", "paid"]
    assert OutboxMessage.objects.filter(kind="invoice.closed").count() == 2
    drain(at=LATER)
    assert_sound(LATER)


def test_a_rejected_part_leaves_the_claim_of_the_card_that_pays_another(account, sandbox, stella):
    """The provider took the card's payment up while the promise waited: nobody had asked it to."""
    invoice = factories.an_open_invoice(account)
    collection = factories.a_collection_over(invoice, amounts=[1000])
    card, promised = (collection.sessions.get(provider__code=code) for code in (STRIPE, MANUAL))
    operations.complete_payment(session=promised, at=NOW, by=SYSTEM)
    promise = Payment.objects.get(session=promised)
    card = operations.initiate_session(session=card, at=NOW, by=SYSTEM)
    under_way = Observation(state=State.PENDING, reference=card.reference, status="processing")
    assert operations.settle(session=card, seen=under_way, at=NOW, by=SYSTEM).status == "processing"
    operations.reject_manual_payment(payment=promise, at=NOW, staff=stella, reason="Nothing came")
    assert collection.covered.get().is_claimed is True
    assert_sound()
