"""Issuing: a number, a frozen snapshot, and charges that no other invoice can take."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Organization, Region
from core.audit import Actor
from core.errors import Conflict, Invalid
from core.money import from_minor
from core.outbox import enqueue
from core.reading import Composed
from core.transitions import move
from invoices.models import Invoice, InvoiceLineItem
from orders.models import Order

ISSUED = "invoice.issued"  # the worker makes its PDF
LONGEST_TERM = timedelta(days=366)
ORDERS_NAMED = 10

_organization = Composed(Organization.objects.all)
_unbilled = Composed(
    lambda account, region, *ids: (
        AccountLineItem.objects.unbilled()
        .filter(account=account, region=region, pk__in=ids)
        .order_by("created_at", "pk")
    )
)


def create_invoice_from_line_items(
    *,
    account: Account,
    region: Region,
    line_item_ids: Sequence[int],
    at: datetime,
    by: Actor,
    due_date: date | None = None,
) -> Invoice:
    """Bill some of an account's unpaid charges of one region on a new, issued invoice."""
    with accounts.locked_account(account.pk) as locked:
        return bill_line_items(
            account=locked, region=region, line_item_ids=line_item_ids, due_date=due_date, at=at, by=by
        )


def bill_line_items(
    *,
    account: Account,
    region: Region,
    line_item_ids: Sequence[int],
    at: datetime,
    by: Actor,
    due_date: date | None = None,
) -> Invoice:
    """Issue an invoice over charges of an account whose lock the caller holds.

    All or nothing: refused when one charge is not this account's, not this region's, not open, named twice,
    or on another live invoice. `due_date` is not before today nor more than a year ahead; without one the
    account's payment terms decide.
    """
    lines = _billable(account, region, line_item_ids)
    total = sum(line.amount for line in lines)
    if total <= 0:
        raise Invalid("Invoice total must be greater than zero", field="lineItemIds")
    organization = _organization.get()
    invoice = Invoice.objects.create(
        account=account,
        region=region,
        title=f"{region.name} Invoice for Account {account.pk}",
        description=_description(region, lines),
        order_numbers=", ".join(line.order_display_id for line in lines if line.order_display_id),
        purchase_order_numbers=", ".join(_purchase_orders(lines)),
        currency=region.currency,
        total_amount=total,
        due_date=_due_date(due_date, account, organization, at=at),
        created_at=at,
    )
    invoice.new_lines = InvoiceLineItem.objects.bulk_create(
        InvoiceLineItem(
            invoice=invoice,
            account_line_item=line,
            description=line.description,
            unit_price=from_minor(line.amount, line.currency),
            net_amount=line.amount,
            amount=line.amount,
        )
        for line in lines
    )
    _issue(invoice, account, organization, at=at, by=by)
    return invoice


def _billable(account: Account, region: Region, ids: Sequence[int]) -> list[AccountLineItem]:
    if not ids:
        raise Invalid("No valid unpaid line items found", field="lineItemIds")
    lines = _unbilled.all(account.pk, region.pk, *set(ids))
    if len(lines) != len(ids):
        raise Conflict(
            f"Some line items were not found, are already paid, or are not from {region.name} region",
            field="lineItemIds",
        )
    return lines


def _due_date(asked: date | None, account: Account, organization: Organization, *, at: datetime) -> date:
    today = organization.today(at)
    if asked is None:
        return account.due_date(today, organization)
    if asked < today:
        raise Invalid("Due date cannot be in the past", field="dueDate")
    if asked > today + LONGEST_TERM:
        raise Invalid("Due date cannot be more than 1 year ahead", field="dueDate")
    return asked


def _description(region: Region, lines: Sequence[AccountLineItem]) -> str:
    named = ", ".join(f"#{line.order_display_id or line.pk}" for line in lines[:ORDERS_NAMED])
    more = f" and {len(lines) - ORDERS_NAMED} more" if len(lines) > ORDERS_NAMED else ""
    return f"Payment invoice for {len(lines)} {region.name} orders ({named}{more})"


def _purchase_orders(lines: Sequence[AccountLineItem]) -> Iterable[str]:
    """The buyer's own numbers of the orders, each once."""
    orders = Order.objects.filter(account_line_item__in=lines).exclude(purchase_order_number="")
    return dict.fromkeys(orders.order_by("pk").values_list("purchase_order_number", flat=True))


def _issue(
    invoice: Invoice, account: Account, organization: Organization, *, at: datetime, by: Actor
) -> None:
    """Give the number, freeze the paper, and move the draft to sent."""
    issue_date = organization.today(at)
    sequence = accounts.allot_number("invoice", year=issue_date.year)
    number = organization.invoice_number_format.format(year=issue_date.year, sequence=sequence)
    snapshot = _snapshot(invoice, number, issue_date, account, organization)
    move(
        invoice,
        Invoice.Status.SENT,
        at=at,
        by=by,
        number=number,
        number_year=issue_date.year,
        number_sequence=sequence,
        issue_date=issue_date,
        sent_at=at,
        snapshot_hash=snapshot_hash(snapshot),
        snapshot=snapshot,
    )
    enqueue(ISSUED, {"invoice": invoice.pk}, at=at)


def snapshot_hash(snapshot: dict[str, Any]) -> str:
    """SHA-256 of the snapshot's canonical JSON."""
    return hashlib.sha256(json.dumps(snapshot, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


SELLER = (
    "legal_name name email phone address_line_1 address_line_2 postal_code city state country tax_id "
    "bank_account_holder bank_name iban bic locale time_zone"
).split()
BUYER = (
    "number company_name email phone tax_id billing_address_line_1 billing_address_line_2 "
    "billing_postal_code billing_city billing_state billing_country locale"
).split()


def parties(account: Account, organization: Organization) -> dict[str, dict[str, Any]]:
    """Who writes and to whom, as they are now: the head of every document."""
    return {
        "seller": {name: getattr(organization, name) for name in SELLER},
        "buyer": {name: getattr(account, name) for name in BUYER},
    }


def _snapshot(
    invoice: Invoice,
    number: str,
    issue_date: date,
    account: Account,
    organization: Organization,
) -> dict[str, Any]:
    """Parties, lines and totals as they are now, in plain JSON; amounts in minor units."""
    return {
        "number": number,
        "issue_date": issue_date.isoformat(),
        "due_date": invoice.due_date.isoformat(),
        "currency": invoice.currency,
        "title": invoice.title,
        "description": invoice.description,
        "order_numbers": _listed(invoice.order_numbers),
        "purchase_order_numbers": _listed(invoice.purchase_order_numbers),
        **parties(account, organization),
        "lines": [
            {
                "description": line.description,
                "quantity": str(line.quantity),
                "unit_price": str(line.unit_price.amount),
                "tax_rate": str(line.tax_rate),
                "net_amount": line.net_amount,
                "tax_amount": line.tax_amount,
                "amount": line.amount,
            }
            for line in invoice.new_lines
        ],
        "total_amount": invoice.total_amount,
    }


def _listed(numbers: str) -> list[str]:
    return numbers.split(", ") if numbers else []
