"""Business accounts: master data to edit, figures to read, and pages of their own for all that changes how
an account stands."""

from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.forms import DecimalField, ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from moneyed import Money
from unfold.decorators import action
from unfold.widgets import UnfoldAdminDecimalFieldWidget

from accounts import operations
from accounts.admin.amounts import require_decimals
from accounts.admin.base import MasterDataAdmin, ReadOnlyInline, Tab, every_row, is_set_up, staff_of
from accounts.admin.columns import Column, link_column, link_to, link_to_list, money_column, side_by_side, tag
from accounts.admin.confirming import asking, on_row
from accounts.admin.currencies import CurrencyFilter
from accounts.admin.members import InvitationInline, MembershipInline
from accounts.models import Account, AccountNote
from accounts.querysets import parse_id
from accounts.templatetags.wording import money
from invoices.models import PaymentPromise
from payments.admin.account_pages import (
    ask_to_change_limit,
    ask_to_close,
    ask_to_note,
    ask_to_pause,
    ask_to_promise,
    ask_to_resume,
    ask_to_send_statement,
    ask_to_suspend,
)
from payments.admin.figures import show_figures_of_account

A_YEAR = timedelta(days=365)
BAR = '{2} <meter class="credit" min="0" max="{0}" value="{1}" aria-label="Of the credit limit"></meter>'
# What is not offered of an account, by how it stands.
HIDDEN = {
    Account.Status.ACTIVE: {"resume"},
    Account.Status.SUSPENDED: {"suspend"},
    Account.Status.CLOSED: {
        "suspend",
        "resume",
        "close",
        "change_limit",
        "pause_reminders",
        "promise_to_pay",
    },
}
ADDRESS = (
    "Billing address",
    {
        "fields": (
            ("billing_address_line_1", "billing_address_line_2"),
            ("billing_postal_code", "billing_city"),
            ("billing_state", "billing_country"),
        )
    },
)
COMPANY = (
    ("company_name", "title"),
    ("account_type", "parent"),
    ("email", "phone"),
    ("tax_id", "locale"),
    ("payment_terms_days", "external_id"),
)
TONES = {Account.Status.ACTIVE: "success", Account.Status.SUSPENDED: "danger", Account.Status.CLOSED: ""}


class AccountForm(ModelForm):
    """Opening asks for the limit in major units; later it changes on its own page."""

    limit = DecimalField(
        label="Credit limit",
        min_value=0,
        max_digits=15,
        initial=0,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget(),
        help_text="In the account's currency, such as 25000 or 25000.50.",
    )

    def clean(self) -> dict[str, Any]:
        super().clean()
        require_decimals(self, "limit")
        return self.cleaned_data


class NoteInline(ReadOnlyInline):
    """What colleagues noted, newest first."""

    model = AccountNote
    fields = readonly_fields = ("created_at", "staff", "text")
    verbose_name_plural = "Notes"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("staff")


class PromiseInline(ReadOnlyInline):
    """What the company promised, newest first."""

    model = PaymentPromise
    fields = readonly_fields = ("promise_link", "of_invoice", "amount_money", "note", "staff", "withdrawn_at")
    verbose_name_plural = "Promises to pay"
    of_invoice = link_column("invoice", "Invoice")
    amount_money = money_column("amount", "Amount")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("invoice", "staff")

    @admin.display(description="Promised for")
    def promise_link(self, promise: PaymentPromise) -> Any:
        return link_to(promise, date_format(promise.promised_date, "j M Y"))


def available_column() -> Column:
    """The available credit, and as a bar how much of the limit that is."""
    plain = money_column(lambda account: account.available_credit, "Available credit")

    @admin.display(description="Available credit")
    def column(_admin: Any, account: Account) -> SafeString:
        amount = money(account.available_credit, account.currency)
        if not account.credit_limit:
            return amount
        return format_html(BAR, account.credit_limit, account.available_credit, amount)

    column.apart = plain.apart  # type: ignore[attr-defined]
    return column


