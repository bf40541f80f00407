"""The ledger: payments, where they went, and what is left over. Rows are added, never deleted."""

import uuid
from functools import reduce
from operator import or_

from django.conf import settings
from django.db import models
from django.db.models import Q
from djmoney.models.fields import CurrencyField

from payments.models.attempts import PaymentProvider, PaymentSession
from payments.querysets import (
    AllocationQuerySet,
    CreditQuerySet,
    PaymentQuerySet,
    ReceiptQuerySet,
    RefundQuerySet,
)


class RecordedMethod(models.TextChoices):
    """How money came that staff recorded."""

    CHECK = "check", "Check"
    WIRE_TRANSFER = "wire_transfer", "Wire transfer"
    CASH = "cash", "Cash"
    ACH = "ach", "ACH"
    CREDIT_CARD = "credit_card", "Credit card"
    PAYPAL = "paypal", "PayPal"
    STRIPE = "stripe", "Stripe"
    OTHER = "other", "Other"


class Payment(models.Model):
    """Money that moved, or was promised (`pending`). `reference` is what the provider knows the money by;
    `payer_reference` what the payer's cheque or transfer says, where staff or a bank statement told us.

    An `unassigned` payment fits no session, account or currency of ours: staff decide.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Awaiting verification"
        CAPTURED = "captured", "Completed"
        FAILED = "failed", "Rejected"
        PARTIALLY_REFUNDED = "partially_refunded", "Partly refunded"
        REFUNDED = "refunded", "Refunded"
        UNASSIGNED = "unassigned", "Unassigned"

    TRANSITIONS = {
        Status.PENDING: {Status.CAPTURED, Status.FAILED},
        Status.CAPTURED: {Status.PARTIALLY_REFUNDED, Status.REFUNDED},
        Status.PARTIALLY_REFUNDED: {Status.REFUNDED},
        Status.UNASSIGNED: {Status.CAPTURED, Status.REFUNDED},
        Status.FAILED: set(),
        Status.REFUNDED: set(),
    }

    session = models.ForeignKey(
        PaymentSession, on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="payments")
    reference = models.CharField(max_length=255)
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    status = models.CharField(max_length=20, choices=Status)
    method = models.CharField(max_length=40, blank=True)
    method_details = models.JSONField(
        default=dict, blank=True, help_text="Such as brand and last four digits."
    )
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    captured_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    verified_at = models.DateTimeField(null=True, blank=True)
    rejected_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="What staff wrote when they verified or rejected it.")
    received_date = models.DateField(
        null=True, blank=True, help_text="The day it came in, of what staff or a bank statement told us."
    )
    payer_reference = models.CharField(max_length=200, blank=True)
    form_key = models.UUIDField(
        null=True, blank=True, unique=True, help_text="The form that recorded it; sent twice, booked once."
    )

    objects = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        permissions = (
            ("verify_payment", "Can verify or reject manual payments"),
            ("refund_payment", "Can send money back"),
            ("assign_payment", "Can decide what unassigned money belongs to"),
            ("record_payment", "Can record payments received, and undo that"),
        )
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="payment_newest"),
            models.Index(fields=["captured_at"], name="payment_captured_at"),
            models.Index(fields=["account", "captured_at"], name="payment_of_account"),
            models.Index(fields=["status", "created_at"], name="payment_by_status"),
            models.Index(
                fields=["currency", "captured_at", "amount"],
                name="payment_sums",
                condition=Q(status__in=["captured", "partially_refunded", "refunded"], account__isnull=False),
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["provider", "reference"], name="payment_reference_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(status__in=["pending", "failed"], captured_at=None)
                | (~Q(status__in=["pending", "failed"]) & Q(captured_at__isnull=False)),
                name="payment_captured_when_captured",
            ),
            models.CheckConstraint(
                condition=Q(account__isnull=False) | Q(status__in=["unassigned", "refunded"]),
                name="payment_without_account_is_unassigned",
            ),
            models.CheckConstraint(
                condition=Q(verified_at=None) | Q(rejected_at=None), name="payment_verified_or_rejected"
            ),
            models.CheckConstraint(
                condition=Q(received_date=None) | Q(verified_at__isnull=False),
                name="payment_recorded_by_somebody",
            ),
        )

    def __str__(self) -> str:
        return f"Payment {self.reference}"

    @property
    def own_session(self) -> PaymentSession | None:
        """The session that it came by. None where staff gave the money to another company than the session's:
        that company is told nothing of what the other one paid."""
        session = self.session
        return session if session is not None and session.account_id == self.account_id else None

    @property
    def is_recorded(self) -> bool:
        """Whether staff, or a bank statement, told us that it came. Such a recording can be undone."""
        return self.received_date is not None

    @property
    def undone(self) -> int:
        """What of it was entered by mistake and taken out again. Asks as `sent_back` does."""
        return self._back(Refund.Kind.REVERSAL)

    @property
    def sent_back(self) -> int:
        """What of it we sent back, in minor units. One query, or none `with_refunds()`."""
        return self._back(Refund.Kind.REFUND)

    @property
    def charged_back(self) -> int:
        """What of it the payer's bank took back, in minor units. Asks as `sent_back` does."""
        return self._back(Refund.Kind.CHARGEBACK)

    def _back(self, kind: str) -> int:
        done = Refund.Status.DONE
        return sum(one.amount for one in self.refunds.all() if (one.kind, one.status) == (kind, done))


