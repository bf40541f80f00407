"""The statement of an account: its lines add up to its balances, whatever happened."""

import csv
import io
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models.signals import post_init
from django.urls import reverse

from accounts.models import Account
from core.audit import SYSTEM
from core.errors import Invalid
from payments import operations
from payments.operations import What, statement_of
from tests import factories
from tests.books import refuses
from tests.factories import MANUAL, NOW
from tests.payments.reading import Browser

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]
SEPTEMBER = {"first": date(2025, 9, 1), "last": date(2025, 9, 30)}


def paid(invoice, stella, *, at, amount=None):
    """By a verified bank transfer."""
    invoice.refresh_from_db()
    amounts = [amount] if amount else ()
    session = factories.a_collection_over(invoice, amounts=amounts, at=at).sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=session, at=at, by=SYSTEM)
    operations.verify_manual_payment(payment=session.payments.get(), at=at, staff=stella)


def lines(statement):
    return [(one.what, one.charge, one.payment, one.balance) for one in statement.entries]


def fresh(account):
    return Account.objects.get(pk=account.pk)


@pytest.fixture
def busy(account, stella):
    """A charge before September, two in it of which one is paid in two parts, and money back in October."""
    factories.an_unpaid_order(account, "100", display_id="AUG", at=NOW - timedelta(days=20))
    invoice = factories.an_open_invoice(account, account.line_items.get(order_display_id="1756876866"))
    paid(invoice, stella, at=NOW + timedelta(days=1), amount=1000)
    paid(invoice, stella, at=NOW + timedelta(days=2))
    payment = invoice.allocations.last().payment
    operations.refund_payment(
        payment=payment, amount=940, reason="Damaged", at=NOW + timedelta(days=40), staff=stella
    )
    return fresh(account)


def test_what_moved_the_balance(busy):
    statement = statement_of(busy, **SEPTEMBER)
    assert (statement.opening, statement.closing) == (10000, 10000)
    assert lines(statement) == [
        (What.CHARGE, 3940, 0, 13940),
        (What.PAYMENT, 0, 1000, 12940),
        (What.PAYMENT, 0, 2940, 10000),
    ]
    charge, first, _ = statement.entries
    assert [one.number for one in charge.invoices] == ["INV-2025-001"]
    assert (first.paid_with.receipt.number, first.invoices[0].number) == ("2025-000001", "INV-2025-001")
    assert (statement.charged, statement.paid) == (3940, 3940)


def test_what_went_back_is_owed_again(busy):
    october = statement_of(busy, first=date(2025, 10, 1), last=date(2025, 10, 31))
    assert (october.opening, october.closing) == (10000, 10940)
    assert lines(october) == [(What.REFUND, 0, -940, 10940)]
    assert october.closing == busy.balance_due


@pytest.mark.parametrize("cut", range(0, 60, 4))
def test_statements_follow_each_other_without_a_gap(busy, cut):
    begin, day, end = date(2025, 8, 1), date(2025, 8, 10) + timedelta(days=cut), date(2025, 12, 31)
    whole = statement_of(busy, first=begin, last=end)
    one = statement_of(busy, first=begin, last=day)
    other = statement_of(busy, first=day + timedelta(days=1), last=end)
    assert (whole.opening, one.closing, other.closing) == (0, other.opening, busy.balance_due)
    assert lines(one) + lines(other) == lines(whole)


def test_a_charge_in_another_currency_counts_at_its_worth(account, stella):
    """99 yen that were worth 67 cents, paid in three parts: rounded down until the last one."""
    factories.a_rate("JPY", "USD", "0.0068")
    line = factories.an_unpaid_order(account, "99", region=factories.a_region("Japan", "JPY"), display_id="J")
    invoice = factories.an_open_invoice(account, line)
    for day, amount in enumerate((33, 33, 33)):
        paid(invoice, stella, at=NOW + timedelta(days=day + 1), amount=amount)
    statement = statement_of(fresh(account), **SEPTEMBER)
    assert [entry.payment for entry in statement.entries][-3:] == [22, 22, 23]
    assert [entry.original for entry in statement.entries][:2] == [None, (99, "JPY")]
    assert [entry.charge for entry in statement.entries][:2] == [3940, 67]
    assert statement.opening == 0
    assert statement.closing == fresh(account).balance_due == 3940


def test_one_payment_over_two_invoices_is_one_line(account, stella):
    pair = [factories.an_open_invoice(account), factories.an_open_invoice(account)]
    session = factories.a_collection_over(*pair).sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=stella)
    (entry,) = [one for one in statement_of(fresh(account), **SEPTEMBER).entries if one.what is What.PAYMENT]
    assert (entry.payment, entry.invoices) == (7880, pair)


