"""Moving a status: along the table, once, with its row in the trail."""

from datetime import timedelta

import pytest

from accounts.models import Account
from core.audit import Actor, AuditEntry, request_id
from core.errors import Conflict
from core.transitions import move
from invoices.models import Invoice
from payments.models import PaymentSession
from tests import factories
from tests.factories import MANUAL, NOW

pytestmark = pytest.mark.django_db
STAFF = Actor(kind="staff", id="7", label="stella@example.com", user_id=7)


def test_a_move_sets_its_fields_and_is_told(account):
    entries = AuditEntry.objects.count()
    token = request_id.set("request-1")
    move(account, Account.Status.SUSPENDED, at=NOW, by=STAFF, reason="Unpaid since May", title="On hold")
    request_id.reset(token)
    assert (account.status, account.title) == ("suspended", "On hold")
    stored = Account.objects.get()
    assert (stored.status, stored.title) == ("suspended", "On hold")
    assert AuditEntry.objects.count() == entries + 1
    told = AuditEntry.objects.first()
    assert (told.action, told.at, told.reason, told.request_id) == (
        "account.suspended",
        NOW,
        "Unpaid since May",
        "request-1",
    )
    assert (told.actor_kind, told.actor_id, told.actor_label) == ("staff", "7", "stella@example.com")
    assert (told.object_kind, told.object_id, told.account_id) == (
        "accounts.account",
        account.pk,
        account.pk,
    )
    assert told.before == {"status": "active", "title": "Business Account"}
    assert told.after == {"status": "suspended", "title": "On hold"}


def test_of_two_that_race_for_a_row_the_second_is_refused(account):
    mine, yours = Account.objects.get(), Account.objects.get()
    move(mine, Account.Status.SUSPENDED, at=NOW, by=STAFF)
    entries = AuditEntry.objects.count()
    with pytest.raises(Conflict, match="Account is no longer active"):
        move(yours, Account.Status.CLOSED, at=NOW, by=STAFF, title="Closed")
    assert (yours.status, yours.title) == ("active", "Business Account")
    assert Account.objects.get().status == "suspended"
    assert AuditEntry.objects.count() == entries


def test_what_the_table_does_not_name_is_refused(account):
    move(account, Account.Status.CLOSED, at=NOW, by=STAFF)
    entries = AuditEntry.objects.count()
    with pytest.raises(Conflict, match="Account cannot go from closed to active"):
        move(account, Account.Status.ACTIVE, at=NOW, by=STAFF)
    assert Account.objects.get().status == "closed"
    assert AuditEntry.objects.count() == entries


def test_documents_are_stored_but_not_repeated_in_the_trail(account):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    assert invoice.snapshot["number"] == "INV-2025-001"
    told = AuditEntry.objects.get(action="invoice.sent")
    assert told.account_id == account.pk
    assert told.after == {
        "status": "sent",
        "number": "INV-2025-001",
        "number_year": 2025,
        "number_sequence": 1,
        "issue_date": "2025-09-03",
        "sent_at": "2025-09-03T05:21:07.596000+00:00",
        "snapshot_hash": invoice.snapshot_hash,
    }
    assert told.before["status"] == "draft"
    assert "snapshot" not in told.before


def test_a_client_s_secret_is_not_in_the_trail(account, sandbox):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    session = factories.an_initiated_session(invoice, factories.STRIPE)
    secret = session.data["clientSecret"]
    assert secret in str(PaymentSession.objects.get(pk=session.pk).data)
    assert not any(secret in f"{entry.before}{entry.after}" for entry in AuditEntry.objects.all())


def test_a_move_never_takes_another_row_along(account):
    first = factories.an_open_invoice(account)
    second = factories.an_open_invoice(account)
    later = NOW + timedelta(hours=1)
    move(first, Invoice.Status.CANCELLED, at=later, by=STAFF, cancelled_at=later)
    second.refresh_from_db()
    assert second.status == "sent"


def test_an_initiated_promise_is_told_with_its_payer(account, alice):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    session = factories.an_initiated_session(invoice, MANUAL, by=alice.actor)
    told = AuditEntry.objects.get(action="paymentsession.initiated")
    assert (told.object_id, told.actor_kind, told.actor_label) == (session.pk, "user", "alice@example.com")
    assert told.after["payer_id"] == alice.user.pk
