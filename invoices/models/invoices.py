"""Invoices: requests for payment. Amounts are integers in minor units of the invoice's currency."""

import uuid
from datetime import date

from django.db import models
from django.db.models import F, Q
from djmoney.models.fields import CurrencyField, MoneyField

from invoices.querysets import InvoiceLineItemQuerySet, InvoiceQuerySet


class Invoice(models.Model):
    """One invoice. What was issued is frozen in `snapshot`; only what was paid on it changes afterwards.

    `paid_amount` is the sum of its allocations, `reserved_amount` its share of payments that are being
    captured or await verification. Overdue, viewed and partly paid are questions, not states.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SENT = "sent", "Sent"
        PAID = "paid", "Paid"
        CANCELLED = "cancelled", "Cancelled"

    TRANSITIONS = {
        Status.DRAFT: {Status.SENT, Status.CANCELLED},
        Status.SENT: {Status.PAID, Status.CANCELLED},
        Status.PAID: {Status.SENT},
        Status.CANCELLED: set(),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="invoices")
    region = models.ForeignKey(
        "accounts.Region", on_delete=models.PROTECT, null=True, blank=True, related_name="invoices"
    )
    number = models.CharField(max_length=60, null=True, blank=True, unique=True)
    number_year = models.PositiveIntegerField(null=True, blank=True)
    number_sequence = models.PositiveIntegerField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True)
    notes = models.TextField(blank=True, help_text="Printed below the totals.")
    order_numbers = models.TextField(blank=True, help_text="Of the orders on it, separated by commas.")
    purchase_order_numbers = models.TextField(blank=True, help_text="The buyer's own, separated by commas.")
    external_id = models.CharField(
        max_length=100, blank=True, help_text="What another system knows the invoice by."
    )
    currency = CurrencyField(max_length=3)
    total_amount = models.BigIntegerField()
    paid_amount = models.BigIntegerField(default=0, editable=False)
    reserved_amount = models.BigIntegerField(default=0, editable=False)
    issue_date = models.DateField(null=True, blank=True)
    due_date = models.DateField()
    asked_issue_date = models.DateField(
        null=True, blank=True, help_text="Of a draft; empty: the day on which it is issued."
    )
    asked_due_date = models.DateField(
        null=True, blank=True, help_text="Of a draft; empty: by the account's payment terms."
    )
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    viewed_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    snapshot = models.JSONField(null=True, blank=True, editable=False)
    snapshot_hash = models.CharField(max_length=64, blank=True, editable=False)
    form_key = models.UUIDField(
        null=True,
        blank=True,
        unique=True,
        editable=False,
        help_text="The form that drafted it; sent twice, drafted once.",
    )

    last_reminder: str | None  # with_last_reminder()
    standing: int  # with_standing(): 0 open, 1 partly paid, 2 nothing open
    new_lines: list["InvoiceLineItem"]  # bill_line_items(): what is on the invoice it made

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        permissions = (
            ("draft_invoice", "Can write and edit drafts"),
            ("issue_invoice", "Can issue and send invoices"),
            ("cancel_invoice", "Can cancel invoices"),
            ("credit_invoice", "Can write credit notes"),
            ("write_off_invoice", "Can write off what will not be paid"),
            ("remind_invoice", "Can send payment reminders"),
        )
        indexes = (
            models.Index(fields=["account", "status", "due_date"], name="invoice_open"),
            models.Index(fields=["-created_at", "-id"], name="invoice_newest"),
            models.Index(fields=["issue_date"], name="invoice_issued_on"),
            models.Index(
                fields=["currency", "issue_date", "total_amount"],
                name="invoice_sums",
                condition=Q(number__isnull=False),
            ),
            models.Index(
                fields=["currency", "due_date", "total_amount", "paid_amount", "account"],
                name="invoice_receivable",
                condition=Q(status="sent"),
            ),
            models.Index(
                fields=["account", "paid_at", "issue_date"],
                name="invoice_paid",
                condition=Q(status="paid"),
            ),
            models.Index(fields=["account"], name="invoice_reserved", condition=Q(reserved_amount__gt=0)),
            models.Index(fields=["created_at"], name="invoice_drafts", condition=Q(status="draft")),
        )
        constraints = (
            models.CheckConstraint(condition=Q(total_amount__gt=0), name="invoice_total_positive"),
            models.CheckConstraint(
                condition=Q(paid_amount__gte=0, reserved_amount__gte=0)
                & Q(total_amount__gte=F("paid_amount") + F("reserved_amount")),
                name="invoice_paid_and_reserved_within_total",
            ),
            models.CheckConstraint(
                condition=Q(status="paid", paid_amount=F("total_amount"), paid_at__isnull=False)
                | (~Q(status="paid") & Q(paid_amount__lt=F("total_amount"), paid_at=None)),
                name="invoice_paid_when_paid",
            ),
            models.CheckConstraint(
                condition=Q(status="draft", number=None, issue_date=None)
                | Q(status="cancelled")
                | Q(status__in=["sent", "paid"], number__isnull=False, issue_date__isnull=False),
                name="invoice_numbered_when_issued",
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled", cancelled_at__isnull=False)
                | (~Q(status="cancelled") & Q(cancelled_at=None)),
                name="invoice_cancelled_when_cancelled",
            ),
            models.UniqueConstraint(fields=["number_year", "number_sequence"], name="invoice_number_once"),
        )

    def __str__(self) -> str:
        return self.number or f"Draft {self.pk}"

    @property
    def open_balance(self) -> int:
        """What can still be paid: total less what was paid and what is reserved by pending payments."""
        return self.total_amount - self.paid_amount - self.reserved_amount

    @property
    def still_open(self) -> int:
        """What can still be paid of it as it stands: nothing of a draft or of a cancelled invoice."""
        return self.open_balance if self.status == self.Status.SENT else 0

    @property
    def has_pending_payment(self) -> bool:
        return self.reserved_amount > 0

    @property
    def is_partly_paid(self) -> bool:
        return 0 < self.paid_amount < self.total_amount

    def is_overdue(self, *, on: date) -> bool:
        return self.status == self.Status.SENT and self.due_date < on


class InvoiceLineItem(models.Model):
    """One line: a charge that is billed, or on a draft what will be charged. `is_live` is false while the
    invoice is a draft and once it was cancelled: a charge stands on at most one live line."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="line_items")
    account_line_item = models.ForeignKey(
        "accounts.AccountLineItem",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="invoice_lines",
    )
    description = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=12, decimal_places=3, default=1)
    unit_price = MoneyField(max_digits=19, decimal_places=4)
    tax_rate = models.DecimalField(max_digits=6, decimal_places=3, default=0)
    net_amount = models.BigIntegerField()
    tax_amount = models.BigIntegerField(default=0)
    amount = models.BigIntegerField()
    is_live = models.BooleanField(default=True)

    objects = InvoiceLineItemQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=["account_line_item"], condition=Q(is_live=True), name="charge_on_one_live_invoice"
            ),
            models.CheckConstraint(
                condition=Q(amount=F("net_amount") + F("tax_amount")), name="invoice_line_adds_up"
            ),
        )

    def __str__(self) -> str:
        return self.description


class InvoiceDocument(models.Model):
    """The PDF of an issued invoice: made once, kept with its hash, served as it is. There are two, without
    and with a button that leads to the payment page."""

    class Kind(models.TextChoices):
        PLAIN = "plain", "Plain"
        PAY_NOW = "pay_now", "With Pay Now"

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=10, choices=Kind)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["invoice", "kind"], name="document_once_per_kind"),)

    def __str__(self) -> str:
        return f"{self.invoice}.pdf"
