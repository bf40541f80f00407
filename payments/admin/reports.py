"""The reports as pages, each also as CSV: aging on any day, revenue by period, taxes by rate. Every amount
leads to its rows."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.forms import ChoiceField, DateField, DateInput, Form
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from accounts import operations as accounts
from accounts.admin.base import in_merchant_time, staff_of
from accounts.admin.exporting import sent
from accounts.models import Export
from core.doors import admin_message
from core.errors import Refusal
from core.money import exact
from payments import reporting
from payments.admin.dashboard import invoices_issued

PERMISSION = "invoices.view_invoice"
PERIODS = (("month", "Month"), ("quarter", "Quarter"), ("year", "Year"))
MOST_ROWS = 1_000
EARLIEST = date(1970, 1, 1)


def _day(label: str) -> DateField:
    return DateField(label=label, required=False, widget=DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class DayForm(Form):
    """The day that a report is about."""

    on = _day("As of")


class SpanForm(Form):
    """From one day to another; both belong to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields = {"from": _day("From"), "to": _day("To"), **self.fields}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        first, last = given.get("from"), given.get("to")
        if first and last and first > last:
            self.add_error("to", "The last day is before the first")
        return given


class RevenueForm(SpanForm):
    by = ChoiceField(label="By", choices=PERIODS, required=False)


View = Callable[..., HttpResponseBase]


