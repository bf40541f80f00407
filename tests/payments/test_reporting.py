"""Reports: the database's sums beside those of a plain loop over random books."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from invoices.models import Invoice
from invoicing_site.demo.scale import write_books
from payments import operations, reporting
from payments.models import Payment
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW
from tests.payments import naive

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = date(2025, 9, 3)
FIRST = date(2022, 9, 1)


@pytest.fixture
def books(db, stella):
    """Three years of invoices in two currencies, some cancelled, some paid in part; and one whose payment
    went back long after it was paid, so that it was open, paid, and open again."""
    factories.an_organization(time_zone="Europe/Berlin")
    factories.a_region()
    factories.a_region("Europe", "EUR")
    write_books(invoices=150, lines=3, staff=stella, at=NOW - timedelta(days=20))
    account = factories.an_account("Globex")
    invoice = factories.an_open_invoice(account, at=NOW - timedelta(days=19))
    payment = factories.a_promised_payment(invoice, at=NOW - timedelta(days=12))
    operations.verify_manual_payment(payment=payment, at=NOW - timedelta(days=11), staff=stella)
    operations.refund_payment(
        payment=payment, amount=1000, reason="Broken", at=NOW - timedelta(days=3), staff=stella
    )
    late = NOW - timedelta(days=2)
    credited, given_up = (factories.an_open_invoice(account, at=NOW - timedelta(days=19)) for _ in range(2))
    line = credited.line_items.get()
    operations.credit_invoice(
        invoice=credited, amounts={line.pk: 940}, reason="Scratched", at=late, staff=stella
    )
    operations.write_off(invoice=given_up, amount=3940, reason="Bankrupt", at=late, staff=stella)
    assert_sound()


def test_aging_is_exact_on_any_day(books):
    days = [*naive.days_between(FIRST, TODAY, 61), *naive.days_between(TODAY - timedelta(days=30), TODAY, 1)]
    for day in days:
        expected = naive.aged(day, BERLIN)
        by_account = reporting.aged_by_account(day, today=TODAY, zone=BERLIN)
        assert {(row.currency, row.account): row.amounts for row in by_account} == expected, day
        by_currency = reporting.aged_by_currency(day, today=TODAY, zone=BERLIN)
        assert {row.currency: row.amounts for row in by_currency} == naive.by_currency(expected), day


def test_aging_by_account_names_it_and_puts_the_largest_first(books):
    rows = reporting.aged_by_account(TODAY, today=TODAY, zone=BERLIN)
    assert [row.currency for row in rows] == sorted(row.currency for row in rows)
    for currency in {row.currency for row in rows}:
        totals = [row.total for row in rows if row.currency == currency]
        assert totals == sorted(totals, reverse=True)
    (globex,) = [row for row in rows if row.company == "Globex"]
    assert (globex.number[:4], globex.amounts, globex.overdue) == ("ACC-", [4000, 0, 0, 0, 0], 0)


@pytest.mark.parametrize("days", [0, 1, 30, 31, 60, 61, 90, 91, 400])
def test_the_edges_of_the_buckets(account, days):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    on = invoice.due_date + timedelta(days=days)
    (row,) = reporting.aged_by_currency(on, today=on, zone=ZoneInfo("UTC"))
    place = naive.place_of(invoice.due_date, on)
    assert row.amounts == [3940 if number == place else 0 for number in range(5)]
    listed = [Invoice.objects.filter(one.due(on)).count() for one in reporting.BUCKETS]
    assert listed == [int(number == place) for number in range(5)]  # where the amount's link leads


def test_the_day_ends_where_the_organization_is(account, stella):
    """Paid at half past midnight in Berlin, which is still the evening before elsewhere."""
    factories.an_organization(time_zone="Europe/Berlin")
    invoice = factories.an_open_invoice(account, account.line_items.get())
    at = NOW.replace(day=9, hour=22, minute=30)
    payment = factories.a_promised_payment(invoice, at=at)
    operations.verify_manual_payment(payment=payment, at=at, staff=stella)
    today = date(2025, 10, 1)

    def open_on(day: int, zone: str) -> list[int]:
        rows = reporting.aged_by_currency(date(2025, 9, day), today=today, zone=ZoneInfo(zone))
        return [row.total for row in rows]

    assert (open_on(9, "Europe/Berlin"), open_on(10, "Europe/Berlin")) == ([3940], [])
    assert open_on(9, "UTC") == []


@pytest.mark.parametrize("by", ["month", "quarter", "year"])
def test_revenue_is_the_sum_of_lines(books, by):
    for first, last in ((FIRST, TODAY), (date(2023, 2, 3), date(2024, 7, 19))):
        found = reporting.revenue(first, last, by=by, zone=BERLIN)
        sums = {(row.currency, row.first): (row.net, row.tax, row.gross) for row in found}
        assert sums == naive.revenue(first, last, by, BERLIN)
        assert list(sums) == sorted(sums)


def test_what_is_cancelled_later_stays_in_its_month(account):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    september = reporting.revenue(date(2025, 9, 1), date(2025, 9, 30), by="month", zone=BERLIN)
    factories.invoices.cancel_invoice(
        invoice=invoice, at=NOW + timedelta(days=40), staff=None, reason="Wrong"
    )
    both = reporting.revenue(date(2025, 9, 1), date(2025, 12, 31), by="month", zone=BERLIN)
    assert [september[0].gross, both[0].gross, both[1].gross] == [3940, 3940, -3940]
    assert (both[1].first, both[1].cancelled.count, both[1].invoiced.count) == (date(2025, 10, 1), 1, 0)


def test_taxes_by_rate(books):
    found = reporting.tax_summary(date(2023, 1, 1), date(2024, 12, 31), zone=BERLIN)
    sums = {(row.currency, row.rate): (row.net, row.tax, row.gross) for row in found}
    assert sums == naive.taxes(date(2023, 1, 1), date(2024, 12, 31), BERLIN)
    assert {row.rate for row in found} == {Decimal(19), Decimal(7), Decimal(0)}


def months_from(first: date) -> list[reporting.Span]:
    """The rest of the first month, and every month until TODAY."""
    spans = [(first, reporting.period_of(first, "month")[1])]
    while spans[-1][1] < TODAY:
        spans.append(reporting.period_of(spans[-1][1] + timedelta(days=1), "month"))
    return spans


def by_month(currency: str, spans: list[reporting.Span], sums: list[int]) -> dict:
    found = zip(spans, sums, strict=True)
    return {(currency, first.replace(day=1)): amount for (first, _), amount in found if amount}


def test_collected_in_each_month(books):
    Payment.objects.filter(pk__in=Payment.objects.values("pk")[:2]).update(status="refunded")
    spans, found = months_from(date(2023, 3, 5)), {}
    for code in ("EUR", "USD"):
        found |= by_month(code, spans, reporting.collected_in(code, spans, zone=BERLIN))
    assert found == naive.collected(spans[0][0], spans[-1][1], BERLIN)


def test_what_was_entered_by_mistake_was_never_collected(account, stella):
    factories.an_organization(time_zone="Europe/Berlin")
    day, at = date(2025, 9, 1), NOW.replace(month=8, day=31, hour=22)  # September in Berlin
    kept, wrong = (
        operations.record_payment(
            account=account, received=operations.Received("check", day, "USD", amount), at=at, staff=stella
        )
        for amount in (3001, 3000)
    )
    operations.undo_recording(payment=wrong, reason="Not ours", at=NOW + timedelta(days=40), staff=stella)
    spans = [reporting.period_of(date(2025, month, 1), "month") for month in (8, 9, 10)]
    assert reporting.collected_in("USD", spans, zone=BERLIN) == [0, kept.amount, 0]
    assert list(Payment.objects.collected()) == [kept]


def test_receivables_reconcile_in_every_month(books):
    day = FIRST
    while day <= TODAY:
        first, last = reporting.period_of(day, "month")
        rows = reporting.receivables_moved(first, last, today=TODAY, zone=BERLIN)
        expected = naive.moved(first, last, BERLIN)
        opening = naive.by_currency(naive.aged(first - timedelta(days=1), BERLIN))
        closing = naive.by_currency(naive.aged(last, BERLIN))
        assert rows
        for row in rows:
            sums = {name: getattr(row, name) for name in naive.MOVES}
            assert sums == expected.get(row.currency, dict.fromkeys(sums, 0))
            assert row.opening == sum(opening.get(row.currency, [0]))
            assert row.closing == sum(closing.get(row.currency, [0]))
            assert row.is_reconciled
        day = reporting.months_back(first, -1)


def test_largest_debtors(books):
    debts = naive.aged(TODAY, BERLIN)
    for currency in ("USD", "EUR"):
        owed = sorted((sum(row) for (code, _), row in debts.items() if code == currency), reverse=True)
        assert [row.total for row in reporting.largest_debtors(currency, count=2)] == owed[:2]


@pytest.mark.parametrize(
    ("receivables", "invoiced", "days"),
    [(0, 100, 0), (100, 100, 90), (50, 100, 45), (1, 60, 2), (7, 0, None)],
)
def test_days_sales_outstanding(receivables, invoiced, days):
    assert reporting.days_sales_outstanding(receivables, invoiced) == days


def test_a_moment_counts_on_its_day_where_the_organization_is(account, stella):
    """Midnight of 1 October in Berlin is 22:00 elsewhere: what happened then is October's."""
    factories.an_organization(time_zone="Europe/Berlin")
    september, october = date(2025, 9, 30), date(2025, 10, 1)
    midnight = NOW.replace(month=9, day=30, hour=22, minute=0, second=0, microsecond=0)
    paid, wrong = factories.an_open_invoice(account), factories.an_open_invoice(account)
    factories.invoices.cancel_invoice(invoice=wrong, at=midnight, staff=None, reason="Wrong")
    payment = factories.a_promised_payment(paid, at=midnight)
    operations.verify_manual_payment(payment=payment, at=midnight, staff=stella)

    def cancelled(first: date, last: date) -> list[tuple[date, int]]:
        rows = reporting.revenue(first, last, by="month", zone=BERLIN)
        return [(row.first, row.cancelled.gross) for row in rows if row.cancelled.count]

    assert (cancelled(FIRST, september), cancelled(FIRST, october)) == ([], [(october, 3940)])
    assert reporting.collected_in("USD", [(FIRST, september), (october, october)], zone=BERLIN) == [0, 3940]
    for day, total in ((september, [2 * 3940]), (october, [])):
        rows = reporting.aged_by_currency(day, today=date(2025, 11, 1), zone=BERLIN)
        assert [row.total for row in rows] == total


