"""The viewed stamp: when a customer first looked at an invoice."""

from datetime import datetime

from django.db import transaction

from core.audit import Actor, record
from invoices.models import Invoice


def mark_viewed(*, invoice: Invoice, at: datetime, by: Actor) -> None:
    """Book a customer's first look. Staff who look do not count; looking again changes nothing."""
    if invoice.viewed_at is not None or by.kind == "staff":
        return
    with transaction.atomic():
        if Invoice.objects.filter(pk=invoice.pk, viewed_at=None).update(viewed_at=at):
            record(invoice, "invoice.viewed", at=at, by=by)
    invoice.viewed_at = at
