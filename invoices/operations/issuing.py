"""Issuing what was charged: charges that no other invoice can take."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, Organization, Region
from core.audit import Actor
from core.errors import Conflict, Invalid
from core.money import from_minor
from core.reading import Composed
from invoices.models import Invoice, InvoiceLineItem
from invoices.operations.freezing import freeze
from orders.models import Order

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
    lines = billable(account, region, line_item_ids)
    total = sum(line.amount for line in lines)
    if total <= 0:
        raise Invalid("Invoice total must be greater than zero", field="lineItemIds")
    organization = _organization.get()
    invoice = Invoice.objects.create(
        account=account,
        region=region,
        title=title_of(account, region),
        **named_after(region, lines),
        currency=region.currency,
        total_amount=total,
        due_date=_due_date(due_date, account, organization, at=at),
        created_at=at,
    )
    invoice.new_lines = InvoiceLineItem.objects.bulk_create(line_of(invoice, charge) for charge in lines)
    accounts.mark_billed([line.pk for line in lines], is_billed=True)
    today = organization.today(at)
    freeze(invoice, invoice.new_lines, account, organization, issue_date=today, at=at, by=by)
    return invoice


def line_of(invoice: Invoice, charge: AccountLineItem, **more: Any) -> InvoiceLineItem:
    """The line that bills a charge."""
    return InvoiceLineItem(
        invoice=invoice,
        account_line_item=charge,
        description=charge.description,
        unit_price=from_minor(charge.amount, charge.currency),
        net_amount=charge.amount,
        amount=charge.amount,
        **more,
    )


def title_of(account: Account, region: Region) -> str:
    return f"{region.name} Invoice for Account {account.pk}"


def named_after(region: Region, lines: Sequence[AccountLineItem]) -> dict[str, str]:
    """What an invoice says of the charges it bills: how many, of which orders, under which of the buyer's
    own numbers."""
    return {
        "description": _description(region, lines) if lines else "",
        "order_numbers": ", ".join(line.order_display_id for line in lines if line.order_display_id),
        "purchase_order_numbers": ", ".join(_purchase_orders(lines)),
    }


def billable(account: Account, region: Region, ids: Sequence[int]) -> list[AccountLineItem]:
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