def test_what_was_invoiced_in_each_month_is_all_of_it(books):
    spans, found = months_from(FIRST.replace(day=7)), {}
    for code in ("EUR", "USD"):
        found |= by_month(code, spans, reporting.invoiced_in(code, spans))
    expected = Counter()
    for invoice in Invoice.objects.filter(issue_date__range=(spans[0][0], spans[-1][1])):
        expected[invoice.currency, invoice.issue_date.replace(day=1)] += invoice.total_amount
    assert found == expected


def test_periods():
    assert reporting.period_of(date(2024, 2, 11), "month") == (date(2024, 2, 1), date(2024, 2, 29))
    assert reporting.period_of(date(2025, 11, 30), "quarter") == (date(2025, 10, 1), date(2025, 12, 31))
    assert reporting.period_of(date(2025, 11, 30), "year") == (date(2025, 1, 1), date(2025, 12, 31))
    assert reporting.months_back(date(2025, 1, 31), 11) == date(2024, 2, 1)


def test_each_report_is_a_statement_for_each_kind_of_paper(books, django_assert_num_queries):
    past = TODAY - timedelta(days=100)
    with django_assert_num_queries(2):
        reporting.aged_by_currency(TODAY, today=TODAY, zone=BERLIN)
        reporting.aged_by_account(past, today=TODAY, zone=BERLIN)
    with django_assert_num_queries(3):
        reporting.revenue(FIRST, TODAY, by="year", zone=BERLIN)
    with django_assert_num_queries(3):
        reporting.tax_summary(FIRST, TODAY, zone=BERLIN)
    with django_assert_num_queries(3):
        reporting.invoiced_in("USD", months_from(FIRST))
        reporting.collected_in("USD", months_from(FIRST), zone=BERLIN)  # and what was undone
    with django_assert_num_queries(2):
        reporting.largest_debtors("USD")  # and their names
