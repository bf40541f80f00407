"""Who sees what, and the questions that are asked of charges."""

from datetime import date, timedelta

import pytest

from accounts import operations
from accounts.models import Account, AccountLineItem, CustomerToken, ExchangeRate, Membership, User
from accounts.querysets import LARGEST_ID, parse_id
from core.errors import Forbidden, NotFound
from invoices import operations as invoices
from invoices.models import Invoice
from tests import cast, factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        (7, 7),
        ("007", 7),
        ("9223372036854775807", LARGEST_ID),
        ("9999999999999999999", LARGEST_ID),
        ("99999999999999999999", 0),
        ("", 0),
        ("-7", 0),
        ("7.0", 0),
        (" 7", 0),
        ("٧", 0),  # Arabic digits are digits to Python
        ("²", 0),
        ("cmf3a647p0002cfynywhf4itw", 0),
        (None, 0),
        (True, 0),
        (["7"], 0),
        ("7\x00", 0),
    ],
)
def test_a_wire_id(value, expected):
    assert parse_id(value) == expected


# Who sees what


@pytest.mark.parametrize(
    ("role", "permission", "expected"),
    [
        ("admin", "get_invoices", True),
        ("admin", "pay_invoice", True),
        ("admin", "export_invoices", True),
        ("senior_buyer", "get_invoices", True),
        ("senior_buyer", "export_invoices", True),
        ("senior_buyer", "pay_invoice", False),
        ("junior_buyer", "get_invoices", False),
        ("junior_buyer", "pay_invoice", False),
        ("custom", "get_invoices", False),
    ],
)
def test_what_a_role_may(account, role, permission, expected):
    assert (
        cast.member("Ann Example", account, role).customer.may(permission, account_id=account.pk) is expected
    )


@pytest.mark.parametrize(("level", "expected"), [(0, False), (1, False), (2, True), (3, True)])
def test_a_custom_role_by_permission_and_level(account, level, expected):
    custom = cast.member("Ann Example", account, "custom", get_invoices=level).customer
    assert custom.may("get_invoices", account_id=account.pk) is expected
    assert custom.may("pay_invoice", account_id=account.pk) is False


def test_what_must_be_allowed_is_required(account, alice, sam, bob, mallory):
    alice.customer.require("pay_invoice")
    for customer in (sam.customer, bob.customer):
        with pytest.raises(Forbidden, match="Insufficient permissions"):
            customer.require("pay_invoice")


def test_who_belongs_to_nobody_is_told_that_nothing_is_there(account):
    loner = cast.member("Ann Example", None, "admin").customer
    loner.require("pay_invoice")  # nothing to forbid: whatever is asked for is not found
    with pytest.raises(NotFound, match="Account not found"):
        Account.objects.get_for(loner, account.pk)
    assert not Account.objects.visible_to(loner).exists()


def test_a_customer_sees_their_own_accounts(account, alice, bob, mallory):
    assert list(Account.objects.visible_to(alice.customer)) == [account]
    assert list(Account.objects.visible_to(bob.customer)) == []
    assert list(Account.objects.of_member(bob.customer)) == [account]
    assert [one.company_name for one in Account.objects.visible_to(mallory.customer)] == ["Initech"]
    assert list(AccountLineItem.objects.visible_to(alice.customer)) == [account.line_items.get()]
    assert not AccountLineItem.objects.visible_to(mallory.customer).exists()


@pytest.mark.parametrize("pk", [0, 999, "x", None, "99999999999999999999"])
def test_a_foreign_and_a_random_row_are_refused_alike(account, mallory, pk):
    for asked in (pk, account.pk):
        with pytest.raises(NotFound, match=r"^Account not found$"):
            Account.objects.get_for(mallory.customer, asked)


def test_one_row_is_given_to_whom_it_belongs(account, alice, sam):
    assert Account.objects.get_for(alice.customer, str(account.pk), may="pay_invoice") == account
    assert Account.objects.get_for(sam.customer, account.pk) == account
    with pytest.raises(Forbidden):
        Account.objects.get_for(sam.customer, account.pk, may="pay_invoice")


def test_a_right_on_one_account_is_none_on_another(account, alice):
    other = factories.an_account("Initech")
    Membership.objects.create(user=alice.user, account=other, role="senior_buyer")
    both = operations.customer_for_user(alice.user)
    assert Account.objects.get_for(both, other.pk) == other
    with pytest.raises(Forbidden):
        Account.objects.get_for(both, other.pk, may="pay_invoice")


def test_a_draft_is_the_merchant_s_own_paper(account, alice):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    assert list(Invoice.objects.visible_to(alice.customer)) == [invoice]
    Invoice.objects.create(
        account=account,
        title="A draft",
        currency="USD",
        total_amount=1,
        due_date=factories.NOW.date(),
        created_at=factories.NOW,
    )
    assert list(Invoice.objects.visible_to(alice.customer)) == [invoice]


