"""How far a permission of a custom role reaches: the member's own orders and payments, their company, its
subsidiaries."""

import pytest

from accounts.models import Account, AccountLineItem
from core.errors import Forbidden, NotFound
from invoices.models import Invoice
from orders.models import Order
from payments.models import Payment, PaymentCollection, PaymentSession
from tests import cast, factories
from tests.factories import MANUAL

pytestmark = pytest.mark.django_db


def invoiced(account, *people):
    """An open invoice over an order of each; None is an order that nobody of ours placed."""
    lines = []
    for place, person in enumerate(people):
        line = factories.an_unpaid_order(
            account, display_id=f"{account.pk}-{place}-{len(people)}-{person and person.user.pk}"
        )
        Order.objects.filter(account_line_item=line).update(placed_by=person and person.user)
        lines.append(line)
    return factories.an_open_invoice(account, *lines)


@pytest.fixture
def ann(account):
    """Sees all and pays what she ordered."""
    return cast.member("Ann Example", account, "custom", get_invoices=1, pay_invoice=1)


@pytest.fixture
def group(account):
    """Globex, a subsidiary of it, and one of that."""
    below = [factories.an_account("Globex North"), factories.an_account("Globex Norther")]
    Account.objects.filter(pk=below[0].pk).update(parent=account)
    Account.objects.filter(pk=below[1].pk).update(parent=below[0])
    return [account, *below]


def test_level_1_sees_invoices_over_orders_that_are_all_the_member_s(account, ann, alice):
    own, others, nobodys = invoiced(account, ann), invoiced(account, alice), invoiced(account, None)
    shared = invoiced(account, ann, alice)
    assert list(Invoice.objects.visible_to(ann.customer)) == [own]
    for hidden in (others, nobodys, shared):
        with pytest.raises(NotFound):
            Invoice.objects.get_for(ann.customer, hidden.pk)
    assert Invoice.objects.get_for(ann.customer, own.pk, may="pay_invoice") == own
    assert [line.order.placed_by for line in AccountLineItem.objects.visible_to(ann.customer)] == [
        ann.user
    ] * 2


def test_level_1_ends_with_the_membership(account, ann):
    """What somebody ordered for a company where they are no member any more."""
    left = invoiced(factories.an_account("Initech"), ann)
    assert not Invoice.objects.visible_to(ann.customer).exists()
    with pytest.raises(NotFound):
        Invoice.objects.get_for(ann.customer, left.pk)


def test_level_1_reaches_the_payments_of_those_invoices(account, ann, alice):
    own, others = invoiced(account, ann), invoiced(account, alice)
    mine = factories.an_initiated_session(own, MANUAL)
    foreign = factories.an_initiated_session(others, MANUAL)
    assert set(PaymentSession.objects.visible_to(ann.customer, "pay_invoice")) == set(
        mine.collection.sessions.all()
    )
    assert list(PaymentCollection.objects.visible_to(ann.customer)) == [mine.collection]
    with pytest.raises(NotFound):
        PaymentSession.objects.get_for(ann.customer, foreign.pk, may="pay_invoice")


def test_level_1_sees_the_payments_that_the_member_made(account, ann, alice):
    for person in (ann, alice):
        factories.a_promised_payment(invoiced(account, person), by=person.user)
    assert [payment.payer for payment in Payment.objects.visible_to(ann.customer)] == [ann.user]


def test_level_1_sees_no_figures_of_the_company(account, ann):
    assert not Account.objects.visible_to(ann.customer).exists()
    assert list(Account.objects.of_member(ann.customer)) == [account]


def test_two_levels_in_one_role(account, alice):
    """Who sees everything and pays their own is refused to pay the rest: it is there, so it is not hidden."""
    buyer = cast.member("Ben Example", account, "custom", get_invoices=2, pay_invoice=1)
    own, others = invoiced(account, buyer), invoiced(account, alice)
    assert Invoice.objects.get_for(buyer.customer, own.pk, may="pay_invoice") == own
    with pytest.raises(Forbidden):
        Invoice.objects.get_for(buyer.customer, others.pk, may="pay_invoice")
    assert Invoice.objects.reaches(buyer.customer, own, may="pay_invoice")
    assert not Invoice.objects.reaches(buyer.customer, others, may="pay_invoice")


def test_level_3_reaches_subsidiaries_and_theirs(group, django_assert_num_queries):
    top = cast.member("Tina Example", group[0], "custom", get_invoices=3, pay_invoice=2)
    customer = top.customer
    assert list(Account.objects.visible_to(customer)) == group
    assert customer.account_ids("pay_invoice") == [group[0].pk]
    bill = invoiced(group[2], None)
    assert Invoice.objects.get_for(customer, bill.pk) == bill
    with pytest.raises(Forbidden):
        Invoice.objects.get_for(customer, bill.pk, may="pay_invoice")
    with django_assert_num_queries(0):
        customer.account_ids("get_invoices")


def test_who_is_below_does_not_see_above(group):
    below = cast.member("Lena Example", group[1], "custom", get_invoices=3)
    assert list(Account.objects.visible_to(below.customer)) == group[1:]


@pytest.mark.parametrize("role", ["admin", "senior_buyer"])
def test_the_roles_that_are_given_end_at_the_company(group, role):
    person = cast.member("Tina Example", group[0], role)
    assert list(Account.objects.of_member(person.customer)) == group[:1]


def test_a_ring_of_companies_ends(group):
    """Staff are refused one; the database cannot be asked."""
    Account.objects.filter(pk=group[0].pk).update(parent=group[2])
    assert Account.objects.below([group[0].pk]) == {group[0].pk: (group[1].pk, group[2].pk)}


def test_subsidiaries_are_read_a_floor_at_a_time(group, django_assert_num_queries):
    for number in range(20):
        Account.objects.filter(pk=factories.an_account(f"Branch {number}").pk).update(parent=group[2])
    with django_assert_num_queries(4):  # the last floor has nothing below it
        assert len(Account.objects.below([group[0].pk])[group[0].pk]) == 22
