"""Chargebacks: the daily comparison books what a payer's bank took back, and staff hear of each."""

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse
from moneyed import Money

from accounts.models import Membership
from core import outbox
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Forbidden
from payments import operations
from payments.models import AccountCredit, Allocation, Comparison, Payment, ReconciliationIssue, Refund
from payments.providers import PROVIDERS
from payments.providers.base import ProviderUnavailable, Transaction
from payments.providers.stripe import Stripe
from tests import cast
from tests.books import assert_sound, everything, refuses
from tests.factories import NOW, PAYPAL, STRIPE
from tests.payments.faults import Fault
from tests.payments.reading import text_of
from tests.payments.test_operations_comparing import compared
from tests.payments.test_operations_completing import agreed, complete

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
SOON, TOMORROW = NOW + timedelta(minutes=1), NOW + timedelta(days=1)
BOTH = pytest.mark.parametrize("code", [STRIPE, PAYPAL])
WHOLE, PART = Money("39.40", "USD"), Money("9.40", "USD")


@pytest.fixture(autouse=True)
def of_this_test_alone(sandbox):
    """What earlier tests left in the sandbox's books is no money of these."""
    sandbox.store.clear()


def paid_by(code, invoice, sandbox, by=SYSTEM) -> Payment:
    complete(agreed(invoice, sandbox, code, by=by), by=by)
    return Payment.objects.get(session__collection__covered__invoice=invoice)


def the_provider_says(monkeypatch, *moved: Transaction) -> None:
    monkeypatch.setattr(Stripe, "transactions", lambda self, **_: iter(moved))


def ours() -> dict:
    """All rows but those that say that there was a comparison."""
    return {name: rows for name, rows in everything().items() if name != Comparison._meta.label}


def told(kind="chargeback") -> list[str]:
    return list(ReconciliationIssue.objects.filter(kind=kind).order_by("pk").values_list("known", flat=True))


# What was taken back


@BOTH
def test_it_is_booked_once_and_the_invoice_is_open_again(code, account, invoice, sandbox):
    payment = paid_by(code, invoice, sandbox)
    sandbox.dispute_at_bank(payment.session.reference)
    reference = sandbox.ledger()[-1].transaction
    assert (code, 2, 1) in compared()
    back = Refund.objects.get()
    assert (back.kind, back.status, back.reference, back.amount, back.payment, back.staff) == (
        *("chargeback", "done", reference, 3940),
        *(payment, None),
    )
    for row in (payment, invoice, account):
        row.refresh_from_db()
    assert (payment.status, invoice.status, invoice.paid_at, account.balance_due) == (
        *("refunded", "sent"),
        *(None, 3940),
    )
    assert list(Allocation.objects.values_list("amount", "refund")) == [(3940, None), (-3940, back.pk)]
    issue = ReconciliationIssue.objects.get()
    assert (issue.payment, issue.account, issue.amount, issue.currency) == (payment, account, 3940, "USD")
    assert issue.known == (
        f"The payer's bank took $39.40 of payment {payment.reference} back, at {payment.provider.name} as "
        f"{reference}: a chargeback. It is booked, and what it had paid is open again. Answer the dispute at "
        "the provider before its deadline, or ask the customer to pay again."
    )
    found = AuditEntry.objects.get(action="refund.found")
    assert (found.object_id, found.after["kind"], found.after["amount"]) == (back.pk, "chargeback", 3940)
    assert_sound()


@BOTH
def test_comparing_again_changes_nothing(code, invoice, sandbox):
    payment = paid_by(code, invoice, sandbox)
    dispute = sandbox.dispute_at_bank(payment.session.reference)
    compared()
    before = ours()
    assert (code, 2, 0) in compared(TOMORROW)
    assert ours() == before
    sandbox.win_dispute(dispute)
    assert (code, 3, 1) in compared(TOMORROW)
    before = ours()
    assert (code, 3, 0) in compared(TOMORROW)
    assert ours() == before
    assert_sound()


@BOTH
def test_the_invoice_can_be_paid_again(code, invoice, sandbox):
    payment = paid_by(code, invoice, sandbox)
    sandbox.dispute_at_bank(payment.session.reference)
    compared()
    outbox.drain(at=SOON)
    assert complete(agreed(invoice, sandbox, code)).success
    invoice.refresh_from_db()
    assert (invoice.status, invoice.paid_amount) == ("paid", 3940)
    assert_sound()


