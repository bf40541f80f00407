"""Suspending and resuming an account, and notes on it."""

import pytest
from moneyed import Money

from accounts import operations
from accounts.models import AccountNote
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk(db):
    return a_clerk("accounts.change_account", "accounts.add_accountnote")


def suspend(account, staff, reason="Moved"):
    operations.suspend_account(account=account, reason=reason, at=NOW, staff=staff)


def test_a_suspended_account_takes_no_charges_and_can_pay(account, clerk, stella):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    suspend(account, clerk, " Moved ")
    account.refresh_from_db()
    entry = AuditEntry.objects.get(action="account.suspended")
    assert (account.status, entry.reason, entry.actor_label) == ("suspended", "Moved", "ben@example.com")
    with refuses(Conflict, "Account ACC-2025-000001 is suspended"):
        operations.charge(
            account_id=account.pk,
            region=factories.a_region(),
            amount=Money(1, "USD"),
            description="Lamp",
            at=NOW,
            by=SYSTEM,
        )
    payment = factories.a_promised_payment(invoice)
    factories.payments.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    account.refresh_from_db()
    assert account.balance_due == 0
    assert_sound()


def test_it_is_taken_up_again(account, clerk):
    suspend(account, clerk)
    operations.resume_account(account=account, reason="Paid", at=NOW, staff=clerk)
    account.refresh_from_db()
    assert account.status == "active"
    with refuses(Conflict, "Account ACC-2025-000001 is active"):
        operations.resume_account(account=account, reason="Paid", at=NOW, staff=clerk)


def test_refusals(account, clerk):
    other = a_clerk(email="x@example.com")
    with refuses(Invalid, "Enter a reason", field="reason"):
        suspend(account, clerk, " ")
    with refuses(Forbidden, "Insufficient permissions"):
        suspend(account, other)
    with refuses(Forbidden, "Insufficient permissions"):
        operations.add_note(account=account, text="Hello", at=NOW, staff=other)
    suspend(account, clerk)
    with refuses(Conflict, "Account ACC-2025-000001 is suspended"):
        suspend(account, clerk)


def test_a_note(account, clerk):
    note = operations.add_note(account=account, text=" Pays on Fridays\n", at=NOW, staff=clerk)
    assert (note.text, note.staff, note.created_at) == ("Pays on Fridays", clerk, NOW)
    entry = AuditEntry.objects.get(action="accountnote.added")
    assert (entry.account_id, entry.after) == (account.pk, {"text": "Pays on Fridays"})
    with refuses(Invalid, "Enter a note", field="text"):
        operations.add_note(account=account, text=" ", at=NOW, staff=clerk)
    with refuses(Invalid, "A note has at most 4,000 characters", field="text"):
        operations.add_note(account=account, text="x" * 4001, at=NOW, staff=clerk)
    assert AccountNote.objects.count() == 1
