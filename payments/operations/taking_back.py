"""Where refunded money comes from: first from what is left as account credit, then from the invoices it paid,
the latest first, then from those that its credit paid. All under the account's lock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, Sum

from accounts.models import Account
from core.audit import Actor
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import Allocation, Payment, Refund


@dataclass(frozen=True)
class Share:
    """What of a payment, or of the credit it left, is on an invoice, and how much of that comes back."""

    invoice_id: int
    payment_id: int | None
    credit_id: int | None
    amount: int


def shares(payment: Payment, amount: int) -> tuple[int, list[Share]]:
    """How much of `amount` is account credit that nobody used, and what invoices give up for the rest."""
    credit = min(amount, credit_left(payment))
    left, taken = amount - credit, []
    for row in _sources(payment):
        share = min(left, row["net"])
        if share > 0:
            left -= share
            taken.append(Share(row["invoice_id"], row["payment_id"], row["credit_id"], share))
    if left:
        raise RuntimeError(f"{amount} exceeds what is left of payment {payment.pk}")
    return credit, taken


def take_back(refund: Refund, account: Account, *, at: datetime, by: Actor) -> int:
    """Write the negative allocations of a refund and reopen its invoices; answers how much of it was account
    credit, in minor units."""
    credit, taken = shares(refund.payment, refund.amount)
    for share in taken:
        credit += share.amount if share.credit_id else 0
        Allocation.objects.create(
            invoice_id=share.invoice_id,
            payment_id=share.payment_id,
            credit_id=share.credit_id,
            refund=refund,
            currency=refund.currency,
            amount=-share.amount,
            created_at=at,
        )
        invoice = Invoice.objects.get(pk=share.invoice_id)
        invoices.set_paid_amount(invoice, invoice.paid_amount - share.amount, account=account, at=at, by=by)
    return credit


def credit_left(payment: Payment) -> int:
    """What of a payment is account credit that no invoice used and no refund took."""
    kept = payment.credits.aggregate(total=Sum("amount"))["total"] or 0
    used = Allocation.objects.filter(credit__payment=payment).aggregate(total=Sum("amount"))["total"] or 0
    back = payment.refunds.filter(status=Refund.Status.DONE).aggregate(total=Sum("credit_amount"))["total"]
    return kept - used - (back or 0)


def _sources(payment: Payment) -> list[Any]:
    """Each invoice with what of this payment is on it, of its own and by its credit."""
    rows = Allocation.objects.filter(Q(payment=payment) | Q(credit__payment=payment)).order_by()
    netted: list[Any] = list(rows.values("invoice_id", "payment_id", "credit_id").annotate(net=Sum("amount")))
    return sorted(netted, key=lambda row: (row["payment_id"] is None, -row["invoice_id"]))
