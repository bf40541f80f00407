"""What deciding on money would do, in numbers, for the page that asks before. Reads, writes nothing."""

from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet, prefetch_related_objects

from accounts.models import Account
from invoices.models import Invoice, InvoiceLineItem
from payments.models import Payment, PaymentCollectionInvoice
from payments.operations.taking_back import shares

CHARGES = Prefetch("line_items", queryset=InvoiceLineItem.objects.select_related("account_line_item"))


@dataclass(frozen=True)
class InvoiceEffect:
    """An invoice, what of it can be paid now, and how it would stand: minor units of its currency."""

    invoice: Invoice
    paid: int
    open_now: int
    open_after: int

    @property
    def becomes_paid(self) -> bool:
        return self.invoice.paid_amount + self.paid == self.invoice.total_amount


@dataclass(frozen=True)
class Effect:
    """What the account would owe, in its own currency, its invoices, and the account credit that would be
    kept, or taken by a refund."""

    account: Account
    balance_now: int
    balance_after: int
    invoices: tuple[InvoiceEffect, ...]
    credit: int = 0


def effect_of_verifying(payment: Payment) -> Effect:
    """The money arrived: what is reserved is paid, and the charges on the invoices are settled."""
    return effects_of_verifying([payment])[0]


def effects_of_verifying(payments: Sequence[Payment]) -> list[Effect]:
    """Of several promises, verified one after the other: the second one begins where the first one ends.
    Needs their sessions. The same few queries for one and for many."""
    books = _Books(payments)
    effects = []
    for payment in payments:
        found, settled, left = [], 0, payment.amount
        for item in books.covered(payment):
            invoice = books.invoices[item.invoice_id]
            before = copy(invoice)
            invoice.reserved_amount -= item.amount
            is_open = invoice.status == Invoice.Status.SENT
            share = max(0, min(item.amount, invoice.open_balance, left)) if is_open else 0
            left -= share
            settled += worth(invoice, invoice.paid_amount + share) - worth(invoice, invoice.paid_amount)
            invoice.paid_amount += share
            after = invoice.open_balance if is_open else 0
            found.append(InvoiceEffect(before, share, before.open_balance, after))
        effects.append(books.moved(payment, settled, found, left))
    return effects


def effect_of_rejecting(payment: Payment) -> Effect:
    """The money did not arrive: what is reserved can be paid again, and the account owes what it owed."""
    return effects_of_rejecting([payment])[0]


def effects_of_rejecting(payments: Sequence[Payment]) -> list[Effect]:
    """Of several promises, rejected one after the other. Needs their sessions."""
    books = _Books(payments)
    effects = []
    for payment in payments:
        found = []
        for item in books.covered(payment):
            invoice = books.invoices[item.invoice_id]
            before = copy(invoice)
            invoice.reserved_amount -= item.amount
            found.append(InvoiceEffect(before, 0, before.open_balance, invoice.open_balance))
        effects.append(books.moved(payment, 0, found, 0))
    return effects


class _Books:
    """Accounts and invoices of some payments, read once, as they would stand after each decision."""

    def __init__(self, payments: Sequence[Payment]) -> None:
        rows = PaymentCollectionInvoice.objects.filter(
            collection__in={one.session.collection_id for one in payments if one.session is not None}
        )
        self._covered: dict[int, list[PaymentCollectionInvoice]] = defaultdict(list)
        for row in rows.order_by("pk"):
            self._covered[row.collection_id].append(row)
        ids = {row.invoice_id for of_one in self._covered.values() for row in of_one}
        self.invoices: dict[int, Invoice] = _with_charges().in_bulk(ids)
        self._accounts = Account.objects.in_bulk({one.account_id for one in payments})
        self._balances = {pk: account.balance_due for pk, account in self._accounts.items()}

    def covered(self, payment: Payment) -> list[PaymentCollectionInvoice]:
        return [] if payment.session is None else self._covered[payment.session.collection_id]

    def moved(self, payment: Payment, settled: int, invoices: Sequence[InvoiceEffect], credit: int) -> Effect:
        """The effect on the payment's account, which then owes so much less."""
        account = self._accounts[payment.account_id]
        before = self._balances[account.pk]
        after = self._balances[account.pk] = before - settled
        return Effect(account, before, after, tuple(invoices), credit)


def effect_of_refunding(payment: Payment, amount: int) -> Effect:
    """Money goes back: credit that nobody used first, then invoices are open again."""
    credit, taken = shares(payment, amount)
    effects, settled = [], 0
    for share in taken:
        invoice = _with_charges().get(pk=share.invoice_id)
        settled += worth(invoice, invoice.paid_amount - share.amount)
        now = invoice.open_balance
        effects.append(InvoiceEffect(invoice, -share.amount, now, now + share.amount))
    account = _account(payment)
    return Effect(account, account.balance_due, account.balance_due - settled, tuple(effects), credit)


def effect_of_paying(account: Account, parts: Sequence[tuple[Invoice, int]], credit: int = 0) -> Effect:
    """So much is put on each of these invoices, and `credit` is kept; or taken, where it is negative."""
    invoices = _with_charges().in_bulk([invoice.pk for invoice, _ in parts])
    effects, settled = [], 0
    for part, amount in parts:
        invoice = invoices[part.pk]
        settled += worth(invoice, invoice.paid_amount + amount)
        now = invoice.open_balance
        effects.append(InvoiceEffect(invoice, amount, now, now - amount))
    current = Account.objects.get(pk=account.pk)
    return Effect(current, current.balance_due, current.balance_due - settled, tuple(effects), credit)


def _account(payment: Payment) -> Account:
    return Account.objects.get(payments=payment.pk)


def _with_charges() -> QuerySet[Invoice]:
    return Invoice.objects.defer("snapshot").prefetch_related(CHARGES)


def worth(invoice: Invoice, paid: int) -> int:
    """By how much the account's paid amount moves when `paid` of the invoice is, its lines oldest first."""
    prefetch_related_objects([invoice], CHARGES)
    left, moved = paid, 0
    for line in invoice.line_items.all():
        share = min(left, line.amount)
        left -= share
        charge = line.account_line_item
        if charge is not None:
            moved += charge.worth_of(min(share, charge.amount)) - charge.settled_account_amount
    return moved
