"""The accounting export of a month: what moved the receivables, shown first, then as a ZIP of CSV files."""

import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.core.exceptions import PermissionDenied
from django.forms import DateField, DateInput, Form
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from accounts.admin.exporting import merchant_zone
from accounts.admin.zipping import give_zip
from accounts.operations.exporting import AT_ONCE, Counted
from accounts.operations.zipping import ZIPS, Zip
from core.spreadsheets import csv_lines
from payments import reporting
from payments.admin.reports import EARLIEST, asked, page, report
from payments.reporting import accounting as books

KIND = "reports.accounting"
PERMISSION = "payments.view_payment"  # besides that of every report


class MonthForm(Form):
    """A month, as browsers write it."""

    month = DateField(
        label="Month",
        required=False,
        input_formats=["%Y-%m"],
        widget=DateInput(attrs={"type": "month"}, format="%Y-%m"),
    )


@report
def month(request: HttpRequest, *, today: date, zone: ZoneInfo) -> HttpResponseBase:
    """GET shows how the receivables moved and that they reconcile; POST hands out the rows, which is told in
    the audit trail."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form, day = asked(MonthForm, request, month=reporting.months_back(today, 1))
    first, last = reporting.period_of(max(EARLIEST, min(day, today)), "month")
    moved = reporting.receivables_moved(first, last, today=today, zone=zone)
    if request.method == "POST":
        return give_zip(
            request,
            KIND,
            filters=f"month={first:%Y-%m}",
            name=f"accounting-{first:%Y-%m}.zip",
            rows=books.count_rows(first, last, zone) + len(moved),
        )
    context = {
        "first": first,
        "last": last,
        "rows": moved,
        "is_reconciled": all(row.is_reconciled for row in moved),
        "is_over": last < today,
        "aging_address": reverse("admin:report_aging", query={"on": last.isoformat()}),
    }
    return page(request, "admin/report_accounting.html", "Accounting export", form, **context)


def _write(file: IO[bytes], filters: str, counted: Counted, at: datetime) -> None:
    """Each part as a CSV in the ZIP, some rows at a time."""
    zone = merchant_zone()
    first, last = reporting.period_of(date.fromisoformat(f"{filters.removeprefix('month=')}-01"), "month")
    moved = reporting.receivables_moved(first, last, today=timezone.localdate(at, zone), zone=zone)
    parts: tuple[tuple[str, Sequence[str], Iterable[Sequence[Any]]], ...] = (
        ("summary.csv", books.SUMMARY, books.summary_rows(moved)),
        ("invoices.csv", books.INVOICES, books.invoice_rows(first, last, zone)),
        ("payments.csv", books.PAYMENTS, books.payment_rows(first, last, zone)),
        ("allocations.csv", books.ALLOCATIONS, books.allocation_rows(first, last, zone)),
    )
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, head, rows in parts:
            with archive.open(name, "w") as one:
                for chunk in csv_lines(head, counted(rows)):
                    one.write(chunk)


ZIPS[KIND] = Zip(PERMISSION, AT_ONCE, _write)
