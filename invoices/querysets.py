"""Every read of invoices."""

from __future__ import annotations

from datetime import date
from typing import Self

from django.db import models
from django.db.models import Prefetch

from accounts.querysets import OwnedQuerySet


class InvoiceQuerySet(OwnedQuerySet):
    missing = "Invoice not found"

    def issued(self) -> Self:
        return self.exclude(number=None)

    def visible_to(self, customer) -> Self:
        """Issued invoices of the customer's accounts: a draft is the merchant's own paper."""
        return super().visible_to(customer).issued()

    def open(self) -> Self:
        """Issued and not paid in full; a payment may be pending."""
        return self.filter(status="sent")

    def paid(self) -> Self:
        return self.filter(status="paid")

    def overdue(self, *, on: date) -> Self:
        return self.open().filter(due_date__lt=on)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")

    def with_details(self) -> Self:
        """Everything a door may show of an invoice."""
        lines = self.model._meta.get_field("line_items").related_model.objects.select_related(
            "account_line_item"
        )
        return self.select_related("account", "region").prefetch_related(
            Prefetch("line_items", queryset=lines)
        )


class InvoiceLineItemQuerySet(models.QuerySet):
    def live(self) -> Self:
        """Lines of invoices that were not cancelled: each keeps its charge from other invoices."""
        return self.filter(is_live=True)
