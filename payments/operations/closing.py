"""Closing an account for good: only when nobody owes anybody anything."""

from datetime import datetime

from accounts import operations as accounts
from accounts.models import Account, User
from core.errors import Conflict
from core.money import format_minor
from core.transitions import move
from invoices import operations as invoices
from invoices.models import Invoice
from payments.models import AccountCredit

PERMISSION = "accounts.change_account"


def closable(*, account: Account, staff: User) -> Account:
    """The account as it is now, if this member of staff can close it: it owes nothing, has no open invoice
    and no credit that it could still use."""
    accounts.acting(staff, PERMISSION)
    current = Account.objects.get(pk=account.pk)
    if current.status == Account.Status.CLOSED:
        raise Conflict(f"Account {current.number} is closed already")
    if current.balance_due:
        owed = format_minor(current.balance_due, current.currency)
        raise Conflict(f"Account {current.number} still owes {owed}")
    if Invoice.objects.open().filter(account=current).exists():
        raise Conflict(f"Account {current.number} has open invoices")
    for credit in AccountCredit.objects.filter(account=current).with_left():
        if not credit.left:
            continue
        left = format_minor(credit.left, credit.currency)
        raise Conflict(f"Account {current.number} still has a credit of {left}: send it back first")
    return current


def close_account(*, account: Account, reason: str, at: datetime, staff: User) -> None:
    """Close an account for good. It takes no charges any more and is not opened again; what recurs on it
    ends."""
    reason = accounts.required(reason)
    with accounts.locked_account(account.pk):
        current = closable(account=account, staff=staff)
        invoices.end_recurring_invoices(account=current, at=at, by=staff.actor)
        move(current, Account.Status.CLOSED, at=at, by=staff.actor, reason=reason)
