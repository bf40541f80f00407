"""Refunds: reserved first, asked for once, booked when the provider has done it."""

from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core import mail
from django.urls import reverse
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Membership, Region
from core import outbox
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from core.outbox import drain
from invoices.operations import settling
from payments import operations
from payments.models import AccountCredit, Allocation, Payment, ReconciliationIssue, Refund
from payments.operations.reconciling import reconcile
from payments.providers.base import ProviderRefused
from payments.providers.stripe import Stripe
from tests import cast, factories
from tests.books import assert_sound, refuses
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.faults import Fault
from tests.payments.reading import Browser
from tests.payments.test_operations_completing import agreed, complete
from tests.payments.test_webhooks import deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=[STRIPE, PAYPAL])
def paid(request, invoice, sandbox) -> Payment:
    complete(agreed(invoice, sandbox, request.param))
    return Payment.objects.get()


@pytest.fixture
def by_card(invoice, sandbox) -> Payment:
    complete(agreed(invoice, sandbox, STRIPE))
    return Payment.objects.get()


def refund(payment, staff, amount=3940, *, at=NOW, reason="Sent back by the customer") -> Refund:
    return operations.refund_payment(payment=payment, amount=amount, reason=reason, at=at, staff=staff)


def went_back(sandbox) -> list[int]:
    return [entry.amount for entry in sandbox.ledger() if entry.kind == "refund"][-1:]


def test_all_of_it(paid, account, invoice, sandbox, stella):
    before = len(sandbox.ledger())
    made = refund(paid, stella)
    assert (made.status, made.amount, made.staff, made.ended_at) == ("done", 3940, stella, NOW)
    assert [(one.kind, one.amount) for one in sandbox.ledger()[before:]] == [("refund", 3940)]
    assert made.reference == sandbox.ledger()[-1].transaction
    paid.refresh_from_db()
    invoice.refresh_from_db()
    account.refresh_from_db()
    assert (paid.status, invoice.status, invoice.paid_at, invoice.open_balance) == (
        "refunded",
        "sent",
        None,
        3940,
    )
    assert account.balance_due == 3940
    assert list(Allocation.objects.values_list("amount", "refund")) == [(3940, None), (-3940, made.pk)]
    assert_sound()
    with refuses(Conflict, f"Nothing of payment {paid.reference} can be sent back"):
        refund(paid, stella, 1)


def test_in_parts(paid, invoice, sandbox, stella):
    first = refund(paid, stella, 1000)
    paid.refresh_from_db()
    invoice.refresh_from_db()
    assert (first.status, paid.status, invoice.status, invoice.open_balance) == (
        "done",
        "partially_refunded",
        "sent",
        1000,
    )
    assert_sound()
    with refuses(Invalid, "Enter an amount of at most $29.40", field="amount"):
        refund(paid, stella, 2941)
    refund(paid, stella, 40)
    refund(paid, stella, 2900)
    paid.refresh_from_db()
    assert paid.status == "refunded"
    assert_sound()


def test_an_account_may_owe_more_than_its_limit_by_a_refund(by_card, account, stella):
    """Check 3 is about charges: one that is made then is refused, and found where it was not."""
    region = Region.objects.get()
    charge = {"account_id": account.pk, "region": region, "description": "A charge", "at": NOW, "by": SYSTEM}
    accounts.charge(amount=Money(990, "USD"), **charge)
    refund(by_card, stella)
    assert_sound()
    with refuses(Conflict, "Charge of $1.00 exceeds the available credit of $0.00"):
        accounts.charge(amount=Money(1, "USD"), **charge)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accounts.operations.charging._require_credit", lambda *given, **named: False)
        accounts.charge(amount=Money(1, "USD"), **charge)
    (broken,) = operations.broken_invariants(at=NOW)
    assert broken.number == 3


def test_the_invoice_can_be_paid_again(paid, invoice, sandbox, stella):
    refund(paid, stella, 1000)
    drain(at=NOW + MINUTE)
    session = agreed(invoice, sandbox, STRIPE)
    assert session.amount == 1000
    assert complete(session).success
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount) == ("paid", 3940)
    assert_sound()


@pytest.mark.parametrize("amount", [0, -1, 3941])
def test_a_wrong_amount(by_card, stella, amount):
    with refuses(Invalid, "Enter an amount of at most $39.40", field="amount"):
        refund(by_card, stella, amount)


def test_a_missing_reason(by_card, stella):
    with refuses(Invalid, "Enter a reason", field="reason"):
        refund(by_card, stella, reason=" \n")


def test_who_may_not(by_card, account, alice):
    clerk = cast.member("Clerk", None, Membership.Role.ADMIN).user
    type(clerk).objects.filter(pk=clerk.pk).update(is_staff=True)
    clerk.refresh_from_db()
    for user in (alice.user, clerk):
        with refuses(Forbidden, "Insufficient permissions"):
            refund(by_card, user)


def test_a_promise_has_nothing_to_send_back(account, invoice, stella):
    payment = factories.a_promised_payment(invoice)
    with refuses(Conflict, f"Nothing of payment {payment.reference} can be sent back"):
        refund(payment, stella)


