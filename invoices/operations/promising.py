"""What keeps reminders back: a pause that staff set for an account, and a company's promise to pay."""

from datetime import date, datetime

from django.db.models import Sum

from accounts import operations as accounts
from accounts.models import Account, Organization, User
from core.audit import record
from core.errors import Conflict, Invalid
from core.money import format_minor
from invoices.models import Invoice, PaymentPromise
from invoices.operations.issuing import LONGEST_TERM
from invoices.operations.reminding import PERMISSION


def pausable(*, account: Account, staff: User) -> Account:
    """The account as it is now, if this member of staff may pause its reminders or note a promise."""
    accounts.acting(staff, PERMISSION)
    current = Account.objects.get(pk=account.pk)
    if current.status == Account.Status.CLOSED:
        raise Conflict(f"Account {current.number} is closed")
    return current


def pause_reminders(*, account: Account, until: date | None, reason: str, at: datetime, staff: User) -> None:
    """Send the account no reminder up to and including a day; `until` None sends them again. Refuses a
    missing reason, a day that is over or more than a year ahead, and a closed account."""
    reason = accounts.required(reason)
    with accounts.locked_account(account.pk):
        current = pausable(account=account, staff=staff)
        if until is not None:
            _require_day_ahead(until, at, field="until")
        elif current.reminders_paused_until is None:
            raise Conflict("Reminders are not paused")
        before = {"until": _iso(current.reminders_paused_until)}
        current.reminders_paused_until = until
        current.reminder_note = reason if until else ""
        current.save(update_fields=["reminders_paused_until", "reminder_note"])
        action = "account.reminders_paused" if until else "account.reminders_resumed"
        after = {"until": _iso(until)}
        record(current, action, at=at, by=staff.actor, before=before, after=after, reason=reason)


def promise_to_pay(
    *,
    account: Account,
    promised_date: date,
    at: datetime,
    staff: User,
    invoice: Invoice | None = None,
    amount: int | None = None,
    note: str = "",
) -> PaymentPromise:
    """Note that the company will pay one invoice, or what is open, by a day: until it is over, nobody reminds
    it, unless `amount` is only a part: in minor units of the invoice's currency, else of the account's.

    Refuses a day that is over or more than a year ahead, another company's invoice or one that is not open,
    more than is open, and an account that owes nothing."""
    with accounts.locked_account(account.pk):
        current = pausable(account=account, staff=staff)
        _require_day_ahead(promised_date, at, field="promised_date")
        of = Invoice.objects.filter(account=current, pk=invoice.pk).first() if invoice else None
        if invoice is not None and (of is None or of.status != Invoice.Status.SENT):
            raise Invalid("Choose an open invoice of this account", field="invoice")
        if (of.open_balance if of else current.balance_due) <= 0:
            raise Conflict("Nothing is open that could be promised")
        currency = (of or current).currency
        about = Invoice.objects.open().filter(account=current, currency=currency)
        about = about.filter(pk=of.pk) if of else about
        most = about.with_standing().aggregate(sum=Sum("open_amount"))["sum"] or 0
        if amount is not None and not 0 < amount <= most:
            raise Invalid(f"Enter an amount up to {format_minor(most, currency)}", field="amount")
        promise = PaymentPromise.objects.create(
            account=current,
            invoice=of,
            promised_date=promised_date,
            currency=currency,
            amount=amount,
            open_amount=most,
            note=note.strip(),
            staff=staff,
            created_at=at,
        )
        told = {
            "promised_date": promised_date.isoformat(),
            "promised": amount,
            "invoice": of.pk if of else None,
        }
        record(promise, "paymentpromise.noted", at=at, by=staff.actor, after=told, reason=promise.note)
    return promise


def withdrawable(*, promise: PaymentPromise, staff: User) -> PaymentPromise:
    """The promise as it is now, if it still keeps reminders back."""
    accounts.acting(staff, PERMISSION)
    current = PaymentPromise.objects.get(pk=promise.pk)
    if current.withdrawn_at:
        raise Conflict("This promise is withdrawn already")
    return current


def withdraw_promise(*, promise: PaymentPromise, reason: str, at: datetime, staff: User) -> None:
    """The promise does not count any more: reminders go out again. The row stays."""
    reason = accounts.required(reason)
    with accounts.locked_account(promise.account_id):
        current = withdrawable(promise=promise, staff=staff)
        current.withdrawn_at = at
        current.save(update_fields=["withdrawn_at"])
        record(
            current,
            "paymentpromise.withdrawn",
            at=at,
            by=staff.actor,
            before={"withdrawn_at": None},
            after={"withdrawn_at": at.isoformat()},
            reason=reason,
        )


def _require_day_ahead(day: date, at: datetime, *, field: str) -> None:
    today = Organization.objects.get().today(at)
    if day < today:
        raise Invalid("Choose a day that is not over", field=field)
    if day > today + LONGEST_TERM:
        raise Invalid("Choose a day within a year", field=field)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
