"""The lists' filter by currency."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import Account, Region


class CurrencyFilter(admin.SimpleListFilter):
    """Rows of one currency. The choices are the accounts' and regions', which are few: looking through all
    rows of a list for theirs takes the longer the more there are."""

    title = "currency"
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        of_accounts = Account.objects.order_by().values_list("currency").distinct()
        of_regions = Region.objects.order_by().values_list("currency").distinct()
        return [(code, code) for (code,) in sorted(of_accounts.union(of_regions))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(currency=self.value()) if self.value() else queryset
