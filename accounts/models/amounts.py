"""Amounts that staff set for a currency, in major units as they type them."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from djmoney.models.fields import CurrencyField
from moneyed import Money

from core.errors import Invalid
from core.money import to_minor


class AmountInCurrency(models.Model):
    """An amount in major units of its currency, which has no more decimal places than that."""

    currency = CurrencyField(max_length=3)
    amount = models.DecimalField(max_digits=12, decimal_places=3)

    class Meta:
        abstract = True

    @property
    def minor(self) -> int:
        """In minor units of its currency."""
        return to_minor(Money(self.amount, self.currency))

    def clean(self) -> None:
        if self.amount is None or not self.currency:
            return
        try:
            _ = self.minor
        except Invalid as refusal:
            raise ValidationError({"amount": refusal.message}) from None


class ConfirmationLimit(AmountInCurrency):
    """Above it, staff type an amount of this currency again before it is refunded, credited or written off.
    A currency without a row has no limit: nothing is converted."""

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="confirmation_limits"
    )

    class Meta:
        ordering = ("currency",)
        constraints = (
            models.UniqueConstraint(
                fields=["currency"],
                name="confirmation_limit_once_per_currency",
                violation_error_message="This currency has a limit already",
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=0),
                name="confirmation_limit_not_negative",
                violation_error_message="A limit cannot be negative",
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount.normalize():f} {self.currency}"
