"""Suspending an account and taking it up again, and what staff note about it."""

from datetime import datetime

from accounts.models import Account, AccountNote, User
from accounts.operations.locking import locked_account
from accounts.operations.rights import acting, required
from core.audit import record
from core.errors import Conflict, Invalid
from core.transitions import move

PERMISSION = "accounts.change_account"
NOTES = "accounts.add_accountnote"
LONGEST_NOTE = 4000


def suspendable(*, account: Account, staff: User) -> Account:
    """The account as it is now, if this member of staff can suspend it."""
    return _standing(account, staff, Account.Status.ACTIVE)


def resumable(*, account: Account, staff: User) -> Account:
    """The account as it is now, if this member of staff can take it up again."""
    return _standing(account, staff, Account.Status.SUSPENDED)


def suspend_account(*, account: Account, reason: str, at: datetime, staff: User) -> None:
    """Take no new charges from an account. It can still pay what it owes."""
    reason = required(reason)
    with locked_account(account.pk):
        current = suspendable(account=account, staff=staff)
        move(current, Account.Status.SUSPENDED, at=at, by=staff.actor, reason=reason)


def resume_account(*, account: Account, reason: str, at: datetime, staff: User) -> None:
    """Take charges again from an account that was suspended."""
    reason = required(reason)
    with locked_account(account.pk):
        current = resumable(account=account, staff=staff)
        move(current, Account.Status.ACTIVE, at=at, by=staff.actor, reason=reason)


def add_note(*, account: Account, text: str, at: datetime, staff: User) -> AccountNote:
    """Note something about an account, for colleagues. Refuses an empty text and a very long one."""
    by, text = acting(staff, NOTES), text.strip()
    if not text:
        raise Invalid("Enter a note", field="text")
    if len(text) > LONGEST_NOTE:
        raise Invalid(f"A note has at most {LONGEST_NOTE:,} characters", field="text")
    with locked_account(account.pk):
        note = AccountNote.objects.create(account=account, text=text, staff=staff, created_at=at)
        record(note, "accountnote.added", at=at, by=by, after={"text": text})
    return note


def _standing(account: Account, staff: User, status: str) -> Account:
    acting(staff, PERMISSION)
    current = Account.objects.get(pk=account.pk)
    if current.status != status:
        raise Conflict(f"Account {current.number} is {current.status}")
    return current
