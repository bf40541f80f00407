"""The back office of charges: each with the invoice that bills it. Invoices themselves stand with payments,
whose rows their page shows."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from accounts.admin.base import ReadOnlyAdmin, Tab, every_row
from accounts.admin.columns import account_column, link_to, money_column, tag, value_column
from accounts.admin.currencies import CurrencyFilter
from accounts.models import AccountLineItem
from accounts.templatetags.wording import status
from invoices.models import Invoice, InvoiceLineItem


@admin.register(AccountLineItem)
class AccountLineItemAdmin(ReadOnlyAdmin):
    list_display = (
        "date",
        "of_account",
        "order_link",
        "region",
        "amount_money",
        "worth_money",
        "state",
        "invoice_link",
    )
    list_select_related = ("account", "region", "order")
    list_filter = ("region", CurrencyFilter, "created_at")
    search_fields = ("order_display_id", "description", "account__number", "account__company_name")
    search_help_text = "Order, account or company"
    fields = (
        ("description", "created_at"),
        ("of_account", "region"),
        ("amount_money", "worth_money", "exchange_rate"),
        ("settled_money", "settled_worth_money"),
        ("due_date", "item_count"),
        ("state", "order_link", "invoice_link"),
    )
    tabs = (
        Tab("unbilled", "Unbilled", lambda rows, at: rows.unbilled(), "No charge waits for an invoice."),
        Tab("billed", "On invoice", lambda rows, at: rows.billed(), "No unpaid charge is on an invoice."),
        Tab("paid", "Paid", lambda rows, at: rows.settled(), "No charge is paid."),
        Tab("all", "All", every_row),
    )
    date = value_column("created_at", "Date")
    of_account = account_column()
    amount_money = money_column("amount", "Amount")
    worth_money = money_column("account_amount", "Account amount", currency="account__currency")
    settled_money = money_column("settled_amount", "Settled")
    settled_worth_money = money_column(
        "settled_account_amount", "Settled in account currency", currency="account__currency"
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).with_payment_status().with_live_invoice()

    @admin.display(description="Order", ordering="order_display_id")
    def order_link(self, row: AccountLineItem) -> SafeString | str:
        return link_to(getattr(row, "order", None)) or row.order_display_id or self.empty_value_display

    @admin.display(description="State")
    def state(self, row: AccountLineItem) -> SafeString:
        invoice = _invoice_of(row)
        if invoice is not None and row.payment_status == AccountLineItem.PaymentStatus.UNPAID:
            return tag("On invoice", "info")
        return status(row.payment_status)

    @admin.display(description="Invoice")
    def invoice_link(self, row: AccountLineItem) -> SafeString | str | None:
        return link_to(_invoice_of(row))


def _invoice_of(row: AccountLineItem) -> Invoice | None:
    """The invoice that bills a charge. Needs `with_live_invoice()`."""
    lines: list[InvoiceLineItem] = getattr(row, "live_lines", [])
    return lines[0].invoice if lines else None
