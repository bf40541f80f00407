"""Dunning in the back office: its levels, the reminders that were written, and what companies promised."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import StackedInline
from unfold.decorators import action

from accounts.admin.amounts import AmountInline
from accounts.admin.base import (
    MasterDataAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Tab,
    every_row,
    staff_of,
)
from accounts.admin.columns import account_column, link_column, link_to, money_column, tag, value_column
from accounts.admin.confirming import Confirmation, ReasonForm, asking, confirm, on_row, posted, refusal_of
from accounts.querysets import parse_id
from accounts.templatetags.wording import plain_money
from invoices import operations
from invoices.models import PaymentPromise, Reminder, ReminderFee, ReminderLevel, ReminderText
from payments.admin.reminding import ask_to_stop


class ReminderTextInline(StackedInline):
    model = ReminderText
    fields = ("language", "subject", "text")
    extra = 0
    verbose_name_plural = "Texts. Without one, this site's own words are sent"


class ReminderFeeInline(AmountInline):
    model = ReminderFee
    verbose_name_plural = "Fees, in major units"


@admin.register(ReminderLevel)
class ReminderLevelAdmin(MasterDataAdmin):
    """The steps, in their order. One that reminders were sent at is taken out of use, not deleted."""

    list_display = ("name", "days", "fees_money", "languages", "is_active")
    fields = (("name", "days"), "is_active")
    inlines = (ReminderTextInline, ReminderFeeInline)
    ordering = ("days", "pk")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("fees", "texts")

    @admin.display(description="Fee")
    def fees_money(self, level: ReminderLevel) -> str:
        return ", ".join(plain_money(fee.minor, fee.currency) for fee in level.fees.all()) or "none"

    @admin.display(description="Own texts")
    def languages(self, level: ReminderLevel) -> str:
        return ", ".join(text.get_language_display() for text in level.texts.all()) or "none"


def state_of(reminder: Reminder) -> SafeString:
    if reminder.stopped_at:
        return tag("Stopped")
    return tag("Sent", "success") if reminder.sent_at else tag("Waiting", "warning")


class ReminderInline(ReadOnlyInline):
    """The reminders of one invoice."""

    model = Reminder
    fields = readonly_fields = (
        "created_at",
        "reminder_link",
        "state",
        "fee_charge",
        "staff",
        "stopped_because",
    )
    verbose_name_plural = "Reminders"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("level", "staff", "fee_line")

    @admin.display(description="Level")
    def reminder_link(self, reminder: Reminder) -> Any:
        return link_to(reminder, reminder.level.name)

    @admin.display(description="State")
    def state(self, reminder: Reminder) -> SafeString:
        return state_of(reminder)

    @admin.display(description="Fee")
    def fee_charge(self, reminder: Reminder) -> Any:
        return reminder.fee_refusal or link_to(reminder.fee_line)


@admin.register(Reminder)
class ReminderAdmin(ReadOnlyAdmin):
    list_display = (
        "date",
        "of_account",
        "invoice_link",
        "level",
        "days_overdue",
        "open_money",
        "state",
        "staff",
    )
    list_select_related = ("invoice__account", "level", "staff")
    list_filter = ("level", "created_at")
    search_fields = ("invoice__number", "invoice__account__number", "invoice__account__company_name")
    search_help_text = "Invoice, account or company"
    fields = (
        ("state", "created_at", "sent_at", "stopped_at"),
        ("of_account", "invoice_link", "level"),
        ("days_overdue", "open_money", "staff"),
        ("fee_link", "fee_refusal"),
        "stopped_because",
    )
    ordering = ("-id",)
    actions_detail = ("stop",)
    tabs = (
        Tab("sent", "Sent", lambda rows, at: rows.filter(sent_at__isnull=False), "No reminder was sent."),
        Tab("waiting", "Waiting", lambda rows, at: rows.waiting(), "No reminder is waiting."),
        Tab(
            "stopped", "Stopped", lambda rows, at: rows.filter(stopped_at__isnull=False), "None was stopped."
        ),
        Tab("all", "All", every_row, "No reminders yet."),
    )
    date = value_column("created_at", "Date")
    of_account = account_column("invoice__account")
    invoice_link = link_column("invoice", "Invoice", ordering="invoice__number")
    fee_link = link_column("fee_line", "Fee")
    open_money = money_column("open_amount", "Open balance", currency="invoice__currency")

    @admin.display(description="State")
    def state(self, reminder: Reminder) -> SafeString:
        return state_of(reminder)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list:
        """Stop, while it waits."""
        waits = Reminder.objects.waiting().filter(pk=parse_id(object_id)).exists()
        return super().get_actions_detail(request, object_id) if waits else []

    stop = asking("Stop", "stop_circle", ask_to_stop)


@admin.register(PaymentPromise)
class PaymentPromiseAdmin(ReadOnlyAdmin):
    """What companies said they will pay, and whether they did."""

    list_display = ("promised_date", "of_account", "of_invoice", "amount_money", "state", "staff", "note")
    list_select_related = ("account", "invoice", "staff")
    search_fields = ("account__number", "account__company_name", "invoice__number", "note")
    search_help_text = "Account, company, invoice or note"
    fields = (
        ("promised_date", "state"),
        ("of_account", "of_invoice", "amount_money", "open_money"),
        "note",
        ("staff", "created_at", "withdrawn_at"),
    )
    ordering = ("-promised_date", "-id")
    actions_detail = ("withdraw",)
    tabs = (
        Tab(
            "standing", "Open", lambda rows, at: rows.standing(on=timezone.localdate()), "No promise is open."
        ),
        Tab("broken", "Broken", lambda rows, at: rows.broken(on=timezone.localdate()), "None is broken."),
        Tab("all", "All", every_row, "No promises yet."),
    )
    of_account = account_column()
    of_invoice = link_column("invoice", "Invoice")
    amount_money = money_column("amount", "Amount")
    open_money = money_column("open_amount", "Open then")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_broken(on=timezone.localdate())

    @admin.display(description="State")
    def state(self, promise: PaymentPromise) -> SafeString:
        if promise.withdrawn_at:
            return tag("Withdrawn")
        if promise.promised_date >= timezone.localdate():
            return tag("Open", "info")
        return tag("Broken", "danger") if promise.is_broken else tag("Kept", "success")

    @action(description="Withdraw", icon="undo")
    @on_row
    def withdraw(self, request: HttpRequest, promise: PaymentPromise) -> HttpResponse:
        staff = staff_of(request)
        page = Confirmation(
            question=f"Withdraw the promise of {promise.account.company_name}?",
            facts=(("Account", link_to(promise.account)), ("Promised for", promise.promised_date)),
            consequence="Reminders go out again. The promise stays to be read.",
            button="Withdraw promise",
            done="The promise is withdrawn.",
            refusal=refusal_of(lambda: operations.withdrawable(promise=promise, staff=staff)),
        )
        return confirm(
            self,
            request,
            promise,
            page,
            form=ReasonForm(posted(request)),
            act=lambda reason: operations.withdraw_promise(
                promise=promise, reason=reason, at=timezone.now(), staff=staff
            ),
        )
