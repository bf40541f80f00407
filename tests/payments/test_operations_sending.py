"""Sending an invoice once more."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction

from accounts.models import Account
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden
from core.outbox import REGRET, drain
from invoices import operations as invoices
from payments import operations
from tests import factories
from tests.back_office import a_clerk
from tests.books import refuses
from tests.factories import NOW

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def clerk(db):
    return a_clerk("invoices.issue_invoice", "invoices.cancel_invoice")


@pytest.fixture
def invoice(account, clerk):
    """Sent once."""
    Account.objects.filter(pk=account.pk).update(email="books@globex.example")
    made = factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)
    for _ in range(2):
        drain(at=NOW)
    assert len(mail.outbox) == 1
    return made


def send_again(invoice, staff) -> None:
    operations.send_again(paper=invoice, at=LATER, staff=staff)


def test_the_same_paper_as_another_mail(invoice, clerk):
    send_again(invoice, clerk)
    drain(at=LATER + REGRET)
    first, second = mail.outbox
    assert second.to == ["books@globex.example"]
    assert second.attachments == first.attachments
    assert second.extra_headers["Message-ID"] != first.extra_headers["Message-ID"]
    entry = AuditEntry.objects.get(action="invoice.sent_again")
    assert (entry.object_id, entry.actor_label, entry.at) == (invoice.pk, "ben@example.com", LATER)


def test_not_inside_another_transaction(invoice, clerk):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        send_again(invoice, clerk)


def test_refusals(invoice, account, clerk):
    other = a_clerk("invoices.draft_invoice", email="x@example.com")
    with refuses(Forbidden, "Insufficient permissions"):
        send_again(invoice, other)
    undrawn = factories.an_open_invoice(account)
    with refuses(Conflict, "The PDF is being made. Try again in a moment"):
        send_again(undrawn, clerk)
    Account.objects.update(email="")
    with refuses(Conflict, "Account ACC-2025-000001 has no e-mail address and no Admin"):
        send_again(invoice, clerk)
    Account.objects.update(email="books@globex.example")
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=clerk, reason="Wrong")
    with refuses(Conflict, "Invoice INV-2025-001 is cancelled"):
        send_again(invoice, clerk)
