"""The statement of an account: what moved its balance between two days. Read from rows, written nowhere."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet, Sum

from accounts.models import Account, AccountLineItem, Organization
from core.errors import Invalid
from core.money import midnight
from invoices.models import CreditNote, Invoice, InvoiceLineItem
from payments.models import Allocation, Payment
from payments.models.ledger import SOURCES

LONGEST = timedelta(days=5 * 366)
PAID_WITH = (
    *(f"{payment}__{row}" for payment in ("payment", "credit__payment") for row in ("receipt", "provider")),
    "credit_note",
)


class What(StrEnum):
    """What moved a balance."""

    CHARGE = "charge"
    PAYMENT = "payment"
    CREDIT = "credit"  # account credit that was put on invoices
    REFUND = "refund"  # money that went back, or that the payer's bank took
    CREDIT_NOTE = "credit_note"  # what the merchant took off invoices
    WRITE_OFF = "write_off"  # what the merchant gave up, or took back of that


@dataclass
class Entry:
    """One line. `charge` and `payment` are in minor units of the account's currency, one of them 0; what was
    taken back is a negative payment. `original` is a charge in its own currency, if that is another one."""

    at: datetime
    what: What
    charge: int = 0
    payment: int = 0
    balance: int = 0
    line_item: AccountLineItem | None = None
    paid_with: Payment | None = None
    credit_note: CreditNote | None = None
    invoices: list[Invoice] = field(default_factory=list)

    day: date = date.min

    @property
    def movement(self) -> int:
        """By how much the balance rose, or fell."""
        return self.charge - self.payment

    @property
    def original(self) -> tuple[int, str] | None:
        line = self.line_item
        if line is None or line.currency == line.account.currency:
            return None
        return line.amount, line.currency


@dataclass(frozen=True)
class Statement:
    """Balances in minor units of the account's currency, at the beginning of the first day and the end of the
    last one, where the organization is."""

    account: Account
    first: date
    last: date
    opening: int
    closing: int
    entries: Sequence[Entry]

    @property
    def charged(self) -> int:
        return sum(entry.charge for entry in self.entries)

    @property
    def paid(self) -> int:
        return sum(entry.payment for entry in self.entries)


def statement_of(account: Account, *, first: date, last: date) -> Statement:
    """What moved the account's balance between two days, both included. Refuses an end before the start, more
    than five years, and the ends of the calendar, where a day has no neighbour."""
    if last < first:
        raise Invalid("The end date must be after the start date", field="to")
    if last - first > LONGEST:
        raise Invalid("A statement covers at most five years", field="from")
    if first.year == date.min.year or last.year == date.max.year:
        raise Invalid("Write a day of this age", field="from" if first.year == date.min.year else "to")
    zone = ZoneInfo(Organization.objects.values_list("time_zone", flat=True).get())
    begin, end = midnight(first, zone), midnight(last + timedelta(days=1), zone)
    account, moved, later = _moved(account, begin, end)
    balance = opening = account.balance_due - later - sum(one.movement for one in moved)
    entries = [one for one in moved if one.at < end]
    for entry in entries:
        entry.day = entry.at.astimezone(zone).date()
        balance += entry.movement
        entry.balance = balance
    return Statement(account, first, last, opening, balance, entries)


def _moved(account: Account, begin: datetime, end: datetime) -> tuple[Account, list[Entry], int]:
    """The account; what moved its balance, with what moved later on the same invoices; and by how much all
    else moved it after the end. Nothing is locked: that something moved while these rows were read is seen by
    the account's figures, and then they are read again."""
    while True:
        moved = [*_charges(account, begin, end), *_settlements(account, begin, end)]
        later = _moved_later(account, end)
        now = Account.objects.get(pk=account.pk)
        if (now.total_amount, now.paid_amount) == (account.total_amount, account.paid_amount):
            return now, sorted(moved, key=lambda one: one.at), later
        account = now


def _moved_later(account: Account, end: datetime) -> int:
    """By how much charges, and payments of invoices on which there was nothing before, moved the balance
    after the end: added up by the database, so that a statement costs what its own days do."""
    charges = AccountLineItem.objects.filter(account=account)
    parts = Allocation.objects.filter(invoice=OuterRef("pk"))
    later = Invoice.objects.filter(
        Exists(parts.filter(created_at__gte=end)), ~Exists(parts.filter(created_at__lt=end)), account=account
    )
    paid = charges.filter(invoice_lines__is_live=True, invoice_lines__invoice__in=later)
    return _sum(charges.filter(created_at__gte=end), "account_amount") - _sum(paid, "settled_account_amount")


def _sum(rows: QuerySet, name: str) -> int:
    return rows.aggregate(total=Sum(name))["total"] or 0


def _charges(account: Account, begin: datetime, end: datetime) -> Iterator[Entry]:
    lines = AccountLineItem.objects.filter(account=account, created_at__gte=begin, created_at__lt=end)
    for line in lines.with_live_invoice().select_related("account").order_by("created_at", "pk"):
        billed = [one.invoice for one in getattr(line, "live_lines")]  # noqa: B009 set by with_live_invoice()
        yield Entry(line.created_at, What.CHARGE, charge=line.account_amount, line_item=line, invoices=billed)


def _settlements(account: Account, begin: datetime, end: datetime) -> Iterable[Entry]:
    """What payments, credit and refunds settled, by what they were worth in the account's currency: that
    depends on which charges an invoice had settled before, so each invoice on which something was before the
    end, and something since the beginning, is gone through from its start."""
    parts = Allocation.objects.filter(invoice__account=account)
    touched = Invoice.objects.filter(pk__in=parts.filter(created_at__gte=begin).values("invoice")).filter(
        pk__in=parts.filter(created_at__lt=end).values("invoice")
    )
    invoices = touched.defer("snapshot", "description").in_bulk()
    lines: dict[int, list[InvoiceLineItem]] = defaultdict(list)
    billed = InvoiceLineItem.objects.filter(invoice__in=invoices).select_related("account_line_item")
    for line in billed.order_by("pk"):
        lines[line.invoice_id].append(line)
    paid: dict[int, int] = defaultdict(int)
    found: dict[tuple[object, ...], Entry] = {}
    history = Allocation.objects.filter(invoice__in=invoices).order_by("pk")
    for part in history.select_related(*PAID_WITH):
        before, paid[part.invoice_id] = paid[part.invoice_id], paid[part.invoice_id] + part.amount
        if part.created_at < begin:
            continue
        key = (*(getattr(part, f"{source}_id") for source in (*SOURCES, "refund")), part.created_at)
        entry = found.setdefault(key, Entry(part.created_at, _what(part)))
        entry.credit_note = part.credit_note
        entry.paid_with = part.payment or (part.credit.payment if part.credit else None)
        entry.payment += worth_settled(lines[part.invoice_id], paid[part.invoice_id]) - worth_settled(
            lines[part.invoice_id], before
        )
        entry.invoices.append(invoices[part.invoice_id])
    return found.values()


def _what(part: Allocation) -> What:
    if part.refund_id:
        return What.REFUND
    if part.credit_note_id:
        return What.CREDIT_NOTE
    if part.write_off_id:
        return What.WRITE_OFF
    return What.PAYMENT if part.payment_id else What.CREDIT


def worth_settled(lines: Sequence[InvoiceLineItem], paid: int) -> int:
    """What so much on an invoice settles of its charges, oldest first, in the account's currency."""
    worth, left = 0, paid
    for line in lines:
        share = min(left, line.amount)
        left -= share
        charge = line.account_line_item
        if charge is not None:
            worth += charge.worth_of(min(share, charge.amount))
    return worth
