"""Where money went: allocations and account credit. Written by operations only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline
from accounts.admin.columns import account_column, link_column, link_to, money_column, value_column
from accounts.admin.currencies import CurrencyFilter
from payments.models import AccountCredit, Allocation
from payments.models.ledger import SOURCES


@admin.display(description="Credit note or write-off")
def other_source(_admin: Any, part: Allocation) -> Any:
    return link_to(part.credit_note) or link_to(part.write_off, f"Write-off {part.write_off_id}")


class AllocationInline(ReadOnlyInline):
    """What was put on an invoice, or taken back from it, and by which payment or credit."""

    model = Allocation
    fields: tuple[str, ...] = ("created_at", "invoice_link", "amount_money")
    readonly_fields = fields
    verbose_name_plural = "Allocations"
    invoice_link = link_column("invoice", "Invoice")
    payment_link = link_column("payment", "Payment")
    credit_link = link_column("credit", "Account credit")
    other_source = other_source
    amount_money = money_column("amount", "Amount")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("invoice", *SOURCES)


class AllocationOfInvoiceInline(AllocationInline):
    fields = readonly_fields = ("created_at", "payment_link", "credit_link", "other_source", "amount_money")


class CreditInline(ReadOnlyInline):
    model = AccountCredit
    fields = readonly_fields = ("created_at", "credit_link", "amount_money", "reason")
    verbose_name_plural = "Kept as account credit"
    amount_money = money_column("amount", "Amount")

    @admin.display(description="Account credit")
    def credit_link(self, credit: AccountCredit) -> Any:
        return link_to(credit)


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    list_display = (
        "date",
        "of_account",
        "invoice_link",
        "payment_link",
        "credit_link",
        "other_source",
        "amount_money",
    )
    list_select_related = ("invoice__account", *SOURCES)
    list_filter = (CurrencyFilter, "created_at")
    search_fields = ("invoice__number", "payment__reference", "invoice__account__company_name")
    search_help_text = "Invoice, payment or company"
    fields = (
        ("created_at", "of_account", "invoice_link"),
        ("payment_link", "credit_link", "other_source", "amount_money"),
    )
    ordering = ("-id",)
    date = value_column("created_at", "Date")
    of_account = account_column("invoice__account")
    invoice_link = link_column("invoice", "Invoice", ordering="invoice__number")
    payment_link = link_column("payment", "Payment")
    credit_link = link_column("credit", "Account credit")
    other_source = other_source
    amount_money = money_column("amount", "Amount")


@admin.register(AccountCredit)
class AccountCreditAdmin(ReadOnlyAdmin):
    list_display = ("date", "of_account", "payment_link", "amount_money", "reason")
    list_select_related = ("account", "payment")
    list_filter = (CurrencyFilter, "created_at")
    search_fields = ("account__number", "account__company_name", "payment__reference", "reason")
    search_help_text = "Account, company, payment or reason"
    fields = ("created_at", "of_account", "payment_link", "amount_money", "reason")
    inlines = (AllocationInline,)
    ordering = ("-id",)
    date = value_column("created_at", "Date")
    of_account = account_column()
    payment_link = link_column("payment", "Payment")
    amount_money = money_column("amount", "Amount")
