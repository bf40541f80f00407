"""Mistakes in what is reported: aging, movements, revenue, what waits, what is found, the month's files."""

from tests.mutation.mutant import Mutant

REPORTING = ("tests/payments/test_reporting.py",)
ACCOUNTING = ("tests/payments/test_accounting_export.py",)
DASHBOARD = ("tests/payments/test_dashboard.py",)
FINDING = ("tests/payments/test_report_pages.py",)


def report(module: str, name: str, old: str, new: str, killers: tuple[str, ...] = REPORTING) -> Mutant:
    return Mutant(f"report: {name}", f"payments/reporting/{module}.py", old, new, killers)


MUTANTS = (
    report(
        "aging",
        "midnight belongs to the day before",
        "created_at__lt=end).order_by()",
        "created_at__lte=end).order_by()",
    ),
    report(
        "aging",
        "cancelled since is gone",
        "Q(cancelled_at=None) | Q(cancelled_at__gte=end)",
        "Q(cancelled_at=None)",
    ),
    report("receivables", "what is taken back is closed", "less + self.taken_back", "less - self.taken_back"),
    report(
        "revenue",
        "credit notes are revenue",
        "# by credit notes of the period\n\n    @property\n    def net(self) -> int:\n"
        "        return self.invoiced.net - self.cancelled.net - self.credited.net",
        "# by credit notes of the period\n\n    @property\n    def net(self) -> int:\n"
        "        return self.invoiced.net - self.cancelled.net + self.credited.net",
    ),
    report(
        "revenue",
        "cancelled by another clock",
        'TruncDate("invoice__cancelled_at", tzinfo=zone)',
        'TruncDate("invoice__cancelled_at")',
    ),
    report(
        "revenue",
        "collected by another clock",
        "captured_at__gte=start_of_day(first, zone)",
        "captured_at__gte=start_of_day(first, ZoneInfo('UTC'))",
    ),
    report("revenue", "entered by mistake is collected", "-= amount if", "-= 0 if"),
    report("accounting", "a credit note adds", "*_paper(note, -1, of", "*_paper(note, 1, of", ACCOUNTING),
    report(
        "accounting",
        "a refund comes in",
        "reference, -refund.amount)",
        "reference, refund.amount)",
        ACCOUNTING,
    ),
    report(
        "accounting",
        "refunds that are not done",
        "done = Refund.objects.filter(status=Refund.Status.DONE, ",
        "done = Refund.objects.filter(",
        ACCOUNTING,
    ),
    report(
        "accounting",
        "everything is a payment",
        'for name, word in words.items() if getattr(one, f"{name}_id")), "payment")',
        'for name, word in words.items() if False), "payment")',
        ACCOUNTING,
    ),
    report("accounting", "out is in", "*(-one for one in out)", "*out", ACCOUNTING),
    report(
        "accounting",
        "nothing is unexplained",
        "difference = row.closing - row.expected",
        "difference = 0",
        ACCOUNTING,
    ),
    report(
        "queue",
        "overdue over the whole",
        'OPEN = F("total_amount") - F("paid_amount")',
        'OPEN = F("total_amount")',
        DASHBOARD,
    ),
    report(
        "finding",
        "an amount in any currency",
        "Q(currency=currency, **{column: minor})",
        "Q(**{column: minor})",
        FINDING,
    ),
    report(
        "finding", "kinds that nobody may see", "        if kind in kinds:\n", "        if True:\n", FINDING
    ),
)
