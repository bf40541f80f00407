"""The JSON leaves of the storefront: an explicit list of keys, built from rows that were loaded before.

Amounts are integers in minor units beside their formatted text; instants are ISO 8601 in UTC.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from moneyed import get_currency

from accounts.models import Account, AccountLineItem
from core.money import end_of_day, format_minor, iso, places, symbol
from invoices.models import Invoice


@lru_cache(maxsize=256)
def _currency(code: str, locale: str) -> dict[str, Any]:
    return {"id": get_currency(code).numeric, "code": code.lower(), "symbol": symbol(code, locale)}


def account_overview(
    account: Account,
    line_items: Sequence[AccountLineItem],
    unpaid: Sequence[dict[str, Any]],
    open_invoices: Sequence[Invoice],
    *,
    zone: str,
    locale: str,
) -> dict[str, Any]:
    """One account as `getCustomerAccounts` tells it. `line_items` are its newest, `unpaid` what
    `unpaid_rows()` answered for it."""
    currency = account.currency
    due = account.next_due_date
    return {
        "id": str(account.pk),
        "accountNumber": account.number,
        "title": account.title,
        "status": account.status,
        "accountType": account.account_type,
        "dueDate": iso(end_of_day(due, zone)) if due else None,
        "createdAt": iso(account.created_at),
        "totalAmount": account.total_amount,
        "paidAmount": account.paid_amount,
        "balanceDue": account.balance_due,
        "creditLimit": account.credit_limit,
        "availableCredit": account.available_credit,
        "formattedTotal": format_minor(account.total_amount, currency, locale),
        "formattedBalance": format_minor(account.balance_due, currency, locale),
        "formattedCreditLimit": format_minor(account.credit_limit, currency, locale),
        "formattedAvailableCredit": format_minor(account.available_credit, currency, locale),
        "currency": _currency(currency, locale),
        "lineItems": [_line_item(line, locale) for line in line_items],
        "unpaidLineItemsByRegion": unpaid_by_region(unpaid, locale=locale),
        "openInvoices": [_open_invoice(invoice, zone, locale) for invoice in open_invoices],
    }


def _line_item(line: AccountLineItem, locale: str) -> dict[str, Any]:
    order = getattr(line, "order", None)
    return {
        "id": str(line.pk),
        "description": line.description,
        "amount": line.amount,
        "formattedAmount": format_minor(line.amount, line.currency, locale),
        "orderDisplayId": line.order_display_id,
        "itemCount": line.item_count,
        "paymentStatus": line.payment_status,
        "createdAt": iso(line.created_at),
        "order": {"id": str(order.pk)} if order else None,
    }


def _open_invoice(invoice: Invoice, zone: str, locale: str) -> dict[str, Any]:
    return {
        "id": str(invoice.pk),
        "invoiceNumber": invoice.number,
        "formattedTotal": format_minor(invoice.total_amount, invoice.currency, locale),
        "formattedOpenBalance": format_minor(invoice.open_balance, invoice.currency, locale),
        "status": invoice.status,
        "pendingPayment": invoice.has_pending_payment,
        "dueDate": iso(end_of_day(invoice.due_date, zone)),
    }


def unpaid_by_region(rows: Iterable[dict[str, Any]], *, locale: str) -> dict[str, Any]:
    """Unpaid charges grouped by region, the region worth most in the account's currency first."""
    regions: dict[int, dict[str, Any]] = {}
    worth: dict[int, int] = {}
    count = 0
    for row in rows:
        region, currency = row["region_id"], row["currency"]
        if region not in regions:
            regions[region] = _region(row, locale)
            worth[region] = 0
        place = regions[region]
        worth[region] += row["account_amount"]
        place["totalAmount"] += row["amount"]
        place["itemCount"] += 1
        count += 1
        place["lineItems"].append(
            {
                "id": str(row["id"]),
                "amount": row["amount"],
                "description": row["description"],
                "orderDisplayId": row["order_display_id"],
                "itemCount": row["item_count"],
                "createdAt": iso(row["created_at"]),
                "formattedAmount": format_minor(row["amount"], currency, locale),
            }
        )
    ordered = [regions[region] for region in sorted(regions, key=lambda one: (-worth[one], one))]
    for place in ordered:
        code = place["region"]["currency"]["code"].upper()
        place["formattedTotalAmount"] = format_minor(place["totalAmount"], code, locale)
    return {
        "success": True,
        "regions": ordered,
        "totalRegions": len(ordered),
        "totalUnpaidItems": count,
        "message": f"Found {count} unpaid orders across {len(ordered)} regions"
        if count
        else "No unpaid items found",
    }


def _region(row: dict[str, Any], locale: str) -> dict[str, Any]:
    code = row["currency"]
    return {
        "region": {
            "id": str(row["region_id"]),
            "name": row["region__name"],
            "currency": {**_currency(code, locale), "noDivisionCurrency": places(code) == 0},
        },
        "lineItems": [],
        "totalAmount": 0,
        "itemCount": 0,
        "formattedTotalAmount": "",
    }


def paid_invoice(invoice: Invoice, *, zone: str, locale: str) -> dict[str, Any]:
    """One invoice as `getCustomerPaidInvoices` tells it. Needs `with_details()`."""
    lines = invoice.line_items.all()
    return {
        "id": str(invoice.pk),
        "invoiceNumber": invoice.number,
        "title": invoice.title,
        "description": invoice.description,
        "totalAmount": invoice.total_amount,
        "formattedTotal": format_minor(invoice.total_amount, invoice.currency, locale),
        "status": invoice.status,
        "dueDate": iso(end_of_day(invoice.due_date, zone)),
        "createdAt": iso(invoice.created_at),
        "paidAt": iso(invoice.paid_at),
        "currency": _currency(invoice.currency, locale),
        "itemCount": len(lines),
        "lineItems": [
            {
                "id": str(line.pk),
                "description": line.description,
                "amount": line.amount,
                "formattedAmount": format_minor(line.amount, invoice.currency, locale),
            }
            for line in lines
        ],
    }
