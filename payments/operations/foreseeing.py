"""What deciding on money would do, in numbers, for the page that asks before. Reads, writes nothing."""

from dataclasses import dataclass

from accounts.models import Account
from invoices.models import Invoice
from payments.models import Payment, PaymentCollectionInvoice
from payments.operations.taking_back import shares


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
    effects, settled, left = [], 0, payment.amount
    for item in _covered(payment):
        invoice = item.invoice
        reserved = invoice.reserved_amount - item.amount
        is_open = invoice.status == Invoice.Status.SENT
        open_balance = invoice.total_amount - invoice.paid_amount - reserved if is_open else 0
        share = max(0, min(item.amount, open_balance, left))
        left -= share
        settled += worth(invoice, invoice.paid_amount + share)
        effects.append(InvoiceEffect(invoice, share, invoice.open_balance, open_balance - share))
    account = _account(payment)
    return Effect(account, account.balance_due, account.balance_due - settled, tuple(effects), left)


def effect_of_rejecting(payment: Payment) -> Effect:
    """The money did not arrive: what is reserved can be paid again, and the account owes what it owed."""
    effects = tuple(
        InvoiceEffect(item.invoice, 0, item.invoice.open_balance, item.invoice.open_balance + item.amount)
        for item in _covered(payment)
    )
    account = _account(payment)
    return Effect(account, account.balance_due, account.balance_due, effects)


def effect_of_refunding(payment: Payment, amount: int) -> Effect:
    """Money goes back: credit that nobody used first, then invoices are open again."""
    credit, taken = shares(payment, amount)
    effects, settled = [], 0
    for share in taken:
        invoice = Invoice.objects.get(pk=share.invoice_id)
        settled += worth(invoice, invoice.paid_amount - share.amount)
        now = invoice.open_balance
        effects.append(InvoiceEffect(invoice, -share.amount, now, now + share.amount))
    account = _account(payment)
    return Effect(account, account.balance_due, account.balance_due - settled, tuple(effects), credit)


def _covered(payment: Payment) -> list[PaymentCollectionInvoice]:
    if payment.session is None:
        return []
    covered = PaymentCollectionInvoice.objects.filter(collection=payment.session.collection_id)
    return list(covered.select_related("invoice"))


def _account(payment: Payment) -> Account:
    return Account.objects.get(payments=payment.pk)


def worth(invoice: Invoice, paid: int) -> int:
    """By how much the account's paid amount moves when `paid` of the invoice is, its lines oldest first."""
    left, moved = paid, 0
    for line in invoice.line_items.select_related("account_line_item"):
        share = min(left, line.amount)
        left -= share
        charge = line.account_line_item
        if charge is not None:
            moved += charge.worth_of(min(share, charge.amount)) - charge.settled_account_amount
    return moved
