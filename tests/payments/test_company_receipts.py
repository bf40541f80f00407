"""A company's payments and receipts at the storefront."""

from datetime import timedelta

import pytest

from payments import operations
from payments.models import Allocation, Payment, Receipt
from tests import cast, factories
from tests.factories import NOW, STRIPE
from tests.payments.company_documents import GET_PAYMENTS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice):
    return graphql(alice)


@pytest.fixture
def paid(account, sandbox, alice):
    """Two invoices by one card payment, one of them in part; then a promise over a third."""
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    collection = factories.a_collection_over(*pair, amounts=[1000, 3940])
    session = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=alice.actor)
    sandbox.confirm_card(session.reference, "4242424242424242")
    operations.complete_payment(session=session, at=NOW, by=alice.actor)
    factories.a_promised_payment(
        factories.an_open_invoice(account), by=alice.user, at=NOW + timedelta(days=1)
    )
    return pair


def ids(shop, field, **arguments):
    told = "".join(f"{name}: {value} " for name, value in arguments.items())
    document = f"{{ {field}({told or 'first: 10'}) {{ totalCount edges {{ node {{ id }} }} }} }}"
    answer = shop(document)[field]
    rows = [int(edge["node"]["id"]) for edge in answer["edges"]]
    assert answer["totalCount"] >= len(rows)
    return rows


def test_the_published_document(shop, account, paid):
    answer = shop(GET_PAYMENTS)["invoicePayments"]
    assert answer["totalCount"] == 2
    promise, card = [edge["node"] for edge in answer["edges"]]
    assert (promise["processingStatus"], promise["totalAmount"]) == (1, "39.4000")
    assert promise["paymentReceiptSet"] == {"edges": []}
    assert (card["processingStatus"], card["totalCode"], card["totalAmount"]) == (3, "USD", "49.4000")
    assert (card["payerName"], card["companyId"], card["companyName"]) == (
        "Alice Example",
        str(account.pk),
        "Globex",
    )
    (receipt,) = [edge["node"] for edge in card["paymentReceiptSet"]["edges"]]
    assert (receipt["totalAmount"], receipt["paymentType"]) == ("49.4000", "Visa ending in 4242")
    lines = [edge["node"] for edge in receipt["receiptLineSet"]["edges"]]
    assert [(line["invoiceNumber"], line["amount"], line["invoiceId"]) for line in lines] == [
        ("INV-2025-001", {"code": "USD", "value": "10.0000"}, paid[0].pk),
        ("INV-2025-002", {"code": "USD", "value": "39.4000"}, paid[1].pk),
    ]
    assert {line["receiptId"] for line in lines} == {int(receipt["id"])}


FULL = """query ($payment: Int!, $receipt: Int!, $line: Int!) {
invoicePayment(paymentId: $payment) { id createdAt updatedAt processingStatus appliedStatus fundingStatus
moduleName moduleData details fees payerName payerCustomerId totalCode totalAmount companyId companyName
customerName channelId channelName externalId paymentReceiptSet { totalCount } }
receipt(id: $receipt) { id createdAt updatedAt storeHash customerId externalId externalCustomerId totalCode
totalAmount payerName payerCustomerId details paymentId paymentStatus transactionType paymentType
referenceNumber
receiptLineSet { edges { node { id createdAt updatedAt storeHash customerId externalId externalCustomerId
receiptId invoiceId amountCode amount paymentStatus paymentType invoiceNumber paymentId transactionType
referenceNumber } } } }
receiptLine(id: $line) { id invoiceNumber } }"""


def test_every_field(shop, account, alice, paid):
    payment = Payment.objects.get(status="captured")
    receipt, line = Receipt.objects.get(), Allocation.objects.earliest("pk")
    told = shop(FULL, payment=payment.pk, receipt=receipt.pk, line=line.pk)
    one = told["invoicePayment"]
    assert (one["appliedStatus"], one["fundingStatus"], one["moduleName"]) == (2, 1, "Card")
    assert one["moduleData"] == {"code": STRIPE, "brand": "visa", "last4": "4242"}
    assert (one["channelName"], one["externalId"], one["fees"]) == ("North America", payment.reference, [])
    assert one["payerCustomerId"] == str(alice.user.pk)
    assert one["paymentReceiptSet"] == {"totalCount": 1}
    paper = told["receipt"]
    assert (paper["externalId"], paper["paymentId"], paper["paymentStatus"]) == ("2025-000001", payment.pk, 3)
    assert (paper["transactionType"], paper["referenceNumber"]) == ("Paid", payment.reference)
    assert told["receiptLine"] == {"id": str(line.pk), "invoiceNumber": "INV-2025-001"}


