"""Refund, Assign and Release in the back office: what the pages say before, and what they do."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import Membership
from core.audit import SYSTEM
from payments import operations
from payments.models import AccountCredit, Payment, Refund
from tests import cast
from tests.books import unchanged
from tests.factories import STRIPE
from tests.payments.faults import Fault
from tests.payments.reading import text_of
from tests.payments.test_operations_completing import agreed, complete
from tests.payments.test_operations_settling import tamper

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def staff(client, stella):
    client.force_login(stella, BACKEND)
    return client


@pytest.fixture
def paid(invoice, sandbox) -> Payment:
    complete(agreed(invoice, sandbox, STRIPE))
    return Payment.objects.get()


@pytest.fixture
def nobodys(invoice, sandbox) -> Payment:
    session = agreed(invoice, sandbox, STRIPE)
    sandbox.capture_at_dashboard(session.reference)
    tamper(sandbox, session.reference, metadata={"session": "another"})
    operations.look_at(session=session, at=session.created_at, by=SYSTEM)
    return Payment.objects.get()


def page(payment, name="refund"):
    return reverse(f"admin:payments_payment_{name}", args=[payment.pk])


def row(payment):
    return reverse("admin:payments_payment_change", args=[payment.pk])


def test_the_page_says_what_would_happen_and_does_nothing(staff, paid):
    with unchanged():
        text = text_of(staff.get(page(paid)))
    assert f"Refund payment {paid.reference}?" in text
    assert "Captured $39.40" in text
    assert "Can still be sent back $39.40" in text
    assert "Account balance, if all of it goes back $0.00 →then $39.40" in text
    assert "Open balance $0.00 →then $39.40" in text
    assert 'value="39.40"' in staff.get(page(paid)).content.decode()


def test_it_sends_money_back(staff, stella, paid):
    answer = staff.post(page(paid), {"amount": "10.00", "reason": "Damaged"}, follow=True)
    assert answer.redirect_chain == [(row(paid), 302)]
    assert "The money is on its way back. The payer is told by e-mail." in text_of(answer)
    refund = Refund.objects.get()
    assert (refund.status, refund.amount, refund.reason, refund.staff) == ("done", 1000, "Damaged", stella)
    assert "Refunds" in text_of(answer)
    assert "Partly refunded" in text_of(answer)
    listed = text_of(staff.get(reverse("admin:payments_refund_changelist")))
    assert "$10.00" in listed
    one = text_of(staff.get(reverse("admin:payments_refund_change", args=[refund.pk])))
    assert "Damaged" in one


def test_a_button_that_is_pressed_twice_sends_it_once(staff, paid, sandbox):
    html = staff.get(page(paid)).content.decode()
    drawn = dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', html))
    before = len(sandbox.ledger())
    for _ in range(2):
        answer = staff.post(page(paid), drawn | {"amount": "10.00", "reason": "Damaged"}, follow=True)
    assert len(sandbox.ledger()) == before + 1
    assert "was sent back meanwhile" in answer.content.decode()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"amount": "39.41", "reason": "x"}, "Enter an amount of at most $39.40"),
        ({"amount": "0", "reason": "x"}, "Enter an amount of at most $39.40"),
        ({"amount": "1.005", "reason": "x"}, "decimal places"),
        ({"amount": "ten", "reason": "x"}, "Enter a number."),
        ({"amount": "10", "reason": ""}, "This field is required."),
    ],
)
def test_wrong_input_is_told_beside_it(staff, paid, given, told):
    with unchanged():
        answer = staff.post(page(paid), given)
    assert answer.status_code == 422
    assert told in text_of(answer)


def test_a_provider_that_does_not_answer(staff, paid, line):
    line.always = [("refund", Fault(500))]
    answer = staff.post(page(paid), {"amount": "39.40", "reason": "x"}, follow=True)
    assert "The refund of $39.40 is requested. We keep asking until it is done." in text_of(answer)
    undecided = reverse("admin:payments_refund_changelist") + "?show=undecided"
    assert "$39.40" in text_of(staff.get(undecided))


def test_who_may_not_sees_why(client, paid):
    clerk = cast.member("Clerk", None, Membership.Role.ADMIN).user
    type(clerk).objects.filter(pk=clerk.pk).update(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_payment"))
    client.force_login(clerk, BACKEND)
    assert "Your role does not allow this" in text_of(client.get(page(paid)))
    with unchanged():
        client.post(page(paid), {"amount": "10", "reason": "x"})


def test_only_what_can_be_decided_stands_on_a_payment(staff, paid):
    shown = staff.get(row(paid)).content.decode()
    assert page(paid) in shown
    assert page(paid, "verify") not in shown
    assert page(paid, "assign") not in shown
    staff.post(page(paid), {"amount": "39.40", "reason": "x"})
    assert page(paid) not in staff.get(row(paid)).content.decode()
    assert "Nothing of payment" in text_of(staff.get(page(paid)))


def test_unassigned_money_is_assigned(staff, account, nobodys):
    shown = staff.get(row(nobodys)).content.decode()
    assert page(nobodys, "assign") in shown
    assert page(nobodys) in shown
    with unchanged():
        assert "Assign $39.40 to an account?" in text_of(staff.get(page(nobodys, "assign")))
        for number in ("ACC-1", "a\0b"):
            wrong = staff.post(page(nobodys, "assign"), {"account": number, "reason": "x"})
            assert "No account has this number" in text_of(wrong)
    done = staff.post(page(nobodys, "assign"), {"account": account.number, "reason": "x"}, follow=True)
    assert "$39.40 is account credit of that account now." in text_of(done)
    assert AccountCredit.objects.get().account == account


def test_a_hanging_session_is_released(staff, invoice, sandbox, line):
    session = agreed(invoice, sandbox, STRIPE)
    line.always = [(session.reference, Fault(500))]
    complete(session)
    line.always = []
    change = reverse("admin:payments_paymentsession_change", args=[session.pk])
    release = reverse("admin:payments_paymentsession_release", args=[session.pk])
    assert release in staff.get(change).content.decode()
    with unchanged():
        assert f"Release payment session {session.pk}?" in text_of(staff.get(release))
    done = staff.post(release, {"reason": "Asked the provider"}, follow=True)
    assert "The session has ended." in text_of(done)
    session.refresh_from_db()
    assert session.status == "failed"
    assert release not in staff.get(change).content.decode()
