"""The accounting export of a month: what moved the receivables, shown first, then as a ZIP of CSV files."""

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.forms import DateField, DateInput, Form
from django.http import FileResponse, HttpRequest, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from accounts import operations as accounts
from accounts.admin.base import staff_of
from accounts.admin.exporting import KINDS
from accounts.models import Export
from core.doors import kept
from core.spreadsheets import csv_lines
from payments import reporting
from payments.admin.reports import EARLIEST, asked, page, report
from payments.reporting import accounting as books

MOST_IN_MEMORY = 5 * 1024 * 1024
KIND = "reports.accounting"


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
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    form, day = asked(MonthForm, request, month=reporting.months_back(today, 1))
    first, last = reporting.period_of(max(EARLIEST, min(day, today)), "month")
    moved = reporting.receivables_moved(first, last, today=today, zone=zone)
    if request.method == "POST":
        return _files(request, first, last, moved, zone)
    context = {
        "first": first,
        "last": last,
        "rows": moved,
        "is_reconciled": all(row.is_reconciled for row in moved),
        "is_over": last < today,
        "aging_address": reverse("admin:report_aging", query={"on": last.isoformat()}),
    }
    return page(request, "admin/report_accounting.html", "Accounting export", form, **context)


def _files(
    request: HttpRequest, first: date, last: date, moved: list[reporting.Moved], zone: ZoneInfo
) -> HttpResponseBase:
    parts: tuple[tuple[str, Sequence[str], Iterable[Sequence[Any]]], ...] = (
        ("summary.csv", books.SUMMARY, books.summary_rows(moved)),
        ("invoices.csv", books.INVOICES, books.invoice_rows(first, last, zone)),
        ("payments.csv", books.PAYMENTS, books.payment_rows(first, last, zone)),
        ("allocations.csv", books.ALLOCATIONS, books.allocation_rows(first, last, zone)),
    )
    written = tempfile.SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115  the answer closes it
    count = _write(written, parts)
    name = f"accounting-{first:%Y-%m}.zip"
    accounts.begin_export(
        kind=KIND,
        filters=f"month={first:%Y-%m}",
        form=Export.Form.ZIP,
        name=name,
        rows=count,
        at=timezone.now(),
        staff=staff_of(request),
        is_sent=True,
    )
    written.seek(0)
    return kept(FileResponse(written, content_type=KINDS[Export.Form.ZIP]), name)


def _write(file: IO[bytes], parts: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]]) -> int:
    """Each part as a CSV in the ZIP, some rows at a time; answers how many rows there are."""
    count = [0]

    def counted(rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            count[0] += 1
            yield row

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, head, rows in parts:
            with archive.open(name, "w") as one:
                for chunk in csv_lines(head, counted(rows)):
                    one.write(chunk)
    return count[0]
