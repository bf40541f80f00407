"""What a caller is told about a payment session: the same for every door, and every time it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.money import format_minor
from invoices.models import Invoice
from payments.models import PaymentSession

Status = PaymentSession.Status


@dataclass(frozen=True)
class PaymentOutcome:
    """`status` is succeeded, manual_pending, processing or the provider's own word for what is missing."""

    invoice_id: int
    status: str
    success: bool
    message: str | None = None
    error: str | None = None


def outcome_of(session: PaymentSession, invoices: Sequence[Invoice]) -> PaymentOutcome:
    """The answer that a session's state gives. A decline is an answer, not an exception."""
    name = f"Invoice {invoices[0].number}" if len(invoices) == 1 else f"{len(invoices)} invoices"
    first = invoices[0].pk
    if session.status == Status.SUCCEEDED:
        return PaymentOutcome(first, "succeeded", True, _paid(session, invoices, name))
    if session.status == Status.PENDING_VERIFICATION:
        verb = "is" if len(invoices) == 1 else "are"
        return PaymentOutcome(
            first, "manual_pending", True, f"{name} {verb} awaiting verification of your payment"
        )
    if session.status == Status.CAPTURING:
        return PaymentOutcome(first, "processing", True, "Your payment is being processed")
    words = {Status.REJECTED: "rejected", Status.CANCELLED: "canceled", Status.FAILED: "canceled"}
    word = words.get(session.status) or session.provider_status or "requires_payment_method"  # type: ignore[call-overload]
    return PaymentOutcome(first, word, False, error=f"Payment status: {word}")


def _paid(session: PaymentSession, invoices: Sequence[Invoice], name: str) -> str:
    if all(invoice.status == Invoice.Status.PAID for invoice in invoices):
        return f"{name} paid successfully"
    amount = format_minor(session.amount, session.currency)
    if any(invoice.status == Invoice.Status.CANCELLED for invoice in invoices):
        return f"{amount} paid and kept as account credit"
    return f"{amount} paid on {name[0].lower()}{name[1:]}"