def test_users_are_found_whatever_the_case_of_their_address(db):
    user = User.objects.create_user(" Ann@Example.COM ", "correct horse")
    assert user.email == "ann@example.com"
    assert User.objects.get_by_natural_key("ANN@example.com") == user
    assert not user.is_staff
    with pytest.raises(ValueError, match="e-mail"):
        User.objects.create_user("")


def test_usable_tokens(alice):
    usable = CustomerToken.objects.usable
    assert usable(at=NOW).count() == 1
    assert usable(at=NOW + timedelta(days=90)).count() == 0


# Questions about charges


def settle(line, amount):
    AccountLineItem.objects.filter(pk=line.pk).update(settled_amount=amount, settled_account_amount=amount)


def test_open_overdue_and_unbilled_charges(account):
    first = account.line_items.get()
    second = factories.an_unpaid_order(account, "10.00", display_id="2", at=NOW - timedelta(days=40))
    third = factories.an_unpaid_order(account, "20.00", display_id="3")
    settle(third, 2000)
    invoice = factories.an_open_invoice(account, first)
    rows = AccountLineItem.objects
    assert set(rows.open()) == {first, second}
    assert list(rows.overdue(on=date(2025, 9, 3))) == [second]
    assert list(rows.overdue(on=second.due_date)) == []
    assert list(rows.overdue(on=second.due_date + timedelta(days=1))) == [second]
    assert list(rows.unbilled()) == [second]
    assert list(rows.newest_first()) == [third, first, second]
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong")
    assert set(rows.unbilled()) == {first, second}


def test_the_next_due_date_of_an_account(account):
    def due():
        return Account.objects.with_due_date().get().next_due_date

    assert due() == date(2025, 10, 3)
    early = factories.an_unpaid_order(account, "10.00", display_id="2", at=NOW - timedelta(days=40))
    assert due() == date(2025, 8, 24)
    settle(early, 1000)
    assert due() == date(2025, 10, 3)
    settle(account.line_items.get(order_display_id="1756876866"), 3940)
    assert due() is None


def test_the_payment_status_of_a_charge(account, stella):
    def status():
        return AccountLineItem.objects.with_payment_status().get(pk=line.pk).payment_status

    line = account.line_items.get()
    assert status() == "unpaid"
    invoice = factories.an_open_invoice(account, line)
    assert status() == "unpaid"
    promise = factories.a_promised_payment(invoice)
    assert status() == "pending"
    factories.payments.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    assert status() == "paid"


def test_charges_by_region_the_one_worth_most_first(account):
    factories.a_rate("EUR", "USD", "1.1")
    factories.a_rate("JPY", "USD", "0.0068")
    europe, japan = factories.a_region("Europe", "EUR"), factories.a_region("Japan", "JPY")
    for number, (region, price) in enumerate([(europe, "30.00"), (europe, "10.00"), (japan, "1182")]):
        factories.an_unpaid_order(account, price, display_id=str(number), region=region)
    told = AccountLineItem.objects.by_region()
    assert [
        (row["region__name"], row["currency"], row["count"], row["total"], row["worth"]) for row in told
    ] == [
        ("Europe", "EUR", 2, 4000, 4400),
        ("North America", "USD", 1, 3940, 3940),
        ("Japan", "JPY", 1, 1182, 804),
    ]


def test_the_newest_of_each_account(account):
    factories.many_unpaid_orders(account, 5)
    other = factories.an_account("Initech")
    theirs = factories.an_unpaid_order(other, display_id="theirs")
    rows = AccountLineItem.objects.newest_of_each([account.pk, other.pk], 3)
    assert [row.order_display_id for row in rows if row.account_id == account.pk] == ["1756876866", "1", "2"]
    assert [row.pk for row in rows if row.account_id == other.pk] == [theirs.pk]


def test_the_rate_in_force(db):
    for days, rate in [(3, "1.1"), (2, "1.2"), (-1, "1.3")]:
        factories.a_rate("EUR", "USD", rate, NOW - timedelta(days=days))
    newest = ExchangeRate.objects.in_force("EUR", "USD", at=NOW).first()
    assert str(newest.rate) == "1.2000000000"
    assert ExchangeRate.objects.in_force("USD", "EUR", at=NOW).first() is None


def test_the_admins_of_an_account(account, alice, sam):
    assert [place.user for place in Membership.objects.admins_of(account.pk)] == [alice.user]
    User.objects.filter(pk=alice.user.pk).update(is_active=False)
    assert list(Membership.objects.admins_of(account.pk)) == []
