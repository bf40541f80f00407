"""One payment for several invoices, in full or in part: what is asked for is what is paid."""

from uuid import UUID

import pytest

from core.audit import SYSTEM
from core.errors import Conflict, Invalid
from core.outbox import drain
from core.transitions import move
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import PaymentCollection, PaymentProvider, PaymentSession
from payments.operations import Share, Stand
from tests import factories
from tests.books import assert_sound, refuses
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE

pytestmark = pytest.mark.django_db
FORM = UUID("6f1c1e0e-5a0f-4a53-8f0c-0d9a4ce2a001")


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def pair(account):
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


def joint(account, *shares, currency="USD", **more):
    return operations.start_joint_payment(
        account=account,
        currency=currency,
        shares=[Share(Invoice.objects.get(pk=one[0]), one[1]) for one in shares],
        at=NOW,
        by=SYSTEM,
        **more,
    )


def paid_by_card(collection, sandbox):
    session = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, "4242424242424242")
    return operations.complete_payment(session=session, at=NOW, by=SYSTEM)


def standing(collection):
    fresh = PaymentCollection.objects.with_details().get(pk=collection.pk)
    deciding = PaymentSession.objects.deciding_on([one.invoice for one in fresh.covered.all()])
    return operations.standing_of(fresh, deciding=list(deciding), at=NOW, user_id=None)


def figures():
    return [(one.paid_amount, one.open_balance, one.status) for one in Invoice.objects.order_by("pk")]


def test_each_invoice_gets_what_was_asked_for_it(account, pair, sandbox):
    collection = joint(account, (pair[1].pk, 3940), (pair[0].pk, 1000))
    assert (collection.amount, collection.invoice_count, collection.description) == (4940, 2, "2 invoices")
    outcome = paid_by_card(collection, sandbox)
    assert (outcome.success, outcome.message) == (True, "$49.40 paid on 2 invoices")
    assert figures() == [(1000, 2940, "sent"), (3940, 0, "paid")]
    assert_sound()


def test_a_part_of_one_and_later_the_rest(account, pair, sandbox):
    first = joint(account, (pair[0].pk, 1000))
    assert (first.amount, first.invoice_count, first.description) == (1000, 1, "Invoice INV-2025-001")
    assert paid_by_card(first, sandbox).message == "$10.00 paid on invoice INV-2025-001"
    assert standing(first).stand is Stand.PAID
    with refuses(Conflict, "This payment is no longer possible"):
        operations.change_method(collection=first, provider_code=STRIPE, at=NOW, by=SYSTEM)
    rest = factories.an_initiated_session(pair[0], STRIPE)
    assert (rest.amount, rest.collection_id == first.pk) == (2940, False)
    sandbox.confirm_card(rest.reference, "4242424242424242")
    assert operations.complete_payment(session=rest, at=NOW, by=SYSTEM).message == (
        "Invoice INV-2025-001 paid successfully"
    )
    assert_sound()


def test_all_of_one_is_the_collection_that_the_invoice_has(account, pair):
    assert joint(account, (pair[0].pk, 3940)) == operations.create_payment_sessions(
        invoice=pair[0], at=NOW, by=SYSTEM
    )


def test_a_promise_keeps_its_parts_and_leaves_the_rest(account, pair, stella):
    collection = joint(account, (pair[0].pk, 1000), (pair[1].pk, 2000))
    session = operations.change_method(collection=collection, provider_code=MANUAL, at=NOW, by=SYSTEM)
    assert session.reference == f"PAY-{collection.pk}-{session.pk}"
    outcome = operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    assert outcome.message == "2 invoices are awaiting verification of your payment"
    assert figures() == [(0, 2940, "sent"), (0, 1940, "sent")]
    text = "Invoice INV-2025-001: Payment amount cannot exceed outstanding balance of $29.40"
    with refuses(Invalid, text, field="lineItems"):
        joint(account, (pair[0].pk, 2941))
    operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=stella)
    assert figures() == [(1000, 2940, "sent"), (2000, 1940, "sent")]
    assert_sound()