def report(view: View) -> View:
    """A page for who may view invoices, drawn in the organization's time. GET shows it; POST hands out its
    rows, which is told in the audit trail."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponseBase:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        zone = timezone.get_current_timezone()
        return view(request, today=timezone.localdate(), zone=ZoneInfo(str(zone)))

    return in_merchant_time(guarded)


def page(request: HttpRequest, template: str, title: str, form: Form, **context: Any) -> HttpResponse:
    """A report on the screen."""
    shown = {**admin.site.each_context(request), "title": title, "form": form, **context}
    return TemplateResponse(request, template, shown, status=422 if form.errors else 200)


def as_csv(
    request: HttpRequest,
    kind: str,
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    count: int,
    **days: object,
) -> HttpResponseBase:
    """The same rows as a file, told in the audit trail as the file of a list is. `days`: what was asked."""
    told = {name.rstrip("_"): str(value) for name, value in days.items()}
    name = "-".join((kind, *(str(value) for value in days.values() if isinstance(value, date))))
    try:
        export = accounts.begin_export(
            kind=f"reports.{kind}",
            filters=urlencode(told),
            form=Export.Form.CSV,
            name=f"{name}.csv",
            rows=count,
            at=timezone.now(),
            staff=staff_of(request),
            is_sent=True,
        )
    except Refusal as refusal:
        admin_message(request, refusal)
        return redirect(request.get_full_path())
    return sent(export, list(head), (list(row) for row in rows))


def _wants_csv(request: HttpRequest, form: Form) -> bool:
    return request.method == "POST" and form.is_valid()


def asked(kind: type[Form], request: HttpRequest, **otherwise: Any) -> tuple[Any, ...]:
    """The form that shows what was asked, or else what stands in its place; then the values themselves."""
    form = kind(otherwise | {name: value for name, value in request.GET.items() if value})
    valid = form.cleaned_data if form.is_valid() else {}
    return form, *(valid.get(name, value) for name, value in otherwise.items())


@report
def aging(request: HttpRequest, *, today: date, zone: ZoneInfo) -> HttpResponseBase:
    """What was open at the end of a day, by account and bucket; with an account, its invoices."""
    form, on = asked(DayForm, request, on=today)
    on = max(EARLIEST, min(on, today))
    if "account" in request.GET:
        return _aging_of_account(request, form, on, today, zone)
    rows = reporting.aged_by_account(on, today=today, zone=zone)
    labels = [bucket.label for bucket in reporting.BUCKETS]
    if _wants_csv(request, form):
        head = ["as of", "currency", "account", "company", *labels, "total"]
        lines = ([on, row.currency, row.number, row.company, *_numbers(row)] for row in rows)
        return as_csv(request, "aging", head, lines, count=len(rows), on=on)
    groups = []
    for currency in sorted({row.currency for row in rows}):
        of_currency = [row for row in rows if row.currency == currency]
        sums = [sum(row.amounts[place] for row in of_currency) for place in range(len(labels))]
        listed = [(row, _row_address(row, on)) for row in of_currency]
        groups.append((currency, listed, sums, sum(sums)))
    context = {"on": on, "groups": groups, "labels": labels}
    return page(request, "admin/report_aging.html", "Aging", form, **context)


def _numbers(row: reporting.Aged) -> list[Decimal]:
    return [exact(amount, row.currency) for amount in (*row.amounts, row.total)]


def _row_address(row: reporting.Aged, on: date) -> str:
    where = {"on": on.isoformat(), "account": row.account, "currency": row.currency}
    return reverse("admin:report_aging", query=where)


def _aging_of_account(
    request: HttpRequest, form: Form, on: date, today: date, zone: ZoneInfo
) -> HttpResponseBase:
    """The invoices behind the amounts of an account: the largest first, as they stood on that day."""
    whose, currency = request.GET["account"], request.GET.get("currency", "")
    if not whose.isascii() or not whose.isdigit() or len(whose) > 18:
        whose = "0"
    rows = reporting.open_on(on, today=today, zone=zone).filter(account=int(whose), currency=currency)
    found = rows.select_related("account").defer("snapshot").order_by("due_date", "pk")
    listed = list(found[:MOST_ROWS])
    if _wants_csv(request, form):
        head = ["as of", "currency", "invoice", "issued", "due", "open"]
        lines = (
            [on, one.currency, str(one), one.issue_date, one.due_date, _plain(one)]
            for one in found.iterator()
        )
        told = {"on": on, "account": whose, "currency": currency}
        return as_csv(request, "aging", head, lines, count=found.count(), **told)
    context = {
        "on": on,
        "currency": currency,
        "rows": [(one, max(0, (on - one.due_date).days)) for one in listed],
        "total": _sum_of(listed),
        "is_cut": len(listed) == MOST_ROWS,
        "account": listed[0].account if listed else None,
    }
    return page(request, "admin/report_aging_rows.html", "Aging", form, **context)


def _sum_of(rows: Iterable[Any]) -> int:
    return sum(one.open_then for one in rows)


def _plain(invoice: Any) -> Decimal:
    return exact(invoice.open_then, invoice.currency)


@report
def revenue(request: HttpRequest, *, today: date, zone: ZoneInfo) -> HttpResponseBase:
    """What was invoiced, less what was cancelled and credited, by month, quarter or year."""
    otherwise = {"from": reporting.months_back(today, 11), "to": today, "by": "month"}
    form, first, last, by = asked(RevenueForm, request, **otherwise)
    first, last = _within(first, last)
    rows = reporting.revenue(first, last, by=by, zone=zone)
    if _wants_csv(request, form):
        head = [
            "period",
            "currency",
            "invoices",
            "net",
            "tax",
            "gross",
            "taken back",
            "revenue net",
            "revenue",
        ]
        lines = (_revenue_line(row) for row in rows)
        return as_csv(request, "revenue", head, lines, count=len(rows), from_=first, to=last, by=by)
    context = {
        "first": first,
        "last": last,
        "rows": [(row, *_revenue_addresses(row, first, last, by, zone)) for row in rows],
        "by": by,
    }
    return page(request, "admin/report_revenue.html", "Revenue", form, **context)


def _within(first: date, last: date) -> tuple[date, date]:
    """Days that every database counts with."""
    latest = date(2999, 12, 31)
    return max(EARLIEST, min(first, latest)), max(EARLIEST, min(last, latest))


def _revenue_line(row: reporting.Period) -> list[Any]:
    said = row.invoiced
    off = row.cancelled.gross + row.credited.gross
    amounts = (said.net, said.tax, said.gross, off, row.net, row.gross)
    return [row.first, row.currency, said.count, *(exact(one, row.currency) for one in amounts)]


def _revenue_addresses(
    row: reporting.Period, first: date, last: date, by: str, zone: ZoneInfo
) -> tuple[str, str, str]:
    """Those of the part of a period that was asked for."""
    begins, ends = reporting.period_of(row.first, by)
    return _addresses(row.currency, max(begins, first), min(ends, last), zone)


def _addresses(currency: str, begins: date, ends: date, zone: ZoneInfo, **more: str) -> tuple[str, str, str]:
    """Where what was issued, cancelled and credited from one day to another stands."""
    where = {
        "show": "all",
        "currency": currency,
        "cancelled_at__gte": reporting.start_of_day(begins, zone).isoformat(),
        "cancelled_at__lt": reporting.end_of_day(ends, zone).isoformat(),
        "number__isnull": "False",
        **more,
    }
    notes = {
        "currency": currency,
        "issue_date__gte": begins.isoformat(),
        "issue_date__lt": (ends + timedelta(days=1)).isoformat(),
        **more,
    }
    return (
        invoices_issued(currency, begins, ends, **more),
        reverse("admin:invoices_invoice_changelist", query=where),
        reverse("admin:invoices_creditnote_changelist", query=notes),
    )


@report
def taxes(request: HttpRequest, *, today: date, zone: ZoneInfo) -> HttpResponseBase:
    """Net, tax and gross by rate, of what was invoiced less what was cancelled and credited."""
    begins, ends = reporting.period_of(reporting.months_back(today, 1), "month")
    form, first, last = asked(SpanForm, request, **{"from": begins, "to": ends})
    first, last = _within(first, last)
    rows = reporting.tax_summary(first, last, zone=zone)
    if _wants_csv(request, form):
        head = ["from", "to", "currency", "rate", "net", "tax", "gross"]
        lines = ([first, last, row.currency, row.rate.normalize(), *_tax_amounts(row)] for row in rows)
        return as_csv(request, "taxes", head, lines, count=len(rows), from_=first, to=last)
    rates = [f"{row.rate.normalize():f}" for row in rows]
    listed = [
        (row, rate, *_addresses(row.currency, first, last, zone, rate=rate))
        for row, rate in zip(rows, rates, strict=True)
    ]
    context = {"first": first, "last": last, "rows": listed}
    return page(request, "admin/report_taxes.html", "Taxes", form, **context)


def _tax_amounts(row: reporting.TaxLine) -> list[Decimal]:
    return [exact(amount, row.currency) for amount in (row.net, row.tax, row.gross)]
