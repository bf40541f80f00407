"""What an invoice answers about itself, and what the database refuses to store."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models.organization import check_number_format, check_time_zone
from invoices.models import Invoice
from tests import factories
from tests.factories import NOW
from tests.past_the_guards import without_triggers

pytestmark = pytest.mark.django_db


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.mark.parametrize(
    ("paid", "reserved", "open_balance", "pending", "partly"),
    [
        (0, 0, 3940, False, False),
        (1000, 0, 2940, False, True),
        (1000, 2940, 0, True, True),
        (3940, 0, 0, False, False),
    ],
)
def test_amounts(paid, reserved, open_balance, pending, partly):
    invoice = Invoice(total_amount=3940, paid_amount=paid, reserved_amount=reserved)
    told = (invoice.open_balance, invoice.has_pending_payment, invoice.is_partly_paid)
    assert told == (open_balance, pending, partly)


def test_overdue_is_a_question_about_a_day():
    due = date(2025, 10, 3)
    for status, day, expected in [
        ("sent", due, False),
        ("sent", due + timedelta(days=1), True),
        ("paid", due + timedelta(days=1), False),
        ("cancelled", due + timedelta(days=1), False),
        ("draft", due + timedelta(days=1), False),
    ]:
        assert Invoice(status=status, due_date=due).is_overdue(on=day) is expected


@pytest.mark.parametrize(
    "change",
    [
        {"total_amount": 0},
        {"paid_amount": -1},
        {"reserved_amount": -1},
        {"paid_amount": 3000, "reserved_amount": 941},
        {"paid_amount": 3940},
        {"status": "paid", "paid_at": NOW},
        {"status": "paid", "paid_amount": 3940},
        {"paid_at": NOW},
        {"status": "cancelled"},
        {"cancelled_at": NOW},
        {"number": None},
        {"issue_date": None},
        {"status": "draft"},
    ],
    ids=str,
)
def test_what_the_database_refuses(invoice, change):
    without_triggers()
    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(**change)


def test_a_number_is_given_once(account, invoice):
    other = factories.an_open_invoice(account)
    without_triggers()
    for change in ({"number": invoice.number}, {"number_year": 2025, "number_sequence": 1}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Invoice.objects.filter(pk=other.pk).update(**change)


def test_rows_by_state(account, invoice, stella):
    paid = factories.a_paid_invoice(account, stella)
    assert list(Invoice.objects.open()) == [invoice]
    assert list(Invoice.objects.paid()) == [paid]
    assert list(Invoice.objects.overdue(on=invoice.due_date)) == []
    assert list(Invoice.objects.overdue(on=invoice.due_date + timedelta(days=1))) == [invoice]
    assert list(Invoice.objects.newest_first()) == [paid, invoice]
    assert (str(invoice), str(Invoice(pk=7))) == ("INV-2025-001", "Draft 7")


@pytest.mark.parametrize("good", ["INV-{year}-{sequence:03d}", "{year}/{sequence}", "{sequence}-{year}"])
def test_a_number_format(good):
    check_number_format(good)


@pytest.mark.parametrize(
    "bad", ["INV", "{year}", "{sequence}", "{0}", "{month}", "{year", "{year:q}{sequence}"]
)
def test_a_number_format_that_gives_twins_or_nothing(bad):
    with pytest.raises(Exception, match=r"Use \{year\} and|needs both"):
        check_number_format(bad)


def test_a_time_zone():
    check_time_zone("Europe/Berlin")
    for bad in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(Exception, match="is not a time zone"):
            check_time_zone(bad)
