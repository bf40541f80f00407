"""The first page of the back office: what needs doing today, what is owed, what came in. Only what its reader
may see, each number a link to its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.timesince import timesince

from accounts.models import Organization, Region
from accounts.templatetags.wording import plain_money
from payments import reporting
from payments.admin.drawing import Bars, Stack, bars, stack
from payments.models import AccountCredit, Payment

MONTHS = 12


@dataclass(frozen=True)
class Job:
    """One kind of work: what it is called, the permission to see it, its button and where that leads."""

    label: str
    permission: str
    button: str
    list_of: str
    where: Mapping[str, str] = field(default_factory=dict)
    page: str = "changelist"

    @property
    def address(self) -> str:
        return reverse(f"admin:{self.list_of}_{self.page}", query=self.where or None)


JOBS: dict[str, Job] = {
    "verify": Job(
        "Bank transfers to verify",
        "payments.view_payment",
        "Verify payments",
        "payments_payment",
        {"show": "to_verify"},
    ),
    "issues": Job(
        "Problems to resolve",
        "payments.view_reconciliationissue",
        "Resolve problems",
        "payments_reconciliationissue",
        {"show": "open"},
    ),
    "bank_lines": Job(
        "Bank lines to decide on",
        "payments.view_bankline",
        "Decide on lines",
        "payments_bankline",
        {"show": "open"},
    ),
    "overdue": Job(
        "Overdue invoices", "invoices.view_invoice", "Preview reminders", "invoices_invoice", page="remind"
    ),
    "promises": Job(
        "Promises to pay that were broken",
        "invoices.view_paymentpromise",
        "See broken promises",
        "invoices_paymentpromise",
        {"show": "broken"},
    ),
    "unbilled": Job(
        "Unbilled charges",
        "accounts.view_accountlineitem",
        "Preview invoices",
        "invoices_invoice",
        page="bill_unbilled",
    ),
    "drafts": Job(
        "Drafts",
        "invoices.view_invoice",
        "See drafts",
        "invoices_invoice",
        {"show": "draft"},
    ),
    "recurring": Job(
        "Recurring invoices that were refused",
        "invoices.view_recurringinvoice",
        "See why",
        "invoices_recurringinvoice",
        {"show": "refused"},
    ),
    "failed": Job(
        "Failed mails and messages",
        "core.view_outboxmessage",
        "See what failed",
        "core_outboxmessage",
        {"show": "failed"},
    ),
    "unassigned": Job(
        "Money that is nobody's yet",
        "payments.view_payment",
        "Assign money",
        "payments_payment",
        {"show": "unassigned"},
    ),
    "bank_account": Job(
        "Bank account to approve",
        "accounts.view_bankaccountchange",
        "Look at the change",
        "accounts_bankaccountchange",
        {"show": "asked"},
    ),
}


@dataclass(frozen=True)
class Row:
    """One row of the queue."""

    job: Job
    count: int
    amounts: Sequence[tuple[int, str]]
    oldest: str


def today_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the theme's index page is drawn with."""
    organization = Organization.objects.first()
    zone = ZoneInfo(organization.time_zone if organization else "UTC")
    now = timezone.now()
    today = now.astimezone(zone).date()
    queue = queue_of(request, today, now)
    context |= {
        "title": "What needs doing today",
        "today": today,
        "zone_name": zone.key,
        "queue": queue,
        "sees_nothing": not _allowed(request) and not request.user.has_perm("invoices.view_invoice"),
    }
    if not queue and request.user.has_perm("payments.view_payment"):
        context["last_payment"] = last_payment(now)
    if request.user.has_perm("invoices.view_invoice"):
        context |= figures(request, today, zone)
    return context


def _allowed(request: HttpRequest) -> set[str]:
    return {kind for kind, job in JOBS.items() if request.user.has_perm(job.permission)}


def queue_of(request: HttpRequest, today: date, now: datetime) -> list[Row]:
    """What waits and its reader may see, in the order in which it is best done."""
    found: dict[str, list[reporting.Waiting]] = {}
    for one in reporting.waiting(_allowed(request), on=today):
        found.setdefault(one.kind, []).append(one)
    return [
        Row(
            JOBS[kind],
            sum(one.count for one in rows),
            [(one.amount, one.currency) for one in sorted(rows, key=lambda one: -one.amount) if one.currency],
            timesince(min(one.oldest for one in rows), now, depth=1).replace("\xa0", " "),
        )
        for kind, rows in found.items()
    ]


