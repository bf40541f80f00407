"""The pages of the back office that belong to no model: search and reports."""

from django.contrib import admin
from django.urls import URLPattern, path

from payments.admin import finding, reports

VIEWS = {
    "find": ("find/", finding.find),
    "report_aging": ("reports/aging/", reports.aging),
    "report_revenue": ("reports/revenue/", reports.revenue),
    "report_taxes": ("reports/taxes/", reports.taxes),
}


def pages() -> list[URLPattern]:
    """Their addresses, for staff alone."""
    return [path(where, admin.site.admin_view(view), name=name) for name, (where, view) in VIEWS.items()]


admin.site.extra_urls = pages  # type: ignore[attr-defined]  # the theme's site asks for it
