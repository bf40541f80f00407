"""How receivables move and how fast they become money."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from invoices.models import Invoice
from payments.models import Allocation
from payments.reporting.aging import open_on
from payments.reporting.days import end_of_day, start_of_day

DSO_DAYS = 90
SOURCES = (
    ("paid", "payment"),
    ("by_credit", "credit"),
    ("credited", "credit_note"),
    ("written_off", "write_off"),
)


def days_sales_outstanding(receivables: int, invoiced: int) -> int | None:
    """Receivables ÷ what was invoiced in the last 90 days × 90, to whole days, half up; None when nothing was
    invoiced. Both in minor units of one currency."""
    if not invoiced:
        return None
    return (2 * receivables * DSO_DAYS + invoiced) // (2 * invoiced)


@dataclass
class Moved:
    """How the receivables of one currency went from one evening to another: what was open, what invoices
    added, what cancelling took off, what was paid, covered by account credit or a credit note, and written
    off, and what of these was taken back again. In minor units. `closing` is read from the invoices, not
    computed from the rest."""

    currency: str
    opening: int = 0
    invoiced: int = 0
    cancelled: int = 0
    paid: int = 0
    by_credit: int = 0
    credited: int = 0
    written_off: int = 0
    taken_back: int = 0
    closing: int = 0

    @property
    def expected(self) -> int:
        """What the closing must be."""
        less = self.cancelled + self.paid + self.by_credit + self.credited + self.written_off
        return self.opening + self.invoiced - less + self.taken_back

    @property
    def is_reconciled(self) -> bool:
        return self.expected == self.closing


def receivables_moved(first: date, last: date, *, today: date, zone: ZoneInfo) -> list[Moved]:
    """The receivables from the beginning of one day to the end of another, by currency. Each figure is summed
    from its own rows, so that opening and movements give the closing only where no row is missing."""
    start, end = start_of_day(first, zone), end_of_day(last, zone)
    before = date.fromordinal(first.toordinal() - 1)
    issued = Invoice.objects.issued().order_by()
    cancelled = issued.filter(cancelled_at__gte=start, cancelled_at__lt=end)
    moved = Allocation.objects.order_by().filter(created_at__gte=start, created_at__lt=end)
    parts: tuple[tuple[str, QuerySet, str], ...] = (
        ("opening", open_on(before, today=today, zone=zone), "open_then"),
        ("invoiced", issued.filter(issue_date__range=(first, last)), "total_amount"),
        ("cancelled", cancelled, "total_amount"),
        *(
            (name, moved.filter(amount__gt=0, **{f"{source}__isnull": False}), "amount")
            for name, source in SOURCES
        ),
        ("taken_back", moved.filter(amount__lt=0), "amount"),
        ("closing", open_on(last, today=today, zone=zone), "open_then"),
    )
    found: dict[str, Moved] = {}
    for name, rows, column in parts:
        for currency, amount in rows.values_list("currency").annotate(sum=Sum(column)):
            setattr(found.setdefault(currency, Moved(currency)), name, abs(amount))
    return [found[currency] for currency in sorted(found)]
