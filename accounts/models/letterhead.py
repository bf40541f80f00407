"""What stands at the head and foot of the merchant's papers and is not just typed in: the logo, and the bank
account, which two people change together."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Logo(models.Model):
    """A picture as papers show it, PNG. Kept for ever: papers that were frozen with it name its hash."""

    content = models.BinaryField()
    sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Logo {self.sha256[:8]}"


class BankAccountChange(models.Model):
    """Another bank account for customers to pay to: asked for by one member of staff, approved by another."""

    class Status(models.TextChoices):
        ASKED = "asked", "Waits for a second person"
        APPROVED = "approved", "Approved"
        REJECTED = "rejected", "Rejected"

    TRANSITIONS = {
        Status.ASKED: {Status.APPROVED, Status.REJECTED},
        Status.APPROVED: set(),
        Status.REJECTED: set(),
    }

    bank_account_holder = models.CharField(max_length=70)
    bank_name = models.CharField(max_length=100, blank=True)
    iban = models.CharField("IBAN or account number", max_length=42)
    bic = models.CharField("BIC or routing number", max_length=20, blank=True)
    reason = models.TextField()
    status = models.CharField(max_length=10, choices=Status, default=Status.ASKED)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["status"], condition=Q(status="asked"), name="one_bank_account_change_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(status="asked", decided_at=None, decided_by=None)
                | (~Q(status="asked") & Q(decided_at__isnull=False, decided_by__isnull=False)),
                name="bank_account_change_decided_when_decided",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | ~Q(decided_by=models.F("asked_by")),
                name="bank_account_change_by_two_people",
            ),
        )

    def __str__(self) -> str:
        return f"Bank account ending {self.iban[-4:]}"
