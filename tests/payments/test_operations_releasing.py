"""What only staff can decide: whose unassigned money is, and that a session which hangs is over."""

from datetime import timedelta
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from django.db import transaction
from django.urls import reverse

from accounts.models import Account, Membership
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from payments import operations
from payments.models import AccountCredit, Payment, PaymentSession, ReconciliationIssue
from payments.operations.settling import settle
from payments.providers.base import Observation, ProviderForgot, ProviderRefused, State
from payments.providers.stripe import Stripe
from tests import cast, factories
from tests.books import assert_sound, refuses
from tests.factories import NOW, STRIPE
from tests.payments.faults import Fault, refused
from tests.payments.reading import Browser
from tests.payments.test_operations_completing import agreed, complete
from tests.payments.test_operations_settling import tamper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def nobodys(invoice, sandbox) -> Payment:
    """$39.40 that names another payment session: unassigned, its invoice is kept."""
    session = agreed(invoice, sandbox, STRIPE)
    sandbox.capture_at_dashboard(session.reference)
    tamper(
        sandbox, session.reference, metadata={"session": "another"}, status="succeeded", amount_received=3940
    )
    operations.look_at(session=session, at=NOW, by=SYSTEM)
    return Payment.objects.get(status="unassigned")


@pytest.fixture
def clerk(account):
    user = cast.member("Clerk", None, Membership.Role.ADMIN).user
    type(user).objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    return user


def assign(payment, account, staff, reason="Their bank says so"):
    operations.assign_payment(payment=payment, account=account, reason=reason, at=NOW, staff=staff)


def release(session, staff, reason="The provider says it never came"):
    operations.release_session(session=session, reason=reason, at=NOW + 20 * MINUTE, staff=staff)


def test_assigned_money_is_account_credit(nobodys, account, stella):
    assign(nobodys, account, stella)
    nobodys.refresh_from_db()
    credit = AccountCredit.objects.get()
    assert (nobodys.status, nobodys.account, credit.account, credit.amount) == (
        "captured",
        account,
        account,
        3940,
    )
    entry = AuditEntry.objects.get(action="payment.captured")
    assert (entry.actor_kind, entry.reason) == ("staff", "Their bank says so")
    assert_sound()
    with refuses(Conflict, f"Payment {nobodys.reference} is already completed"):
        assign(nobodys, account, stella)


def test_who_may_not_assign(nobodys, account, clerk, alice, stella):
    for user in (clerk, alice.user):
        with refuses(Forbidden, "Insufficient permissions"):
            assign(nobodys, account, user)
    with refuses(Invalid, "Enter a reason", field="reason"):
        assign(nobodys, account, stella, " ")


def test_money_that_is_going_back_cannot_be_assigned(nobodys, account, stella, line):
    line.always = [("refund", Fault(500))]
    operations.refund_payment(payment=nobodys, amount=3940, reason="x", at=NOW, staff=stella)
    with refuses(Conflict, f"Payment {nobodys.reference} is being sent back"):
        assign(nobodys, account, stella)


def test_money_that_could_not_go_back_can_be_assigned(nobodys, account, stella, monkeypatch):
    monkeypatch.setattr(Stripe, "refund", Mock(side_effect=ProviderRefused("Stripe: charge_disputed")))
    made = operations.refund_payment(payment=nobodys, amount=3940, reason="x", at=NOW, staff=stella)
    assert made.status == "failed"
    assign(nobodys, account, stella)
    nobodys.refresh_from_db()
    assert (nobodys.status, AccountCredit.objects.get().amount) == ("captured", 3940)
    assert_sound()


def test_unassigned_money_goes_back_whole(nobodys, stella):
    with refuses(Invalid, "Unassigned money goes back whole", field="amount"):
        operations.refund_payment(payment=nobodys, amount=1, reason="x", at=NOW, staff=stella)
    made = operations.refund_payment(payment=nobodys, amount=3940, reason="x", at=NOW, staff=stella)
    nobodys.refresh_from_db()
    assert (made.status, nobodys.status, nobodys.account) == ("done", "refunded", None)
    assert_sound()


def test_unassigned_money_of_which_a_part_went_back_at_the_provider(nobodys, account, sandbox, stella):
    sandbox.refund_at_dashboard(nobodys.reference, 500)
    assert operations.find_refunds(payment=nobodys, at=NOW) == 1
    nobodys.refresh_from_db()
    assert (nobodys.status, operations.left_of(nobodys)) == ("unassigned", 3440)
    assert_sound()
    with refuses(Conflict, f"Payment {nobodys.reference} is being sent back"):
        assign(nobodys, account, stella)
    rest = operations.refund_payment(payment=nobodys, amount=3440, reason="x", at=NOW, staff=stella)
    assert rest.status == "done"
    nobodys.refresh_from_db()
    assert nobodys.status == "refunded"
    assert_sound()


def test_money_that_is_assigned_while_its_refund_is_looked_up(nobodys, sandbox, stella, monkeypatch):
    """It came for no session of ours, so nothing but the payment itself tells whose credit goes back."""
    owner = factories.an_account("Initech")
    Payment.objects.filter(pk=nobodys.pk).update(session=None)
    sandbox.refund_at_dashboard(nobodys.reference, 500)
    honest = Stripe.refunds

    def refunds(self, *, reference):
        seen = honest(self, reference=reference)
        assign(nobodys, owner, stella)
        return seen

    monkeypatch.setattr(Stripe, "refunds", refunds)
    assert operations.find_refunds(payment=Payment.objects.get(pk=nobodys.pk), at=NOW) == 1
    assert list(AccountCredit.objects.filter(account=owner).left_by_currency()) == [("USD", 3440)]
    assert_sound()