@BOTH
def test_a_part(code, invoice, sandbox):
    payment = paid_by(code, invoice, sandbox)
    sandbox.dispute_at_bank(payment.session.reference, 940)
    compared()
    payment.refresh_from_db()
    invoice.refresh_from_db()
    assert (payment.status, invoice.open_balance, operations.left_of(payment)) == (
        "partially_refunded",
        940,
        3000,
    )
    assert_sound()


@BOTH
def test_a_refund_of_it_is_refused_there_and_here(code, invoice, sandbox, stella):
    payment = paid_by(code, invoice, sandbox)
    sandbox.dispute_at_bank(payment.session.reference)
    made = operations.refund_payment(payment=payment, amount=1, reason="x", at=NOW, staff=stella)
    assert made.status == "failed"
    compared()
    with refuses(Conflict, f"Nothing of payment {payment.reference} can be sent back"):
        operations.refund_payment(payment=payment, amount=1, reason="x", at=NOW, staff=stella)
    assert_sound()


@BOTH
def test_of_money_that_became_credit(code, invoice, sandbox, stella):
    payment = paid_by(code, invoice, sandbox)
    dispute = sandbox.dispute_at_bank(payment.session.reference)
    compared()
    sandbox.win_dispute(dispute)
    compared()
    again = Payment.objects.get(status="unassigned")
    operations.assign_payment(payment=again, account=payment.account, reason="Won", at=NOW, staff=stella)
    lost = Transaction("chargeback", "lost", WHOLE, NOW, again.reference)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(PROVIDERS[code]), "transactions", lambda self, **_: iter([lost]))
        compared()
    assert Refund.objects.get(reference="lost").credit_amount == 3940
    assert AccountCredit.objects.left_by_currency() == []
    assert_sound()


def test_of_nobody_s_money(invoice, sandbox, monkeypatch):
    moved = [
        Transaction("chargeback", "back", PART, NOW, "pi_unknown"),
        Transaction("capture", "pi_unknown", WHOLE, NOW, "pi_unknown"),
    ]
    the_provider_says(monkeypatch, *moved)
    assert (STRIPE, 2, 2) in compared()
    assert (Payment.objects.get().status, Refund.objects.get().amount) == ("unassigned", 940)
    assert_sound()


@BOTH
def test_nobody_asks_the_list_of_refunds_for_it(code, invoice, sandbox, monkeypatch):
    """No chargeback is in that list, nor in a report that lags: it would be told as missing."""
    payment = paid_by(code, invoice, sandbox)
    sandbox.dispute_at_bank(payment.session.reference)
    compared()
    monkeypatch.setattr(type(PROVIDERS[code]), "transactions", lambda self, **_: iter(()))
    assert (code, 0, 0) in compared(TOMORROW)
    assert told("missing") == []


def test_more_than_is_left(invoice, sandbox, stella):
    payment = paid_by(STRIPE, invoice, sandbox)
    operations.refund_payment(payment=payment, amount=1000, reason="x", at=NOW, staff=stella)
    sandbox.dispute_at_bank(payment.session.reference, 3940)
    reference = sandbox.ledger()[-1].transaction
    for _ in range(2):
        assert (STRIPE, 3, 1) in compared()
    assert Refund.objects.get().kind == "refund"
    assert ReconciliationIssue.objects.get().known == (
        f"The payer's bank took $39.40 of payment {payment.reference} back, at Card as {reference}: a "
        "chargeback. It is not booked: it is more than was left, or in another currency. Look it up at the "
        "provider."
    )
    ReconciliationIssue.objects.update(resolved_at=NOW)
    compared(TOMORROW)
    assert not ReconciliationIssue.objects.filter(resolved_at=None).exists()
    assert_sound()


def test_a_refund_on_its_way_keeps_its_room(invoice, sandbox, line, stella, monkeypatch):
    """The provider may do both; once the refund has failed, the chargeback is booked."""
    payment = paid_by(STRIPE, invoice, sandbox)
    line.always = [("/v1/refunds", Fault(500))]
    made = operations.refund_payment(payment=payment, amount=1000, reason="x", at=NOW, staff=stella)
    sandbox.dispute_at_bank(payment.session.reference)
    compared()
    made.refresh_from_db()
    assert (made.status, Refund.objects.count(), len(told())) == ("requested", 1, 1)
    line.always = []
    compared()
    made.refresh_from_db()
    assert (made.status, Refund.objects.get(kind="chargeback").amount) == ("failed", 3940)
    assert_sound()


