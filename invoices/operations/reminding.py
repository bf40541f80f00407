"""Dunning: which overdue invoices get which reminder, and sending it.

A reminder is written under the account's lock and leaves half a minute later, when its fee is charged: until
then it can be stopped, and costs nothing.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Prefetch, QuerySet
from django.utils.formats import date_format
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Membership, Organization, User
from core.audit import SYSTEM, Actor, record
from core.errors import Conflict, Refusal
from core.outbox import REGRET, enqueue, stop
from invoices.models import Invoice, PaymentPromise, Reminder, ReminderLevel

logger = logging.getLogger(__name__)
PERMISSION = "invoices.remind_invoice"
REMINDED = "invoice.reminded"  # the worker sends the letter
NOT_OPEN = {
    Invoice.Status.DRAFT: "It is a draft",
    Invoice.Status.PAID: "It is paid",
    Invoice.Status.CANCELLED: "It is cancelled",
}
PENDING = "A payment is pending on it"
NOBODY = "Nobody to write to: the account has no e-mail address and no Admin"


@dataclass(frozen=True)
class Due:
    """An invoice on a day: the reminder that it would get, or why it gets none. `fee` is in minor units of
    the invoice's currency; 0 for none."""

    invoice: Invoice
    days: int
    level: ReminderLevel | None = None
    refusal: str = ""

    @property
    def fee(self) -> int:
        return fee_of(self.level, self.invoice.currency) if self.level else 0


@dataclass(frozen=True)
class Run:
    """What a run did: the reminders that it wrote, what was refused meanwhile, and what met an error."""

    reminders: list[Reminder] = field(default_factory=list)
    refused: list[tuple[Invoice, str]] = field(default_factory=list)
    failed: list[Invoice] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{len(self.reminders)} written, {len(self.refused)} refused, {len(self.failed)} failed"


def fee_of(level: ReminderLevel, currency: str) -> int:
    """What a level costs in a currency, in minor units; 0 for nothing."""
    return next((fee.minor for fee in level.fees.all() if fee.currency == currency), 0)


def due_reminders(*, on: date, invoices: QuerySet[Invoice] | None = None) -> list[Due]:
    """Which invoices would get which reminder on a day, and why the others get none; longest due first.
    Without `invoices`: all that are open and due for long enough for the first level. Writes nothing.

    A level comes so many days after the due date, and after the level before it by at least the days that lie
    between the two: whoever is found late gets each step, not all at once.
    """
    levels = _levels()
    if invoices is None:
        if not levels:
            return []
        invoices = Invoice.objects.open().filter(due_date__lte=on - timedelta(days=levels[0].days))
    rows = list(_with_reminders(invoices).order_by("due_date", "pk"))
    known = _known(rows, levels, on=on)
    return [_judged(invoice, known) for invoice in rows]


def remindable(*, invoice: Invoice, on: date, staff: User) -> list[ReminderLevel]:
    """The levels at which this member of staff could send a reminder now. The page that asks shows the
    refusal in place of its button."""
    accounts.acting(staff, PERMISSION)
    current = _with_reminders(Invoice.objects.filter(pk=invoice.pk)).get()
    known = _known([current], _levels(), on=on)
    if against := _against(current, known):
        raise Conflict(against)
    levels = [level for level in known.levels if not _against_level(current, level, on=on)]
    if not levels:
        raise Conflict(_judged(current, known).refusal or "No level is left to send")
    return levels


def send_reminder(
    *, invoice: Invoice, level: ReminderLevel, at: datetime, staff: User | None = None
) -> Reminder:
    """Write a reminder, which leaves in half a minute. `staff` is nobody in the daily run.

    Refused: an invoice that is not open and due, one on which a payment is pending, a company that paused
    reminders or promised to pay by a day to come, a level that was sent or is too early, nobody to write to.
    """
    by = accounts.acting(staff, PERMISSION)
    with accounts.locked_account(invoice.account_id):
        on = Organization.objects.get().today(at)
        current = _with_reminders(Invoice.objects.filter(pk=invoice.pk)).get()
        against = _against(current, _known([current], [level], on=on))
        if against := against or _against_level(current, level, on=on):
            raise Conflict(against)
        reminder = Reminder.objects.create(
            invoice=current,
            level=level,
            created_at=at,
            days_overdue=(on - current.due_date).days,
            open_amount=current.open_balance,
            staff=staff,
        )
        reminder.message = enqueue(REMINDED, {"reminder": reminder.pk}, at=at, delay=REGRET)
        reminder.save(update_fields=["message"])
        told = {"level": level.name, "reminder": reminder.pk}
        record(current, "invoice.reminder_written", at=at, by=by, after=told)
    return reminder


