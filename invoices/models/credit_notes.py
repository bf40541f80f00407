"""Credit notes: what is taken off an issued invoice, on a paper of its own. Written once, never changed."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from djmoney.models.fields import CurrencyField

from invoices.models.invoices import Invoice, InvoiceLineItem
from invoices.querysets import CreditNoteQuerySet


class CreditNote(models.Model):
    """What the merchant takes off an invoice, in full or by line. Its number and paper are given when it is
    written; what it was used for are its allocations and the account credit it left."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="credit_notes")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="credit_notes")
    number = models.CharField(max_length=60, unique=True)
    number_year = models.PositiveIntegerField()
    number_sequence = models.PositiveIntegerField()
    currency = CurrencyField(max_length=3)
    total_amount = models.BigIntegerField()
    reason = models.TextField()
    issue_date = models.DateField()
    created_at = models.DateTimeField()
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    snapshot = models.JSONField(editable=False)
    snapshot_hash = models.CharField(max_length=64, editable=False)

    objects = CreditNoteQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=Q(total_amount__gt=0), name="credit_note_total_positive"),
            models.UniqueConstraint(
                fields=["number_year", "number_sequence"], name="credit_note_number_once"
            ),
        )

    def __str__(self) -> str:
        return self.number


class CreditNoteLine(models.Model):
    """What of one line of the invoice is taken off."""

    credit_note = models.ForeignKey(CreditNote, on_delete=models.PROTECT, related_name="lines")
    invoice_line = models.ForeignKey(InvoiceLineItem, on_delete=models.PROTECT, related_name="credited")
    net_amount = models.BigIntegerField()
    tax_amount = models.BigIntegerField(default=0)
    amount = models.BigIntegerField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_note_line_positive"),
            models.CheckConstraint(
                condition=Q(amount=F("net_amount") + F("tax_amount")), name="credit_note_line_adds_up"
            ),
            models.UniqueConstraint(
                fields=["credit_note", "invoice_line"], name="invoice_line_once_per_credit_note"
            ),
        )

    def __str__(self) -> str:
        return f"{self.invoice_line} on {self.credit_note}"


class CreditNoteDocument(models.Model):
    """The PDF of a credit note: made once, kept with its hash, served as it is."""

    credit_note = models.OneToOneField(CreditNote, on_delete=models.PROTECT, related_name="document")
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.credit_note}.pdf"
