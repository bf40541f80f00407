"""What we asked providers, what they told us, and what we could not explain."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from djmoney.models.fields import CurrencyField

from payments.models.attempts import PaymentProvider, PaymentSession
from payments.models.ledger import Payment


class ProviderCall(models.Model):
    """A call that may move money, written before it is made. Its uuid is the provider's idempotency key and
    its parameters are frozen with it, so that asking again after a crash asks the same."""

    class Kind(models.TextChoices):
        OPEN = "open"
        CAPTURE = "capture"
        CANCEL = "cancel"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(PaymentSession, on_delete=models.PROTECT, related_name="calls")
    kind = models.CharField(max_length=10, choices=Kind)
    parameters = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid}"


class ProviderEvent(models.Model):
    """A webhook in the inbox: verified, stored once, processed afterwards. A hint to look, not a fact."""

    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="events")
    event_id = models.CharField(max_length=255)
    kind = models.CharField(max_length=120)
    reference = models.CharField(max_length=255, blank=True)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (models.UniqueConstraint(fields=["provider", "event_id"], name="provider_event_once"),)
        indexes = (
            models.Index(fields=["received_at"], name="event_waiting", condition=Q(processed_at=None)),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class ReconciliationIssue(models.Model):
    """Something about money that we cannot explain or must not decide: what is known, in plain words."""

    class Kind(models.TextChoices):
        MISMATCH = "mismatch", "Provider's facts differ from ours"
        SURPLUS = "surplus", "More money than was owed"
        UNDECIDED = "undecided", "Undecided for too long"
        UNKNOWN = "unknown", "Money at the provider that we do not know"
        MISSING = "missing", "Money that the provider does not know"
        REFUND = "refund", "Refund that needs attention"
        DISPUTE = "dispute", "Payment that its payer disputes"
        CHARGEBACK = "chargeback", "Money that a payer's bank took back"

    kind = models.CharField(max_length=20, choices=Kind)
    known = models.TextField(help_text="What is known, and what staff can do.")
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    session = models.ForeignKey(
        PaymentSession, on_delete=models.PROTECT, null=True, blank=True, related_name="issues"
    )
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="issues"
    )
    currency = CurrencyField(max_length=3, null=True, blank=True)
    amount = models.BigIntegerField(null=True, blank=True)
    opened_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    resolution = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["session", "kind"],
                condition=Q(resolved_at=None, session__isnull=False),
                name="one_open_issue_per_session_and_kind",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"


class Comparison(models.Model):
    """One comparison of a provider's transactions with our books, in both directions, over a span of time."""

    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="comparisons")
    since = models.DateTimeField()
    until = models.DateTimeField()
    compared = models.PositiveIntegerField(help_text="Transactions at the provider.")
    differing = models.PositiveIntegerField(help_text="How many of them, or of ours, did not agree.")
    made_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"Comparison {self.pk}"
