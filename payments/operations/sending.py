"""Sending an invoice once more, because staff ask for it."""

from datetime import datetime

from accounts import operations as accounts
from accounts.models import User
from core.audit import record
from core.errors import Conflict
from core.outbox import enqueue
from invoices import operations as invoices
from invoices.models import Invoice, InvoiceDocument
from invoices.operations.documenting import DOCUMENTED
from invoices.operations.drafting import ISSUE
from payments.operations.notifying import recipients_of


def send_again(*, invoice: Invoice, at: datetime, staff: User) -> None:
    """Send the PDF of an issued invoice to whom its account's papers go. Refuses staff without the
    permission, an invoice that is not issued, one without its PDF yet, and an account without an address."""
    sendable(invoice=invoice, staff=staff)
    with accounts.locked_account(invoice.account_id):
        record(invoice, "invoice.sent_again", at=at, by=staff.actor)
        enqueue(DOCUMENTED, {"invoice": invoice.pk, "again": f".{at.timestamp():.0f}"}, at=at)


def sendable(*, invoice: Invoice, staff: User) -> None:
    """Refuses what `send_again` refuses. The page that asks before shows it in place of its button."""
    accounts.acting(staff, ISSUE)
    current = Invoice.objects.select_related("account").get(pk=invoice.pk)
    if current.status not in (Invoice.Status.SENT, Invoice.Status.PAID):
        raise Conflict(f"Invoice {current} is {current.get_status_display().lower()}")
    if not recipients_of(current.account):
        raise Conflict(f"Account {current.account.number} has no e-mail address and no Admin")
    invoices.document_of(current, InvoiceDocument.Kind.PAY_NOW)
