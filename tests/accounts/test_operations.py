"""Charging, settling, opening accounts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from moneyed import Money

from accounts import operations
from accounts.models import Account, AccountLineItem, ExchangeRate, NumberSeries
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from tests import cast, factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def globex(db):
    """A limit of $1,000.00 and nothing charged yet."""
    factories.a_region()
    return factories.an_account()


def charge(account, amount="39.40", currency="USD", *, at=NOW, by=SYSTEM, reason="", region=None, **more):
    return operations.charge(
        account_id=account.pk,
        region=region or factories.a_region(),
        amount=Money(amount, currency),
        description="Order #1",
        at=at,
        by=by,
        override_reason=reason,
        **more,
    )


# Charging


def test_a_charge(globex):
    line = charge(globex, order_display_id="1", item_count=3)
    stored = AccountLineItem.objects.get()
    assert line == stored
    assert (stored.amount, stored.account_amount, stored.currency, stored.exchange_rate) == (
        3940,
        3940,
        "USD",
        1,
    )
    assert (stored.description, stored.order_display_id, stored.item_count) == ("Order #1", "1", 3)
    assert (stored.settled_amount, stored.settled_account_amount, stored.created_at) == (0, 0, NOW)
    globex.refresh_from_db()
    assert (globex.total_amount, globex.balance_due, globex.available_credit) == (3940, 3940, 96_060)
    told = AuditEntry.objects.get(action="account.charged")
    assert (told.before, told.after) == (
        {"total_amount": 0},
        {"total_amount": 3940, "line_item": stored.pk},
    )
    assert_sound()


def test_the_credit_limit_can_be_used_to_the_last_cent(globex):
    charge(globex, "999.99")
    charge(globex, "0.01")
    globex.refresh_from_db()
    assert (globex.available_credit, globex.is_over_limit) == (0, False)
    with refuses(Conflict, "Charge of $0.01 exceeds the available credit of $0.00"):
        charge(globex, "0.01")


def test_what_was_paid_can_be_charged_again(globex):
    line = charge(globex, "1000.00")
    with operations.locked_account(globex.pk) as locked:
        operations.settle_line_items(account=locked, settled=[(line, 25_000)])
    charge(globex, "250.00")
    with refuses(Conflict, "Charge of $0.01 exceeds the available credit of $0.00"):
        charge(globex, "0.01")


def test_one_cent_over_the_limit_is_refused(globex):
    with refuses(Conflict, "Charge of $1,000.01 exceeds the available credit of $1,000.00"):
        charge(globex, "1000.01")


def test_staff_may_override_the_limit_and_it_is_audited(globex, stella):
    charge(globex, "1500.00", by=stella.actor, reason="Agreed by telephone")
    globex.refresh_from_db()
    assert (globex.total_amount, globex.available_credit, globex.is_over_limit) == (150_000, 0, True)
    told = AuditEntry.objects.get(action="account.charged_over_limit")
    assert (told.reason, told.actor_label, told.after["total_amount"]) == (
        "Agreed by telephone",
        "stella@example.com",
        150_000,
    )
    assert_sound()


def test_a_customer_may_not_override_the_limit(globex):
    alice = cast.alice(globex)
    with refuses(Forbidden, "Only staff can charge an account over its credit limit"):
        charge(globex, "1500.00", by=alice.actor, reason="I need it")


def test_a_blank_reason_is_none(globex, stella):
    with refuses(Conflict, "Charge of $1,500.00 exceeds the available credit of $1,000.00"):
        charge(globex, "1500.00", by=stella.actor, reason="  \n")


def test_a_reason_below_the_limit_makes_no_override(globex, stella):
    charge(globex, "10.00", by=stella.actor, reason="Just in case")
    assert not AuditEntry.objects.filter(action="account.charged_over_limit").exists()


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_an_account_that_is_not_active_is_not_charged(globex, stella, status):
    Account.objects.update(status=status)
    with refuses(Conflict, f"Account ACC-2025-000001 is {status}"):
        charge(globex)
    with refuses(Conflict, f"Account ACC-2025-000001 is {status}"):
        charge(globex, by=stella.actor, reason="Please")


@pytest.mark.parametrize("amount", ["0", "-1", "-0.01"])
def test_a_charge_must_be_positive(globex, amount):
    with refuses(Invalid, "Charge amount must be positive", field="amount"):
        charge(globex, amount)


def test_a_charge_has_the_currency_of_its_region(globex):
    with refuses(Invalid, "Charges in North America are in USD", field="amount"):
        charge(globex, "10", "EUR", region=factories.a_region())


def test_a_charge_has_no_more_places_than_its_currency(globex):
    with refuses(Invalid, "0.001 has more decimal places than USD allows", field="amount"):
        charge(globex, "0.001")


def test_a_missing_rate_is_refused_never_one_to_one(globex):
    europe = factories.a_region("Europe", "EUR")
    with refuses(Invalid, "There is no exchange rate from EUR to USD", field="amount"):
        charge(globex, "10", "EUR", region=europe)
    factories.a_rate("USD", "EUR", "0.9")  # the other way round says nothing
    factories.a_rate("EUR", "USD", "1.2", NOW + timedelta(seconds=1))  # not yet in force
    with refuses(Invalid, "There is no exchange rate from EUR to USD", field="amount"):
        charge(globex, "10", "EUR", region=europe)


def test_a_charge_is_worth_the_rate_of_its_moment(globex):
    europe = factories.a_region("Europe", "EUR")
    factories.a_rate("EUR", "USD", "1.1", NOW - timedelta(days=2))
    factories.a_rate("EUR", "USD", "1.2345", NOW)
    before = charge(globex, "10.01", "EUR", region=europe, at=NOW - timedelta(microseconds=1))
    after = charge(globex, "10.01", "EUR", region=europe)
    ExchangeRate.objects.update(rate=Decimal(9))
    for line, rate, worth in [(before, "1.1", 1101), (after, "1.2345", 1236)]:
        line.refresh_from_db()
        assert (line.currency, line.amount, line.exchange_rate, line.account_amount) == (
            "EUR",
            1001,
            Decimal(rate),
            worth,
        )
    globex.refresh_from_db()
    assert globex.total_amount == 1101 + 1236


def test_currencies_with_other_places(db):
    account = factories.an_account("Kuwait Trading", Money("1000.000", "KWD"))
    japan = factories.a_region("Japan", "JPY")
    factories.a_rate("JPY", "KWD", "0.0021")
    line = charge(account, "1182", "JPY", region=japan)
    assert (line.amount, line.account_amount) == (1182, 2482)  # 2.4822 dinars
    with refuses(Conflict, "Charge of KWD 2,100.000 exceeds the available credit of KWD 997.518"):
        charge(account, "1000000", "JPY", region=japan)


def test_the_hold_on_overdue_accounts_is_a_setting(globex):
    charge(globex, at=NOW - timedelta(days=31))
    charge(globex)  # overdue, but nobody holds it
    factories.an_organization(hold_overdue_accounts=True)
    with refuses(Conflict, "Account ACC-2025-000001 has overdue charges"):
        charge(globex)
    AccountLineItem.objects.update(settled_amount=3940, settled_account_amount=3940)
    Account.objects.update(paid_amount=7880)
    charge(globex)
    assert globex.line_items.count() == 3


def test_the_hold_begins_after_the_due_day(globex):
    factories.an_organization(hold_overdue_accounts=True)
    charge(globex, at=NOW - timedelta(days=30))  # due today
    charge(globex)
    with refuses(Conflict, "Account ACC-2025-000001 has overdue charges"):
        charge(globex, at=NOW + timedelta(days=1))


@pytest.mark.parametrize(
    ("terms", "organization", "due"),
    [
        (None, 30, date(2025, 10, 3)),
        (None, 14, date(2025, 9, 17)),
        (10, 30, date(2025, 9, 13)),
        (0, 30, NOW.date()),
    ],
)
def test_the_due_date_follows_the_terms(db, terms, organization, due):
    account = factories.an_account(payment_terms_days=terms)
    factories.an_organization(payment_terms_days=organization)
    assert charge(account).due_date == due


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("UTC", date(2025, 10, 3)),
        ("America/Los_Angeles", date(2025, 10, 2)),
        ("Asia/Tokyo", date(2025, 10, 3)),
    ],
)
def test_the_due_date_counts_from_the_organization_s_day(globex, zone, due):
    factories.an_organization(time_zone=zone)  # 05:21 UTC is still yesterday in Los Angeles
    assert charge(globex).due_date == due


# Settling


@given(
    st.integers(1, 10**9),
    st.integers(0, 10**9),
    st.lists(st.floats(0, 1), min_size=1, max_size=8),
)
def test_a_charge_is_worth_at_most_itself_and_in_full_exactly_that(amount, worth, shares):
    line = AccountLineItem(amount=amount, account_amount=worth)
    settled = sorted(int(share * amount) for share in shares)
    values = [line.worth_of(one) for one in settled]
    assert values == sorted(values)
    assert all(0 <= value <= worth for value in values)
    assert (line.worth_of(0), line.worth_of(amount)) == (0, worth)


class Settling(TestCase):
    """Whatever is settled and undone in whatever order, the account moves by exactly what its charges do."""

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1182)), max_size=12))
    def test_no_sequence_drifts(self, steps):
        account = factories.an_account()
        factories.a_rate("JPY", "USD", "0.0068")
        japan = factories.a_region("Japan", "JPY")
        lines = [charge(account, "1182", "JPY", region=japan) for _ in range(3)]
        for which, amount in [*steps, (0, 1182), (1, 1182), (2, 1182)]:
            with operations.locked_account(account.pk) as locked:
                current = AccountLineItem.objects.get(pk=lines[which].pk)
                operations.settle_line_items(account=locked, settled=[(current, amount)])
            assert_sound_figures(account.pk)
        assert Account.objects.get(pk=account.pk).paid_amount == 3 * 804


def assert_sound_figures(pk):
    account, lines = Account.objects.get(pk=pk), AccountLineItem.objects.filter(account=pk)
    assert account.paid_amount == sum(line.settled_account_amount for line in lines)
    assert account.total_amount == sum(line.account_amount for line in lines)
    for line in lines:
        assert line.settled_account_amount == line.account_amount * line.settled_amount // line.amount


def test_settling_rounds_down_until_the_last_unit(db):
    account = factories.an_account()
    factories.a_rate("JPY", "USD", "0.0068")
    line = charge(account, "3", "JPY", region=factories.a_region("Japan", "JPY"))
    AccountLineItem.objects.update(account_amount=100)
    Account.objects.update(total_amount=100)
    paid = []
    for amount in (1, 2, 3, 0):
        with operations.locked_account(account.pk) as locked:
            current = AccountLineItem.objects.get(pk=line.pk)
            operations.settle_line_items(account=locked, settled=[(current, amount)])
        paid.append(Account.objects.get().paid_amount)
    assert paid == [33, 66, 100, 0]


def test_settling_what_is_settled_writes_nothing(globex):
    line = charge(globex)
    with unchanged(), operations.locked_account(globex.pk) as locked:
        operations.settle_line_items(account=locked, settled=[(line, 0)])


def test_the_lock_refuses_to_run_inside_another_transaction(globex):
    with (
        operations.locked_account(globex.pk),
        pytest.raises(RuntimeError, match="durable"),
        operations.locked_account(globex.pk),
    ):
        pass
    assert transaction.get_connection().needs_rollback is False


# Opening


def test_accounts_are_numbered_by_year(db):
    first, second = factories.an_account(), factories.an_account("Initech")
    assert (first.number, second.number) == ("ACC-2025-000001", "ACC-2025-000002")
    assert (first.currency, first.credit_limit, first.status) == ("USD", 100_000, "active")
    factories.an_organization(time_zone="Pacific/Auckland")
    late = datetime(2025, 12, 31, 12, tzinfo=UTC)  # already 2026 there
    third = operations.open_account(
        company_name="Umbrella", credit_limit=Money("5.5", "KWD"), at=late, by=SYSTEM
    )
    assert (third.number, third.currency, third.credit_limit) == ("ACC-2026-000001", "KWD", 5500)
    told = AuditEntry.objects.filter(action="account.opened").first()
    assert (told.object_id, told.after) == (third.pk, {"credit_limit": 5500})


def test_an_account_that_could_not_be_opened_takes_no_number(db):
    factories.an_account()
    with refuses(Invalid, "0.001 has more decimal places than USD allows", field="amount"):
        factories.an_account("Initech", Money("0.001", "USD"))
    assert NumberSeries.objects.get(code="account").last_number == 1


def test_numbers_are_allotted_per_series_and_year(db):
    allotted = [
        operations.allot_number(code, year=year)
        for code, year in [("a", 2025), ("a", 2025), ("b", 2025), ("a", 2026), ("a", 2025)]
    ]
    assert allotted == [1, 2, 1, 1, 3]