def test_a_bank_transfer_is_sent_back_by_hand(account, stella):
    invoice = factories.a_paid_invoice(account, stella)
    payment = Payment.objects.get(session__collection__covered__invoice=invoice)
    assert payment.provider.code == MANUAL
    made = refund(payment, stella)
    assert (made.status, made.reference) == ("done", f"REFUND-{made.pk}")
    assert_sound()


def test_the_payer_is_told(by_card, alice, stella, invoice):
    Payment.objects.filter(pk=by_card.pk).update(payer=alice.user)
    refund(by_card, stella, 1000)
    mail.outbox.clear()
    outbox.drain(at=NOW + MINUTE)
    (told,) = [one for one in mail.outbox if "sent" in one.subject]
    assert (told.subject, told.to) == ("We sent $10.00 back to you", ["alice@example.com"])
    assert "Invoice INV-2025-001: $10.00 is open again" in told.body


def test_the_trail(by_card, stella):
    made = refund(by_card, stella, 1000)
    entries = AuditEntry.objects.filter(object_kind="payments.refund", object_id=made.pk).order_by("pk")
    assert [(one.action, one.actor_label) for one in entries] == [
        (f"refund.{state}", entries[0].actor_label) for state in ("reserved", "requested", "done")
    ]
    assert (entries[0].actor_kind, entries[0].reason) == ("staff", "Sent back by the customer")


# A provider that fails


def test_an_answer_that_is_lost_is_found_again(by_card, sandbox, line, stella):
    line.always = [("refund", Fault(500, after=True))]
    made = refund(by_card, stella, 1000)
    assert made.status == "requested"
    by_card.refresh_from_db()
    assert (by_card.status, operations.left_of(by_card)) == ("captured", 2940)
    assert_sound()
    line.always = []
    assert reconcile(at=NOW + 2 * MINUTE).refunds == 1
    made.refresh_from_db()
    assert (made.status, went_back(sandbox)) == ("done", [1000])
    assert sum(one.amount for one in sandbox.ledger() if one.kind == "refund" and one.at) >= 1000
    assert_sound()
    assert reconcile(at=NOW + 5 * MINUTE).refunds == 0


def test_a_question_that_never_arrived_is_asked_again(by_card, sandbox, line, stella):
    before = len(sandbox.ledger())
    line.always = [("refund", Fault(500))]
    made = refund(by_card, stella, 1000)
    assert (made.status, len(sandbox.ledger())) == ("requested", before)
    line.always = []
    reconcile(at=NOW + 2 * MINUTE)
    reconcile(at=NOW + 7 * MINUTE)
    made.refresh_from_db()
    assert made.status == "done"
    assert [one.amount for one in sandbox.ledger()[before:]] == [1000]
    assert_sound()


def test_a_refusal_gives_the_reservation_back(by_card, stella, monkeypatch):
    monkeypatch.setattr(Stripe, "refund", Mock(side_effect=ProviderRefused("Stripe: charge_disputed")))
    made = refund(by_card, stella)
    assert (made.status, made.ended_at) == ("failed", NOW)
    by_card.refresh_from_db()
    assert (by_card.status, operations.left_of(by_card)) == ("captured", 3940)
    issue = ReconciliationIssue.objects.get()
    assert issue.kind == "refund"
    assert issue.known.startswith(
        f"Refund of $39.40 of payment {by_card.reference}: the provider did not send it"
    )
    assert_sound()
    monkeypatch.undo()
    assert refund(by_card, stella).status == "done"
    issue.refresh_from_db()
    assert issue.resolved_at == NOW


def test_a_long_silence_is_told_to_staff(by_card, line, stella):
    line.always = [("refund", Fault(500))]
    made = refund(by_card, stella)
    for minutes in (2, 5, 10):
        reconcile(at=NOW + minutes * MINUTE)
    assert not ReconciliationIssue.objects.exists()
    reconcile(at=NOW + 15 * MINUTE)
    assert "has not decided" in ReconciliationIssue.objects.get().known
    line.always = []
    reconcile(at=NOW + 60 * MINUTE)
    made.refresh_from_db()
    assert made.status == "done"
    assert not ReconciliationIssue.objects.filter(resolved_at=None).exists()


def test_a_crash_before_the_provider_was_asked(by_card, sandbox, stella, monkeypatch):
    monkeypatch.setattr("payments.operations.refunding.pursue", lambda **_: None)
    refund(by_card, stella, 1000)
    monkeypatch.undo()
    assert Refund.objects.get().status == "reserved"
    assert_sound()
    reconcile(at=NOW + 2 * MINUTE)
    assert (Refund.objects.get().status, went_back(sandbox)) == ("done", [1000])
    assert_sound()


