"""The pages of the back office that belong to no model: search and reports."""

from django.contrib import admin
from django.urls import URLPattern, path

from accounts.admin import exporting
from accounts.admin.base import in_merchant_time
from payments.admin import accounting, finding, reports

VIEWS = {
    "export": ("exports/<uuid:uuid>/", in_merchant_time(exporting.progress)),
    "export_file": ("exports/<uuid:uuid>/file/", exporting.download),
    "find": ("find/", finding.find),
    "report_aging": ("reports/aging/", reports.aging),
    "report_accounting": ("reports/accounting/", accounting.month),
    "report_revenue": ("reports/revenue/", reports.revenue),
    "report_taxes": ("reports/taxes/", reports.taxes),
}


def pages() -> list[URLPattern]:
    """Their addresses, for staff alone."""
    return [path(where, admin.site.admin_view(view), name=name) for name, (where, view) in VIEWS.items()]


admin.site.extra_urls = pages  # type: ignore[attr-defined]  # the theme's site asks for it
