"""The back office of orders: for reading. Orders are placed by the shop."""

from django.contrib import admin

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline
from accounts.admin.columns import (
    account_column,
    link_column,
    money_column,
    number_column,
    price_column,
    value_column,
)
from accounts.admin.currencies import CurrencyFilter
from orders.models import Order, OrderItem


class OrderItemInline(ReadOnlyInline):
    model = OrderItem
    fields = ("sku", "description", "units", "each", "amount_money")
    readonly_fields = fields
    units = number_column("quantity", "Quantity")
    each = price_column("unit_price", "Unit price")
    amount_money = money_column("amount", "Amount", currency="unit_price_currency")


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "date",
        "of_account",
        "region",
        "purchase_order_number",
        "total_money",
    )
    list_select_related = ("account", "region")
    list_filter = ("region", CurrencyFilter, "created_at")
    search_fields = ("display_id", "purchase_order_number", "account__number", "account__company_name")
    search_help_text = "Order, purchase order, account or company"
    fields = (
        ("number", "created_at"),
        ("of_account", "region"),
        ("purchase_order_number", "total_money"),
        ("charge", "placed_by_link"),
    )
    inlines = (OrderItemInline,)
    number = value_column("display_id", "Order")
    date = value_column("created_at", "Date")
    of_account = account_column()
    placed_by_link = link_column("placed_by", "Placed by")
    charge = link_column("account_line_item", "Charge")
    total_money = money_column("total_amount", "Total")
