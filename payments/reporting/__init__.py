"""What the books say when they are asked for sums: pure reads, one or two statements each, per currency and
never mixed. Amounts are integers in minor units of their row's currency."""

from payments.reporting.aging import (
    BUCKETS,
    Aged,
    Bucket,
    aged_by_account,
    aged_by_currency,
    bucket_named,
    largest_debtors,
    open_on,
)
from payments.reporting.days import end_of_day, first_of, months_back, period_of, start_of_day
from payments.reporting.finding import LONGEST, SEARCHES, Found, find, only_hit
from payments.reporting.queue import WAITING, Waiting, waiting
from payments.reporting.receivables import DSO_DAYS, Moved, days_sales_outstanding, receivables_moved
from payments.reporting.revenue import (
    Period,
    Span,
    TaxLine,
    collected_in,
    invoiced_in,
    revenue,
    tax_summary,
)

__all__ = [
    "BUCKETS",
    "DSO_DAYS",
    "LONGEST",
    "SEARCHES",
    "WAITING",
    "Aged",
    "Bucket",
    "Found",
    "Moved",
    "Period",
    "Span",
    "TaxLine",
    "Waiting",
    "aged_by_account",
    "aged_by_currency",
    "bucket_named",
    "collected_in",
    "days_sales_outstanding",
    "end_of_day",
    "find",
    "first_of",
    "invoiced_in",
    "largest_debtors",
    "months_back",
    "only_hit",
    "open_on",
    "period_of",
    "receivables_moved",
    "revenue",
    "start_of_day",
    "tax_summary",
    "waiting",
]
