"""Promises to pay: what they are about, which reminders they hold back, and which were broken."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import Conflict, Forbidden, Invalid
from invoices import operations
from invoices.models import Invoice, PaymentPromise
from payments import operations as payments
from tests import factories
from tests.back_office import a_clerk
from tests.books import refuses
from tests.factories import NOW
from tests.invoices.test_reminding import DUE, after, due

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(account):
    account.email = "ap@globex.example"
    account.save()
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.fixture
def clerk(db):
    return a_clerk("invoices.remind_invoice")


@pytest.fixture
def cashier(db):
    return a_clerk("payments.record_payment", "payments.refund_payment", email="cash@example.com")


def pay(invoice, cashier, amount):
    """A cheque of so much on the invoice, after the promise."""
    received = payments.Received(
        method="check",
        received_date=after(1).date(),
        currency=invoice.currency,
        amount=amount,
        parts=(payments.Share(invoice, amount),),
        reference="Cheque 1007",
    )
    at = after(1) + timedelta(hours=1)
    return payments.record_payment(account=invoice.account, received=received, at=at, staff=cashier)


def promise_of(account, clerk, **given) -> PaymentPromise:
    day = DUE + timedelta(days=10)
    return operations.promise_to_pay(
        **{"account": account, "promised_date": day, "at": after(1), "staff": clerk} | given
    )


@pytest.mark.parametrize("amount", [None, 3940])
def test_of_one_invoice(invoice, account, clerk, amount):
    factories.reminder_levels(3)
    other = factories.an_open_invoice(account)
    promise = promise_of(account, clerk, invoice=invoice, amount=amount, note="By cheque")
    assert (promise.amount, promise.open_amount, promise.currency) == (amount, 3940, "USD")
    assert promise.note == "By cheque"
    assert due(10) == [
        (str(invoice), 10, None, "The company promised to pay by 13 October 2025"),
        (str(other), 10, "Level 1", ""),
    ]
    assert due(11)[0][2] == "Level 1"


def test_of_an_account_and_withdrawn(invoice, account, clerk):
    factories.reminder_levels(3)
    promise = promise_of(account, clerk)
    assert due(5)[0][3] == "The company promised to pay by 13 October 2025"
    operations.withdraw_promise(promise=promise, reason="Called off", at=after(2), staff=clerk)
    assert due(5)[0][2] == "Level 1"
    with refuses(Conflict, "This promise is withdrawn already"):
        operations.withdraw_promise(promise=promise, reason="Again", at=after(2), staff=clerk)


@pytest.mark.parametrize("is_of_account", [True, False])
@pytest.mark.parametrize("amount", [1, 3939])
def test_of_a_part_the_rest_is_reminded(invoice, account, clerk, cashier, amount, is_of_account):
    factories.reminder_levels(3)
    promise = promise_of(account, clerk, invoice=None if is_of_account else invoice, amount=amount)
    assert promise.is_of_a_part
    assert due(5)[0][2:] == ("Level 1", "")
    pay(invoice, cashier, amount)
    assert due(5)[0][2:] == ("Level 1", "")  # what was promised is paid: it does not hold the rest
    assert not PaymentPromise.objects.broken(on=promise.promised_date + timedelta(days=1)).exists()


def test_of_all_it_holds_what_is_left_when_a_part_is_paid(invoice, account, clerk, cashier):
    factories.reminder_levels(3)
    promise = promise_of(account, clerk, amount=3940)
    pay(invoice, cashier, 1000)
    assert due(5)[0][3] == "The company promised to pay by 13 October 2025"
    assert PaymentPromise.objects.broken(on=promise.promised_date + timedelta(days=1)).get() == promise


def test_what_is_open_again_is_more_than_was_promised(invoice, account, clerk, cashier):
    factories.reminder_levels(3)
    payment = pay(invoice, cashier, 1000)
    promise_of(account, clerk, invoice=invoice, amount=2940)
    assert due(5)[0][3] == "The company promised to pay by 13 October 2025"
    payments.refund_payment(payment=payment, amount=1000, reason="Back", at=after(2), staff=cashier)
    assert due(5)[0][2:] == ("Level 1", "")


def test_an_amount_of_the_account_is_about_what_was_there_in_its_currency(invoice, account, clerk):
    factories.reminder_levels(3)
    euros = factories.a_region("Europe", "EUR")
    factories.a_rate("EUR", "USD", "1.1")
    there = factories.an_open_invoice(
        account, factories.an_unpaid_order(account, display_id="E1", region=euros)
    )
    promise = promise_of(account, clerk, amount=3940, promised_date=DUE + timedelta(days=60))
    later = factories.an_open_invoice(account, at=after(1) + timedelta(minutes=1))
    assert promise.open_amount == 3940
    assert [(one[0], one[2:]) for one in due(50)] == [
        (str(invoice), (None, "The company promised to pay by 2 December 2025")),
        (str(there), ("Level 1", "")),
        (str(later), ("Level 1", "")),
    ]


def test_broken_is_one_whose_day_is_over_while_it_is_open(invoice, account, clerk, stella):
    first, second = promise_of(account, clerk, invoice=invoice), promise_of(account, clerk)
    day = first.promised_date
    broken = PaymentPromise.objects.broken
    assert set(broken(on=day)) == set()
    assert set(broken(on=day + timedelta(days=1))) == {first, second}
    payment = factories.a_promised_payment(invoice, at=after(2))
    factories.payments.verify_manual_payment(payment=payment, at=after(2), staff=stella)
    assert set(broken(on=day + timedelta(days=1))) == set()


def test_refusals(invoice, account, clerk, mallory):
    foreign = factories.an_open_invoice(mallory.user.accounts.get())
    for wrong in (foreign, Invoice(pk=0)):
        with refuses(Invalid, "Choose an open invoice of this account", field="invoice"):
            promise_of(account, clerk, invoice=wrong)
    for amount in (0, 3941):
        with refuses(Invalid, "Enter an amount up to $39.40", field="amount"):
            promise_of(account, clerk, invoice=invoice, amount=amount)
    with refuses(Invalid, "Choose a day that is not over", field="promised_date"):
        promise_of(account, clerk, promised_date=DUE)
    empty, other = factories.an_account("Empty"), a_clerk(email="x@example.com")
    with refuses(Conflict, "Nothing is open that could be promised"):
        promise_of(empty, clerk)
    with refuses(Forbidden, "Insufficient permissions"):
        promise_of(account, other)


def test_a_draft_that_is_issued_afterwards_was_not_promised(invoice, account, clerk, cashier, stella):
    """All that was open was promised; the draft that lay there then had no number yet."""
    factories.reminder_levels(3)
    line = operations.FreeLine("Work", Decimal(1), Decimal(50))
    draft = operations.create_draft(
        account=account,
        region=invoice.region,
        draft=operations.Draft(lines=[line]),
        at=NOW,
        staff=stella,
    )
    promise = promise_of(account, clerk, amount=3940)
    operations.issue_draft(invoice=draft, at=after(1) + timedelta(minutes=1), staff=stella)
    assert due(5)[0][3] == "The company promised to pay by 13 October 2025"
    pay(invoice, cashier, 3940)
    over = promise.promised_date + timedelta(days=40)
    assert not PaymentPromise.objects.broken(on=over).exists()
    draft.refresh_from_db()
    assert [(one[0], one[2]) for one in due(50)] == [(str(draft), "Level 1")]
