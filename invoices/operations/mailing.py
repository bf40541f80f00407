"""Mails that bring a paper, an invoice or a credit note: written to the outbox in the transaction that wants
them sent. What staff send leaves half a minute later, and can be stopped until then."""

from datetime import datetime, timedelta

from accounts import operations as accounts
from accounts.models import User
from core import outbox
from core.audit import Actor, AuditEntry, record
from core.errors import Conflict
from core.outbox import OutboxMessage
from invoices.models import CreditNote, Invoice

Paper = Invoice | CreditNote
INVOICE_MAIL, CREDIT_NOTE_MAIL = "invoice.documented", "credit_note.documented"  # the worker sends it
# By what the paper is: its name in payloads and in the trail, its mail, and who may stop that.
OF: dict[type[Paper], tuple[str, str, str]] = {
    Invoice: ("invoice", INVOICE_MAIL, "invoices.issue_invoice"),
    CreditNote: ("credit_note", CREDIT_NOTE_MAIL, "invoices.credit_invoice"),
}


def enqueue_mail(paper: Paper, *, at: datetime, by: Actor, again: str = "") -> None:
    """Let the worker send a paper; in half a minute, where staff do it. `again` tells the letter from one
    that was sent before."""
    name, kind, _ = OF[type(paper)]
    payload = {name: paper.pk} | ({"again": again} if again else {})
    delay = outbox.REGRET if by.kind == "staff" else timedelta()
    outbox.enqueue(kind, payload, at=at, delay=delay)


def waiting_mail(paper: Paper) -> OutboxMessage | None:
    """The mail of a paper that no worker has taken yet."""
    name, kind, _ = OF[type(paper)]
    return outbox.waiting(kind, **{name: paper.pk})


def last_mailing(paper: Paper) -> AuditEntry | None:
    """What came of the last mail of a paper: it was sent (`….mailed`), or stopped (`….mail_stopped`)."""
    name, _, _ = OF[type(paper)]
    ends = (f"{name}.mailed", f"{name}.mail_stopped")
    entries = AuditEntry.objects.filter(object_kind=paper._meta.label_lower, object_id=paper.pk)
    return entries.filter(action__in=ends).first()


def mail_stoppable(*, paper: Paper, staff: User) -> OutboxMessage:
    """The mail that this member of staff can stop now. The page that asks before shows the refusal in place
    of its button."""
    name, _, permission = OF[type(paper)]
    accounts.acting(staff, permission)
    message = waiting_mail(paper)
    if message is None:
        last = last_mailing(paper)
        is_stopped = last is not None and last.action == f"{name}.mail_stopped"
        raise Conflict(f"The mail of {paper} {'is stopped already' if is_stopped else 'has left already'}")
    return message


def stop_mail(*, paper: Paper, at: datetime, staff: User) -> None:
    """Keep back a mail that has not left yet. The paper stays as it is, and can be sent again."""
    with accounts.locked_account(paper.account_id):
        outbox.stop(mail_stoppable(paper=paper, staff=staff), at=at)
        record(paper, f"{OF[type(paper)][0]}.mail_stopped", at=at, by=staff.actor)
