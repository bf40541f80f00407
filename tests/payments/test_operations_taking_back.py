"""Where refunded money comes from: unused credit, then the invoices that it paid, the latest first."""

import pytest

from accounts.models import Account
from core.audit import SYSTEM
from core.outbox import drain
from invoices.operations import settling
from payments import operations
from payments.models import AccountCredit, Allocation, Payment, Refund
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW, STRIPE
from tests.payments.callers import stripe_client
from tests.payments.test_operations_completing import GOOD
from tests.payments.test_operations_settling import look

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


@pytest.fixture
def pair(account):
    """Two open invoices of $39.40 each."""
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


@pytest.fixture
def half_credit(pair, sandbox, stella) -> Payment:
    """$78.80, one half of it on the second invoice; the first was paid meanwhile, so the other is credit."""
    session = initiated(pair, sandbox)
    stripe_client(sandbox).payment_intents.capture(session.reference)
    operations.verify_manual_payment(payment=factories.a_promised_payment(pair[0]), at=NOW, staff=stella)
    look(session)
    drain(at=NOW)
    return Payment.objects.get(session=session)


def initiated(invoices, sandbox):
    session = factories.a_collection_over(*invoices).sessions.get(provider__code=STRIPE)
    session = operations.initiate_session(session=session, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, GOOD)
    return session


def put_credit_on(invoice, amount: int) -> None:
    Allocation.objects.create(
        invoice=invoice, credit=AccountCredit.objects.get(), currency="USD", amount=amount, created_at=NOW
    )
    account = Account.objects.get(pk=invoice.account_id)
    settling.set_paid_amount(invoice, amount, account=account, at=NOW, by=SYSTEM)
    assert_sound()


def refund(payment, amount: int, staff) -> Refund:
    return operations.refund_payment(payment=payment, amount=amount, reason="Damaged", at=NOW, staff=staff)


def paid_on(*invoices) -> list[int]:
    for invoice in invoices:
        invoice.refresh_from_db()
    return [invoice.paid_amount for invoice in invoices]


def test_the_latest_invoice_is_opened_first(pair, sandbox, stella):
    operations.complete_payment(session=initiated(pair, sandbox), at=NOW, by=SYSTEM)
    payment = Payment.objects.get()
    refund(payment, 1000, stella)
    assert paid_on(*pair) == [3940, 2940]
    refund(payment, 4000, stella)
    assert paid_on(*pair) == [2880, 0]
    drain(at=NOW)
    assert_sound()


def test_what_it_paid_itself_before_what_its_credit_paid(half_credit, pair, account, stella):
    later = factories.an_open_invoice(account)
    put_credit_on(later, later.total_amount)
    made = refund(half_credit, 1000, stella)
    assert (made.credit_amount, paid_on(*pair, later)) == (0, [3940, 2940, 3940])
    made = refund(half_credit, 3500, stella)
    assert (made.credit_amount, paid_on(*pair, later)) == (560, [3940, 0, 3380])
    drain(at=NOW)
    assert_sound()


def test_credit_that_went_back_does_not_go_back_again(half_credit, pair, account, stella):
    later = factories.an_open_invoice(account)
    put_credit_on(later, 2000)
    assert refund(half_credit, 1500, stella).credit_amount == 1500
    assert AccountCredit.objects.filter(account=account).left_by_currency() == [("USD", 440)]
    assert refund(half_credit, 1000, stella).credit_amount == 440
    assert paid_on(*pair, later) == [3940, 3380, 2000]
    assert_sound()
