"""Aging: what is open on invoices by how long it has been overdue, as of the end of any day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import (
    BigIntegerField,
    Case,
    Count,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce

from accounts.models import Account
from invoices.models import Invoice
from payments.models import Allocation
from payments.reporting.days import end_of_day


@dataclass(frozen=True)
class Bucket:
    """Open amounts that have been overdue for `least` to `most` days; 0: not overdue; None: without end."""

    code: str
    label: str
    least: int
    most: int | None

    def due(self, on: date) -> Q:
        """The invoices whose due date puts them here on a day."""
        found = Q()
        if self.least:
            found &= Q(due_date__lte=on - timedelta(days=self.least))
        if self.most is not None:
            found &= Q(due_date__gte=on - timedelta(days=self.most))
        return found


BUCKETS = (
    Bucket("current", "Current", 0, 0),
    Bucket("1-30", "1–30 days", 1, 30),
    Bucket("31-60", "31–60 days", 31, 60),
    Bucket("61-90", "61–90 days", 61, 90),
    Bucket("over-90", "Over 90 days", 91, None),
)


@dataclass
class Aged:
    """Open amounts of one currency, or of one account in it, by bucket in their order, in minor units; of a
    currency also on how many invoices (`count`)."""

    currency: str
    amounts: list[int]
    account: int | None = None
    number: str = ""
    company: str = ""
    count: int = 0

    @property
    def total(self) -> int:
        return sum(self.amounts)

    @property
    def overdue(self) -> int:
        return sum(self.amounts[1:])


def bucket_named(code: str | None) -> Bucket | None:
    return next((one for one in BUCKETS if one.code == code), None)


def open_on(day: date, *, today: date, zone: ZoneInfo) -> QuerySet[Invoice]:
    """Invoices with `open_then`: what was open at the end of a day. Today it is what the invoice itself says;
    before, its total less what was allocated by then, of those that were issued and not cancelled by then.
    What is promised or being captured is not paid yet."""
    if day >= today:
        sent = Invoice.objects.open().order_by()
        return sent.annotate(open_then=F("total_amount") - F("paid_amount"))
    end = end_of_day(day, zone)
    return (
        Invoice.objects.issued()
        .order_by()
        .filter(Q(cancelled_at=None) | Q(cancelled_at__gte=end), issue_date__lte=day)
        .exclude(status="paid", paid_at__lt=end)  # and not reopened since: it was paid then
        .annotate(open_then=F("total_amount") - _allocated_before(end))
        .filter(open_then__gt=0)
    )


def _allocated_before(end: datetime) -> Coalesce:
    rows = Allocation.objects.filter(invoice=OuterRef("pk"), created_at__lt=end).order_by()
    summed = rows.values("invoice").annotate(sum=Sum("amount")).values("sum")
    return Coalesce(Subquery(summed, output_field=BigIntegerField()), 0)


def _by_bucket(rows: QuerySet, on: date) -> QuerySet:
    """With `bucket`, its place: the first that is not exceeded, the last when all others are."""
    edges = [on - timedelta(days=one.most) for one in BUCKETS if one.most is not None]
    cases = [When(due_date__gte=edge, then=place) for place, edge in enumerate(edges)]
    return rows.annotate(bucket=Case(*cases, default=len(edges), output_field=IntegerField()))


def aged_by_currency(on: date, *, today: date, zone: ZoneInfo) -> list[Aged]:
    """One row for each currency in which something is open, by its code."""
    found: dict[str, Aged] = {}
    rows = _by_bucket(open_on(on, today=today, zone=zone), on)
    sums = {"sum": Sum("open_then"), "count": Count("*")}
    for currency, bucket, amount, count in rows.values_list("currency", "bucket").annotate(**sums):
        row = found.setdefault(currency, Aged(currency, [0] * len(BUCKETS)))
        row.amounts[bucket] = amount
        row.count += count
    return [found[currency] for currency in sorted(found)]


ACCOUNT = ("currency", "account", "account__number", "account__company_name")


def aged_by_account(on: date, *, today: date, zone: ZoneInfo) -> list[Aged]:
    """One row for each account and currency in which something is open: by currency, the largest first."""
    found: dict[tuple, Aged] = {}
    rows = _by_bucket(open_on(on, today=today, zone=zone), on)
    for *whose, bucket, amount in rows.values_list(*ACCOUNT, "bucket").annotate(sum=Sum("open_then")):
        currency, account, number, company = whose
        row = Aged(currency, [0] * len(BUCKETS), account, number, company)
        found.setdefault((currency, account), row).amounts[bucket] = amount
    return sorted(found.values(), key=lambda row: (row.currency, -row.total, row.number))


def largest_debtors(currency: str, *, count: int = 10) -> list[Aged]:
    """Who owes most on open invoices in a currency now; each amount stands as one sum."""
    sent = Invoice.objects.open().order_by().filter(currency=currency)
    owed = sent.values_list("account").annotate(sum=Sum(F("total_amount") - F("paid_amount")))
    largest = dict(owed.order_by("-sum", "account")[:count])
    named = Account.objects.in_bulk(largest)  # not joined to every invoice that is open
    return [
        Aged(currency, [total], one, named[one].number, named[one].company_name)
        for one, total in largest.items()
    ]