def test_a_refund_is_told_by_the_state(shop, paid, stella, sandbox):
    payment = Payment.objects.get(status="captured")
    operations.refund_payment(payment=payment, amount=4940, reason="x", at=NOW, staff=stella)
    told = shop(
        f"{{ invoicePayment(paymentId: {payment.pk}) {{ processingStatus appliedStatus fundingStatus }} }}"
    )
    assert told["invoicePayment"] == {"processingStatus": 4, "appliedStatus": 0, "fundingStatus": 2}
    assert len(ids(shop, "allReceiptLines")) == 2  # what was put on invoices is history


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        ({}, 2),
        ({"dateCreatedBeginAt": '"2025-09-04"'}, 1),
        ({"dateCreatedEndAt": '"2025-09-03"'}, 1),
        ({"dateCreatedEndAt": '"2025-09-02"'}, 0),
        ({"first": 1}, 1),
        ({"last": 1}, 1),
        ({"offset": 1}, 1),
    ],
)
def test_payments_are_filtered_and_paged(shop, paid, arguments, count):
    assert len(ids(shop, "invoicePayments", **arguments)) == count


def test_payments_and_lines_of_an_invoice(shop, paid):
    card = Payment.objects.get(status="captured")
    for name in (paid[0].pk, f'"{paid[0].pk}"'):
        assert ids(shop, "invoicePayments", invoiceId=name) == [card.pk]
    assert ids(shop, "invoicePayments", invoiceId='"1e5"') == []
    (line,) = ids(shop, "allReceiptLines", invoiceId=f'"{paid[1].pk}"')
    assert Allocation.objects.get(pk=line).amount == 3940
    assert ids(shop, "allReceiptLines", invoiceId='"x"') == []
    assert len(ids(shop, "receiptLines", receiptId=Receipt.objects.get().pk)) == 2


@pytest.mark.parametrize(
    ("field", "arguments", "count"),
    [
        ("receipts", {"paymentStatus": "[3]"}, 1),
        ("receipts", {"paymentStatus": "[1, 4]"}, 0),
        ("receipts", {"search": '"2025-000001"'}, 1),
        ("receipts", {"search": '"INV-2025-002"'}, 1),
        ("receipts", {"search": '"INV-2025-003"'}, 0),
        ("receipts", {"orderBy": '"-total"'}, 1),
        ("receipts", {"orderBy": '"externalId"'}, 1),
        ("receipts", {"orderBy": '"createdAt"'}, 1),
        ("allReceiptLines", {"paymentStatus": "[3]"}, 2),
        ("allReceiptLines", {"paymentStatus": "[4]"}, 0),
        ("allReceiptLines", {"first": 1}, 1),
    ],
)
def test_receipts_and_lines_are_filtered(shop, paid, field, arguments, count):
    assert len(ids(shop, field, **arguments)) == count


@pytest.mark.parametrize(
    ("field", "argument", "value"),
    [
        ("receipts", "paymentStatus", "[5]"),
        ("receipts", "orderBy", '"colour"'),
        ("allReceiptLines", "paymentStatus", "[null]"),
        ("invoicePayments", "first", "101"),
        ("invoicePayments", "dateCreatedEndAt", '"9999-12-31"'),
    ],
)
def test_a_wrong_value_is_refused_by_its_argument_s_name(shop, paid, field, argument, value):
    (error,) = shop.post(f"{{ {field}({argument}: {value}) {{ totalCount }} }}").json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("VALIDATION_ERROR", argument)


