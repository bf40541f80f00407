"""A closed account on which something was booked wrong: it can be undone, what is owed again is told before,
stands in every place where debts do, and can be paid."""

from datetime import date, timedelta

import pytest
from django.test import Client

from accounts.models import Account
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, WriteOff
from payments.operations import Received, Share
from tests import factories
from tests.back_office import facts, list_of, page_of, rows
from tests.books import assert_sound
from tests.factories import MANUAL, NOW
from tests.payments.test_dashboard import tables

pytestmark = pytest.mark.usefixtures("the_clock")
CLOSED = "The account is closed"
AGAIN = "It owes $39.40 then, and stays closed. Its members can still pay it; aging and reminders go on."


@pytest.fixture
def staff(stella):
    client = Client()
    client.force_login(stella)
    return client


@pytest.fixture
def late(account):
    """$39.40 since 3 July, due on 2 August."""
    line = account.line_items.get()
    return factories.an_open_invoice(account, line, at=NOW - timedelta(days=62))


def recorded(invoice, stella) -> Payment:
    received = Received(
        method="check",
        received_date=date(2025, 9, 2),
        currency="USD",
        amount=3940,
        parts=(Share(invoice, 3940),),
        reference="1007",
    )
    return operations.record_payment(account=invoice.account, received=received, at=NOW, staff=stella)


def verified(invoice, stella) -> Payment:
    payment = factories.a_promised_payment(invoice)
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    return payment


def written_off(invoice, stella) -> WriteOff:
    return operations.write_off(invoice=invoice, amount=3940, reason="Bankrupt", at=NOW, staff=stella)


@pytest.mark.parametrize(
    ("settle", "page", "given"),
    [
        (recorded, "undo_recording", {"reason": "Twice"}),
        (verified, "refund", {"reason": "Sent back", "amount": "39.40", "left": "3940"}),
        (written_off, "undo", {"reason": "They pay"}),
    ],
)
def test_what_it_owes_again_is_told_and_shown_and_paid(
    staff, browser, alice, at, account, late, stella, settle, page, given
):
    row = settle(late, stella)
    assert CLOSED not in facts(staff.get(page_of(row, page)))
    operations.close_account(account=account, reason="Moved", at=NOW, staff=stella)
    assert facts(staff.get(page_of(row, page)))[CLOSED] == AGAIN
    staff.post(page_of(row, page), given)
    account.refresh_from_db()
    assert (account.status, account.balance_due) == ("closed", 3940)

    shown = staff.get(page_of(account)).content.decode()
    assert "$39.40" in shown
    assert [one[0] for one in rows(staff.get(list_of(Account, show="overdue")))] == [account.number]
    assert tables(staff.get("/admin/reports/aging/"))[0][1][0] == "Globex ACC-2025-000001"
    assert [
        one.invoice.pk for one in invoices.due_reminders(on=NOW.date(), invoices=Invoice.objects.open())
    ] == [late.pk]

    assert "Open balance: $39.40" in browser.text(at("invoice", late.pk))
    assert browser.post(at("invoice_pay", late.pk), provider=MANUAL).status_code == 303
    operations.verify_manual_payment(
        payment=factories.a_promised_payment(late, by=alice.user), at=NOW, staff=stella
    )
    account.refresh_from_db()
    assert (account.status, account.balance_due) == ("closed", 0)
    assert_sound()
