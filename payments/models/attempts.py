"""Attempts to pay: a collection covers invoices, its sessions each try one provider."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from djmoney.models.fields import CurrencyField

from payments.querysets import CollectionQuerySet, PaymentProviderQuerySet, SessionQuerySet


class PaymentProvider(models.Model):
    """A way to pay that is installed here, and the regions whose customers may use it."""

    code = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=100)
    is_installed = models.BooleanField(default=True)
    position = models.PositiveIntegerField(default=0)
    regions = models.ManyToManyField("accounts.Region", blank=True, related_name="payment_providers")

    objects = PaymentProviderQuerySet.as_manager()

    class Meta:
        ordering = ("position", "id")

    def __str__(self) -> str:
        return self.name


class PaymentCollection(models.Model):
    """What one payment is for: invoices of one account and one currency, and how much of each.

    `amount` is in minor units of `currency` and never changes; another amount is another collection.
    """

    account = models.ForeignKey(
        "accounts.Account", on_delete=models.PROTECT, related_name="payment_collections"
    )
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    description = models.CharField(max_length=300, blank=True)
    invoice_count = models.PositiveIntegerField(default=1)
    form_key = models.UUIDField(
        null=True, blank=True, help_text="The form that asked; asked twice, made once."
    )
    closed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When credit or late money paid a part of it: what is left since is another payment.",
    )
    created_at = models.DateTimeField()

    attempts: list["PaymentSession"]  # with_attempts(): its sessions, in the order they are offered

    objects = CollectionQuerySet.as_manager()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="collection_amount_positive"),
            models.UniqueConstraint(
                fields=["account", "form_key"],
                condition=Q(form_key__isnull=False),
                name="collection_once_per_form",
            ),
        )

    def __str__(self) -> str:
        return self.description or f"Payment collection {self.pk}"


class PaymentCollectionInvoice(models.Model):
    """How much of an invoice a collection covers. `is_claimed` while a session of it is capturing: of one
    invoice at most one session captures at a time."""

    collection = models.ForeignKey(PaymentCollection, on_delete=models.PROTECT, related_name="covered")
    invoice = models.ForeignKey(
        "invoices.Invoice", on_delete=models.PROTECT, related_name="payment_collections"
    )
    amount = models.BigIntegerField()
    is_claimed = models.BooleanField(default=False)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="covered_amount_positive"),
            models.UniqueConstraint(fields=["collection", "invoice"], name="invoice_once_per_collection"),
            models.UniqueConstraint(
                fields=["invoice"], condition=Q(is_claimed=True), name="invoice_captured_once_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.invoice} in {self.collection}"


class PaymentSession(models.Model):
    """An attempt to pay a collection with one provider. Its amount never changes, its ends are final.

    `reference` is the provider's object; `data` is what the payer's client may know of it and is never read
    back from a client as truth. `uuid` is our name for the session in the provider's metadata.
    """

    class Status(models.TextChoices):
        CREATED = "created", "Created"
        INITIATED = "initiated", "Initiated"
        CAPTURING = "capturing", "Capturing"
        PENDING_VERIFICATION = "pending_verification", "Awaiting verification"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        REJECTED = "rejected", "Rejected"
        CANCELLED = "cancelled", "Cancelled"

    TRANSITIONS = {
        Status.CREATED: {Status.INITIATED, Status.CANCELLED},
        Status.INITIATED: {Status.CAPTURING, Status.PENDING_VERIFICATION, Status.CANCELLED},
        Status.CAPTURING: {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.INITIATED},
        Status.PENDING_VERIFICATION: {Status.SUCCEEDED, Status.REJECTED},
        Status.SUCCEEDED: set(),
        Status.FAILED: set(),
        Status.REJECTED: set(),
        Status.CANCELLED: set(),
    }
    ENDS = (Status.SUCCEEDED, Status.FAILED, Status.REJECTED, Status.CANCELLED)

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    collection = models.ForeignKey(PaymentCollection, on_delete=models.PROTECT, related_name="sessions")
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="payment_sessions")
    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="sessions")
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    status = models.CharField(max_length=20, choices=Status, default=Status.CREATED)
    is_selected = models.BooleanField(default=False)
    reference = models.CharField(max_length=255, blank=True)
    data = models.JSONField(default=dict, blank=True)
    redirect_url = models.URLField(max_length=500, blank=True)
    provider_status = models.CharField(max_length=60, blank=True, help_text="The provider's own last word.")
    decline_reason = models.CharField(max_length=60, blank=True)
    payer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text="When it was opened, declined or claimed last."
    )
    looked_at = models.DateTimeField(null=True, blank=True)
    look_again_at = models.DateTimeField(null=True, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        permissions = (("release_paymentsession", "Can end a payment session that hangs"),)
        constraints = (
            models.CheckConstraint(condition=Q(amount__gt=0), name="session_amount_positive"),
            models.UniqueConstraint(
                fields=["collection", "provider"],
                condition=Q(status__in=["created", "initiated", "capturing", "pending_verification"]),
                name="one_live_session_per_provider",
            ),
            models.UniqueConstraint(
                fields=["provider", "reference"],
                condition=~Q(reference=""),
                name="session_reference_once",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["succeeded", "failed", "rejected", "cancelled"], ended_at__isnull=False
                )
                | (
                    ~Q(status__in=["succeeded", "failed", "rejected", "cancelled"]) & Q(ended_at__isnull=True)
                ),
                name="session_ended_when_ended",
            ),
        )
        indexes = (
            models.Index(
                fields=["look_again_at"],
                name="session_to_reconcile",
                condition=Q(status__in=["initiated", "capturing"]),
            ),
        )

    def __str__(self) -> str:
        return f"Payment session {self.pk}"

    @property
    def return_url(self) -> str:
        """Where the provider sends the payer back to. Needs the account."""
        path = reverse("pay_return", args=[self.account.number, self.collection_id])
        return f"{settings.SITE_URL}{path}"

    @property
    def is_initiated(self) -> bool:
        return self.status != self.Status.CREATED and bool(self.reference)

    @property
    def has_ended(self) -> bool:
        return self.status in self.ENDS