def test_less_than_the_smallest_coin(invoice, sandbox, monkeypatch):
    """It cannot be written in our books, and must not keep everything else from being compared."""
    payment = paid_by(STRIPE, invoice, sandbox)
    taken = Transaction("capture", payment.reference, WHOLE, NOW, payment.reference)
    tiny = Transaction("chargeback", "back", Money("0.001", "USD"), NOW, payment.reference)
    the_provider_says(monkeypatch, taken, tiny)
    assert (STRIPE, 2, 1) in compared()
    assert "It is not booked" in ReconciliationIssue.objects.get().known


def test_another_currency(invoice, sandbox, monkeypatch):
    payment = paid_by(STRIPE, invoice, sandbox)
    taken = Transaction("capture", payment.reference, WHOLE, NOW, payment.reference)
    other = Transaction("chargeback", "back", Money("9.40", "EUR"), NOW, payment.reference)
    the_provider_says(monkeypatch, taken, other)
    for _ in range(2):
        compared()
    issue = ReconciliationIssue.objects.get()
    assert (issue.kind, issue.payment, issue.amount, issue.currency) == ("chargeback", payment, 940, "EUR")
    assert "€9.40" in issue.known
    assert "It is not booked" in issue.known
    assert not Refund.objects.exists()


@pytest.mark.parametrize("reference", ["pi_of_nobody", ""])
def test_of_no_payment_of_ours(invoice, sandbox, line, stella, monkeypatch, reference):
    """Also where the provider does not say of which, while a refund of ours has no reference yet."""
    payment = paid_by(STRIPE, invoice, sandbox)
    with monkeypatch.context() as patch:
        patch.setattr(Stripe, "refunds", lambda self, **_: (_ for _ in ()).throw(ProviderUnavailable()))
        operations.refund_payment(payment=payment, amount=1000, reason="x", at=NOW, staff=stella)
    before = Refund.objects.values_list().get()
    the_provider_says(monkeypatch, Transaction("chargeback", "back", PART, NOW, reference))
    for _ in range(2):
        assert (STRIPE, 1, 1) in compared()
    assert told() == [
        "A payer's bank took $9.40 back at Card as back, of no payment of ours. Look it up at the provider."
    ]
    assert ReconciliationIssue.objects.get().payment is None
    assert Refund.objects.values_list().get() == before


def test_the_payer_gets_no_mail_of_it(invoice, sandbox, alice):
    payment = paid_by(STRIPE, invoice, sandbox, by=alice.actor)
    sandbox.dispute_at_bank(payment.session.reference)
    outbox.drain(at=NOW)
    mail.outbox.clear()
    compared()
    outbox.drain(at=SOON)
    assert mail.outbox == []


# What came back


@BOTH
def test_a_chargeback_decided_for_us_is_nobody_s_until_staff_assign_it(
    code, account, invoice, sandbox, stella
):
    payment = paid_by(code, invoice, sandbox)
    sandbox.win_dispute(sandbox.dispute_at_bank(payment.session.reference, 940))
    reference = sandbox.ledger()[-1].transaction
    assert (code, 3, 2) in compared()
    again = Payment.objects.get(status="unassigned")
    assert (again.reference, again.amount, again.currency, again.account, again.session) == (
        *(reference, 940, "USD"),
        *(None, None),
    )
    issue = ReconciliationIssue.objects.get(payment=again)
    assert (issue.kind, issue.amount) == ("chargeback", 940)
    assert issue.known == (
        f"$9.40 came back at {payment.provider.name} as {reference}: the chargeback of payment "
        f"{payment.reference} was decided for us. Assign it to account {account.number}."
    )
    assert_sound()
    operations.assign_payment(payment=again, account=account, reason="Won", at=SOON, staff=stella)
    assert (code, 3, 0) in compared(TOMORROW)
    assert AccountCredit.objects.left_by_currency() == [("USD", 940)]
    assert told("missing") == []
    assert_sound()


