"""Account credit put on invoices: at once, without a provider, before the rest is paid."""

from collections.abc import Sequence
from datetime import datetime

from accounts import operations as accounts
from accounts.models import Account, User
from core.audit import Actor, record
from core.errors import Conflict, Invalid
from core.money import format_minor
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import AccountCredit, Allocation, PaymentCollection
from payments.operations.collecting import (
    TAKEN,
    close,
    end_larger_attempts,
    over,
    payable_part,
    require_known,
    require_open,
    require_payable,
)

APPLY = "payments.apply_accountcredit"


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


def apply_credit(
    *, invoice: Invoice, amount: int, at: datetime, staff: User, known_open: int | None = None
) -> None:
    """Staff put `amount` minor units of the account's credit on an invoice, the oldest credit first. Refuses
    staff without the permission, an invoice that cannot be paid now, and more than it has open or the account
    has as credit in its currency. With `known_open`, what staff saw that was open, also when that is no
    longer so: asked twice, applied once."""
    with accounts.locked_account(invoice.account_id) as account:
        most = applicable(invoice=invoice, staff=staff)
        current = Invoice.objects.get(pk=invoice.pk)
        require_known(current, known_open)
        payable_part(current, amount, current.currency)
        if amount > most:
            raise Invalid(
                f"Enter an amount of at most {format_minor(most, current.currency)}", field="amount"
            )
        credits = AccountCredit.objects.filter(account=account, currency=current.currency).with_left()
        _spend(list(credits), [(current, amount)], account, at=at, by=staff.actor)
        end_larger_attempts(current, at=at)


def applicable(*, invoice: Invoice, staff: User) -> int:
    """How much credit this member of staff may put on the invoice now, in minor units. The operation asks
    under the lock; the page that asks before shows the refusal in place of its button."""
    accounts.acting(staff, APPLY)
    current = Invoice.objects.get(pk=invoice.pk)
    require_payable(current)
    credits = AccountCredit.objects.filter(account=current.account_id, currency=current.currency)
    left = sum(credit.left for credit in credits.with_left())
    if not left:
        raise Conflict(f"The account has no credit in {current.currency}")
    return min(left, current.open_balance)


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