class Receipt(models.Model):
    """The paper of money that came in: one for each captured payment of an account, numbered without gaps
    within a year of the organization's. What was paid with it are the payment's allocations."""

    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="receipt")
    number = models.CharField(max_length=20, unique=True)
    number_year = models.PositiveIntegerField()
    number_sequence = models.PositiveIntegerField()
    issued_at = models.DateTimeField()

    objects = ReceiptQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["number_year", "number_sequence"], name="receipt_number_once"),
        )

    def __str__(self) -> str:
        return f"Receipt {self.number}"


class AccountCredit(models.Model):
    """Money of a company's that no invoice took: a surplus, or a credit note on what was paid already. It can
    be used for its next payment."""

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="credits")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="credits"
    )
    credit_note = models.ForeignKey(
        "invoices.CreditNote", on_delete=models.PROTECT, null=True, blank=True, related_name="credits"
    )
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField()

    left: int  # with_left()

    objects = CreditQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        permissions = (("apply_accountcredit", "Can put account credit on invoices"),)
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_amount_positive"),
            models.UniqueConstraint(fields=["payment"], name="credit_once_per_payment"),
            models.UniqueConstraint(fields=["credit_note"], name="credit_once_per_credit_note"),
            models.CheckConstraint(
                condition=Q(payment=None) | Q(credit_note=None), name="credit_has_one_source"
            ),
        )

    def __str__(self) -> str:
        return f"Account credit {self.pk}"


class Refund(models.Model):
    """Money of a payment that goes back. Reserved before the provider is asked, so that several together
    never exceed what was captured; it counts in the books once the provider has done it. A chargeback went
    back without us: nobody reserves it, and it is done when we hear of it.

    `uuid` is what the provider was asked with, so that a refund whose answer was lost is found again.
    `credit_amount` is the part that was taken from the payment's account credit; the rest came back from
    invoices, as negative allocations.
    """

    class Kind(models.TextChoices):
        REFUND = "refund", "Refund"
        CHARGEBACK = "chargeback", "Chargeback"
        REVERSAL = "reversal", "Recording undone"

    class Status(models.TextChoices):
        RESERVED = "reserved", "Reserved"
        REQUESTED = "requested", "Requested"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    TRANSITIONS = {
        Status.RESERVED: {Status.REQUESTED, Status.FAILED},
        Status.REQUESTED: {Status.DONE, Status.FAILED},
        Status.DONE: set(),
        Status.FAILED: set(),
    }

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.REFUND)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="refunds")
    reference = models.CharField(max_length=255, blank=True, help_text="What the provider knows it by.")
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    credit_amount = models.BigIntegerField(default=0)
    status = models.CharField(max_length=20, choices=Status, default=Status.RESERVED)
    reason = models.TextField()
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Who asked for it here; nobody, when it was made at the provider.",
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True, help_text="The provider's own last word.")
    look_again_at = models.DateTimeField(null=True, blank=True)

    objects = RefundQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=["payment"], name="refund_reversals", condition=Q(kind="reversal")),)
        constraints = (
            models.UniqueConstraint(
                fields=["provider", "reference"], condition=~Q(reference=""), name="refund_reference_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=Q(credit_amount__gte=0, credit_amount__lte=models.F("amount")),
                name="refund_credit_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["done", "failed"], ended_at__isnull=False)
                | Q(status__in=["reserved", "requested"], ended_at=None),
                name="refund_ended_when_ended",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk} of {self.payment}"


SOURCES = ("payment", "credit", "credit_note", "write_off")
ONE_SOURCE = reduce(or_, (Q(**{f"{name}__isnull": name != one for name in SOURCES}) for one in SOURCES))


class Allocation(models.Model):
    """Money put on an invoice, from exactly one source; negative where it was taken back."""

    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="allocations")
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    credit = models.ForeignKey(
        AccountCredit, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    credit_note = models.ForeignKey(
        "invoices.CreditNote", on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    write_off = models.ForeignKey(
        "payments.WriteOff", on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    refund = models.ForeignKey(
        Refund,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="allocations",
        help_text="What took it back.",
    )
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects = AllocationQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=["created_at"], name="allocation_moved_at"),)
        constraints = (
            models.CheckConstraint(condition=~Q(amount=0), name="allocation_not_zero"),
            models.CheckConstraint(
                condition=ONE_SOURCE,
                name="allocation_has_one_source",
            ),
            models.CheckConstraint(
                condition=Q(refund=None) | Q(amount__lt=0), name="allocation_of_refund_is_negative"
            ),
        )

    def __str__(self) -> str:
        return f"Allocation {self.pk}"
