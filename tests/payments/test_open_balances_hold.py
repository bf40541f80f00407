"""Any sequence of full, partial and joint payments: at every step a storefront reads an open balance that is
the original less what was applied, and the books are sound."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.money import from_minor
from invoices.models import Invoice
from payments import operations
from payments.models import Allocation, Payment, PaymentCollection, PaymentCollectionInvoice
from tests import factories
from tests.books import assert_sound
from tests.examples import rolled_back
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.company_documents import CART, FINISH

pytestmark = pytest.mark.django_db

LISTED = """{ invoices(first: 100, orderBy: "invoiceNumber") { edges { node {
    id status pendingPaymentCount originalBalance { value } openBalance { value } } } } }"""
PRICES = ("39.40", "1.00", "123.45")
# Of each of the three invoices: nothing, all that is open, or this many cents, which may be too many.
PARTS = st.lists(st.one_of(st.none(), st.just("all"), st.integers(-1, 4000)), min_size=3, max_size=3)
STEPS = st.lists(
    st.tuples(PARTS, st.sampled_from((STRIPE, PAYPAL, MANUAL, "left open")), st.booleans()), max_size=6
)


@settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_what_is_open_is_what_was_not_applied(steps, account, graphql, alice, stella, sandbox, time_machine):
    time_machine.move_to(NOW, tick=False)
    with rolled_back():
        shop = graphql(alice)
        charges = [factories.an_unpaid_order(account, price, display_id=f"A{price}") for price in PRICES]
        rows = [factories.an_open_invoice(account, charge) for charge in charges]
        for parts, way, is_good in steps:
            pay(shop, rows, parts, way, sandbox, is_good=is_good)
            if is_good:
                decide(stella, is_there=way == MANUAL)
            agrees(shop)


def pay(shop, rows, parts, way, sandbox, *, is_good):
    """Ask for these parts; what is not open is refused and makes nothing."""
    left = [one.open_balance if one.status == "sent" else 0 for one in Invoice.objects.order_by("pk")]
    amounts = [open_now if part == "all" else part for part, open_now in zip(parts, left, strict=True)]
    asked = [(row, amount) for row, amount in zip(rows, amounts, strict=True) if amount is not None]
    lines = [{"invoiceId": row.pk, "amount": str(Decimal(amount) / 100)} for row, amount in asked]
    before = PaymentCollection.objects.count()
    answer = shop.post(CART, {"data": {"lineItems": lines, "currency": "USD", "details": {}}}).json()
    open_of = dict(zip(rows, left, strict=True))
    allowed = bool(asked) and all(0 < amount <= open_of[row] for row, amount in asked)
    assert allowed == ("errors" not in answer), answer
    if not allowed:
        assert PaymentCollection.objects.count() == before
        return
    collection = PaymentCollection.objects.get(pk=answer["data"]["invoiceCreateBcCart"]["result"]["cartId"])
    covered = PaymentCollectionInvoice.objects.filter(collection=collection)
    assert sorted(covered.values_list("invoice", "amount")) == [(row.pk, amount) for row, amount in asked]
    if way == "left open" or (way == STRIPE and collection.amount < 50):
        return
    session = operations.change_method(collection=collection, provider_code=way, at=NOW, by=factories.SYSTEM)
    if way == STRIPE:
        sandbox.confirm_card(session.reference, "4242424242424242" if is_good else "4000000000000002")
    if way == PAYPAL:
        sandbox.approve_paypal(session.reference, funding="balance" if is_good else "declined")
    shop.post(FINISH, {"id": collection.pk})


def decide(staff, *, is_there):
    """Staff find the money of what was promised, or they do not."""
    for payment in Payment.objects.filter(status="pending"):
        if is_there:
            operations.verify_manual_payment(payment=payment, at=NOW, staff=staff)
        else:
            operations.reject_manual_payment(payment=payment, at=NOW, staff=staff, reason="Not there")


def agrees(shop):
    """What the storefront reads, beside the rows of the ledger."""
    told = {int(one["node"]["id"]): one["node"] for one in shop(LISTED)["invoices"]["edges"]}
    rows = list(Invoice.objects.all())
    assert sorted(told) == sorted(row.pk for row in rows)
    for row in rows:
        waiting = PaymentCollectionInvoice.objects.filter(
            invoice=row, collection__sessions__status__in=("pending_verification", "capturing")
        )
        applied = sum(Allocation.objects.filter(invoice=row).values_list("amount", flat=True))
        applied += sum(waiting.values_list("amount", flat=True))
        node, left = told[row.pk], row.total_amount - applied
        assert node["originalBalance"]["value"] == f"{from_minor(row.total_amount, 'USD').amount:.4f}"
        assert node["openBalance"]["value"] == f"{from_minor(left, 'USD').amount:.4f}"
        assert node["status"] == (2 if left == 0 else 1 if applied else 0)
        assert node["pendingPaymentCount"] == waiting.count()
    assert_sound()
