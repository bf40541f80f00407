"""What waits for staff, of all kinds in one statement."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import (
    BigIntegerField,
    CharField,
    Count,
    DateTimeField,
    F,
    Min,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.functions import Cast, Coalesce

from accounts.models import AccountLineItem, BankAccountChange
from core.models import OutboxMessage
from invoices.models import Invoice, PaymentPromise, RecurringInvoice
from payments.models import BankLine, Payment, ReconciliationIssue


@dataclass(frozen=True)
class Waiting:
    """So many rows of a kind in one currency (empty: without amounts), their sum in minor units, and since
    when the oldest waits."""

    kind: str
    currency: str
    count: int
    amount: int
    oldest: datetime


OPEN = F("total_amount") - F("paid_amount")
Rows = Callable[[date], tuple[QuerySet, object, str]]
WAITING: dict[str, Rows] = {
    "verify": lambda on: (Payment.objects.to_verify(), F("amount"), "created_at"),
    "bank_lines": lambda on: (BankLine.objects.open(), F("amount"), "statement__imported_at"),
    "issues": lambda on: (ReconciliationIssue.objects.filter(resolved_at=None), F("amount"), "opened_at"),
    "overdue": lambda on: (Invoice.objects.overdue(on=on), OPEN, "due_date"),
    "promises": lambda on: (PaymentPromise.objects.broken(on=on), F("amount"), "promised_date"),
    "unbilled": lambda on: (AccountLineItem.objects.unbilled(), F("amount"), "created_at"),
    "drafts": lambda on: (Invoice.objects.filter(status="draft"), F("total_amount"), "created_at"),
    "recurring": lambda on: (RecurringInvoice.objects.exclude(refusal=""), Value(0), "refused_at"),
    "failed": lambda on: (OutboxMessage.objects.filter(status="failed"), Value(0), "created_at"),
    "unassigned": lambda on: (Payment.objects.filter(status="unassigned"), F("amount"), "captured_at"),
    "bank_account": lambda on: (BankAccountChange.objects.filter(status="asked"), Value(0), "asked_at"),
}


def waiting(kinds: Collection[str], *, on: date) -> list[Waiting]:
    """What waits of these kinds, by kind in the order of `WAITING` and by currency; nothing of what does not.
    `on` is the organization's day, from which on an invoice is overdue."""
    parts = [_summed(kind, *rows(on)) for kind, rows in WAITING.items() if kind in kinds]
    if not parts:
        return []
    found = [Waiting(*row) for row in parts[0].union(*parts[1:], all=True)]
    order = list(WAITING)
    return sorted((row for row in found if row.count), key=lambda row: (order.index(row.kind), row.currency))


def _summed(kind: str, rows: QuerySet, amount: object, since: str) -> QuerySet:
    """One row for each currency, written as that of every other kind, so that the database can join them."""
    has_currency = any(field.name == "currency" for field in rows.model._meta.concrete_fields)
    currency = Coalesce("currency", Value("")) if has_currency else Value("")
    named = rows.order_by().annotate(
        q_kind=Value(kind, CharField()), q_currency=Cast(currency, CharField(max_length=3))
    )
    return named.values_list("q_kind", "q_currency").annotate(
        q_count=Count("*"),  # which an index can tell
        q_amount=Cast(Coalesce(Sum(amount), 0), BigIntegerField()),
        q_oldest=Cast(Min(since), DateTimeField()),
    )