@pytest.mark.parametrize(
    ("amounts", "text"),
    [
        ((3941, 1), "Invoice INV-2025-001: Payment amount cannot exceed outstanding balance of $39.40"),
        ((3940, 0), "Invoice INV-2025-002: Payment amount must be positive"),
        ((3940, -5), "Invoice INV-2025-002: Payment amount must be positive"),
    ],
)
def test_a_wrong_amount_names_its_invoice_and_makes_nothing(account, pair, amounts, text):
    with refuses(Invalid, text, field="lineItems"):
        joint(account, *zip([one.pk for one in pair], amounts, strict=True))


def test_an_invoice_of_another_company_is_paid_on_its_own(account, pair, mallory):
    foreign = factories.an_open_invoice(mallory.user.accounts.get())
    text = f"Invoice {foreign.number} is another company's: pay it on its own"
    with refuses(Invalid, text, field="lineItems"):
        joint(account, (pair[0].pk, 100), (foreign.pk, 100))


def test_an_invoice_is_named_once(account, pair):
    with refuses(Invalid, "Invoice INV-2025-001 is named twice", field="lineItems"):
        joint(account, (pair[0].pk, 100), (pair[0].pk, 100))


def test_one_currency_in_one_payment(account, pair):
    factories.a_rate("EUR", "USD", "1.1")
    euros = factories.an_open_invoice(
        account,
        factories.an_unpaid_order(account, region=factories.a_region("Europe", "EUR"), display_id="EU1"),
    )
    with refuses(Invalid, "Invoice INV-2025-003 is in EUR, not in USD", field="currency"):
        joint(account, (pair[0].pk, 100), (euros.pk, 100))


def test_a_closed_invoice_is_refused(account, pair, stella):
    invoices.cancel_invoice(invoice=pair[0], at=NOW, staff=stella, reason="Wrong")
    with refuses(Conflict, "Invoice INV-2025-001 is cancelled"):
        joint(account, (pair[1].pk, 100), (pair[0].pk, 100))
    paid = factories.a_paid_invoice(account, stella)
    with refuses(Conflict, f"Invoice {paid.number} is already paid"):
        joint(account, (pair[1].pk, 100), (paid.pk, 100))


@pytest.mark.parametrize(
    ("count", "text"), [(0, "Select at least one invoice"), (101, "Pay at most 100 invoices at once")]
)
def test_how_many(account, pair, count, text):
    with refuses(Invalid, text, field="lineItems"):
        joint(account, *[(pair[0].pk, 100)] * count)


def test_the_same_form_makes_one(account, pair):
    shares = [(pair[0].pk, 100), (pair[1].pk, 100)]
    assert joint(account, *shares, form_key=FORM) == joint(account, *shares, form_key=FORM)
    assert PaymentCollection.objects.count() == 1


def test_ways_to_pay_are_those_of_all_regions(account, pair):
    other = factories.a_region("Canada", "USD")
    for provider in PaymentProvider.objects.filter(code__in=[PAYPAL, MANUAL]):
        provider.regions.add(other)
    PaymentProvider.objects.get(code=STRIPE).regions.remove(other)
    elsewhere = factories.an_open_invoice(
        account, factories.an_unpaid_order(account, region=other, display_id="CA1")
    )
    both = joint(account, (pair[0].pk, 100), (elsewhere.pk, 100))
    assert [one.provider.code for one in both.attempts] == [PAYPAL, MANUAL]
    other.payment_providers.clear()
    with refuses(Conflict, "No payment providers are available for this region"):
        joint(account, (pair[0].pk, 100), (elsewhere.pk, 100))


def test_when_less_is_open_the_rest_is_another_payment(account, pair, sandbox):
    """Nobody pays what was paid meanwhile, and the rest needs no new start."""
    collection = joint(account, (pair[0].pk, 3940), (pair[1].pk, 3940))
    old = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    paid_by_card(joint(account, (pair[0].pk, 3940)), sandbox)
    assert (standing(collection).stand, standing(collection).amount) == (Stand.CHANGED, 3940)
    session = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    assert (session.collection_id == collection.pk, session.amount) == (False, 3940)
    assert [one.invoice for one in session.collection.covered.all()] == [pair[1]]
    drain(at=NOW)
    old.refresh_from_db()
    assert old.status == "cancelled"
    sandbox.confirm_card(session.reference, "4242424242424242")
    assert operations.complete_payment(session=session, at=NOW, by=SYSTEM).success
    with refuses(Conflict, "Invoice INV-2025-001 is already paid"):
        operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    assert_sound()


