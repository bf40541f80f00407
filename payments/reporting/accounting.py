"""What the books of a month are made of, row by row, for another program: invoices, payments, and what was
put on invoices. Their sums are the movements that `receivables_moved` tells."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, Sum

from core.money import exact
from invoices.models import CreditNote, Invoice
from payments.models import Allocation, Payment, Refund
from payments.reporting.days import end_of_day, start_of_day
from payments.reporting.receivables import Moved

Rows = Iterator[list[Any]]
WHOSE = ("account", "company")
INVOICES = ("date", "what", "number", "of invoice", *WHOSE, "currency", "net", "tax", "gross")
PAYMENTS = ("date", "what", "receipt", "reference", "method", *WHOSE, "currency", "amount")
ALLOCATIONS = ("date", "what", "invoice", "receipt", "reference", *WHOSE, "currency", "amount")
SUMMARY = (
    *("currency", "opening", "invoiced", "cancelled", "paid", "by account credit", "by credit notes"),
    *("written off", "taken back", "closing", "difference"),
)


def count_rows(first: date, last: date, zone: ZoneInfo) -> int:
    """How many rows the invoices, payments and allocations of these days are."""
    start, end = start_of_day(first, zone), end_of_day(last, zone)
    on, within = {"issue_date__range": (first, last)}, (start, end)
    issued = Invoice.objects.issued()
    rows: tuple[QuerySet[Any], ...] = (
        issued.filter(**on),
        CreditNote.objects.filter(**on),
        issued.filter(**_between("cancelled_at", *within)),
        Payment.objects.filter(**_between("captured_at", *within)),
        Refund.objects.filter(status=Refund.Status.DONE, **_between("ended_at", *within)),
        Allocation.objects.filter(**_between("created_at", *within)),
    )
    return sum(one.count() for one in rows)


def _between(name: str, start: datetime, end: datetime) -> dict[str, datetime]:
    return {f"{name}__gte": start, f"{name}__lt": end}


def invoice_rows(first: date, last: date, zone: ZoneInfo) -> Rows:
    """What was issued, and with negative amounts what was cancelled and credited, with net, tax and gross."""
    sums = {"net": Sum("line_items__net_amount"), "tax": Sum("line_items__tax_amount")}
    papers = Invoice.objects.issued().annotate(**sums).select_related("account").defer("snapshot")
    issued = papers.filter(issue_date__range=(first, last)).order_by("issue_date", "pk")
    for one in issued.iterator():
        yield [one.issue_date, "invoice", *_paper(one, 1)]
    noted = {"net": Sum("lines__net_amount"), "tax": Sum("lines__tax_amount")}
    notes = CreditNote.objects.filter(issue_date__range=(first, last)).annotate(**noted)
    rows = notes.select_related("account", "invoice").defer("snapshot", "invoice__snapshot")
    for note in rows.order_by("issue_date", "pk").iterator():
        yield [note.issue_date, "credit note", *_paper(note, -1, of=str(note.invoice))]
    start, end = start_of_day(first, zone), end_of_day(last, zone)
    cancelled = papers.filter(**_between("cancelled_at", start, end)).order_by("cancelled_at", "pk")
    for one in cancelled.iterator():
        yield [_day(one.cancelled_at, zone), "cancelled", *_paper(one, -1)]


def _paper(paper: Any, sign: int, *, of: str = "") -> list[Any]:
    amounts, currency = (paper.net, paper.tax, paper.total_amount), paper.currency
    return [paper.number, of, *_whose(paper), currency, *(exact(sign * one, currency) for one in amounts)]


def _day(instant: Any, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def payment_rows(first: date, last: date, zone: ZoneInfo) -> Rows:
    """Money that came, and what went back with negative amounts; whose it is not known yet, without an
    account."""
    start, end = start_of_day(first, zone), end_of_day(last, zone)
    came = Payment.objects.filter(**_between("captured_at", start, end))
    for payment in came.select_related("account", "receipt").order_by("captured_at", "pk").iterator():
        day = _day(payment.captured_at, zone)
        yield [day, "payment", *_money(payment, payment.reference, payment.amount)]
    done = Refund.objects.filter(status=Refund.Status.DONE, **_between("ended_at", start, end))
    went: QuerySet[Refund] = done.select_related("payment__account", "payment__receipt")
    for refund in went.order_by("ended_at", "pk").iterator():
        day = _day(refund.ended_at, zone)
        reference = refund.reference or refund.payment.reference
        yield [day, str(refund.kind), *_money(refund.payment, reference, -refund.amount)]


def _money(payment: Payment, reference: str, amount: int) -> list[Any]:
    currency = payment.currency
    return [
        _receipt(payment),
        reference,
        payment.method,
        *_whose(payment),
        currency,
        exact(amount, currency),
    ]


def _receipt(payment: Payment | None) -> str:
    receipt = getattr(payment, "receipt", None)
    return receipt.number if receipt else ""


def _whose(row: Any) -> tuple[str, str]:
    return (row.account.number, row.account.company_name) if row.account else ("", "")


def allocation_rows(first: date, last: date, zone: ZoneInfo) -> Rows:
    """What was put on invoices and what was taken back, each from its payment or account credit."""
    start, end = start_of_day(first, zone), end_of_day(last, zone)
    moved = Allocation.objects.filter(**_between("created_at", start, end)).order_by("created_at", "pk")
    rows = moved.select_related(
        *("invoice__account", "payment__receipt", "credit__payment__receipt"),
        *("credit_note", "write_off__invoice"),
    )
    papers = ("invoice__snapshot", "credit_note__snapshot", "write_off__invoice__snapshot")
    for one in rows.defer(*papers).iterator():
        payment = one.payment or (one.credit.payment if one.credit else None)
        yield [
            _day(one.created_at, zone),
            "taken back" if one.amount < 0 else _source(one),
            one.invoice.number,
            _receipt(payment),
            payment.reference if payment else str(one.credit_note or one.write_off or ""),
            *_whose(one.invoice),
            one.currency,
            exact(one.amount, one.currency),
        ]


def _source(one: Allocation) -> str:
    """What was put on the invoice."""
    words = {"credit": "account credit", "credit_note": "credit note", "write_off": "write-off"}
    return next((word for name, word in words.items() if getattr(one, f"{name}_id")), "payment")


def summary_rows(moved: list[Moved]) -> Rows:
    """The movements by currency: what was open before and after, and what stays unexplained, which is 0."""
    for row in moved:
        out = (row.cancelled, row.paid, row.by_credit, row.credited, row.written_off)
        amounts = (row.opening, row.invoiced, *(-one for one in out), row.taken_back, row.closing)
        difference = row.closing - row.expected
        yield [row.currency, *(exact(one, row.currency) for one in (*amounts, difference))]
