"""The pages that ask before something is done about an account: its limit, how it stands, notes, reminders,
promises, statements."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.forms import CharField, ChoiceField, DateField, DecimalField, Form, HiddenInput
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from moneyed import Money
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import operations as accounts
from accounts.admin.amounts import AmountField
from accounts.admin.base import BackOfficeAdmin, staff_of
from accounts.admin.columns import link_to
from accounts.admin.confirming import NO_PERMISSION, Confirmation, ReasonForm, confirm, posted, refusal_of
from accounts.models import Account
from accounts.templatetags.wording import money, plain_money
from core.errors import Invalid
from core.money import format_minor, from_minor, to_minor
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.admin.figures import DayInput
from payments.operations.statement_words import STATEMENT_WORDS
from payments.operations.stating import statement_of

MOST_INVOICES = 200
Facts = list[tuple[str, Any]]


class LimitForm(ReasonForm):
    """The new limit, and why."""

    def __init__(self, *args: Any, currency: str) -> None:
        super().__init__(*args)
        limit = AmountField(label="New limit", currency=currency, min_value=0)
        self.fields = {"credit_limit": limit, **self.fields}


class NoteForm(Form):
    """What colleagues should know."""

    text = CharField(label="Note", max_length=4000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))


class PauseForm(Form):
    """Until when, and why; without a day reminders go out again."""

    until = DateField(
        label="Send none up to", required=False, widget=DayInput(), help_text="Empty: send them again."
    )
    reason = CharField(label="Reason", max_length=2000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class PromiseForm(Form):
    """What was promised."""

    promised_date = DateField(label="They pay by", widget=DayInput())
    invoice = ChoiceField(label="Invoice", required=False, widget=UnfoldAdminSelectWidget())
    amount = DecimalField(
        label="Amount (optional)",
        required=False,
        max_digits=15,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="Empty: all of it. Of a part, reminders of the rest go on.",
    )
    note = CharField(
        label="Who said it, and how", required=False, max_length=2000, widget=UnfoldAdminTextareaWidget()
    )

    def __init__(self, opened: list[Invoice], *args: Any) -> None:
        super().__init__(*args)
        shown = [(str(one.pk), f"{one}: {plain_money(one.open_balance, one.currency)}") for one in opened]
        self.fields["invoice"].choices = [("", "Whatever is open"), *shown]  # type: ignore[attr-defined]


class ClosingForm(ReasonForm):
    """Closing is for good: its number is typed again."""

    number = CharField(label="Write the account's number", widget=UnfoldAdminTextInputWidget())


class DaysForm(Form):
    """Of which days, both included; and those of which the figures were shown, so that nothing is sent that
    nobody looked at."""

    first = DateField(label="First day", widget=DayInput())
    last = DateField(label="Last day", widget=DayInput())
    seen = CharField(widget=HiddenInput(), required=False)

    @property
    def days(self) -> dict[str, date]:
        return {name: self.cleaned_data[name] for name in ("first", "last")}


def ask_to_change_limit(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    currency = account.currency
    page = Confirmation(
        question=f"Change the credit limit of {account.company_name}?",
        facts=(
            ("Account", str(account)),
            ("Credit limit now", money(account.credit_limit, currency)),
            ("Balance", money(account.balance_due, currency)),
            ("Available credit now", money(account.available_credit, currency)),
        ),
        consequence=f"Write the new limit in {currency}. Below the balance, no new charges are taken.",
        button="Change limit",
        done=f"The limit of {account} was {format_minor(account.credit_limit, currency)} and is changed.",
        refusal="" if admin.has_change_permission(request, account) else NO_PERMISSION,
    )

    def change(credit_limit: int, reason: str) -> None:
        accounts.change_credit_limit(
            account=account,
            credit_limit=from_minor(credit_limit, currency),
            at=timezone.now(),
            by=staff_of(request).actor,
            reason=reason,
        )

    form = LimitForm(posted(request), currency=currency)
    return confirm(admin, request, account, page, form=form, act=change)


def ask_to_note(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    staff = staff_of(request)
    page = Confirmation(
        question=f"Note something about {account.company_name}?",
        facts=(("Account", str(account)),),
        consequence="Notes are read by colleagues only. They are not changed or deleted.",
        button="Add note",
        done="The note is kept.",
        refusal="" if staff.has_perm("accounts.add_accountnote") else NO_PERMISSION,
    )

    def note(text: str) -> None:
        accounts.add_note(account=account, text=text, at=timezone.now(), staff=staff)

    return confirm(admin, request, account, page, form=NoteForm(posted(request)), act=note)


def ask_to_suspend(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    staff = staff_of(request)
    page = Confirmation(
        question=f"Suspend {account.company_name}?",
        facts=_standing(account),
        consequence="No new charges are taken. The company can still pay what it owes, and is reminded.",
        button=f"Suspend {account.number}",
        done=f"{account} is suspended.",
        refusal=refusal_of(lambda: accounts.suspendable(account=account, staff=staff)),
        is_danger=True,
    )
    return _with_reason(admin, request, account, page, accounts.suspend_account)


def ask_to_resume(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    staff = staff_of(request)
    page = Confirmation(
        question=f"Take charges of {account.company_name} again?",
        facts=_standing(account),
        button=f"Resume {account.number}",
        done=f"{account} is active again.",
        refusal=refusal_of(lambda: accounts.resumable(account=account, staff=staff)),
    )
    return _with_reason(admin, request, account, page, accounts.resume_account)


def ask_to_close(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    staff = staff_of(request)
    page = Confirmation(
        question=f"Close {account.company_name} for good?",
        facts=[*_standing(account), ("Recurring invoices that end", _ending(account))],
        consequence="A closed account takes no charges and is never opened again. It stays to be read, and "
        "what was booked wrong on it can still be undone.",
        button=f"Close {account.number}",
        done=f"{account} is closed.",
        refusal=refusal_of(lambda: operations.closable(account=account, staff=staff)),
        is_danger=True,
    )

    def close(reason: str, number: str) -> None:
        if number.strip() != account.number:
            raise Invalid(f"Write {account.number} to close it", field="number")
        operations.close_account(account=account, reason=reason, at=timezone.now(), staff=staff)

    return confirm(admin, request, account, page, form=ClosingForm(posted(request)), act=close)


def ask_to_pause(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    staff = staff_of(request)
    paused = account.reminders_paused_until
    page = Confirmation(
        question=f"Pause reminders to {account.company_name}?",
        facts=(
            ("Account", str(account)),
            ("Paused until", paused or "not paused"),
            ("Why", account.reminder_note or "–"),
        ),
        button="Pause reminders",
        done=f"Reminders to {account} are changed.",
        refusal=refusal_of(lambda: invoices.pausable(account=account, staff=staff)),
    )

    def pause(until: Any, reason: str) -> str:
        invoices.pause_reminders(account=account, until=until, reason=reason, at=timezone.now(), staff=staff)
        return (
            f"No reminder goes to {account} until {until:%-d %B %Y}." if until else "Reminders go out again."
        )

    form = PauseForm(posted(request), initial={"until": paused, "reason": account.reminder_note})
    return confirm(admin, request, account, page, form=form, act=pause)


def ask_to_promise(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    staff = staff_of(request)
    opened = list(account.invoices.open().defer("snapshot").order_by("due_date", "pk")[:MOST_INVOICES])
    page = Confirmation(
        question=f"Note a promise of {account.company_name} to pay?",
        facts=_standing(account),
        consequence="Until the day is over, no reminder is sent of what was promised in full.",
        button="Note promise",
        done="",
        refusal=refusal_of(lambda: invoices.pausable(account=account, staff=staff)),
    )

    def promise(promised_date: Any, invoice: str, amount: Decimal | None, note: str) -> str:
        of = next((one for one in opened if str(one.pk) == invoice), None)
        currency = of.currency if of else account.currency
        minor = None if amount is None else _minor(amount, currency)
        made = invoices.promise_to_pay(
            account=account,
            invoice=of,
            promised_date=promised_date,
            amount=minor,
            note=note,
            at=timezone.now(),
            staff=staff,
        )
        noted = f"The promise of {account} is noted."
        if not made.is_of_a_part:
            return noted
        opened_then = plain_money(made.open_amount, currency)
        return f"{noted} {opened_then} is open: reminders go on, for it is a promise of a part."

    return confirm(admin, request, account, page, form=PromiseForm(opened, posted(request)), act=promise)


def ask_to_send_statement(admin: BackOfficeAdmin, request: HttpRequest, account: Account) -> HttpResponse:
    """Which days, and what the statement of these days would say. Other days than those shown are shown
    first."""
    staff, today = staff_of(request), timezone.localdate()
    days = {"first": today - timedelta(days=90), "last": today}
    form = DaysForm(posted(request))
    if form.is_valid():
        days = form.days
    seen = f"{days['first']} {days['last']}"
    if not form.is_bound or (form.is_valid() and form.cleaned_data["seen"] != seen):
        form = DaysForm(initial=days | {"seen": seen})
    to: list[str] = []
    refusal = refusal_of(lambda: to.extend(operations.statement_mailable(account=account, staff=staff)))
    page = Confirmation(
        question=f"Send a statement to {account.company_name}?",
        facts=[("Account", str(account)), ("To", ", ".join(to) or "–"), *_figures(account, days)],
        consequence="The PDF leaves in 30 seconds. Other days are shown here before they are sent.",
        button="Send statement",
        done=f"The statement of {account} is on its way.",
        refusal=refusal,
    )

    def send(first: date, last: date, seen: str) -> str:
        made = operations.send_statement(
            account=account, first=first, last=last, at=timezone.now(), staff=staff
        )
        closing = plain_money(made.closing, account.currency)
        return f"The statement of {account} leaves in 30 seconds: balance {closing}."

    return confirm(admin, request, account, page, form=form, act=send)


def _figures(account: Account, days: dict[str, date]) -> Facts:
    """What the statement of these days would say."""
    try:
        made = statement_of(account, **days)
    except Invalid:
        return []
    labels = STATEMENT_WORDS["en"]
    amounts = {
        "statement_opening": made.opening,
        "statement_charged": made.charged,
        "statement_paid": made.paid,
        "statement_closing": made.closing,
    }
    shown: Facts = [
        ("Days", f"{made.first:%-d %b %Y} to {made.last:%-d %b %Y}"),
        ("Lines", len(made.entries)),
    ]
    return [*shown, *((labels[key], money(minor, account.currency)) for key, minor in amounts.items())]


def _standing(account: Account) -> Facts:
    return [
        ("Account", link_to(account)),
        ("Status", account.get_status_display()),
        ("Balance", money(account.balance_due, account.currency)),
        ("Credit limit", money(account.credit_limit, account.currency)),
    ]


def _ending(account: Account) -> str:
    """How many, and which."""
    ending = invoices.going_on(account)
    return f"{len(ending)}: {', '.join(one.title for one in ending)}" if ending else "none"


def _minor(amount: Decimal, currency: str) -> int:
    try:
        return to_minor(Money(amount, currency))
    except Invalid as refusal:
        raise Invalid(refusal.message, field="amount") from None


def _with_reason(
    admin: BackOfficeAdmin,
    request: HttpRequest,
    account: Account,
    page: Confirmation,
    operation: Callable[..., None],
) -> HttpResponse:
    """Asks why, and hands it on."""

    def act(reason: str) -> None:
        operation(account=account, reason=reason, at=timezone.now(), staff=staff_of(request))

    return confirm(admin, request, account, page, form=ReasonForm(posted(request)), act=act)
