"""The statement of an account: what moved its balance between two days. Read from rows, written nowhere."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from accounts.models import Account, AccountLineItem, Organization
from core.errors import Invalid
from invoices.models import Invoice, InvoiceLineItem
from payments.models import Allocation, Payment

LONGEST = timedelta(days=5 * 366)
PAID_WITH = tuple(
    f"{payment}__{row}" for payment in ("payment", "credit__payment") for row in ("receipt", "provider")
)


class What(StrEnum):
    """What moved a balance."""

    CHARGE = "charge"
    PAYMENT = "payment"
    CREDIT = "credit"  # account credit that was put on invoices
    REFUND = "refund"  # money that went back, or that the payer's bank took


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
    """What moved the account's balance between two days, both included. Refuses an end before the start, and
    more than five years."""
    if last < first:
        raise Invalid("The end date must be after the start date", field="to")
    if last - first > LONGEST:
        raise Invalid("A statement covers at most five years", field="from")
    zone = ZoneInfo(Organization.objects.values_list("time_zone", flat=True).get())
    begin, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    since = sorted([*_charges(account, begin), *_settlements(account, begin)], key=lambda one: one.at)
    balance = opening = account.balance_due - sum(one.movement for one in since)
    entries = [one for one in since if one.at < end]
    for entry in entries:
        entry.day = entry.at.astimezone(zone).date()
        balance += entry.movement
        entry.balance = balance
    return Statement(account, first, last, opening, balance, entries)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def _charges(account: Account, begin: datetime) -> Iterator[Entry]:
    lines = AccountLineItem.objects.filter(account=account, created_at__gte=begin).with_live_invoice()
    for line in lines.select_related("account").order_by("created_at", "pk"):
        billed = [one.invoice for one in getattr(line, "live_lines")]  # noqa: B009 set by with_live_invoice()
        yield Entry(line.created_at, What.CHARGE, charge=line.account_amount, line_item=line, invoices=billed)


def _settlements(account: Account, begin: datetime) -> Iterable[Entry]:
    """What payments, credit and refunds settled, by what they were worth in the account's currency: that
    depends on which charges an invoice had settled before, so each invoice is gone through from its start."""
    moved = Allocation.objects.filter(invoice__account=account, created_at__gte=begin)
    invoices = Invoice.objects.filter(pk__in=moved.values("invoice")).in_bulk()
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
        key = (part.payment_id, part.credit_id and "credit", part.refund_id, part.created_at)
        entry = found.setdefault(key, Entry(part.created_at, _what(part)))
        entry.paid_with = part.payment or (part.credit.payment if part.credit else None)
        entry.payment += _worth(lines[part.invoice_id], paid[part.invoice_id]) - _worth(
            lines[part.invoice_id], before
        )
        entry.invoices.append(invoices[part.invoice_id])
    return found.values()


def _what(part: Allocation) -> What:
    if part.refund_id:
        return What.REFUND
    return What.PAYMENT if part.payment_id else What.CREDIT


def _worth(lines: Sequence[InvoiceLineItem], paid: int) -> int:
    """What so much on an invoice settles of its charges, oldest first, in the account's currency."""
    worth, left = 0, paid
    for line in lines:
        share = min(left, line.amount)
        left -= share
        charge = line.account_line_item
        if charge is not None:
            worth += charge.worth_of(min(share, charge.amount))
    return worth
