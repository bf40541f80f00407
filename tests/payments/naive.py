"""The reports' sums, computed row by row in Python: slow, plain, and independent of the database's."""

from collections import defaultdict
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from invoices.models import CreditNoteLine, Invoice
from payments.models import Allocation, Payment


def day_of(instant, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def place_of(due: date, on: date) -> int:
    late = (on - due).days
    return 0 if late <= 0 else 1 if late <= 30 else 2 if late <= 60 else 3 if late <= 90 else 4


def aged(on: date, zone: ZoneInfo) -> dict[tuple[str, int], list[int]]:
    """By currency and account, what was open at the end of a day, by bucket."""
    found: dict = defaultdict(lambda: [0] * 5)
    for invoice in Invoice.objects.exclude(number=None):
        if invoice.issue_date > on:
            continue
        if invoice.cancelled_at and day_of(invoice.cancelled_at, zone) <= on:
            continue
        paid = sum(one.amount for one in invoice.allocations.all() if day_of(one.created_at, zone) <= on)
        if invoice.total_amount - paid:
            place = place_of(invoice.due_date, on)
            found[invoice.currency, invoice.account_id][place] += invoice.total_amount - paid
    return dict(found)


def by_currency(rows: dict[tuple[str, int], list[int]]) -> dict[str, list[int]]:
    found: dict = defaultdict(lambda: [0] * 5)
    for (currency, _), amounts in rows.items():
        found[currency] = [one + other for one, other in zip(found[currency], amounts, strict=True)]
    return dict(found)


def lines_between(first: date, last: date, zone: ZoneInfo):
    """Sign, day, invoice and line of everything that changes revenue."""
    for invoice in Invoice.objects.exclude(number=None).prefetch_related("line_items"):
        for sign, day in ((1, invoice.issue_date), (-1, invoice.cancelled_at)):
            if day is None:
                continue
            here = day if sign == 1 else day_of(day, zone)
            if first <= here <= last:
                for line in invoice.line_items.all():
                    yield sign, here, invoice, line
    for one in CreditNoteLine.objects.select_related("credit_note", "invoice_line"):
        if first <= one.credit_note.issue_date <= last:
            yield -1, one.credit_note.issue_date, one.credit_note, one


def begin_of(day: date, by: str) -> date:
    month = {"month": day.month, "quarter": (day.month + 2) // 3 * 3 - 2, "year": 1}[by]
    return day.replace(day=1, month=month)


def revenue(first: date, last: date, by: str, zone: ZoneInfo) -> dict[tuple[str, date], tuple]:
    found: dict = defaultdict(lambda: [0, 0, 0])
    for sign, day, invoice, line in lines_between(first, last, zone):
        sums = found[invoice.currency, begin_of(day, by)]
        for place, amount in enumerate((line.net_amount, line.tax_amount, line.amount)):
            sums[place] += sign * amount
    return {key: tuple(sums) for key, sums in found.items()}


def taxes(first: date, last: date, zone: ZoneInfo) -> dict[tuple[str, str], tuple]:
    found: dict = defaultdict(lambda: [0, 0, 0])
    for sign, _, invoice, line in lines_between(first, last, zone):
        of = line.invoice_line if isinstance(line, CreditNoteLine) else line
        sums = found[invoice.currency, of.tax_rate]
        for place, amount in enumerate((line.net_amount, line.tax_amount, line.amount)):
            sums[place] += sign * amount
    return {key: tuple(sums) for key, sums in found.items()}


def collected(first: date, last: date, zone: ZoneInfo) -> dict[tuple[str, date], int]:
    found: dict = defaultdict(int)
    for payment in Payment.objects.exclude(account=None).exclude(captured_at=None):
        day = day_of(payment.captured_at, zone)
        if payment.status != "unassigned" and first <= day <= last:
            found[payment.currency, day.replace(day=1)] += payment.amount
    return dict(found)


MOVES = ("invoiced", "cancelled", "paid", "by_credit", "credited", "written_off", "taken_back")


def source_of(one: Allocation) -> str:
    if one.credit_note_id:
        return "credited"
    return "written_off" if one.write_off_id else "by_credit" if one.credit_id else "paid"


def moved(first: date, last: date, zone: ZoneInfo) -> dict[str, dict[str, int]]:
    """The movements of receivables between two days, by currency."""
    found: dict = defaultdict(lambda: dict.fromkeys(MOVES, 0))
    for invoice in Invoice.objects.exclude(number=None):
        if first <= invoice.issue_date <= last:
            found[invoice.currency]["invoiced"] += invoice.total_amount
        if invoice.cancelled_at and first <= day_of(invoice.cancelled_at, zone) <= last:
            found[invoice.currency]["cancelled"] += invoice.total_amount
    for one in Allocation.objects.all():
        if first <= day_of(one.created_at, zone) <= last:
            found[one.currency]["taken_back" if one.amount < 0 else source_of(one)] += abs(one.amount)
    return dict(found)


def days_between(first: date, last: date, step: int) -> list[date]:
    return [first + timedelta(days=days) for days in range(0, (last - first).days + 1, step)]