@admin.register(Account)
class AccountAdmin(MasterDataAdmin):
    form = AccountForm
    list_display = (
        "number",
        "company_name",
        "balance_money",
        "credit_limit_money",
        "available_money",
        "overdue_money",
        "days_to_pay",
        "last_payment",
        "standing",
    )
    list_filter = (CurrencyFilter,)
    search_fields = ("number", "company_name", "email", "external_id")
    search_help_text = "Number, company or e-mail"
    autocomplete_fields = ("parent",)
    readonly_fields = (
        "number",
        "standing",
        "balance_money",
        "credit_limit_money",
        "available_money",
        "overdue_money",
        "days_to_pay",
        "last_payment_words",
        "reminders",
        "rows",
        "created_at",
    )
    actions_detail = (
        *("record_payment", "send_statement", "add_note"),
        {
            "title": "More",
            "icon": "more_horiz",
            "items": [
                *(
                    "figures",
                    "change_limit",
                    "promise_to_pay",
                    "pause_reminders",
                    "suspend",
                    "resume",
                    "close",
                ),
            ],
        },
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "standing", "created_at"),
                    ("balance_money", "credit_limit_money", "available_money"),
                    ("overdue_money", "days_to_pay", "last_payment_words"),
                    "reminders",
                    "rows",
                )
            },
        ),
        ("Company", {"fields": COMPANY}),
        ADDRESS,
    )
    add_fieldsets = (
        (None, {"fields": (("limit", "currency"),), "description": "The number is given when you save."}),
        ("Company", {"fields": COMPANY}),
        ADDRESS,
    )
    tabs = (
        Tab("overdue", "Overdue", lambda rows, at: rows.overdue(on=timezone.localdate()), "Nobody is late."),
        Tab("over_limit", "Over limit", lambda rows, at: rows.over_limit(), "No account is over its limit."),
        Tab("suspended", "Suspended", lambda rows, at: rows.filter(status="suspended"), "None is suspended."),
        Tab("all", "All", every_row, "No accounts. Add the first one."),
    )
    balance_money = money_column(lambda account: account.balance_due, "Balance")
    credit_limit_money = money_column("credit_limit", "Credit limit")
    available_money = available_column()
    overdue_money = money_column("overdue_amount", "Overdue")

    def get_queryset(self, request: HttpRequest) -> Any:
        at = timezone.now()
        rows = super().get_queryset(request).with_overdue(on=timezone.localdate())
        return rows.with_payment_behaviour(since=at - A_YEAR)

    @admin.display(description="Days to pay", ordering="time_to_pay")
    def days_to_pay(self, account: Account) -> str | None:
        """On average, of what was paid in the last twelve months."""
        took = account.time_to_pay
        return None if took is None else f"{took.total_seconds() / 86_400:.0f}"

    @admin.display(description="Last payment", ordering="last_payment_at")
    def last_payment(self, account: Account) -> date | None:
        return timezone.localdate(account.last_payment_at) if account.last_payment_at else None

    @admin.display(description="Last payment")
    def last_payment_words(self, account: Account) -> str | None:
        """For the form, which writes a bare date as programs do."""
        day = self.last_payment(account)
        return date_format(day) if day else None

    @admin.display(description="Reminders")
    def reminders(self, account: Account) -> str:
        if not account.has_reminders_paused(on=timezone.localdate()):
            return "sent"
        day = date_format(account.reminders_paused_until, "j F Y")
        return f"paused until {day}: {account.reminder_note}"

    @admin.display(description="Status", ordering="status")
    def standing(self, account: Account) -> SafeString:
        tags = [tag(account.get_status_display(), TONES[Account.Status(account.status)])]
        if account.is_over_limit:
            tags.append(tag("Over limit", "danger"))
        return side_by_side(tags)

    @admin.display(description="Rows behind the balance")
    def rows(self, account: Account) -> SafeString:
        where = {"account__id__exact": account.pk, "show": "all"}
        kinds = (
            ("accounts.accountlineitem", "Line items"),
            ("invoices.invoice", "Invoices"),
            ("payments.payment", "Payments"),
            ("payments.accountcredit", "Account credit"),
        )
        page = reverse("admin:accounts_account_figures", args=[account.pk])
        why = format_html('<a href="{}">Why is this the number?</a>', page)
        links = ((link_to_list(kind, label, **where),) for kind, label in kinds)
        return format_html("{} · {}", why, format_html_join(" · ", "{}", links))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and is_set_up(request)

    def get_inlines(self, request: HttpRequest, obj: Any = None) -> list:
        return [NoteInline, PromiseInline, MembershipInline, InvitationInline] if obj else []

    @action(description="Record payment", icon="add_card")
    @on_row
    def record_payment(self, request: HttpRequest, account: Account) -> HttpResponse:
        """Leads on to the page that records what came in."""
        return redirect(reverse("admin:payments_payment_record", query={"account": account.number}))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """What fits how the account stands."""
        account = Account.objects.filter(pk=parse_id(object_id)).first()
        if account is None:
            return []
        left_out = HIDDEN[Account.Status(account.status)]
        actions = super().get_actions_detail(request, object_id)
        return [one for one in actions if one.action_name.removeprefix("accounts_account_") not in left_out]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        given = dict(form.cleaned_data)
        limit = Money(given.pop("limit") or 0, given.pop("currency"))
        opened = operations.open_account(
            credit_limit=limit, at=timezone.now(), by=staff_of(request).actor, **given
        )
        obj.__dict__.update(opened.__dict__)

    change_limit = asking("Change limit", "speed", ask_to_change_limit)
    add_note = asking("Add note", "edit_note", ask_to_note)
    suspend = asking("Suspend", "pause_circle", ask_to_suspend)
    resume = asking("Resume", "play_circle", ask_to_resume)
    close = asking("Close", "cancel", ask_to_close)
    pause_reminders = asking("Pause reminders", "notifications_off", ask_to_pause)
    promise_to_pay = asking("Promise to pay", "handshake", ask_to_promise)
    send_statement = asking("Send statement", "outgoing_mail", ask_to_send_statement)
    figures = asking("Why is this the number?", "help", show_figures_of_account)