def test_sessions_of_a_joint_payment_that_ended_are_replaced(account, pair, sandbox):
    collection = joint(account, (pair[0].pk, 100), (pair[1].pk, 100))
    first = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    PaymentSession.objects.filter(pk=first.pk).update(status="cancelled", ended_at=NOW)
    again = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    assert (again.pk == first.pk, again.collection_id, again.status) == (False, collection.pk, "initiated")


@pytest.mark.parametrize("how", ["promised", "paid"])
def test_a_part_is_not_paid_a_second_time_another_way(account, pair, sandbox, stella, how):
    """Two tabs of one payment page: of the invoice enough is open for both."""
    collection = joint(account, (pair[0].pk, 1000))
    card = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    promise = collection.sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=promise, at=NOW, by=SYSTEM)
    if how == "paid":
        operations.verify_manual_payment(payment=promise.payments.get(), at=NOW, staff=stella)
    sandbox.confirm_card(card.reference, "4242424242424242")
    ways = {"promised": "This payment is being made another way", "paid": "This payment was made already"}
    with refuses(Conflict, ways[how]):
        operations.complete_payment(session=card, at=NOW, by=SYSTEM)
    assert sandbox.intent(card.reference)["status"] == "requires_capture"
    drain(at=NOW)
    card.refresh_from_db()
    assert card.status == {"promised": "initiated", "paid": "cancelled"}[how]  # a promise may be rejected


def test_what_late_money_paid_is_not_paid_again(account, pair, sandbox):
    """The card payment was given up and another was opened; then the first turns out to be captured."""
    collection = joint(account, (pair[0].pk, 1000))
    old = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    sandbox.confirm_card(old.reference, "4242424242424242")
    move(old, "cancelled", at=NOW, by=SYSTEM, ended_at=NOW)
    again = operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    sandbox.confirm_card(again.reference, "4242424242424242")
    sandbox.capture_at_dashboard(old.reference)
    operations.look_at(session=old, at=NOW, by=SYSTEM)
    assert figures()[0] == (1000, 2940, "sent")
    for tab in (
        lambda: operations.complete_payment(session=again, at=NOW, by=SYSTEM),
        lambda: operations.change_method(collection=collection, provider_code=STRIPE, at=NOW, by=SYSTEM),
        lambda: operations.use_credit(collection=collection, at=NOW, by=SYSTEM),
    ):
        with refuses(Conflict, "This payment is no longer possible"):
            tab()
    assert standing(collection).stand is Stand.REPLACED
    drain(at=NOW)
    again.refresh_from_db()
    assert (again.status, figures()[0]) == ("cancelled", (1000, 2940, "sent"))
    assert_sound()


def test_a_part_goes_on_when_a_colleague_begins_to_pay_the_whole(account, pair, sandbox):
    """Both fit in what is open: whoever pays first, pays."""
    part = joint(account, (pair[0].pk, 1000))
    card = operations.change_method(collection=part, provider_code=STRIPE, at=NOW, by=SYSTEM)
    sandbox.confirm_card(card.reference, "4242424242424242")
    whole = factories.an_initiated_session(pair[0], STRIPE)
    drain(at=NOW)
    assert operations.complete_payment(session=card, at=NOW, by=SYSTEM).success
    sandbox.confirm_card(whole.reference, "4242424242424242")
    with refuses(Conflict, "The open balance of invoice INV-2025-001 has changed"):
        operations.complete_payment(session=whole, at=NOW, by=SYSTEM)
    again = operations.change_method(collection=whole.collection, provider_code=STRIPE, at=NOW, by=SYSTEM)
    assert again.amount == 2940
    drain(at=NOW)
    whole.refresh_from_db()
    assert (whole.status, sandbox.intent(whole.reference)["status"]) == ("cancelled", "canceled")
    assert_sound()
