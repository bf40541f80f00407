"""Pausing a recurring invoice, and going on: with the invoices of the days that were missed, or without."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile

from accounts import operations as accounts
from accounts.models import Organization, User
from core.audit import record
from core.errors import Conflict
from invoices.models import RecurringInvoice, RecurringRun
from invoices.operations.recurring import PERMISSION, lines_of, save_recurring

LEFT_OUT = "Left out: it was paused"


@dataclass(frozen=True)
class Missed:
    """The days before today of which no invoice was made, and what one would be over now, in minor units of
    the region's currency."""

    days: Sequence[date]
    amount: int

    @property
    def total(self) -> int:
        return self.amount * len(self.days)


def missed_by(recurring: RecurringInvoice, *, at: datetime) -> Missed:
    """What would be made up for. A day that is today is not missed yet."""
    today = Organization.objects.get().today(at)
    currency = recurring.region.currency
    return Missed(
        days=list(takewhile(lambda day: day < today, recurring.coming())),
        amount=sum(sum(line.priced(currency)) for line in lines_of(recurring)),
    )


def pause_recurring_invoice(*, recurring: RecurringInvoice, at: datetime, staff: User) -> None:
    """Let it make no invoice until it is resumed."""
    with accounts.locked_account(recurring.account_id):
        _set(may_pause(recurring=recurring, staff=staff), is_paused=True)
        record(recurring, "recurringinvoice.paused", at=at, by=staff.actor)


def may_pause(*, recurring: RecurringInvoice, staff: User) -> RecurringInvoice:
    """The recurring invoice as it is now, if this member of staff may pause it."""
    current = _going_on(recurring, staff)
    if current.is_paused:
        raise Conflict("It is paused already")
    return current


def resume_recurring_invoice(
    *, recurring: RecurringInvoice, leaves_out: bool, at: datetime, staff: User
) -> Missed:
    """Let it go on. The worker makes an invoice of each day that was missed, or with `leaves_out` of none:
    then the next is of today or the first day after. Answers what was missed."""
    with accounts.locked_account(recurring.account_id):
        current = may_resume(recurring=recurring, staff=staff)
        missed = missed_by(current, at=at)
        left_out = missed.days if leaves_out else []
        RecurringRun.objects.bulk_create(
            RecurringRun(recurring=current, date=day, note=LEFT_OUT, created_at=at) for day in left_out
        )
        current.runs_done += len(left_out)
        _set(current, is_paused=False)
        told = {"left_out": [day.isoformat() for day in left_out]}
        told["made_up"] = [] if leaves_out else [day.isoformat() for day in missed.days]
        record(current, "recurringinvoice.resumed", at=at, by=staff.actor, after=told)
    return missed


def may_resume(*, recurring: RecurringInvoice, staff: User) -> RecurringInvoice:
    """The recurring invoice as it is now, if this member of staff may let it go on."""
    current = _going_on(recurring, staff)
    if not current.is_paused:
        raise Conflict("It is not paused")
    return current


def _going_on(recurring: RecurringInvoice, staff: User) -> RecurringInvoice:
    accounts.acting(staff, PERMISSION)
    current = RecurringInvoice.objects.select_related("region").get(pk=recurring.pk)
    if current.next_date is None:
        raise Conflict("It has ended: there is no next run")
    return current


def _set(recurring: RecurringInvoice, *, is_paused: bool) -> None:
    recurring.is_paused = is_paused
    save_recurring(recurring, "is_paused", "runs_done")
