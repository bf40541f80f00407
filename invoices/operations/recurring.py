"""Making the invoices that recur: each day of a recurring invoice makes one, whenever and however often the
worker comes by."""

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import DatabaseError, transaction
from django.db.models import DateTimeField, Value
from django.db.models.functions import Coalesce

from accounts import operations as accounts
from accounts.models import Account, Organization, User
from core.audit import SYSTEM, Actor, record
from core.errors import Conflict, Refusal
from invoices.models import Invoice, RecurringInvoice, RecurringRun
from invoices.operations.drafting import Draft, FreeLine, issue_written, write_draft

logger = logging.getLogger(__name__)
PERMISSION = "invoices.change_recurringinvoice"
FAILED = "An error that nobody expected. It is tried again each hour; the log says more"


@dataclass(frozen=True)
class Made:
    """What a round made, for which recurring invoices it was refused, and which met an error."""

    invoices: list[Invoice] = field(default_factory=list)
    refused: list[tuple[RecurringInvoice, str]] = field(default_factory=list)
    failed: list[RecurringInvoice] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{len(self.invoices)} made, {len(self.refused)} refused, {len(self.failed)} failed"


def make_recurring_invoices(*, at: datetime) -> Made:
    """Make every invoice whose day has come, each in a transaction of its own; days that were missed are made
    up for. What is refused, such as for a suspended account, stays due and is tried again; so does what
    meets an error, which stops no other."""
    today = Organization.objects.get().today(at)
    made = Made()
    running = RecurringInvoice.objects.filter(is_paused=False, ended_at=None, start_date__lte=today)
    for recurring in running.order_by("pk"):
        try:
            while invoice := make_next(recurring=recurring, at=at):
                made.invoices.append(invoice)
        except Refusal as refusal:
            _tell(recurring, refusal.message, at=at)
            made.refused.append((recurring, refusal.message))
        except Exception:
            logger.exception("recur.failed", extra={"recurring_id": recurring.pk})
            made.failed.append(recurring)
            with suppress(DatabaseError):
                _tell(recurring, FAILED, at=at)
    return made


def make_next(*, recurring: RecurringInvoice, at: datetime) -> Invoice | None:
    """Make the next invoice if its day has come; None when there is nothing to do. One that cannot be issued,
    such as over the credit limit, stays a draft, and its run says why."""
    with accounts.locked_account(recurring.account_id) as account:
        current = RecurringInvoice.objects.select_related("region").get(pk=recurring.pk)
        day = current.next_date
        if current.is_paused or day is None or day > Organization.objects.get().today(at):
            return None
        draft = Draft(lines=lines_of(current), title=current.title, notes=current.notes)
        invoice = write_draft(account=account, region=current.region, draft=draft, at=at, by=SYSTEM)
        note = _issue(invoice, account, at=at) if current.issues_itself else ""
        RecurringRun.objects.create(recurring=current, date=day, invoice=invoice, note=note, created_at=at)
        _go_on(current)
        told = {"date": day.isoformat(), "invoice": invoice.pk}
        record(current, "recurringinvoice.made", at=at, by=SYSTEM, after=told, reason=note)
    return invoice


def lines_of(recurring: RecurringInvoice) -> list[FreeLine]:
    """What each of its invoices bills."""
    return [
        FreeLine(one.description, one.quantity, one.unit_price, one.tax_rate) for one in recurring.lines.all()
    ]


def skippable(*, recurring: RecurringInvoice, staff: User) -> RecurringInvoice:
    """The recurring invoice as it is now, if this member of staff can skip its next run."""
    accounts.acting(staff, PERMISSION)
    current = RecurringInvoice.objects.get(pk=recurring.pk)
    _next_day(current)
    return current


def skip_next(
    *, recurring: RecurringInvoice, reason: str, at: datetime, staff: User, known_date: date | None = None
) -> None:
    """Make no invoice of the next day. The one after comes when it always would. With `known_date`, the day
    that staff saw, refused when another one is next by now: asked twice, skipped once."""
    reason = accounts.required(reason)
    with accounts.locked_account(recurring.account_id):
        current = skippable(recurring=recurring, staff=staff)
        day = _next_day(current)
        if known_date is not None and known_date != day:
            raise Conflict("Another run is next by now. Look again")
        note = f"Skipped: {reason}"[:300]
        RecurringRun.objects.create(recurring=current, date=day, note=note, created_at=at)
        _go_on(current)
        record(
            current,
            "recurringinvoice.skipped",
            at=at,
            by=staff.actor,
            before={"next_date": day.isoformat()},
            after={"next_date": current.next_date and current.next_date.isoformat()},
            reason=reason,
        )


def going_on(account: Account) -> list[RecurringInvoice]:
    """The recurring invoices of an account that would make another invoice some day, paused ones too."""
    return [one for one in RecurringInvoice.objects.filter(account=account) if one.next_date]


def end_recurring_invoices(*, account: Account, at: datetime, by: Actor) -> None:
    """Let all of an account make no invoice any more. The caller holds the account's lock."""
    for recurring in going_on(account):
        recurring.ended_at = at
        save_recurring(recurring, "ended_at")
        record(recurring, "recurringinvoice.ended", at=at, by=by, after={"ended_at": at.isoformat()})


def save_recurring(recurring: RecurringInvoice, *changed: str) -> None:
    """Write what changed. What was refused before is over with it."""
    recurring.refusal, recurring.refused_at = "", None
    recurring.save(update_fields=[*changed, "refusal", "refused_at"])


def _tell(recurring: RecurringInvoice, refusal: str, *, at: datetime) -> None:
    """Staff read it in the list until the next invoice is made."""
    since = Coalesce("refused_at", Value(at, DateTimeField()))
    RecurringInvoice.objects.filter(pk=recurring.pk).update(refusal=refusal[:300], refused_at=since)


def _next_day(recurring: RecurringInvoice) -> date:
    day = recurring.next_date
    if day is None:
        raise Conflict("It has ended: there is no next run")
    return day


def _go_on(recurring: RecurringInvoice) -> None:
    recurring.runs_done += 1
    save_recurring(recurring, "runs_done")


def _issue(invoice: Invoice, account: Account, *, at: datetime) -> str:
    """Why it could not be issued; empty when it was. What it charged until then is taken back."""
    try:
        with transaction.atomic():
            issue_written(draft=invoice, account=account, at=at, by=SYSTEM)
    except Refusal as refusal:
        return f"Not issued: {refusal.message}"[:300]
    return ""
