"""What must be true of credit notes and write-offs at every moment; asked with the other invariants."""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import BigIntegerField, F, Model, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from invoices.models import CreditNote, CreditNoteDocument, CreditNoteLine, Invoice, InvoiceLineItem
from invoices.operations.freezing import snapshot_hash
from payments.models import AccountCredit, Allocation, WriteOff

PAPERS_READ = timedelta(days=31)


def total(rows: QuerySet, by: str, of: str = "amount", *, to: str = "pk") -> Coalesce:
    """Σ of a field over the rows that point at the outer row, or at the same as that does."""
    summed = rows.filter(**{by: OuterRef(to)}).order_by().values(by).annotate(_sum=Sum(of)).values("_sum")
    return Coalesce(Subquery(summed, output_field=BigIntegerField()), Value(0))


def credited(at: datetime) -> Iterable[Model]:
    """A credit note is the sum of its lines, and no more is taken off a line or an invoice than it has. What
    of its credit paid other invoices is owed here again once the payment went back: it may be written off."""
    lines = CreditNoteLine.objects.all()
    yield from CreditNote.objects.annotate(lines_sum=total(lines, "credit_note")).exclude(
        total_amount=F("lines_sum")
    )
    off = InvoiceLineItem.objects.annotate(
        off=total(lines, "invoice_line"), tax_off=total(lines, "invoice_line", "tax_amount")
    )
    yield from off.filter(Q(off__gt=F("amount")) | Q(tax_off__gt=F("tax_amount")))
    given_up, origin = WriteOff.objects.filter(undone_at=None), "credit__credit_note__invoice"
    yield from Invoice.objects.annotate(
        off=total(CreditNote.objects.all(), "invoice", "total_amount") + total(given_up, "invoice"),
        elsewhere=total(Allocation.objects.exclude(invoice=F(origin)), origin),
    ).filter(off__gt=F("total_amount") + F("elsewhere"))


def spent(at: datetime) -> Iterable[Model]:
    """A credit note is put on its invoice or kept as account credit, a write-off settles its invoice until it
    is undone: to the last unit."""
    yield from CreditNote.objects.annotate(
        put=total(Allocation.objects.all(), "credit_note"),
        kept=total(AccountCredit.objects.all(), "credit_note"),
    ).exclude(total_amount=F("put") + F("kept"))
    written = WriteOff.objects.annotate(put=total(Allocation.objects.all(), "write_off"))
    yield from written.filter(undone_at=None).exclude(amount=F("put"))
    yield from written.exclude(undone_at=None).exclude(put=0)


def on_their_own_invoice(at: datetime) -> Iterable[Model]:
    """Credit notes and write-offs settle the invoice that they are about, in its currency and account."""
    yield from CreditNote.objects.exclude(account=F("invoice__account"))
    yield from CreditNote.objects.exclude(currency=F("invoice__currency"))
    yield from WriteOff.objects.exclude(currency=F("invoice__currency"))
    yield from CreditNoteLine.objects.exclude(invoice_line__invoice=F("credit_note__invoice"))
    parts = Allocation.objects
    yield from parts.exclude(credit_note=None).exclude(credit_note__invoice=F("invoice"))
    yield from parts.exclude(write_off=None).exclude(write_off__invoice=F("invoice"))


def frozen(at: datetime) -> Iterable[Model]:
    """A credit note is as it was frozen; so is its PDF, of the last month."""
    for note in CreditNote.objects.iterator():
        paper = note.snapshot
        if snapshot_hash(paper) != note.snapshot_hash or any(
            str(paper.get(name)) != str(getattr(note, name))
            for name in ("number", "issue_date", "currency", "total_amount")
        ):
            yield note
    young = CreditNoteDocument.objects.filter(created_at__gt=at - PAPERS_READ)
    for document in young.order_by("pk").iterator(chunk_size=50):
        if hashlib.sha256(document.content).hexdigest() != document.sha256:
            yield document
