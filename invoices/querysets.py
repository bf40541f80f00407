"""Every read of invoices."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q

from accounts.querysets import READ, OwnedQuerySet

if TYPE_CHECKING:
    from accounts.models import Customer, User


class InvoiceQuerySet(OwnedQuerySet):
    missing = "Invoice not found"

    def issued(self) -> Self:
        return self.exclude(number=None)

    def visible_to(self, customer: Customer, may: str = READ) -> Self:
        """Issued invoices only: a draft is the merchant's own paper."""
        return super().visible_to(customer, may).issued()

    def own(self, user: User) -> Q:
        """Invoices over orders of which the member placed every one."""
        lines = self.model._meta.get_field("line_items").related_model.objects.filter(invoice=OuterRef("pk"))
        theirs = Q(account_line_item__order__placed_by=user)
        return Q(Exists(lines.filter(theirs)), ~Exists(lines.exclude(theirs)))

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