def test_a_crash_after_the_provider_answered(by_card, sandbox, stella, monkeypatch):
    def die(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr("payments.operations.refunding.settle_refund", die)
    with pytest.raises(KeyboardInterrupt):
        refund(by_card, stella, 1000)
    monkeypatch.undo()
    count = len(sandbox.ledger())
    reconcile(at=NOW + 2 * MINUTE)
    assert Refund.objects.get().status == "done"
    assert len(sandbox.ledger()) == count
    assert_sound()


# Made at the provider, without us


@pytest.mark.parametrize("amount", [None, 1500])
def test_a_refund_made_at_the_provider_is_found_by_its_webhook(client, paid, sandbox, amount):
    session = paid.session
    sandbox.refund_at_dashboard(session.reference, amount)
    deliver(client, sandbox.signed_event(sandbox.events()[-1]))
    drain(at=NOW + MINUTE)
    found = Refund.objects.get()
    assert (found.status, found.amount, found.staff) == ("done", amount or 3940, None)
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.resolved_at) == ("unknown", None)
    assert "it was made at the provider, not here. It is booked." in issue.known
    assert_sound()


def test_a_refund_at_the_provider_beside_one_of_ours(by_card, sandbox, line, stella):
    line.always = [("refund", Fault(500))]
    ours = refund(by_card, stella, 3000)
    line.always = []
    sandbox.refund_at_dashboard(by_card.reference, 2000)
    operations.find_refunds(payment=by_card, at=NOW + MINUTE)
    ours.refresh_from_db()
    by_card.refresh_from_db()
    assert (ours.status, by_card.status, operations.left_of(by_card)) == (
        "failed",
        "partially_refunded",
        1940,
    )
    assert_sound()


def test_a_crash_while_a_refund_of_somebody_elses_is_booked(by_card, sandbox, monkeypatch):
    """It is booked whole or not at all: nothing is left for which the provider would be asked again."""
    sandbox.refund_at_dashboard(by_card.reference, 1500)
    count = len(sandbox.ledger())
    with monkeypatch.context() as patch:
        patch.setattr("payments.operations.refunding.take_back", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            operations.find_refunds(payment=by_card, at=NOW)
    assert not Refund.objects.exists()
    reconcile(at=NOW + 2 * MINUTE)
    assert operations.find_refunds(payment=by_card, at=NOW + 2 * MINUTE) == 1
    assert (Refund.objects.get().status, len(sandbox.ledger())) == ("done", count)
    assert_sound()


# Account credit


@pytest.fixture
def surplus(account, invoice, sandbox, stella) -> Payment:
    """$39.40 that arrived for an invoice which another payment had paid meanwhile: kept as credit."""
    first, second = agreed(invoice, sandbox, STRIPE), agreed(invoice, sandbox, PAYPAL)
    complete(first)
    sandbox.capture_at_dashboard(second.reference)
    operations.look_at(session=second, at=NOW, by=SYSTEM)
    return Payment.objects.get(session=second)


def test_credit_goes_back_before_invoices_reopen(surplus, account, invoice, stella):
    assert AccountCredit.objects.filter(account=account).left_by_currency() == [("USD", 3940)]
    made = refund(surplus, stella, 1000)
    assert (made.status, made.credit_amount) == ("done", 1000)
    invoice.refresh_from_db()
    assert invoice.status == "paid"
    assert AccountCredit.objects.filter(account=account).left_by_currency() == [("USD", 2940)]
    assert ReconciliationIssue.objects.get(kind="surplus").resolved_at is None, "it is another matter"
    assert_sound()


def test_credit_that_paid_another_invoice_comes_back_from_it(surplus, account, stella):
    line = factories.an_unpaid_order(account, display_id="A2")
    other = factories.an_open_invoice(account, line)
    account = Account.objects.get(pk=account.pk)
    share = min(other.total_amount, 3000)
    Allocation.objects.create(
        invoice=other, credit=AccountCredit.objects.get(), currency="USD", amount=share, created_at=NOW
    )
    settling.set_paid_amount(other, share, account=account, at=NOW, by=SYSTEM)
    assert_sound()
    made = refund(surplus, stella)
    other.refresh_from_db()
    assert (made.status, made.credit_amount, other.paid_amount) == ("done", 3940, 0)
    assert AccountCredit.objects.filter(account=account).left_by_currency() == []
    assert_sound()


def test_what_the_page_foretells_is_what_happens(by_card, account, invoice, stella):
    foretold = operations.effect_of_refunding(by_card, 1500)
    refund(by_card, stella, 1500)
    account.refresh_from_db()
    invoice.refresh_from_db()
    assert (foretold.balance_after, foretold.invoices[0].open_after) == (
        account.balance_due,
        invoice.open_balance,
    )


def test_the_customer_sees_it_on_the_invoice(by_card, account, invoice, alice, stella):
    refund(by_card, stella, 1000)
    page = Browser(alice).text(reverse("invoice", args=[account.number, invoice.pk]))
    assert "Open balance : $10.00" in page or "Open balance: $10.00" in page
    assert "Partly refunded $39.40 $10.00 sent back" in page
    assert "$10.00 sent back" in page
    assert "Open again: a payment was taken back" in page
    account_page = Browser(alice).text(reverse("account", args=[account.number]))
    assert "Current Balance: $10.00" in account_page