def run_reminders(*, at: datetime, staff: User | None = None, only: Collection[int] | None = None) -> Run:
    """Write every reminder that is due, each in a transaction of its own; `only` for these invoices. Run
    again the same day, it finds nothing more to do but what met an error, which stops no other."""
    done = Run()
    for due in due_reminders(on=Organization.objects.get().today(at)):
        if due.refusal or due.level is None or (only is not None and due.invoice.pk not in only):
            continue
        try:
            done.reminders.append(send_reminder(invoice=due.invoice, level=due.level, at=at, staff=staff))
        except Refusal as refusal:  # somebody was faster
            done.refused.append((due.invoice, refusal.message))
        except Exception:
            logger.exception("remind.failed", extra={"invoice_id": due.invoice.pk})
            done.failed.append(due.invoice)
    return done


def release_reminder(*, reminder: Reminder, at: datetime) -> Reminder | None:
    """The half minute is over: charge the fee, and answer the reminder whose letter goes now; None for one
    that was stopped, or that `send_reminder` would refuse by now, as when the invoice was paid or promised
    meanwhile. Run again, it charges nothing more."""
    with accounts.locked_account(reminder.invoice.account_id) as account:
        current = Reminder.objects.select_related(
            "invoice__account", "invoice__region", "level", "staff", "fee_line"
        ).get(pk=reminder.pk)
        if not current.is_waiting:
            return current if current.sent_at else None
        on = Organization.objects.get().today(at)
        if against := _against(current.invoice, _known([current.invoice], [current.level], on=on)):
            _stop(current, at=at, by=SYSTEM, reason=against)
            return None
        _charge_fee(current, account, at=at)
        current.sent_at = at
        current.save(update_fields=["sent_at", "fee_line", "fee_refusal"])
        told = {"level": current.level.name, "reminder": current.pk, "fee_refusal": current.fee_refusal}
        told |= {"fee": current.fee_line.amount} if current.fee_line else {}
        record(current.invoice, "invoice.reminder_sent", at=at, by=_writer(current), after=told)
    return current


def stop_reminder(*, reminder: Reminder, at: datetime, staff: User) -> None:
    """Keep back a reminder that has not left yet. Its level can be sent again later."""
    with accounts.locked_account(reminder.invoice.account_id):
        current = stoppable(reminder=reminder, staff=staff)
        if current.message:
            stop(current.message, at=at)
        _stop(current, at=at, by=staff.actor, reason="Stopped by staff")


def stoppable(*, reminder: Reminder, staff: User) -> Reminder:
    """The reminder as it is now, if it can still be stopped."""
    accounts.acting(staff, PERMISSION)
    current = Reminder.objects.select_related("invoice", "level", "message").get(pk=reminder.pk)
    if current.sent_at:
        raise Conflict("This reminder has left already")
    if current.stopped_at:
        raise Conflict("This reminder is stopped already")
    return current


def _stop(reminder: Reminder, *, at: datetime, by: Actor, reason: str) -> None:
    reminder.stopped_at, reminder.stopped_because = at, reason
    reminder.save(update_fields=["stopped_at", "stopped_because"])
    told = {"level": reminder.level.name, "reminder": reminder.pk}
    record(
        reminder.invoice,
        "invoice.reminder_stopped",
        at=at,
        by=by,
        before={"stopped_at": None},
        after=told | {"stopped_at": at.isoformat()},
        reason=reason,
    )


