"""How pages name things: the way a payment was made, how late an invoice is."""

from datetime import date
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from invoices.models import Invoice
from payments.models import Payment, PaymentSession, RecordedMethod
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
