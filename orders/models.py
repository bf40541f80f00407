"""What was ordered: the paper behind a charge on account."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from djmoney.models.fields import CurrencyField, MoneyField

from accounts.querysets import OwnedQuerySet


class Order(models.Model):
    """One order of a company, placed on account."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="orders")
    region = models.ForeignKey("accounts.Region", on_delete=models.PROTECT, related_name="orders")
    account_line_item = models.OneToOneField(
        "accounts.AccountLineItem", on_delete=models.PROTECT, null=True, blank=True, related_name="order"
    )
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="orders",
        help_text="The member who ordered, where the shop says so.",
    )
    display_id = models.CharField(max_length=40, unique=True)
    purchase_order_number = models.CharField(max_length=60, blank=True)
    currency = CurrencyField(max_length=3)
    total_amount = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (models.CheckConstraint(condition=Q(total_amount__gt=0), name="order_total_positive"),)

    def __str__(self) -> str:
        return f"Order #{self.display_id}"


class OrderItem(models.Model):
    """One position of an order. The unit price may have more places than the currency; the amount has not."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="items")
    sku = models.CharField(max_length=60, blank=True)
    description = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=12, decimal_places=3)
    unit_price = MoneyField(max_digits=19, decimal_places=4)
    amount = models.BigIntegerField()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_item_quantity_positive"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="order_item_amount_not_negative"),
        )

    def __str__(self) -> str:
        return self.description