def test_money_that_is_assigned_before_its_refund_holds_it(nobodys, sandbox, stella, monkeypatch):
    """Between the look at whose it is and the lock."""
    owner = factories.an_account("Initech")
    Payment.objects.filter(pk=nobodys.pk).update(session=None)
    sandbox.refund_at_dashboard(nobodys.reference, 500)

    def atomic(**more):
        if Payment.objects.get().account is None:
            assign(nobodys, owner, stella)
        return transaction.atomic(**more)

    monkeypatch.setattr("payments.operations.refunding.transaction", SimpleNamespace(atomic=atomic))
    assert operations.find_refunds(payment=Payment.objects.get(), at=NOW) == 1
    assert list(AccountCredit.objects.filter(account=owner).left_by_currency()) == [("USD", 3440)]
    assert_sound()


def test_a_session_is_released_once_its_money_is_decided(nobodys, account, invoice, stella):
    session = nobodys.session
    with refuses(Conflict, "Its money is unassigned. Assign it or send it back first"):
        release(session, stella)
    assign(nobodys, account, stella)
    release(session, stella)
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, invoice.reserved_amount, invoice.open_balance) == ("failed", 0, 3940)
    assert_sound(NOW + 20 * MINUTE)
    with refuses(Conflict, f"Payment session {session.pk} does not hang"):
        release(session, stella)


def hanging(invoice, sandbox, line) -> PaymentSession:
    session = agreed(invoice, sandbox, STRIPE)
    line.always = [(session.reference, Fault(500))]
    assert complete(session).status == "processing"
    session.refresh_from_db()
    assert session.status == "capturing"
    return session


def test_a_session_that_the_provider_forgot(invoice, sandbox, line, stella):
    session = hanging(invoice, sandbox, line)
    line.always = [(session.reference, refused(404))]
    operations.reconcile(at=NOW + 16 * MINUTE)
    assert ReconciliationIssue.objects.filter(resolved_at=None).count() == 1
    release(session, stella)
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, session.provider_status, invoice.open_balance) == ("failed", "expired", 3940)
    assert not ReconciliationIssue.objects.filter(resolved_at=None).exists()
    assert_sound(NOW + 20 * MINUTE)


def test_what_can_still_be_captured_is_cancelled_there(invoice, sandbox, line, stella):
    session = hanging(invoice, sandbox, line)
    line.always = []
    release(session, stella)
    session.refresh_from_db()
    assert (session.status, sandbox.intent(session.reference)["status"]) == ("failed", "canceled")
    assert_sound(NOW + 20 * MINUTE)


def test_what_was_captured_is_booked_instead(invoice, sandbox, line, stella):
    session = hanging(invoice, sandbox, line)
    line.always = []
    sandbox.capture_at_dashboard(session.reference)
    release(session, stella)
    session.refresh_from_db()
    invoice.refresh_from_db()
    assert (session.status, invoice.status) == ("succeeded", "paid")
    assert_sound(NOW + 20 * MINUTE)


def test_nothing_is_released_while_the_provider_is_silent(invoice, sandbox, line, stella):
    session = hanging(invoice, sandbox, line)
    with refuses(Conflict, "Card cannot be asked right now. Try again later"):
        release(session, stella)


def test_who_may_not_release(invoice, sandbox, line, stella, clerk):
    session = hanging(invoice, sandbox, line)
    with refuses(Forbidden, "Insufficient permissions"):
        release(session, clerk)
    with refuses(Invalid, "Enter a reason", field="reason"):
        release(session, stella, "")


def test_the_account_of_another_company_can_be_named(nobodys, stella):
    """Money that came by one company's session may be another's."""
    other = factories.an_account("Initech")
    assign(nobodys, other, stella)
    assert list(AccountCredit.objects.filter(account=other).left_by_currency()) == [("USD", 3940)]
    assert Account.objects.get(pk=other.pk).balance_due == 0
    assert_sound()


def test_one_that_ends_while_it_is_looked_at_is_not_released(invoice, sandbox, line, stella, monkeypatch):
    """The provider forgot it for staff and answered somebody else: its invoice is not freed twice."""
    session = hanging(invoice, sandbox, line)

    def forgot(self, *, reference):
        declined = Observation(state=State.AWAITING_PAYER, reference=reference)
        settle(session=session, seen=declined, at=NOW, by=SYSTEM)
        raise ProviderForgot

    monkeypatch.setattr(Stripe, "lookup", forgot)
    with pytest.raises(Conflict, match="does not hang"):
        release(session, stella)
    assert_sound()


def test_money_of_another_company_is_not_on_the_invoice_page(nobodys, invoice, account, alice, stella):
    page = Browser(alice)
    address = reverse("invoice", args=[account.number, invoice.pk])
    assert "paid by" not in page.text(address), "nobody's money paid nothing"
    assign(nobodys, factories.an_account("Initech"), stella)
    assert "paid by" not in page.text(address)
