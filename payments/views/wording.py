"""How pages name things: the way a payment was made, how late an invoice is, what settled it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext, gettext_lazy

from invoices.models import Invoice
from payments.models import Allocation, Payment, PaymentSession, RecordedMethod
from payments.providers import PROVIDERS

PAYMENT_WORDS: dict[str, str] = {
    Payment.Status.PENDING: "awaiting_verification",
    Payment.Status.CAPTURED: "completed",
    Payment.Status.FAILED: "rejected",
    Payment.Status.PARTIALLY_REFUNDED: "partly_refunded",
    Payment.Status.REFUNDED: "refunded",
}
RECORDED: dict[str, Any] = {
    "check": gettext_lazy("cheque"),
    "wire_transfer": gettext_lazy("bank transfer"),
    "cash": gettext_lazy("cash"),
    "ach": gettext_lazy("ACH transfer"),
    "credit_card": gettext_lazy("card"),
    "other": gettext_lazy("other way"),
}


def payment_word(payment: Payment) -> str:
    """The word of a payment's status. Needs `with_refunds()`, or asks once."""
    if payment.status == Payment.Status.REFUNDED and payment.is_recorded and payment.undone:
        return "undone"
    return PAYMENT_WORDS.get(payment.status, "")


def method_words(payment: Payment) -> str:
    """`card ending 4242`, `PayPal`, `bank transfer`."""
    last4 = payment.method_details.get("last4")
    if payment.method == "card":
        return gettext("card ending %(last4)s") % {"last4": last4} if last4 else gettext("card")
    if payment.method == "bank_transfer":
        return gettext("bank transfer")
    if payment.is_recorded:
        return str(RECORDED.get(payment.method) or RecordedMethod(payment.method).label)
    if payment.provider.code in PROVIDERS:
        return PROVIDERS[payment.provider.code].label
    return payment.provider.name


def payer_name(session: PaymentSession, *, user_id: int | None) -> str:
    """Who started a payment, as a sentence begins."""
    if session.payer is None:
        return gettext("Somebody")
    return gettext("You") if session.payer_id == user_id else str(session.payer)


def days_late(invoice: Invoice, *, on: date) -> int:
    """Days since an unpaid invoice was due; 0 while it is not."""
    return (on - invoice.due_date).days if invoice.is_overdue(on=on) else 0


def settled_by(rows: Sequence[Invoice]) -> dict[int, dict[str, int]]:
    """What of each invoice was paid, credited and written off, in minor units. One query."""
    parts = Allocation.objects.filter(invoice__in=[row.pk for row in rows]).order_by().values("invoice")
    summed = parts.annotate(
        credited=Coalesce(Sum("amount", filter=Q(credit_note__isnull=False)), 0),
        written_off=Coalesce(Sum("amount", filter=Q(write_off__isnull=False)), 0),
    )
    found = {one["invoice"]: (one["credited"], one["written_off"]) for one in summed}
    told = {}
    for row in rows:
        credited, written_off = found.get(row.pk, (0, 0))
        paid = row.paid_amount - credited - written_off
        told[row.pk] = {"paid": paid, "credited": credited, "written_off": written_off}
    return told


def settled_word(invoice: Invoice, settled: dict[str, int]) -> str:
    """The word of an invoice on which nothing is open, by what `settled_by` tells of it: it is called paid
    only where somebody paid. That a debt was given up is no word for a company's list."""
    if settled["written_off"]:
        return "nothing_to_pay"
    return "credited" if settled["credited"] == invoice.total_amount else "paid"