def last_payment(now: datetime) -> str:
    """`Last payment: $39.40 from Globex Ltd, 2 hours ago.`"""
    last = Payment.objects.captured().exclude(account=None).select_related("account")
    payment = last.order_by("-captured_at").first()
    if payment is None or payment.captured_at is None or payment.account is None:
        return ""
    ago = timesince(payment.captured_at, now, depth=1).replace("\xa0", " ")
    amount = plain_money(payment.amount, payment.currency)
    return f"Last payment: {amount} from {payment.account.company_name}, {ago} ago."


@dataclass(frozen=True)
class MonthRow:
    """A month's figures in one currency, each with where its rows are."""

    first: date
    invoiced: int
    collected: int
    invoices: str
    payments: str


def figures(request: HttpRequest, today: date, zone: ZoneInfo) -> dict[str, Any]:
    """Receivables, months and debtors of one currency: the one asked for, or that of most open invoices, as
    amounts of two are never compared. The others are tabs."""
    aged = {row.currency: row for row in reporting.aged_by_currency(today, today=today, zone=zone)}
    regions, credits = Region.objects.order_by(), AccountCredit.objects.order_by()
    of_credits = credits.values_list("currency", flat=True)  # money in a currency of no region stays credit
    for code in regions.values_list("currency", flat=True).union(of_credits):
        aged.setdefault(code, reporting.Aged(code, [0] * len(reporting.BUCKETS)))
    if not aged:
        return {}
    known = sorted(aged)
    asked = request.GET.get("currency", "")
    currency = asked if asked in known else max(known, key=lambda code: aged[code].count)
    row, sees_payments = aged[currency], request.user.has_perm("payments.view_payment")
    back = [reporting.months_back(today, MONTHS - 1 - place) for place in range(MONTHS)]
    spans = [reporting.period_of(month, "month") for month in back]
    since = today - timedelta(days=reporting.DSO_DAYS - 1)
    *invoiced, lately = reporting.invoiced_in(currency, [*spans, (since, today)])
    collected = reporting.collected_in(currency, spans, zone=zone) if sees_payments else [0] * MONTHS
    months = [
        MonthRow(
            first,
            came_of,
            came_in,
            invoices_issued(currency, first, last),
            payments_captured(currency, first, last, zone),
        )
        for (first, last), came_of, came_in in zip(spans, invoiced, collected, strict=True)
    ]
    return {
        "currency": currency,
        "currencies": [(code, f"?currency={code}", code == currency) for code in known],
        "aged": row,
        "receivables": _receivables(row),
        "months": months,
        "sees_payments": sees_payments,
        "chart": _chart(months, currency, sees_payments),
        "dso": reporting.days_sales_outstanding(row.total, lately),
        "invoiced_lately": lately,
        "debtors": [
            (debtor, _invoices(show="open", currency=currency, account__id__exact=debtor.account))
            for debtor in reporting.largest_debtors(currency)
        ],
    }


def _invoices(**where: Any) -> str:
    return reverse("admin:invoices_invoice_changelist", query=where)


def _receivables(row: reporting.Aged) -> Stack:
    """One bar in five parts, each a link to its invoices."""
    return stack(
        (bucket.label, amount, plain_money(amount, row.currency), bucket_address(row.currency, bucket))
        for bucket, amount in zip(reporting.BUCKETS, row.amounts, strict=True)
    )


def bucket_address(currency: str, bucket: reporting.Bucket, **where: Any) -> str:
    """The open invoices of a currency that are in a bucket today."""
    return _invoices(show="open", currency=currency, aging=bucket.code, **where)


def invoices_issued(currency: str, first: date, last: date, **more: str) -> str:
    """Where the invoices stand that were issued from one day to another."""
    until = last + timedelta(days=1)
    return _invoices(show="all", currency=currency, issue_date__gte=first, issue_date__lt=until, **more)


def payments_captured(currency: str, first: date, last: date, zone: ZoneInfo) -> str:
    """Where the payments stand that came in from one day to another."""
    between = {
        "captured_at__gte": reporting.start_of_day(first, zone).isoformat(),
        "captured_at__lt": reporting.end_of_day(last, zone).isoformat(),
    }
    where = {"show": "collected", "currency": currency, "account__isnull": "False", **between}
    return reverse("admin:payments_payment_changelist", query=where)


def _chart(months: list[MonthRow], currency: str, sees_payments: bool) -> Bars:
    series = [
        ("invoiced", [(row.invoiced, plain_money(row.invoiced, currency), row.invoices) for row in months])
    ]
    if sees_payments:
        came_in = [(row.collected, plain_money(row.collected, currency), row.payments) for row in months]
        series.append(("collected", came_in))
    return bars([f"{row.first:%b}" for row in months], series, currency=currency)
