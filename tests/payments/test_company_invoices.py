"""Company invoices at the storefront: what is told of them, every argument of the list, and who may read."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from moneyed import Money

from accounts.models import Account
from core.audit import SYSTEM
from invoices import operations as invoices
from invoices.models import Invoice
from orders.models import Order
from payments import operations
from tests import cast, factories
from tests.factories import MANUAL, NOW
from tests.payments.company_documents import EVERY_FIELD, GET_INVOICES, ONE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice):
    return graphql(alice)


def billed(account, display_id, *, at=NOW, price="39.40", po="", region=None):
    line = factories.an_unpaid_order(account, region=region, display_id=display_id, price=price, at=at)
    Order.objects.filter(account_line_item=line).update(purchase_order_number=po)
    return factories.an_open_invoice(account, line, at=at)


def part_paid(invoice, amount, stella):
    """So many cents of it by a verified bank transfer."""
    collection = factories.a_collection_over(invoice, amounts=[amount])
    session = collection.sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=stella)
    invoice.refresh_from_db()
    return invoice


def found(shop, **arguments):
    """The numbers that a list with these arguments holds."""
    told = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    document = f"{{ invoices({told}) {{ edges {{ node {{ invoiceNumber }} }} }} }}" if told else PLAIN
    return [edge["node"]["invoiceNumber"][-3:] for edge in shop(document)["invoices"]["edges"]]


PLAIN = "{ invoices { edges { node { invoiceNumber } } } }"


# The published document


def test_the_published_document(shop, account):
    Order.objects.update(purchase_order_number="PO-7")
    invoice = factories.an_open_invoice(account, account.line_items.get())
    answer = shop(GET_INVOICES)["invoices"]
    assert (answer["totalCount"], answer["pageInfo"]["hasNextPage"]) == (1, False)
    assert answer["pageInfo"]["startCursor"] == answer["pageInfo"]["endCursor"]
    (node,) = [edge["node"] for edge in answer["edges"]]
    assert node.pop("details")["type"] == "Invoice"
    assert node == {
        "id": str(invoice.pk),
        "invoiceNumber": "INV-2025-001",
        "createdAt": 1756876867,
        "customerId": str(account.pk),
        "dueDate": int(datetime(2025, 10, 3, 23, 59, 59, tzinfo=UTC).timestamp()),
        "status": 0,
        "orderNumber": "1756876866",
        "purchaseOrderNumber": "PO-7",
        "pendingPaymentCount": 0,
        "originalBalance": {"code": "USD", "value": "39.4000"},
        "openBalance": {"code": "USD", "value": "39.4000"},
    }


def test_every_field_of_one(shop, account, alice):
    Account.objects.filter(pk=account.pk).update(
        external_id="C-9",
        billing_address_line_1="1 Main St",
        billing_city="Springfield",
        billing_country="US",
    )
    invoice = billed(account, "77")
    Order.objects.filter(display_id="77").update(placed_by=alice.user)
    Invoice.objects.filter(pk=invoice.pk).update(external_id="X-1")
    node = shop(ONE, id=invoice.pk)["invoice"]
    (item,) = node["details"]["details"]["lineItems"]
    assert (item["quantity"], item["unitPrice"]) == ("1", {"code": "USD", "value": "39.4000"})
    header = node["details"]["header"]
    assert [line["description"] for line in header["costLines"]] == ["Subtotal", "Taxes", "Grand Total"]
    assert header["orderDate"] == 1756876867
    assert (node["externalId"], node["externalCustomerId"], node["type"]) == ("X-1", "C-9", "Invoice")
    assert (node["source"], node["notAllowedPay"], node["timeOffset"]) == (0, 0, 0)
    assert (node["channelName"], node["orderUserId"]) == ("North America", alice.user.pk)
    assert len(node["storeHash"]) == 10
    assert (node["storeInfo"]["name"], node["storeInfo"]["adminEmail"]) == (
        "Northwind Supply",
        "billing@northwind.example",
    )
    assert node["companyInfo"] == {
        "companyId": str(account.pk),
        "companyName": "Globex",
        "companyAddress": "1 Main St",
        "companyCountry": "US",
        "companyState": "",
        "companyCity": "Springfield",
        "companyZipCode": "",
        "phoneNumber": "",
        "bcId": "C-9",
    }
    assert (node["extraFields"], node["bcInformation"]) == ([], None)


def test_how_it_stands_follows_its_payments(shop, account, stella):
    invoice = billed(account, "1")
    part_paid(invoice, 1000, stella)
    factories.a_promised_payment(invoice)
    node = shop(ONE, id=invoice.pk)["invoice"]
    assert (node["status"], node["pendingPaymentCount"]) == (2, 1)
    assert (node["openBalance"]["value"], node["notAllowedPay"]) == ("0.0000", 1)
    invoice.refresh_from_db()
    assert invoice.status == "sent"  # promised is not paid


@pytest.mark.parametrize(
    ("currency", "price", "expected"), [("JPY", "1182", "1182.0000"), ("KWD", "3.940", "3.9400")]
)
def test_money_has_four_places_in_any_currency(shop, account, currency, price, expected):
    factories.a_rate(currency, "USD", "0.01")
    invoice = billed(account, "1", price=price, region=factories.a_region("Elsewhere", currency))
    assert shop(ONE, id=invoice.pk)["invoice"]["openBalance"] == {"code": currency, "value": expected}


# Each argument includes and excludes


@pytest.fixture
def three(account, stella):
    """001 of August, part paid; 002 of September over order 9, paid; 003 of October, in euros."""
    factories.a_rate("EUR", "USD", "1.1")
    europe = factories.a_region("Europe", "EUR")
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    first = billed(account, "ORD-10", at=NOW - timedelta(days=30), po="PO-1", price="100")
    part_paid(first, 2500, stella)
    second = billed(account, "ORD-1", po="PO-12", price="50")
    part_paid(second, 5000, stella)
    third = billed(account, "ORD-3", at=NOW + timedelta(days=30), region=europe, price="70")
    Invoice.objects.filter(pk=third.pk).update(external_id="EXT-3")
    return [first, second, third]


def unix(**moment):
    return int(datetime(2025, **moment, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["003", "002", "001"]),
        ({"search": '"ord-1"'}, ["002", "001"]),
        ({"search": '"PO-12"'}, ["002"]),
        ({"search": '"INV-2025-003"'}, ["003"]),
        ({"search": '"globex"'}, ["003", "002", "001"]),
        ({"search": '"%"'}, []),
        ({"search": '"ORD_1"'}, []),
        ({"invoiceNumber": '"inv-2025-002"'}, ["002"]),
        ({"invoiceNumber": '"INV-2025"'}, []),
        ({"type": '"Invoice"'}, ["003", "002", "001"]),
        ({"type": '"Deposit"'}, []),
        ({"orderNumber": '"ORD-1"'}, ["002"]),
        ({"purchaseOrderNumber": '"PO-1"'}, ["001"]),
        ({"externalId": '"EXT-3"'}, ["003"]),
        ({"externalCustomerId": '"C-9"'}, ["003", "002", "001"]),
        ({"externalCustomerId": '"C-8"'}, []),
        ({"status": '["0"]'}, ["003"]),
        ({"status": '["1"]'}, ["001"]),
        ({"status": '["2", "1"]'}, ["002", "001"]),
        ({"beginDateAt": unix(month=9, day=1)}, ["003", "002"]),
        ({"endDateAt": f'"{unix(month=9, day=30)}"'}, ["002", "001"]),
        ({"beginDateAt": unix(month=9, day=1), "endDateAt": unix(month=9, day=30)}, ["002"]),
        ({"beginDueDateAt": unix(month=10, day=3, hour=23, minute=59, second=59)}, ["003", "002"]),
        ({"beginDueDateAt": unix(month=10, day=4)}, ["003"]),
        ({"endDueDateAt": unix(month=10, day=3, hour=23, minute=59, second=59)}, ["002", "001"]),
        ({"endDueDateAt": unix(month=10, day=3, hour=23, minute=59, second=58)}, ["001"]),
        ({"first": 2}, ["003", "002"]),
        ({"first": 0}, []),
        ({"last": 2}, ["002", "001"]),
        ({"offset": 1}, ["002", "001"]),
        ({"offset": 1, "first": 1}, ["002"]),
        ({"offset": 2000000000}, []),
        ({"orderBy": '"invoiceNumber"'}, ["001", "002", "003"]),
        ({"orderBy": '"orderNumber"'}, ["002", "001", "003"]),
        ({"orderBy": '"-createdAt"'}, ["003", "002", "001"]),
        ({"orderBy": '"dueDate"'}, ["001", "002", "003"]),
        ({"orderBy": '"originalBalanceAmount"'}, ["002", "003", "001"]),
        ({"orderBy": '"-openBalanceAmount"'}, ["001", "003", "002"]),
        ({"orderBy": '"status"'}, ["003", "001", "002"]),
    ],
)
def test_each_argument_includes_and_excludes(shop, account, three, arguments, expected):
    Account.objects.filter(pk=account.pk).update(external_id="C-9")
    assert found(shop, **arguments) == expected


def test_ids_companies_and_stores(shop, account, three):
    first, second, third = three
    assert found(shop, idIn=f'"{first.pk}, {third.pk}"') == ["003", "001"]
    assert found(shop, idIn='"99999999999999999999"') == []
    assert found(shop, companyIds=[account.pk]) == ["003", "002", "001"]
    assert found(shop, companyIds=[account.pk + 1000]) == []
    store = shop(ONE, id=second.pk)["invoice"]["storeHash"]
    assert found(shop, storeHash=f'"{store}"') == ["003", "002", "001"]
    assert found(shop, storeHash='"another"') == []


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("first", -1),
        ("first", 101),
        ("last", 101),
        ("offset", -1),
        ("after", '"x"'),
        ("before", '"cm93Og=="'),
        ("after", '"é"'),
        ("orderBy", '"colour"'),
        ("orderBy", '"--status"'),
        ("status", '["3"]'),
        ("status", "[null]"),
        ("idIn", '"1,x"'),
        ("idIn", '"1,,2"'),
        ("beginDateAt", '"NaN"'),
        ("endDateAt", '"Infinity"'),
        ("beginDueDateAt", '"1e40"'),
        ("endDueDateAt", "99999999999999"),
    ],
)
def test_a_wrong_value_is_refused_by_its_argument_s_name(shop, account, argument, value):
    answer = shop.post(f"{{ invoices({argument}: {value}) {{ totalCount }} }}").json()
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("VALIDATION_ERROR", argument)


def test_first_and_last_together_are_refused(shop, account):
    answer = shop.post("{ invoices(first: 1, last: 1) { totalCount } }").json()
    assert answer["errors"][0]["message"] == "Give first or last, not both"


# Paging


def page(shop, arguments):
    document = f"""{{ invoices({arguments}) {{ totalCount
        pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
        edges {{ cursor node {{ invoiceNumber }} }} }} }}"""
    answer = shop(document)["invoices"]
    return [edge["node"]["invoiceNumber"][-3:] for edge in answer["edges"]], answer["pageInfo"], answer


@pytest.mark.parametrize(
    "order", ["-invoiceNumber", "openBalanceAmount", "dueDate", "-status", "orderNumber"]
)
def test_pages_by_cursor_hold_each_row_once_in_both_directions(shop, account, order):
    for number in range(7):
        billed(account, f"O{number}", price=str(10 + number % 3))
    everything, _, answer = page(shop, f'orderBy: "{order}"')
    assert answer["totalCount"] == 7
    seen, after = [], ""
    while True:
        rows, info, _ = page(shop, f'orderBy: "{order}", first: 3{after}')
        seen += rows
        assert info["hasPreviousPage"] is bool(after)
        if not info["hasNextPage"]:
            break
        after = f', after: "{info["endCursor"]}"'
    assert seen == everything
    back, before = [], ""
    while True:
        rows, info, _ = page(shop, f'orderBy: "{order}", last: 3{before}')
        back = rows + back
        assert info["hasNextPage"] is bool(before)
        if not info["hasPreviousPage"]:
            break
        before = f', before: "{info["startCursor"]}"'
    assert back == everything


def test_a_new_invoice_shifts_no_page(shop, account):
    for number in range(4):
        billed(account, f"O{number}", price="10")
    rows, info, _ = page(shop, "first: 2")
    billed(account, "O5", price="10")
    following, _, _ = page(shop, f'first: 2, after: "{info["endCursor"]}"')
    assert rows + following == ["004", "003", "002", "001"]


# Rights


def test_a_draft_and_a_cancelled_invoice_are_not_listed(shop, account, stella):
    invoice = billed(account, "1")
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=stella, reason="Wrong")
    draft = Invoice.objects.create(
        account=account, currency="USD", total_amount=1, due_date=date(2025, 10, 1), created_at=NOW, title="x"
    )
    assert found(shop) == []
    for hidden in (invoice, draft):
        assert shop.error(ONE, id=hidden.pk) == ("Invoice not found", "NOT_FOUND")


def test_a_stranger_is_told_the_same_of_a_foreign_and_a_random_id(graphql, account, mallory):
    invoice = billed(account, "1")
    shop = graphql(mallory)
    assert found(shop) == found(shop, companyIds=[account.pk]) == found(shop, idIn=f'"{invoice.pk}"') == []
    for pk in (invoice.pk, 987654321, -1):
        assert shop.error(ONE, id=pk) == ("Invoice not found", "NOT_FOUND")


@pytest.mark.parametrize(
    ("permissions", "lists", "one"),
    [
        ({"get_invoices": 2}, True, False),
        ({"get_invoice_detail": 2}, False, True),
        ({"get_invoices": 2, "get_invoice_detail": 2}, True, True),
        ({"pay_invoice": 3}, False, False),
    ],
)
def test_permissions_hold_singly(graphql, account, permissions, lists, one):
    invoice = billed(account, "1")
    shop = graphql(cast.member("Ann Example", account, "custom", **permissions))
    refused = ("Insufficient permissions", "FORBIDDEN")
    if lists:
        assert found(shop) == ["001"]
    else:
        assert shop.error(PLAIN) == refused
    if one:
        assert shop(ONE, id=invoice.pk)["invoice"]["notAllowedPay"] == 1
    else:
        assert shop.error(ONE, id=invoice.pk) == refused


def test_a_junior_buyer_and_nobody_are_refused(graphql, account, bob):
    assert graphql(bob).error(PLAIN) == ("Insufficient permissions", "FORBIDDEN")
    assert graphql().error(PLAIN) == ("Authentication required", "UNAUTHENTICATED")


def test_a_parent_s_buyer_sees_subsidiaries_by_company(graphql, account):
    below = factories.an_account("Globex North", Money(Decimal(1000), "USD"))
    Account.objects.filter(pk=below.pk).update(parent=account)
    billed(account, "1")
    billed(below, "2")
    top = graphql(cast.member("Tina Example", account, "custom", get_invoices=3))
    assert found(top) == ["002", "001"]
    assert found(top, companyIds=[below.pk]) == ["002"]


# How much it costs


@pytest.mark.parametrize("count", [1, 10, 30])
def test_any_number_of_rows_needs_the_same_statements(shop, account, django_assert_num_queries, count):
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    for number in range(count):
        factories.an_initiated_session(billed(account, f"O{number}", price="10"), MANUAL)
    document = "{ invoices(first: 100) { totalCount edges { node {" + EVERY_FIELD + "} } } }"
    shop(document)
    with django_assert_num_queries(15):
        assert shop(document)["invoices"]["totalCount"] == count