def _charge_fee(reminder: Reminder, account: Account, *, at: datetime) -> None:
    """The fee becomes a charge that no invoice bills yet, also over the credit limit, and though something is
    overdue. One that cannot be charged stops no reminder: the reason is kept, and the letter says nothing of
    a fee."""
    invoice = reminder.invoice
    fee = next((one for one in reminder.level.fees.all() if one.currency == invoice.currency), None)
    if fee is None:
        return
    if invoice.region is None:
        reminder.fee_refusal = "The invoice has no region to charge the fee in"
        return
    description = f"Reminder fee, invoice {invoice.number}"
    try:
        reminder.fee_line = accounts.add_charge(
            account=account,
            region=invoice.region,
            amount=Money(fee.amount, fee.currency),
            description=description,
            at=at,
            by=_writer(reminder),
            override_reason=description,
            is_held=False,
        )
    except Refusal as refusal:
        reminder.fee_refusal = refusal.message


# What is known of many invoices at once, so that a run asks the database equally often for all of them.


@dataclass(frozen=True)
class _Known:
    on: date
    today: Callable[[datetime], date]
    levels: Sequence[ReminderLevel]
    promises: dict[int, list[PaymentPromise]]
    reached: frozenset[int]


def _levels() -> list[ReminderLevel]:
    return list(ReminderLevel.objects.filter(is_active=True).prefetch_related("fees"))


def _with_reminders(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    reminders = Prefetch("reminders", queryset=Reminder.objects.valid().select_related("level"))
    return invoices.select_related("account", "region").defer("snapshot").prefetch_related(reminders)


def _known(invoices: Sequence[Invoice], levels: Sequence[ReminderLevel], *, on: date) -> _Known:
    companies = {invoice.account_id for invoice in invoices}
    promises: dict[int, list[PaymentPromise]] = {account: [] for account in companies}
    for promise in PaymentPromise.objects.holding(on=on).filter(account__in=companies):
        promises[promise.account_id].append(promise)
    admins = Membership.objects.filter(role=Membership.Role.ADMIN, user__is_active=True)
    return _Known(
        on=on,
        today=Organization.objects.get().today,
        levels=levels,
        promises=promises,
        reached=frozenset(admins.filter(account__in=companies).values_list("account", flat=True)),
    )


def _judged(invoice: Invoice, known: _Known) -> Due:
    days = (known.on - invoice.due_date).days
    last = _last(invoice)
    level = next((one for one in known.levels if last is None or one.days > last.level.days), None)
    refusal = _against(invoice, known)
    if not refusal and level is None:
        refusal = (
            f"Every level was sent, {last.level} on {_day(known.today(last.created_at))}" if last else ""
        )
        refusal = refusal or "There is no reminder level"
    if not refusal and level is not None:
        comes = invoice.due_date + timedelta(days=level.days)
        if last is not None:
            after = timedelta(days=level.days - last.level.days)
            comes = max(comes, known.today(last.created_at) + after)
        refusal = f"{level} follows on {_day(comes)}" if known.on < comes else ""
    return Due(invoice, days, None if refusal else level, refusal)


def _last(invoice: Invoice) -> Reminder | None:
    """The firmest reminder that was written. Needs `_with_reminders()`."""
    return max(invoice.reminders.all(), key=lambda one: one.level.days, default=None)


def _against(invoice: Invoice, known: _Known) -> str:
    """Why an invoice is not reminded at all on this day; empty when nothing is against it."""
    account = invoice.account
    if invoice.status != Invoice.Status.SENT:
        return NOT_OPEN[Invoice.Status(invoice.status)]
    if known.on < invoice.due_date:
        return f"It is due on {_day(invoice.due_date)}"
    if invoice.has_pending_payment:
        return PENDING
    if account.has_reminders_paused(on=known.on):
        return f"Reminders are paused until {_day(account.reminders_paused_until)}: {account.reminder_note}"
    promised = [one.promised_date for one in known.promises[account.pk] if one.is_about(invoice)]
    if promised:
        return f"The company promised to pay by {_day(max(promised))}"
    return "" if account.email or account.pk in known.reached else NOBODY


def _against_level(invoice: Invoice, level: ReminderLevel, *, on: date) -> str:
    last = _last(invoice)
    if last is not None and last.level.days >= level.days:
        return f"It was reminded already: {last.level}"
    if (on - invoice.due_date).days < level.days:
        return f"{level} is for invoices that are due for {level.days} days"
    return ""


def _day(day: date | None) -> str:
    return date_format(day, "j F Y") if day else ""


def _writer(reminder: Reminder) -> Actor:
    return reminder.staff.actor if reminder.staff else SYSTEM
