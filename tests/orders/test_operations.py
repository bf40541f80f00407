"""Orders on account: what was ordered, and the charge it makes."""

from decimal import Decimal

import pytest

from accounts.models import AccountLineItem
from core.audit import SYSTEM
from core.errors import Conflict, Invalid
from orders import operations
from orders.models import Order, OrderItem
from orders.operations import Position
from tests import factories
from tests.books import assert_sound, refuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def globex(db):
    factories.a_region()
    return factories.an_account()


def place(account, *positions, region=None, **more):
    return operations.place_order(
        account=account,
        region=region or factories.a_region(),
        display_id="1756876866",
        positions=positions,
        at=NOW,
        by=SYSTEM,
        **more,
    )


LAMP = Position("Desk lamp", Decimal(2), Decimal("39.40"), sku="LAMP-1")
TAPE = Position("Tape by the metre", Decimal("2.5"), Decimal("0.3333"))


@pytest.mark.parametrize(
    ("quantity", "price", "currency", "expected"),
    [
        ("2", "39.40", "USD", 7880),
        ("2.5", "0.3333", "USD", 83),  # 83.325 cents
        ("1", "0.005", "USD", 1),  # half up
        ("1", "0.0049", "USD", 0),
        ("3", "394", "JPY", 1182),
        ("1", "0.5", "JPY", 1),
        ("2", "1.9701", "KWD", 3940),
    ],
)
def test_a_position_is_rounded_once_half_up(quantity, price, currency, expected):
    assert Position("x", Decimal(quantity), Decimal(price)).amount(currency) == expected


def test_an_order_is_booked_with_its_charge(globex):
    place(globex, LAMP, TAPE, purchase_order_number="PO-7")
    order, line = Order.objects.get(), AccountLineItem.objects.get()
    assert (order.account, order.account_line_item, order.display_id) == (globex, line, "1756876866")
    assert (order.total_amount, order.currency, order.purchase_order_number, order.created_at) == (
        7963,
        "USD",
        "PO-7",
        NOW,
    )
    assert (line.amount, line.description, line.order_display_id, line.item_count) == (
        7963,
        "Order #1756876866 - 2 items",
        "1756876866",
        2,
    )
    items = [
        (item.sku, item.description, item.quantity, item.unit_price.amount, item.amount)
        for item in order.items.all()
    ]
    assert items == [
        ("LAMP-1", "Desk lamp", Decimal(2), Decimal("39.40"), 7880),
        ("", "Tape by the metre", Decimal("2.5"), Decimal("0.3333"), 83),
    ]
    assert sum(item.amount for item in order.items.all()) == order.total_amount
    assert_sound()


def test_what_is_refused_leaves_nothing_behind(globex):
    with refuses(Invalid, "An order needs at least one position", field="positions"):
        place(globex)
    dear = Position("Yacht", Decimal(1), Decimal("1000.01"))
    with refuses(Conflict, "Charge of $1,000.01 exceeds the available credit of $1,000.00"):
        place(globex, dear)
    free = Position("Nothing", Decimal(1), Decimal("0.001"))
    with refuses(Invalid, "Charge amount must be positive", field="amount"):
        place(globex, free)
    assert not OrderItem.objects.exists()


def test_staff_may_book_an_order_over_the_limit(globex):
    dear = Position("Yacht", Decimal(1), Decimal("1000.01"))
    place(globex, dear, override_reason="Agreed by telephone")
    globex.refresh_from_db()
    assert globex.total_amount == 100_001
    assert_sound()
