"""Account credit used on a payment: what it covers is paid at once, the rest is another payment."""

import pytest

from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict
from core.outbox import drain
from invoices import operations as invoices
from payments import operations
from payments.models import AccountCredit, PaymentSession
from payments.providers.base import ProviderUnavailable
from payments.providers.stripe import Stripe
from tests import factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import MANUAL, NOW, STRIPE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


@pytest.fixture
def pair(account):
    """Two open invoices of $39.40 each."""
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


@pytest.fixture
def credit(account, stella):
    """$12.00 that nobody's invoice took."""
    return a_credit(account, 1200, stella)


def a_credit(account, amount, stella):
    payment = factories.unassigned_money(amount)
    operations.assign_payment(payment=payment, account=account, reason="Theirs", at=NOW, staff=stella)
    return AccountCredit.objects.get(payment=payment)


def use(collection):
    return operations.use_credit(collection=collection, at=NOW, by=SYSTEM)


def standing(*invoices):
    for one in invoices:
        one.refresh_from_db()
    return [(one.paid_amount, one.open_balance, one.status) for one in invoices]


def left():
    return [one.left for one in AccountCredit.objects.all().with_left()]


def test_credit_pays_a_part_and_the_rest_is_another_payment(pair, credit, sandbox):
    collection = operations.create_payment_sessions(invoice=pair[0], at=NOW, by=SYSTEM)
    opened = factories.an_initiated_session(pair[0], STRIPE)
    rest = use(collection)
    assert standing(pair[0]) == [(1200, 2740, "sent")]
    assert (rest.amount, rest.pk == collection.pk, left()) == (2740, False, [0])
    drain(at=NOW)
    opened.refresh_from_db()
    assert opened.status == "cancelled"
    session = operations.change_method(collection=rest, provider_code=STRIPE, at=NOW, by=SYSTEM)
    sandbox.confirm_card(session.reference, "4242424242424242")
    assert operations.complete_payment(session=session, at=NOW, by=SYSTEM).message == (
        "Invoice INV-2025-001 paid successfully"
    )
    told = AuditEntry.objects.get(action="credit.used")
    assert (told.before, told.after) == ({"left": 1200}, {"invoice": "INV-2025-001", "left": 0})
    assert_sound()


def test_of_a_part_the_credit_is_taken_off(pair, credit):
    """$20.00 of $39.40 were to be paid: after $12.00 of credit $8.00 are."""
    rest = use(factories.a_collection_over(pair[0], amounts=[2000]))
    assert (rest.amount, standing(pair[0])) == (800, [(1200, 2740, "sent")])


def test_enough_credit_leaves_nothing_to_pay(account, pair, stella):
    a_credit(account, 5000, stella)
    assert use(operations.create_payment_sessions(invoice=pair[0], at=NOW, by=SYSTEM)) is None
    assert (standing(pair[0]), left()) == ([(3940, 0, "paid")], [1060])
    drain(at=NOW)
    assert not PaymentSession.objects.live().exists()
    assert_sound()


def test_several_credits_on_several_invoices_oldest_first(account, pair, credit, stella):
    a_credit(account, 4000, stella)
    rest = use(factories.a_collection_over(*pair))
    assert standing(*pair) == [(3940, 0, "paid"), (1260, 2680, "sent")]
    assert ([one.invoice for one in rest.covered.all()], rest.amount, left()) == ([pair[1]], 2680, [0, 0])
    assert_sound()


def test_credit_of_another_currency_or_company_is_not_used(account, pair, mallory, stella):
    a_credit(mallory.user.accounts.get(), 1200, stella)
    a_credit(account, 1200, stella)
    AccountCredit.objects.filter(account=account).update(currency="EUR")
    collection = factories.a_collection_over(*pair)
    with refuses(Conflict, "There is no account credit to use"):
        use(collection)


def test_what_is_being_paid_takes_no_credit(pair, credit):
    session = factories.an_initiated_session(pair[0], MANUAL)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    with refuses(Conflict, "This payment is no longer possible"):
        use(session.collection)


def test_a_cancelled_invoice_takes_no_credit(pair, credit):
    collection = factories.a_collection_over(*pair)
    invoices.cancel_invoice(invoice=pair[1], at=NOW, staff=None, reason="A mistake")
    with unchanged(), refuses(Conflict, f"Invoice {pair[1].number} is cancelled"):
        use(collection)


def test_it_is_used_once(pair, credit):
    collection = operations.create_payment_sessions(invoice=pair[0], at=NOW, by=SYSTEM)
    rest = use(collection)
    for one in (rest, factories.a_collection_over(pair[1])):
        with refuses(Conflict, "There is no account credit to use"):
            use(one)


@pytest.mark.parametrize("much", [3000, 1000, 400])
def test_of_a_part_it_is_used_once_however_often_it_is_pressed(account, pair, stella, much):
    """$10.00 of $39.40 were to be paid, and there is credit for more, or more comes meanwhile."""
    a_credit(account, much, stella)
    collection = factories.a_collection_over(pair[0], amounts=[1000])
    use(collection)
    a_credit(account, 2000, stella)
    with refuses(Conflict, "This payment is no longer possible"):
        use(collection)
    assert standing(pair[0])[0][0] == min(much, 1000)


@pytest.mark.parametrize(("asked", "is_left"), [(1200, 0), (500, 700)])
def test_what_is_on_its_way_back_is_not_used(
    account, pair, credit, sandbox, stella, monkeypatch, asked, is_left
):
    """The provider has not answered: the money may be gone already."""

    def silent(*args, **kwargs):
        raise ProviderUnavailable("time-out")

    monkeypatch.setattr(Stripe, "refunds", silent)
    refund = operations.refund_payment(
        payment=credit.payment, amount=asked, reason="Theirs no more", at=NOW, staff=stella
    )
    assert (refund.status, left()) == ("requested", [is_left])
    collection = factories.a_collection_over(pair[0])
    if is_left:
        use(collection)
    else:
        with refuses(Conflict, "There is no account credit to use"):
            use(collection)
    assert standing(pair[0])[0][0] == is_left
    assert_sound()


@pytest.mark.parametrize("provider", [STRIPE, MANUAL])
def test_what_credit_paid_is_not_paid_again_in_another_tab(account, pair, sandbox, stella, provider):
    a_credit(account, 1000, stella)
    collection = factories.a_collection_over(pair[0], amounts=[1000])
    opened = operations.change_method(collection=collection, provider_code=provider, at=NOW, by=SYSTEM)
    if provider == STRIPE:
        sandbox.confirm_card(opened.reference, "4242424242424242")
    assert use(collection) is None
    for tab in (
        lambda: operations.complete_payment(session=opened, at=NOW, by=SYSTEM),
        lambda: operations.change_method(collection=collection, provider_code=provider, at=NOW, by=SYSTEM),
    ):
        with refuses(Conflict, "This payment is no longer possible"):
            tab()
    drain(at=NOW)
    opened.refresh_from_db()
    assert (opened.status, standing(pair[0])) == ("cancelled", [(1000, 2940, "sent")])
    assert_sound()


def test_a_part_that_credit_paid_is_not_taken_up_for_what_is_left(account, pair, stella):
    """It is as much by chance."""
    a_credit(account, 1970, stella)
    collection = factories.a_collection_over(pair[0], amounts=[1970])
    use(collection)
    assert operations.create_payment_sessions(invoice=pair[0], at=NOW, by=SYSTEM) != collection
