"""Account credit put on invoices: at once, without a provider, before the rest is paid."""

from collections.abc import Sequence
from datetime import datetime

from accounts import operations as accounts
from accounts.models import Account
from core.audit import Actor, record
from core.errors import Conflict
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import AccountCredit, Allocation, PaymentCollection
from payments.operations.collecting import TAKEN, close, over, require_open, require_payable


def use_credit(*, collection: PaymentCollection, at: datetime, by: Actor) -> PaymentCollection | None:
    """Put what the account has left as credit on the invoices of a payment, oldest credit first, and answer
    the payment of the rest; None when nothing is left to pay. Refuses an account without credit in this
    currency, and a payment that was made, is being made, or took credit before."""
    with accounts.locked_account(collection.account_id) as account:
        require_open(collection)
        if collection.sessions.filter(status__in=TAKEN).exists():
            raise Conflict("This payment is no longer possible")
        covered = list(collection.covered.select_related("invoice"))
        asked = [(one.invoice, min(one.amount, one.invoice.open_balance)) for one in covered]
        for invoice, _ in asked:
            require_payable(invoice)
        credits = AccountCredit.objects.filter(account=account, currency=collection.currency).with_left()
        rest = _spend(list(credits), asked, account, at=at, by=by)
        close(collection, at=at)
        return over(account, rest, at=at) if rest else None


def _spend(
    credits: Sequence[AccountCredit],
    asked: Sequence[tuple[Invoice, int]],
    account: Account,
    *,
    at: datetime,
    by: Actor,
) -> list[tuple[Invoice, int]]:
    """What stays to be paid of each invoice after the credits were put on them."""
    left = {credit.pk: credit.left for credit in credits}
    if not any(left.values()):
        raise Conflict("There is no account credit to use")
    rest = []
    for invoice, amount in asked:
        unpaid = amount
        for credit in credits:
            share = min(left[credit.pk], unpaid)
            if share > 0:
                left[credit.pk] -= share
                unpaid -= share
                Allocation.objects.create(
                    invoice=invoice, credit=credit, currency=invoice.currency, amount=share, created_at=at
                )
                before, after = {"left": left[credit.pk] + share}, {"left": left[credit.pk]}
                told = {"invoice": invoice.number, **after}
                record(credit, "credit.used", at=at, by=by, before=before, after=told)
        if unpaid < amount:
            paid = invoice.paid_amount + amount - unpaid
            invoices.set_paid_amount(invoice, paid, account=account, at=at, by=by)
        if unpaid:
            rest.append((invoice, unpaid))
    return rest
