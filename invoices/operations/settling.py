"""What payments do to an invoice: reserve, release, pay. The caller holds the account's lock."""

from datetime import datetime

from accounts import operations as accounts
from accounts.models import Account, User
from core.audit import Actor, record
from core.errors import Conflict
from core.outbox import enqueue
from core.transitions import move
from invoices.models import Invoice

CANCEL = "invoices.cancel_invoice"
CLOSED = "invoice.closed"  # nothing more can be paid on it: payment sessions that are still open end


def reserve(invoice: Invoice, amount: int) -> None:
    """Keep `amount` minor units for a payment that is being captured or awaits verification."""
    if amount > invoice.open_balance:
        raise Conflict(f"The open balance of invoice {invoice.number} has changed")
    invoice.reserved_amount += amount
    invoice.save(update_fields=["reserved_amount"])


def release(invoice: Invoice, amount: int) -> None:
    """Give back what `reserve` kept."""
    invoice.reserved_amount -= amount
    invoice.save(update_fields=["reserved_amount"])


def set_paid_amount(invoice: Invoice, paid_amount: int, *, account: Account, at: datetime, by: Actor) -> None:
    """Book that allocations now add up to `paid_amount` minor units: settle the charges oldest first, and
    move the invoice to paid, or back to sent when a negative allocation reopened it."""
    if paid_amount == invoice.total_amount and invoice.status != Invoice.Status.PAID:
        move(invoice, Invoice.Status.PAID, at=at, by=by, paid_amount=paid_amount, paid_at=at)
        enqueue(CLOSED, {"invoice": invoice.pk}, at=at)
    elif paid_amount < invoice.total_amount and invoice.status == Invoice.Status.PAID:
        move(invoice, Invoice.Status.SENT, at=at, by=by, paid_amount=paid_amount, paid_at=None)
    else:
        before = {"paid_amount": invoice.paid_amount}
        invoice.paid_amount = paid_amount
        invoice.save(update_fields=["paid_amount"])
        record(
            invoice, "invoice.partly_paid", at=at, by=by, before=before, after={"paid_amount": paid_amount}
        )
    left, settled = paid_amount, []
    for line in invoice.line_items.select_related("account_line_item"):
        share = min(left, line.amount)
        left -= share
        if line.account_line_item is not None:
            settled.append((line.account_line_item, min(share, line.account_line_item.amount)))
    accounts.settle_line_items(account=account, settled=settled)


def cancel_invoice(*, invoice: Invoice, at: datetime, staff: User | None, reason: str) -> None:
    """Cancel an issued invoice on which nothing was paid or credited and for which no payment is pending; its
    number stays, its charges can be billed again. Without `staff` the site itself does it."""
    by, reason = accounts.acting(staff, CANCEL), accounts.required(reason)
    with accounts.locked_account(invoice.account_id):
        current = _cancellable(invoice)
        move(current, Invoice.Status.CANCELLED, at=at, by=by, reason=reason, cancelled_at=at)
        current.line_items.update(is_live=False)
        charges = current.line_items.exclude(account_line_item=None).values_list(
            "account_line_item", flat=True
        )
        accounts.mark_billed(charges, is_billed=False)
        enqueue(CLOSED, {"invoice": current.pk}, at=at)


def cancellable(*, invoice: Invoice, staff: User) -> Invoice:
    """The invoice as it is now, if this member of staff may cancel it. The page that asks before shows the
    refusal in place of its button."""
    accounts.acting(staff, CANCEL)
    return _cancellable(invoice)


def _cancellable(invoice: Invoice) -> Invoice:
    current = Invoice.objects.get(pk=invoice.pk)
    if current.reserved_amount:
        raise Conflict(f"Invoice {current.number} has a payment in progress")
    if current.paid_amount == current.total_amount:
        raise Conflict(f"Invoice {current.number} is already paid")
    if current.paid_amount:
        raise Conflict(f"Invoice {current.number} is partly paid")
    if current.credit_notes.exists():
        raise Conflict(f"Invoice {current.number} has a credit note")
    if current.status != Invoice.Status.SENT:
        raise Conflict(f"Invoice {current} is {current.get_status_display().lower()}")
    return current
