"""What was invoiced, taken back and collected over time, and the tax in it. An invoice counts on its issue
date, for ever; cancelling it, and a credit note, take amounts back on the day that happens, so that what a
period said once it says always."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import Organization
from invoices.models import CreditNoteLine, Invoice, InvoiceLineItem
from payments.models import Payment
from payments.reporting.days import end_of_day, first_of, start_of_day

Span = tuple[date, date]  # both days belong to it
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


def collected_in(currency: str, spans: Sequence[Span], *, zone: ZoneInfo) -> list[int]:
    """Money of accounts that moved to us from one day to another, sent back later or not, in minor units. Not
    what is nobody's yet, nor what was entered by mistake."""
    ours = Payment.objects.filter(currency=currency).exclude(account=None)

    def between(rows: QuerySet, first: date, last: date) -> QuerySet:
        return rows.filter(captured_at__gte=start_of_day(first, zone), captured_at__lt=end_of_day(last, zone))

    found = _sums([between(ours.captured(), *span) for span in spans], "amount")
    undone = between(ours.undone(), min(first for first, _ in spans), max(last for _, last in spans))
    on = TruncDate("captured_at", tzinfo=zone)
    for day, amount in undone.annotate(day=on).values_list("day", "amount"):
        for place, (first, last) in enumerate(spans):
            found[place] -= amount if first <= day <= last else 0
    return found


def invoiced_in(currency: str, spans: Sequence[Span]) -> list[int]:
    """Gross amount of all that was issued from one day to another, cancelled later or not."""
    issued = Invoice.objects.issued().filter(currency=currency)
    return _sums([issued.filter(issue_date__range=span) for span in spans], "total_amount")


def _sums(parts: Sequence[QuerySet], column: str) -> list[int]:
    """The sum of each part, which is in one currency: all in one row, each out of an index. A union of them
    takes twice as long."""
    sums = [
        Coalesce(Subquery(part.order_by().values("currency").annotate(sum=Sum(column)).values("sum")), 0)
        for part in parts
    ]
    return list(Organization.objects.values_list(*sums).first() or [0] * len(parts))
