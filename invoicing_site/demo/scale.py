"""Books of any size, to see how the site bears them: written past the operations, in batches, and as sound as
if each invoice had gone through them. `check_invariants` is clean afterwards.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import F, Max, Model
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, NumberSeries, Organization, Region, User
from core.audit import SYSTEM, AuditEntry
from core.money import from_minor
from invoices.models import Invoice, InvoiceLineItem
from invoices.operations.freezing import snapshot, snapshot_hash
from payments.models import Allocation, Payment, PaymentProvider, Receipt

YEARS = timedelta(days=3 * 365)
MARK = "scale"  # in the external id of each company, so that a second run finds them
BATCH = 1_000
REGIONS = ("North America", "Europe")
RATES = (Decimal("19"), Decimal("7"), Decimal("0"))
NO_LIMIT = 10**9
WIDTH = 40  # of the bar
Told = Callable[[int], None]


@dataclass
class Batch:
    """Rows that are written together, each kind before those that name it."""

    charges: list[AccountLineItem] = field(default_factory=list)
    lines: list[InvoiceLineItem] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)
    figures: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))

    def tell(self, row: Model, action: str, at: datetime, account: Account, **after: Any) -> None:
        """One entry of the audit trail, about a row that may get its id later."""
        entry = AuditEntry(
            at=at,
            action=action,
            actor_kind=SYSTEM.kind,
            actor_label=SYSTEM.label,
            object_kind=row._meta.label_lower,
            account_id=account.pk,
            after=after,
        )
        entry.row = row  # type: ignore[attr-defined]
        self.entries.append(entry)


class Books:
    """Invoices over three years up to `at`: most of them paid, some late, some in part, some cancelled."""

    def __init__(self, *, invoices: int, lines: int, staff: User, at: datetime) -> None:
        self.count, self.lines, self.staff, self.at = invoices, lines, staff, at
        self.chance = random.Random(4711)  # noqa: S311  the same books at every run
        self.organization = Organization.objects.get()
        self.begin = at - YEARS
        self.provider = PaymentProvider.objects.get(code="pp_system_default")
        self.numbers = {(one.code, one.year): one.last_number for one in NumberSeries.objects.all()}
        self.next_id = (Invoice.objects.aggregate(last=Max("pk"))["last"] or 0) + 1
        self.totals: dict[int, int] = defaultdict(int)

    def write(self, told: Told) -> None:
        """All of it, some thousand invoices at a time; `told` hears how many are there."""
        companies = self._companies()
        for first in range(0, self.count, BATCH):
            batch = Batch()
            for place in range(first, min(first + BATCH, self.count)):
                self._invoice(batch, place, self.chance.choice(companies))
            self._store(batch)
            told(min(first + BATCH, self.count))
        with connection.cursor() as cursor:  # ids were chosen here, so the database must count on from there
            for statement in connection.ops.sequence_reset_sql(no_style(), [Invoice]):
                cursor.execute(statement)

    def _companies(self) -> list[tuple[Account, Region]]:
        regions = [Region.objects.get(name=name) for name in REGIONS]
        made = []
        for place in range(max(2, min(2_000, self.count // 20))):
            region = regions[place % 4 == 1]
            account = accounts.open_account(
                company_name=f"Customer {place + 1:04d} Ltd",
                credit_limit=Money(NO_LIMIT, region.currency),
                at=self.begin,
                by=SYSTEM,
                external_id=f"{MARK}-{place}",
                billing_address_line_1=f"{place + 1} Long Road",
                billing_city="Springfield",
                billing_country="US",
            )
            made.append((account, region))
        return made

    def _number(self, code: str, year: int) -> int:
        self.numbers[code, year] = self.numbers.get((code, year), 0) + 1
        return self.numbers[code, year]

    def _invoice(self, batch: Batch, place: int, whose: tuple[Account, Region]) -> None:
        account, region = whose
        at = self.begin + YEARS * (place + 1) / (self.count + 1)
        day = self.organization.today(at)
        invoice = Invoice(
            pk=self.next_id,
            account=account,
            region=region,
            title=f"{region.name} Invoice for Account {account.pk}",
            order_numbers=f"S{self.next_id}",
            currency=region.currency,
            due_date=account.due_date(day, self.organization),
            issue_date=day,
            created_at=at,
            sent_at=at,
            status=Invoice.Status.SENT,
        )
        self.next_id += 1
        invoice.new_lines = [self._line(batch, invoice, number) for number in range(self.lines)]
        invoice.total_amount = sum(line.amount for line in invoice.new_lines)
        invoice.number_year, invoice.number_sequence = day.year, self._number("invoice", day.year)
        form = self.organization.invoice_number_format
        invoice.number = form.format(year=day.year, sequence=invoice.number_sequence)
        invoice.snapshot = snapshot(
            invoice, invoice.new_lines, account, self.organization, number=invoice.number, issue_date=day
        )
        invoice.snapshot_hash = snapshot_hash(invoice.snapshot)
        batch.invoices.append(invoice)
        batch.tell(invoice, "invoice.sent", at, account, status="sent", number=invoice.number)
        batch.figures[account.pk][0] += invoice.total_amount
        self._what_became(batch, invoice)

    def _line(self, batch: Batch, invoice: Invoice, number: int) -> InvoiceLineItem:
        net, rate = self.chance.randint(100, 90_000), self.chance.choice(RATES)
        tax = int((net * rate / 100).quantize(Decimal(1)))
        charge = AccountLineItem(
            account=invoice.account,
            region=invoice.region,
            description=f"Order #S{invoice.pk}-{number} - 1 items",
            order_display_id=f"S{invoice.pk}-{number}",
            currency=invoice.currency,
            amount=net + tax,
            account_amount=net + tax,
            is_billed=True,
            due_date=invoice.due_date,
            created_at=invoice.created_at,
        )
        line = InvoiceLineItem(
            invoice=invoice,
            account_line_item=charge,
            description=charge.description,
            quantity=Decimal("1.000"),
            unit_price=from_minor(net, invoice.currency),
            tax_rate=rate,
            net_amount=net,
            tax_amount=tax,
            amount=net + tax,
        )
        self.totals[invoice.account_id] += charge.amount
        told = {"total_amount": self.totals[invoice.account_id], "line_item": charge}
        batch.tell(invoice.account, "account.charged", invoice.created_at, invoice.account, **told)
        batch.charges.append(charge)
        batch.lines.append(line)
        return line

    def _what_became(self, batch: Batch, invoice: Invoice) -> None:
        """Paid after some days, mostly in time; or in part, or cancelled, or not yet."""
        fate = self.chance.random()
        later = invoice.created_at + timedelta(
            days=self.chance.randint(1, 55), hours=self.chance.randint(0, 23)
        )
        if later >= self.at or fate > 0.985:
            return
        if fate > 0.98:
            _becomes(invoice, status=Invoice.Status.CANCELLED, cancelled_at=later)
            for line in invoice.new_lines:
                line.is_live = False
                if line.account_line_item is not None:
                    line.account_line_item.is_billed = False
            batch.tell(invoice, "invoice.cancelled", later, invoice.account, status="cancelled")
        elif fate > 0.97:
            self._pay(batch, invoice, invoice.total_amount // 3, later)
        elif fate > 0.94:
            self._pay(batch, invoice, invoice.total_amount // 2, later - timedelta(hours=9))
            self._pay(batch, invoice, invoice.total_amount - invoice.paid_amount, later)
        else:
            self._pay(batch, invoice, invoice.total_amount, later)

    def _pay(self, batch: Batch, invoice: Invoice, amount: int, at: datetime) -> None:
        year = self.organization.today(at).year
        sequence = self._number("receipt", year)
        payment = Payment(
            account=invoice.account,
            provider=self.provider,
            reference=f"{invoice.number}-{sequence}",
            currency=invoice.currency,
            amount=amount,
            status=Payment.Status.CAPTURED,
            method="bank_transfer",
            created_at=at,
            captured_at=at,
            verified_by=self.staff,
            verified_at=at,
        )
        batch.payments.append(payment)
        batch.allocations.append(
            Allocation(
                invoice=invoice, payment=payment, currency=invoice.currency, amount=amount, created_at=at
            )
        )
        batch.receipts.append(
            Receipt(
                payment=payment,
                number=f"{year}-{sequence:06d}",
                number_year=year,
                number_sequence=sequence,
                issued_at=at,
            )
        )
        said = {"status": "captured", "amount": amount, "currency": invoice.currency}
        batch.tell(payment, "payment.captured", at, invoice.account, **said)
        invoice.paid_amount += amount
        if invoice.paid_amount == invoice.total_amount:
            _becomes(invoice, status=Invoice.Status.PAID, paid_at=at)
            said = {"status": "paid", "paid_amount": invoice.paid_amount}
            batch.tell(invoice, "invoice.paid", at, invoice.account, **said)
        else:
            said = {"paid_amount": invoice.paid_amount}
            batch.tell(invoice, "invoice.partly_paid", at, invoice.account, **said)
        batch.figures[invoice.account_id][1] += amount
        left = invoice.paid_amount
        for line in invoice.new_lines:  # oldest first, as payments settle
            charge = line.account_line_item
            if charge is None:
                continue
            charge.settled_amount = charge.settled_account_amount = min(left, charge.amount)
            left -= charge.settled_amount

    def _store(self, batch: Batch) -> None:
        with transaction.atomic():
            for rows in self._in_order(batch):
                type(rows[0])._default_manager.bulk_create(rows, batch_size=BATCH)
            for pk, (charged, paid) in batch.figures.items():
                Account.objects.filter(pk=pk).update(
                    total_amount=F("total_amount") + charged, paid_amount=F("paid_amount") + paid
                )
            for (code, year), last in self.numbers.items():
                NumberSeries.objects.update_or_create(code=code, year=year, defaults={"last_number": last})

    def _in_order(self, batch: Batch) -> Iterator[list[Any]]:
        """Lines before their invoices: the lines of an issued one are frozen, and foreign keys are looked at
        when the transaction ends."""
        yield batch.charges
        for line in batch.lines:
            line.account_line_item = line.account_line_item  # it has its id now
        yield batch.lines
        yield batch.invoices
        for rows in (batch.payments, batch.allocations, batch.receipts):
            for row in rows:
                if not isinstance(row, Payment):
                    row.payment = row.payment
            if rows:
                yield rows
        for entry in batch.entries:
            entry.object_id = entry.row.pk  # type: ignore[attr-defined]
            charge = entry.after.get("line_item")
            if charge is not None:
                entry.after["line_item"] = charge.pk
        yield batch.entries


def _becomes(invoice: Invoice, **facts: Any) -> None:
    """How an invoice stands that is not stored yet: stored ones move by `core.transitions`."""
    for name, value in facts.items():
        setattr(invoice, name, value)


def is_there() -> bool:
    """Whether an earlier run wrote them."""
    return Account.objects.filter(external_id__startswith=f"{MARK}-").exists()


def write_books(
    *, invoices: int, lines: int, staff: User, at: datetime, told: Told = lambda done: None
) -> None:
    """So many invoices with so many lines each. Written once: a second run finds them and writes nothing."""
    if not is_there():
        Books(invoices=invoices, lines=lines, staff=staff, at=at).write(told)


def show_scale(*, invoices: int, lines: int, staff: User, at: datetime, told_to: Any) -> None:
    """Write them with a bar that says how far it is; `told_to` is a command's stream."""

    def told(done: int) -> None:
        filled = WIDTH * done // invoices
        end = "\n" if done == invoices else ""
        bar = f"[{'#' * filled}{'.' * (WIDTH - filled)}]"
        told_to.write(f"\r{bar} {done:,} of {invoices:,} invoices", ending=end)
        told_to.flush()

    write_books(invoices=invoices, lines=lines, staff=staff, at=at, told=told)
