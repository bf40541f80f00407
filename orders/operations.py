"""Orders on account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Region, User
from core.audit import Actor
from core.errors import Invalid
from core.money import from_minor, places
from orders.models import Order, OrderItem


@dataclass(frozen=True)
class Position:
    """What is ordered: so many of something at a unit price in major units of the region's currency."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    sku: str = ""

    def amount(self, currency: str) -> int:
        """Minor units, rounded once, half up."""
        exact = (self.quantity * self.unit_price).scaleb(places(currency))
        return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def place_order(
    *,
    account: Account,
    region: Region,
    display_id: str,
    positions: Sequence[Position],
    at: datetime,
    by: Actor,
    purchase_order_number: str = "",
    placed_by: User | None = None,
    override_reason: str = "",
) -> Order:
    """Book an order and charge it to the account. Refuses an order without positions, and what
    `accounts.operations.add_charge` refuses."""
    if not positions:
        raise Invalid("An order needs at least one position", field="positions")
    currency = region.currency
    total = sum(position.amount(currency) for position in positions)
    with accounts.locked_account(account.pk) as locked:
        line = accounts.add_charge(
            account=locked,
            region=region,
            amount=from_minor(total, currency),
            description=f"Order #{display_id} - {len(positions)} items",
            order_display_id=display_id,
            item_count=len(positions),
            at=at,
            by=by,
            override_reason=override_reason,
        )
        order = Order.objects.create(
            account=locked,
            region=region,
            account_line_item=line,
            display_id=display_id,
            purchase_order_number=purchase_order_number,
            placed_by=placed_by,
            currency=currency,
            total_amount=total,
            created_at=at,
        )
        OrderItem.objects.bulk_create(_item(order, position) for position in positions)
    return order


def _item(order: Order, position: Position) -> OrderItem:
    return OrderItem(
        order=order,
        sku=position.sku,
        description=position.description,
        quantity=position.quantity,
        unit_price=Money(position.unit_price, order.currency),
        amount=position.amount(order.currency),
    )