def test_account_credit_that_was_used(account, stella):
    money = factories.unassigned_money(1200)
    operations.assign_payment(payment=money, account=account, reason="Theirs", at=NOW, staff=stella)
    invoice = factories.an_open_invoice(account, account.line_items.get())
    collection = operations.create_payment_sessions(invoice=invoice, at=NOW, by=SYSTEM)
    operations.use_credit(collection=collection, at=NOW + timedelta(days=1), by=SYSTEM)
    entry = statement_of(fresh(account), **SEPTEMBER).entries[-1]
    assert (entry.what, entry.payment, entry.paid_with) == (What.CREDIT, 1200, money)


def test_each_credit_that_was_used_is_a_line_with_the_receipt_of_its_money(account, stella):
    for amount in (1200, 500):
        money = factories.unassigned_money(amount)
        operations.assign_payment(payment=money, account=account, reason="Theirs", at=NOW, staff=stella)
    collection = factories.a_collection_over(factories.an_open_invoice(account, account.line_items.get()))
    operations.use_credit(collection=collection, at=NOW + timedelta(days=1), by=SYSTEM)
    used = [one for one in statement_of(fresh(account), **SEPTEMBER).entries if one.what is What.CREDIT]
    told = [(one.payment, one.paid_with.receipt.number) for one in used]
    assert told == [(1200, "2025-000001"), (500, "2025-000002")]


def test_a_day_is_the_organization_s(account):
    factories.an_organization(time_zone="Pacific/Auckland")
    late = datetime(2025, 9, 30, 11, 30, tzinfo=UTC)  # 1 October there
    factories.an_unpaid_order(account, "10", display_id="LATE", at=late)
    assert len(statement_of(fresh(account), **SEPTEMBER).entries) == 1
    assert statement_of(fresh(account), first=date(2025, 10, 1), last=date(2025, 10, 1)).charged == 1000


def test_nothing_between_two_days(busy):
    quiet = statement_of(busy, first=date(2025, 11, 1), last=date(2025, 11, 1))
    assert (quiet.entries, quiet.opening, quiet.closing) == ([], 10940, 10940)


@pytest.mark.parametrize(
    ("first", "last", "text", "field"),
    [
        (date(2025, 9, 2), date(2025, 9, 1), "The end date must be after the start date", "to"),
        (date(2019, 1, 1), date(2025, 9, 1), "A statement covers at most five years", "from"),
        (date(9999, 12, 1), date(9999, 12, 31), "Write a day of this age", "to"),
        (date(1, 1, 1), date(1, 1, 1), "Write a day of this age", "from"),
    ],
)
def test_days_that_make_no_period(account, first, last, text, field):
    factories.an_organization(time_zone="Europe/Berlin")
    with refuses(Invalid, text, field=field):
        statement_of(account, first=first, last=last)


def test_what_is_paid_while_it_is_made_is_not_owed_before_it(account, stella):
    """The account was read before the payment, its lines after it."""
    before = fresh(account)
    paid(factories.an_open_invoice(account, account.line_items.get()), stella, at=NOW, amount=1000)
    statement = statement_of(before, **SEPTEMBER)
    assert (statement.opening, statement.closing) == (0, fresh(account).balance_due)


def test_what_came_after_its_days_is_added_up_by_the_database(account, stella):
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    for _ in range(3):
        factories.a_paid_invoice(account, stella)
    factories.an_open_invoice(account)
    day = {"first": date(2025, 8, 1), "last": date(2025, 8, 2)}
    with read_rows() as rows:
        statement = statement_of(fresh(account), **day)
    assert (statement.opening, statement.closing, statement.entries) == (0, 0, [])
    assert rows == {Account: 2}


@contextmanager
def read_rows():
    """How many rows of each model were made into objects."""
    rows = Counter()

    def made(sender, **_):
        rows[sender] += 1

    post_init.connect(made)
    yield rows
    post_init.disconnect(made)


@pytest.mark.parametrize("count", [1, 8])
def test_any_number_of_lines_needs_the_same_statements(account, stella, django_assert_num_queries, count):
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    for _ in range(count):
        factories.a_paid_invoice(account, stella)
    account = fresh(account)
    with django_assert_num_queries(9):
        assert len(statement_of(account, **SEPTEMBER).entries) == 1 + 2 * count


def test_what_went_back_is_a_number_in_the_csv(busy, alice):
    """Not text with an apostrophe before its minus, which no spreadsheet adds up."""
    address = reverse("statement_csv", args=[busy.number])
    answer = Browser(alice).get(f"{address}?from=2025-10-01&to=2025-10-31")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["payment"] for row in rows] == ["", "-9.40", ""]
    assert [row["balance"] for row in rows] == ["100.00", "109.40", "109.40"]
