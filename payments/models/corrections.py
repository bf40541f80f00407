"""What the merchant gives up of an invoice. A mistake is undone by a counter-entry."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from djmoney.models.fields import CurrencyField


class WriteOff(models.Model):
    """What will not be paid on an invoice. It settles the invoice as an allocation does; undone, the same
    amount is allocated back, and the invoice is open again."""

    invoice = models.ForeignKey("invoices.Invoice", on_delete=models.PROTECT, related_name="write_offs")
    currency = CurrencyField(max_length=3)
    amount = models.BigIntegerField()
    reason = models.TextField()
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (models.CheckConstraint(condition=Q(amount__gt=0), name="write_off_positive"),)

    def __str__(self) -> str:
        return f"Write-off {self.pk} on {self.invoice}"
