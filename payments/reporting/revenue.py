"""What was invoiced, taken back and collected over time, and the tax in it. An invoice counts on its issue
date, for ever; cancelling it, and a credit note, take amounts back on the day that happens, so that what a
period said once it says always."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, DateField, QuerySet, Sum, Value
from django.db.models.functions import TruncDate

from invoices.models import CreditNoteLine, Invoice, InvoiceLineItem
from payments.models import Payment
from payments.reporting.days import end_of_day, first_of, period_of, start_of_day

SUMS = {"net": Sum("net_amount"), "tax": Sum("tax_amount"), "gross": Sum("amount")}


@dataclass
class Amounts:
    """Net, tax and gross in minor units, and on how many papers."""

    net: int = 0
    tax: int = 0
    gross: int = 0
    count: int = 0

    def add(self, net: int, tax: int, gross: int, count: int = 0) -> None:
        self.net, self.tax, self.gross = self.net + net, self.tax + tax, self.gross + gross
        self.count += count


@dataclass
class Period:
    """What one month, quarter or year brought in one currency."""

    currency: str
    first: date
    invoiced: Amounts = field(default_factory=Amounts)
    cancelled: Amounts = field(default_factory=Amounts)  # in the period, whenever issued
    credited: Amounts = field(default_factory=Amounts)  # by credit notes of the period

    @property
    def net(self) -> int:
        return self.invoiced.net - self.cancelled.net - self.credited.net

    @property
    def tax(self) -> int:
        return self.invoiced.tax - self.cancelled.tax - self.credited.tax

    @property
    def gross(self) -> int:
        return self.invoiced.gross - self.cancelled.gross - self.credited.gross


def _issued_lines(first: date, last: date) -> QuerySet[InvoiceLineItem]:
    lines = InvoiceLineItem.objects.order_by().exclude(invoice__number=None)
    return lines.filter(invoice__issue_date__range=(first, last))


def _cancelled_lines(first: date, last: date, zone: ZoneInfo) -> QuerySet[InvoiceLineItem]:
    lines = InvoiceLineItem.objects.order_by().exclude(invoice__number=None)
    start, end = start_of_day(first, zone), end_of_day(last, zone)
    return lines.filter(invoice__cancelled_at__gte=start, invoice__cancelled_at__lt=end)


def _credited_lines(first: date, last: date) -> QuerySet[CreditNoteLine]:
    return CreditNoteLine.objects.order_by().filter(credit_note__issue_date__range=(first, last))


def _movements(first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[str, QuerySet]]:
    """Every kind of paper that changes revenue, by day and currency: what adds, then what takes back."""
    counted = SUMS | {"count": Count("invoice", distinct=True)}
    issued = _issued_lines(first, last).values_list("invoice__currency", "invoice__issue_date")
    yield "invoiced", issued.annotate(**counted)
    day = TruncDate("invoice__cancelled_at", tzinfo=zone)
    cancelled = _cancelled_lines(first, last, zone).annotate(day=day).values_list("invoice__currency", "day")
    yield "cancelled", cancelled.annotate(**counted)
    notes = _credited_lines(first, last).values_list("credit_note__currency", "credit_note__issue_date")
    yield "credited", notes.annotate(**SUMS, count=Count("credit_note", distinct=True))


def revenue(first: date, last: date, *, by: str, zone: ZoneInfo) -> list[Period]:
    """What was invoiced and taken back from one day to another (both belong to it), for each currency and
    month, quarter or year in which there was something: by currency, oldest first."""
    found: dict[tuple[str, date], Period] = {}
    for side, rows in _movements(first, last, zone):
        for currency, day, *amounts in rows:
            begins = first_of(day, by)
            period = found.setdefault((currency, begins), Period(currency, begins))
            getattr(period, side).add(*amounts)
    return [found[key] for key in sorted(found)]


@dataclass
class TaxLine:
    """The tax at one rate in one currency."""

    currency: str
    rate: Decimal
    invoiced: Amounts = field(default_factory=Amounts)
    cancelled: Amounts = field(default_factory=Amounts)
    credited: Amounts = field(default_factory=Amounts)

    @property
    def net(self) -> int:
        return self.invoiced.net - self.cancelled.net - self.credited.net

    @property
    def tax(self) -> int:
        return self.invoiced.tax - self.cancelled.tax - self.credited.tax

    @property
    def gross(self) -> int:
        return self.invoiced.gross - self.cancelled.gross - self.credited.gross


def tax_summary(first: date, last: date, *, zone: ZoneInfo) -> list[TaxLine]:
    """Net, tax and gross by currency and rate, of what was invoiced from one day to another (both belong to
    it) less what was cancelled and credited in that time."""
    found: dict[tuple[str, Decimal], TaxLine] = {}
    by_rate = ("invoice__currency", "tax_rate")
    sides: tuple[tuple[str, QuerySet, tuple[str, ...]], ...] = (
        ("invoiced", _issued_lines(first, last), by_rate),
        ("cancelled", _cancelled_lines(first, last, zone), by_rate),
        ("credited", _credited_lines(first, last), ("credit_note__currency", "invoice_line__tax_rate")),
    )
    for side, rows, names in sides:
        for currency, rate, *amounts in rows.values_list(*names).annotate(**SUMS):
            line = found.setdefault((currency, rate), TaxLine(currency, rate))
            getattr(line, side).add(*amounts)
    return [found[key] for key in sorted(found)]


def collected_by_month(currency: str, first: date, last: date, *, zone: ZoneInfo) -> dict[date, int]:
    """Money of accounts that moved to us from one day to another, sent back later or not, by the first day of
    its month, in minor units. What is nobody's yet does not count, nor what was entered by mistake."""
    ours = Payment.objects.order_by().filter(currency=currency).exclude(account=None)
    parts, begins = [], first_of(first)
    while begins <= last:  # between two bounds an index has them; of which month each is would be computed
        start, ends = start_of_day(max(first, begins), zone), period_of(begins, "month")[1]
        rows = ours.captured().filter(
            captured_at__gte=start, captured_at__lt=end_of_day(min(ends, last), zone)
        )
        month = Value(begins, DateField())
        parts.append(rows.annotate(month=month).values_list("month").annotate(sum=Sum("amount", default=0)))
        begins = ends + timedelta(days=1)
    found = Counter(dict(parts[0].union(*parts[1:], all=True)) if parts else {})
    between = {"captured_at__gte": start_of_day(first, zone), "captured_at__lt": end_of_day(last, zone)}
    undone = ours.undone().filter(**between).annotate(day=TruncDate("captured_at", tzinfo=zone))
    for day, amount in undone.values_list("day", "amount"):
        found[first_of(day)] -= amount
    return {month: amount for month, amount in found.items() if amount}


def invoiced_by_day(currency: str, first: date, last: date) -> dict[date, int]:
    """Gross amount of all that was issued between two days, cancelled later or not."""
    issued = Invoice.objects.issued().order_by().filter(currency=currency, issue_date__range=(first, last))
    return dict(issued.values_list("issue_date").annotate(sum=Sum("total_amount")))
