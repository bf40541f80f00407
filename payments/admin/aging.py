"""The list's filter by aging bucket."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from payments import reporting


class AgingFilter(admin.SimpleListFilter):
    """Open invoices by how long they have been overdue, on the organization's day."""

    title = "Overdue for"
    parameter_name = "aging"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(bucket.code, bucket.label) for bucket in reporting.BUCKETS]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        bucket = reporting.bucket_named(self.value())
        return queryset.open().filter(bucket.due(timezone.localdate())) if bucket else queryset