@pytest.mark.parametrize("count", [1, 12])
def test_any_number_of_rows_needs_the_same_statements(
    shop, account, stella, django_assert_num_queries, count
):
    account.credit_limit = 10**9
    account.save()
    for _ in range(count):
        factories.a_paid_invoice(account, stella)
    shop(GET_PAYMENTS)
    with django_assert_num_queries(6):
        assert shop(GET_PAYMENTS)["invoicePayments"]["totalCount"] == count


def test_a_stranger_sees_nothing(graphql, paid, mallory):
    shop = graphql(mallory)
    payment, receipt, line = (
        Payment.objects.earliest("pk"),
        Receipt.objects.get(),
        Allocation.objects.earliest("pk"),
    )
    for field in ("invoicePayments", "receipts", "allReceiptLines"):
        assert ids(shop, field) == []
    for pks in ((payment.pk, receipt.pk, line.pk), (987654321,) * 3):
        for document, pk, what in (
            ("query ($pk: Int!) { invoicePayment(paymentId: $pk) { id } }", pks[0], "Payment"),
            ("query ($pk: Int!) { invoicePaymentBcCart(paymentId: $pk) { cartId } }", pks[0], "Payment"),
            ("query ($pk: Int!) { receipt(id: $pk) { id } }", pks[1], "Receipt"),
            ("query ($pk: Int!) { receiptLines(receiptId: $pk) { totalCount } }", pks[1], "Receipt"),
            ("query ($pk: Int!) { receiptLine(id: $pk) { id } }", pks[2], "Receipt line"),
        ):
            assert shop.error(document, pk=pk) == (f"{what} not found", "NOT_FOUND")


def test_a_member_sees_their_own_payments(graphql, account, paid):
    ann = cast.member("Ann Example", account, "custom", get_invoice_payments_history=1)
    assert ids(graphql(ann), "invoicePayments") == []
    mine = factories.a_promised_payment(factories.an_open_invoice(account), by=ann.user)
    assert ids(graphql(ann), "invoicePayments") == [mine.pk]


def test_the_cart_of_a_payment(shop, account, paid):
    payment = Payment.objects.get(status="captured")
    told = shop(f"{{ invoicePaymentBcCart(paymentId: {payment.pk}) {{ cartId cartUrl }} }}")
    cart = payment.session.collection_id
    assert told["invoicePaymentBcCart"]["cartId"] == str(cart)
    assert told["invoicePaymentBcCart"]["cartUrl"].endswith(f"/account/{account.number}/pay/{cart}/")


@pytest.mark.parametrize("order", ["total", "-total", "createdAt", "externalId", "-externalId"])
def test_pages_of_receipts_in_every_order_hold_each_once(shop, paid, account, stella, order):
    for _ in range(2):
        factories.a_paid_invoice(account, stella)
    document = """query ($order: String, $after: String, $before: String, $first: Int, $last: Int) {
        receipts(orderBy: $order, after: $after, before: $before, first: $first, last: $last) {
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { node { externalId } } } }"""

    def page(**paging):
        answer = shop(document, order=order, **paging)["receipts"]
        return [edge["node"]["externalId"] for edge in answer["edges"]], answer["pageInfo"]

    everything, _ = page(first=10)
    seen, info = page(first=1)
    while info["hasNextPage"]:
        rows, info = page(first=1, after=info["endCursor"])
        seen += rows
    assert seen == everything
    assert len(seen) == 3
    back, info = page(last=1)
    while info["hasPreviousPage"]:
        rows, info = page(last=1, before=info["startCursor"])
        back = rows + back
    assert back == everything


def test_what_staff_noted_for_themselves_is_not_told(shop, account, stella):
    """Why a promise was rejected is the customer's to read; a note at its verification is not."""
    verified, rejected = (factories.a_promised_payment(factories.an_open_invoice(account)) for _ in range(2))
    note = "Came late again, watch them"
    operations.verify_manual_payment(payment=verified, at=NOW, staff=stella, reason=note)
    operations.reject_manual_payment(payment=rejected, at=NOW, staff=stella, reason="Nothing came")
    document = "query ($id: Int!) { invoicePayment(paymentId: $id) { details } }"
    told = [shop(document, id=one.pk)["invoicePayment"]["details"] for one in (verified, rejected)]
    assert told == [{"memo": ""}, {"memo": "Nothing came"}]
