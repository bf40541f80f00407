"""Mails about payments, sent by the worker from the outbox: text in the account's words and amounts."""

from typing import Any

from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from accounts.models import Organization
from core.money import format_minor
from payments.models import Payment, Refund


def send_receipt(payment: Payment) -> None:
    """Money arrived: to whom paid, how much, and on which invoices."""
    verified = payment.verified_at is not None
    total = format_minor(payment.amount, payment.currency)
    numbers = ", ".join(item.invoice.number or "" for item in payment.allocations.all())
    subject = f"Your bank transfer of {total} is verified" if verified else f"Receipt: {total} paid"
    if numbers and not verified:
        subject += f" on invoice {numbers}"
    _send(payment, subject, "mail/receipt.txt", verified=verified)


def send_rejection(payment: Payment) -> None:
    """A promise was rejected: why, and that it can be paid again."""
    total = format_minor(payment.amount, payment.currency)
    _send(payment, f"We could not find your bank transfer of {total}", "mail/rejection.txt")


def send_refund(refund: Refund) -> None:
    """Money went back: how much, and what is open again."""
    total = format_minor(refund.amount, refund.currency)
    taken = [
        (item.invoice.number, format_minor(-item.amount, item.currency)) for item in refund.allocations.all()
    ]
    _send(refund.payment, f"We sent {total} back to you", "mail/refund.txt", refunded=total, taken=taken)


def _send(payment: Payment, subject: str, template: str, **context: Any) -> None:
    recipient = payment.payer.email if payment.payer else payment.account.email if payment.account else ""
    if not recipient:
        return
    organization = Organization.objects.get()
    text = render_to_string(
        template,
        {
            "payment": payment,
            "total": format_minor(payment.amount, payment.currency),
            "allocations": [
                (item.invoice.number, format_minor(item.amount, item.currency))
                for item in payment.allocations.all()
            ],
            "organization": organization,
            **context,
        },
    )
    EmailMessage(" ".join(subject.split()), text, organization.mail_sender, [recipient]).send()
