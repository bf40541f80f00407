"""Why is this the number? An account's figures as of a day, and an invoice's, as the dated rows they are made
of. Read from rows, written nowhere; amounts in minor units."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from accounts.models import Account, Organization
from core.audit import AuditEntry
from core.errors import Invalid
from core.money import midnight
from invoices.models import Invoice, InvoiceLineItem
from payments.models import Allocation, PaymentCollectionInvoice
from payments.operations.stating import LONGEST, Statement, statement_of, worth_settled

PENDING = ("capturing", "pending_verification")


@dataclass(frozen=True)
class Late:
    """An invoice that was open and overdue on the day: `left` in its own currency, `worth` in the
    account's."""

    invoice: Invoice
    left: int
    worth: int


@dataclass(frozen=True)
class AccountFigures:
    """An account at the end of a day, where the organization is. The balance is `statement.closing`."""

    on: date
    statement: Statement
    credit_limit: int
    late: Sequence[Late]

    @property
    def balance(self) -> int:
        return self.statement.closing

    @property
    def available(self) -> int:
        return max(0, self.credit_limit - self.balance)

    @property
    def overdue(self) -> int:
        return sum(one.worth for one in self.late)


@dataclass(frozen=True)
class InvoiceFigures:
    """What of an invoice is paid, kept for payments that are under way, and open."""

    invoice: Invoice
    allocations: Sequence[Allocation]
    reserved: Sequence[PaymentCollectionInvoice]

    @property
    def paid(self) -> int:
        return sum(one.amount for one in self.allocations)

    @property
    def pending(self) -> int:
        return sum(one.amount for one in self.reserved)

    @property
    def open(self) -> int:
        return self.invoice.total_amount - self.paid - self.pending


def figures_of_account(account: Account, *, on: date, at: datetime) -> AccountFigures:
    """Balance, limit, available credit and overdue amount at the end of a day. Refuses a day to come. Rows
    of more than five years before it stand in the opening balance."""
    organization = Organization.objects.get()
    if on > organization.today(at):
        raise Invalid("Choose a day that is not to come", field="on")
    oldest = account.line_items.order_by("created_at").values_list("created_at", flat=True).first()
    begun = organization.today(min(account.created_at, oldest or account.created_at))
    first = on if on <= begun else max(begun, on - LONGEST)
    statement = statement_of(account, first=first, last=on)
    end = midnight(on + timedelta(days=1), ZoneInfo(organization.time_zone))
    return AccountFigures(on, statement, _limit(account, end), _late(account, on, end))


def figures_of_invoice(invoice: Invoice) -> InvoiceFigures:
    """What its open balance is made of, oldest first."""
    parts = Allocation.objects.filter(invoice=invoice).order_by("created_at", "pk")
    shares = PaymentCollectionInvoice.objects.filter(
        invoice=invoice, collection__sessions__status__in=PENDING
    )
    return InvoiceFigures(
        invoice,
        list(parts.select_related("payment", "credit", "credit_note", "write_off__invoice", "refund")),
        list(shares.select_related("collection").distinct().order_by("pk")),
    )


def _limit(account: Account, end: datetime) -> int:
    """The credit limit before `end`: what the next change found, else what it is."""
    changes = AuditEntry.objects.filter(
        action="account.limit_changed", object_kind="accounts.account", object_id=account.pk, at__gte=end
    )
    later = changes.order_by("pk").first()
    return later.before["credit_limit"] if later else account.credit_limit


def _late(account: Account, on: date, end: datetime) -> list[Late]:
    """By due date. Of an invoice that was paid or cancelled since, what was open then."""
    touched = Q(status="sent") | Q(allocations__created_at__gte=end) | Q(cancelled_at__gte=end)
    issued = Invoice.objects.filter(touched, account=account, sent_at__lt=end, due_date__lt=on)
    invoices = list(issued.distinct().defer("snapshot").order_by("due_date", "pk"))
    paid: dict[int, int] = defaultdict(int)
    for invoice, amount in Allocation.objects.filter(invoice__in=invoices, created_at__lt=end).values_list(
        "invoice", "amount"
    ):
        paid[invoice] += amount
    lines: dict[int, list[InvoiceLineItem]] = defaultdict(list)
    billed = InvoiceLineItem.objects.filter(invoice__in=invoices).select_related("account_line_item")
    for line in billed.order_by("pk"):
        lines[line.invoice_id].append(line)
    found = [
        Late(one, one.total_amount - paid[one.pk], _worth_left(lines[one.pk], paid[one.pk]))
        for one in invoices
    ]
    return [one for one in found if one.left > 0]


def _worth_left(lines: Sequence[InvoiceLineItem], paid: int) -> int:
    """What is still open of the charges on an invoice, in the account's currency."""
    charged = sum(line.account_line_item.account_amount for line in lines if line.account_line_item)
    return charged - worth_settled(lines, paid)
