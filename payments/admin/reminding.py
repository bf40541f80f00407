"""The pages that ask before companies are reminded, and before reminders are stopped."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.forms import ChoiceField, Form
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.admin.base import BackOfficeAdmin, ReadOnlyAdmin, in_merchant_time, staff_of
from accounts.admin.bulk import MOST, Effect, Question, ask_many, choose, chosen
from accounts.admin.columns import link_to
from accounts.admin.confirming import NO_PERMISSION, Confirmation, asking, confirm, posted, refusal_of
from accounts.models import Account
from accounts.templatetags.wording import money
from invoices import operations
from invoices.models import Invoice, Reminder, ReminderLevel
from invoices.operations.reminding import PERMISSION, Due
from payments.admin.figures import show_figures_of_invoice
from payments.admin.wording import counted, leaves, summed
from payments.operations.notifying import recipients_of
from payments.operations.reminding import reminder_letter

COLUMNS = ("Account", "Invoice", "Open balance", "Due for", "Reminder", "Fee", "To")
LEFT_OUT_SHOWN = 200
STOP = "They leave in 30 seconds. Until then each can be stopped on its own page."


@in_merchant_time
def ask_to_remind(request: HttpRequest, model_admin: BackOfficeAdmin) -> HttpResponse:
    """Everybody who would get a reminder today, and who would not, with the reason."""
    ids = set(chosen(model_admin, request, "remind")) if request.POST.get("ids") else None
    due = operations.due_reminders(on=timezone.localdate())
    asked = [one for one in due if ids is None or one.invoice.pk in ids]
    going, left_out = ([one for one in asked if bool(one.level) is goes] for goes in (True, False))
    shown = [*going[:MOST], *left_out[:LEFT_OUT_SHOWN]]
    unseen = len(going) - len(going[:MOST])
    more = [f"Besides, {counted(unseen, 'reminder')} due: send these, then open this page again."]
    if len(left_out) > LEFT_OUT_SHOWN:
        more.append(f"Of {len(left_out):,} that are left out, the first {LEFT_OUT_SHOWN} are shown.")
    nothing = "No invoice is due for a reminder today."
    return _ask(request, model_admin, shown, nothing=nothing, more=more if unseen else more[1:])


@in_merchant_time
def ask_to_remind_many(request: HttpRequest, model_admin: BackOfficeAdmin) -> HttpResponse:
    """The same about invoices that were chosen in the list."""
    rows = Invoice.objects.filter(pk__in=chosen(model_admin, request, "remind_many"))
    due = operations.due_reminders(on=timezone.localdate(), invoices=rows)
    return _ask(request, model_admin, due)


def _ask(
    request: HttpRequest,
    model_admin: BackOfficeAdmin,
    due: list[Due],
    nothing: str = "Choose rows in the list first.",
    more: Sequence[str] = (),
) -> HttpResponse:
    staff = staff_of(request)
    against = "" if staff.has_perm(PERMISSION) else NO_PERMISSION
    going = [one for one in due if one.level and not against]
    levels = {one.invoice.pk: one.level for one in going if one.level}

    def send(invoice: Invoice) -> str:
        return _written(
            operations.send_reminder(
                invoice=invoice, level=levels[invoice.pk], at=timezone.now(), staff=staff
            )
        )

    page = Question(
        question=f"Send {counted(len(going), 'reminder')}?",
        columns=COLUMNS,
        numbers=("Open balance", "Due for", "Fee"),
        effects=[Effect(one.invoice, _cells(one), against or one.refusal) for one in due],
        button=f"Send {counted(len(going), 'reminder')}",
        together=[*_together(going), *more],
        consequence=STOP,
        nothing=nothing,
    )
    return ask_many(model_admin, request, page, form=Form(posted(request)), act=send)


def _cells(due: Due) -> list[Any]:
    invoice = due.invoice
    return [
        link_to(invoice.account, invoice.account.company_name),
        link_to(invoice),
        money(invoice.open_balance, invoice.currency),
        counted(due.days, "day"),
        due.level,
        _fee(due),
        invoice.account.email or "its Admins",
    ]


def _fee(due: Due) -> SafeString | str:
    if not due.fee:
        return "–"
    account = due.invoice.account
    amount = money(due.fee, due.invoice.currency)
    if account.status == Account.Status.ACTIVE:
        return amount
    return format_html("{} is not charged: the account is {}", amount, account.status)


def _together(going: list[Due]) -> list[str]:
    if not going:
        return []
    opened = summed((one.invoice.currency, one.invoice.open_balance) for one in going)
    fees = summed((one.invoice.currency, one.fee) for one in going if one.fee)
    words = [f"Together {opened} open."]
    return [*words, f"Fees of {fees} are charged when the reminders leave."] if fees else words


def _written(reminder: Reminder) -> SafeString:
    """What is told of a reminder that was just written, with the way to stop it."""
    return leaves(f"{reminder} leaves in 30 seconds.", reminder, "stop", f"Stop {reminder.level}")


class LevelForm(Form):
    """Which of the levels that are left."""

    level = ChoiceField(label="Level", widget=UnfoldAdminSelectWidget())

    def __init__(self, levels: list[ReminderLevel], *args: Any) -> None:
        super().__init__(*args)
        self.fields["level"].choices = [(one.name, one.name) for one in levels]  # type: ignore[attr-defined]


def ask_to_remind_one(invoices: BackOfficeAdmin, request: HttpRequest, invoice: Invoice) -> HttpResponse:
    """One invoice: who gets the letter, and what it says at each level that is left."""
    staff, on = staff_of(request), timezone.localdate()
    levels: list[ReminderLevel] = []
    refusal = refusal_of(lambda: levels.extend(operations.remindable(invoice=invoice, on=on, staff=staff)))
    facts: list[tuple[str, Any]] = [
        ("Account", link_to(invoice.account)),
        ("Open balance", money(invoice.open_balance, invoice.currency)),
        ("Due", invoice.due_date),
        ("To", ", ".join(recipients_of(invoice.account)) or "–"),
    ]
    days = max(0, (on - invoice.due_date).days)
    for level in levels:
        facts += _preview(invoice, level, days)
    page = Confirmation(
        question=f"Send a reminder of {invoice}?",
        facts=facts,
        button="Send reminder",
        done="",
        consequence="It leaves in 30 seconds. Until then it can be stopped on its own page.",
        refusal=refusal,
    )

    def send(level: str) -> str:
        asked = next(one for one in levels if one.name == level)
        return _written(
            operations.send_reminder(invoice=invoice, level=asked, at=timezone.now(), staff=staff)
        )

    form = LevelForm(levels, posted(request))
    return confirm(invoices, request, invoice, page, form=form, act=send)


def _preview(invoice: Invoice, level: ReminderLevel, days: int) -> list[tuple[str, Any]]:
    """Subject, text and fee, as they would be sent."""
    draft = Reminder(invoice=invoice, level=level, days_overdue=days, open_amount=invoice.open_balance)
    letter, _ = reminder_letter(invoice, draft)
    paragraphs = ((part,) for part in (letter.subject, letter.lead, *letter.notes))
    says = format_html_join("", "<p>{}</p>", paragraphs)
    fee = operations.fee_of(level, invoice.currency)
    told = [(f"{level} says", says)]
    return [*told, (f"{level} costs", money(fee, invoice.currency))] if fee else told


def ask_to_stop(reminders: BackOfficeAdmin, request: HttpRequest, reminder: Reminder) -> HttpResponse:
    staff = staff_of(request)
    page = Confirmation(
        question=f"Stop {reminder.level} of {reminder.invoice}?",
        facts=(
            ("Account", link_to(reminder.invoice.account)),
            ("Invoice", link_to(reminder.invoice)),
            ("Written", reminder.created_at),
        ),
        consequence="No letter leaves and no fee is charged. The level can be sent again later.",
        button="Stop reminder",
        done=f"{reminder} is stopped.",
        refusal=refusal_of(lambda: operations.stoppable(reminder=reminder, staff=staff)),
    )
    return confirm(
        reminders,
        request,
        reminder,
        page,
        form=Form(posted(request)),
        act=lambda: operations.stop_reminder(reminder=reminder, at=timezone.now(), staff=staff),
    )


class RemindingPages(ReadOnlyAdmin):
    """What the list of invoices and an invoice's page have of dunning, and why a number is what it is."""

    send_reminder = asking("Send reminder", "notifications", ask_to_remind_one)
    figures = asking("Why is this the number?", "help", show_figures_of_invoice)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_last_reminder()

    def get_custom_urls(self) -> tuple:
        many = ("remind_many/", "invoices_invoice_remind_many", ask_to_remind_many)
        return (*super().get_custom_urls(), many)

    @admin.action(description="Send reminders")
    def remind_many(self, request: HttpRequest, rows: Any) -> HttpResponse:
        return choose(self, request, rows, "remind_many")

    @action(description="Preview reminders", icon="notifications")
    def remind(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return ask_to_remind(request, self)

    @admin.display(description="Reminder")
    def reminder(self, invoice: Invoice) -> str | None:
        """The level that was reminded last."""
        return invoice.last_reminder