def test_one_that_names_the_chargeback_in_place_of_the_capture(invoice, sandbox, monkeypatch):
    payment = paid_by(STRIPE, invoice, sandbox)
    the_provider_says(
        monkeypatch,
        Transaction("reinstated", "again", PART, NOW, "back"),
        Transaction("chargeback", "back", PART, NOW, payment.reference),
        Transaction("capture", payment.reference, WHOLE, NOW, payment.reference),
    )
    assert (STRIPE, 3, 2) in compared()
    assert f"the chargeback of payment {payment.reference} was decided for us" in told()[-1]


def test_one_whose_chargeback_was_not_booked(invoice, sandbox, stella):
    """Assigned, it would be credited although nothing of the payment was ever taken back here."""
    payment = paid_by(STRIPE, invoice, sandbox)
    operations.refund_payment(payment=payment, amount=1000, reason="x", at=NOW, staff=stella)
    sandbox.win_dispute(sandbox.dispute_at_bank(payment.session.reference, 3940))
    assert (STRIPE, 4, 2) in compared()
    assert told()[-1].endswith(
        f"the chargeback of payment {payment.reference} was decided for us. That chargeback was not booked, "
        "so the customer is owed nothing: leave it unassigned."
    )
    assert_sound()


@pytest.mark.parametrize("reference", ["pi_of_nobody", ""])
def test_one_of_no_payment_of_ours(account, sandbox, monkeypatch, reference):
    the_provider_says(monkeypatch, Transaction("reinstated", "again", PART, NOW, reference))
    assert (STRIPE, 1, 1) in compared()
    assert (STRIPE, 1, 0) in compared(TOMORROW)
    assert ReconciliationIssue.objects.get().known == (
        "$9.40 came back at Card as again: a chargeback was decided for us, of no payment of ours. Look it "
        "up at the provider, and assign it to an account."
    )
    assert Payment.objects.get().status == "unassigned"


# Who sees what


def test_the_customer_s_page_calls_it_by_its_name(invoice, sandbox, browser, at):
    payment = paid_by(STRIPE, invoice, sandbox)
    sandbox.refund_at_dashboard(payment.session.reference, 1000)
    compared()
    page = at("invoice", invoice.pk)
    assert "Partly refunded $39.40 $10.00 sent back" in browser.text(page)
    sandbox.dispute_at_bank(payment.session.reference)
    compared()
    text = browser.text(page)
    assert "Charged back $39.40 $10.00 sent back $29.40 taken back by the payer's bank" in text
    assert "$29.40 taken back by the payer's bank" in text[: text.index("$39.40 paid by")]
    assert "refunded" not in text.lower()


def test_the_back_office_calls_it_by_its_name(client, invoice, sandbox, stella):
    payment = paid_by(PAYPAL, invoice, sandbox)
    sandbox.dispute_at_bank(payment.session.reference, 940)
    compared()
    client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
    back = Refund.objects.get()
    assert str(back) == f"Chargeback {back.pk} of Payment {payment.reference}"
    seen = text_of(client.get(reverse("admin:payments_payment_change", args=[payment.pk])))
    assert "Partly charged back" in seen
    assert "Taken back by the payer's bank" in seen
    listed = text_of(client.get(reverse("admin:payments_refund_changelist"), {"show": "chargebacks"}))
    assert "Chargeback" in listed
    assert "$9.40" in listed


def test_it_gives_nobody_a_right(invoice, sandbox):
    """What went back by itself is still assigned and sent back by those alone who may."""
    payment = paid_by(STRIPE, invoice, sandbox)
    sandbox.win_dispute(sandbox.dispute_at_bank(payment.session.reference, 940))
    compared()
    clerk = cast.member("Clerk", None, Membership.Role.ADMIN).user
    type(clerk).objects.filter(pk=clerk.pk).update(is_staff=True)
    clerk.refresh_from_db()
    again = Payment.objects.get(status="unassigned")
    with refuses(Forbidden, "Insufficient permissions"):
        operations.refund_payment(payment=payment, amount=1, reason="x", at=NOW, staff=clerk)
    with refuses(Forbidden, "Insufficient permissions"):
        operations.assign_payment(payment=again, account=payment.account, reason="x", at=NOW, staff=clerk)
