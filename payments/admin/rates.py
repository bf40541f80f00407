"""The lists' filter by tax rate, which the tax report leads to."""

import re
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import HttpRequest

from invoices.models import CreditNoteLine, InvoiceLineItem

RATE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)


class RateFilter(admin.SimpleListFilter):
    """Invoices that have a line at a rate. It shows only where it is in use: which rates there are is asked
    of no line."""

    title = "tax rate"
    parameter_name = "rate"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        rate = request.GET.get(self.parameter_name, "")
        return [(rate, f"{rate} %")] if RATE.fullmatch(rate) else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(self.has_line_at(Decimal(self.value()))) if self.value() else queryset

    def has_line_at(self, rate: Decimal) -> Exists:
        return Exists(InvoiceLineItem.objects.filter(invoice=OuterRef("pk"), tax_rate=rate))


class CreditedRateFilter(RateFilter):
    """Credit notes that take something off a line at a rate."""

    def has_line_at(self, rate: Decimal) -> Exists:
        lines = CreditNoteLine.objects.filter(credit_note=OuterRef("pk"))
        return Exists(lines.filter(invoice_line__tax_rate=rate))
