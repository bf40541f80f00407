"""Sending an invoice or a credit note once more, because staff ask for it."""

from datetime import datetime

from accounts import operations as accounts
from accounts.models import User
from core.audit import record
from core.errors import Conflict
from invoices import operations as invoices
from invoices.models import CreditNote, Invoice, InvoiceDocument
from invoices.operations.mailing import OF, Paper
from payments.operations.notifying import recipients_of


def send_again(*, paper: Paper, at: datetime, staff: User) -> None:
    """Send the PDF of an issued invoice, or of a credit note, to whom its account's papers go, in half a
    minute. Refuses staff without the permission, an invoice that is not issued, a paper without its PDF yet,
    one whose mail waits to leave, and an account without an address."""
    with accounts.locked_account(paper.account_id):
        sendable(paper=paper, staff=staff)
        record(paper, f"{OF[type(paper)][0]}.sent_again", at=at, by=staff.actor)
        invoices.enqueue_mail(paper, at=at, by=staff.actor, again=f".{at.timestamp():.0f}")


def sendable(*, paper: Paper, staff: User) -> None:
    """Refuses what `send_again` refuses. The page that asks before shows it in place of its button."""
    accounts.acting(staff, OF[type(paper)][2])
    current = type(paper).objects.select_related("account").get(pk=paper.pk)
    if isinstance(current, Invoice) and current.status not in (Invoice.Status.SENT, Invoice.Status.PAID):
        raise Conflict(f"Invoice {current} is {current.get_status_display().lower()}")
    if not recipients_of(current.account):
        raise Conflict(f"Account {current.account.number} has no e-mail address and no Admin")
    if isinstance(current, CreditNote):
        invoices.document_of_credit_note(current)
    else:
        invoices.document_of(current, InvoiceDocument.Kind.PAY_NOW)
    if invoices.waiting_mail(current):
        raise Conflict(f"The mail of {current} is about to leave")
