"""Recurring invoices: the calendar, what a round makes, catching up, skipping, refusals."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import AccountLineItem
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from invoices import operations
from invoices.models import Invoice, RecurringInvoice, RecurringRun
from invoices.models.recurring import MONTHS, Frequency, date_of, dates_of
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

DAY = NOW.date()


def days(frequency, start, many, **more) -> list[str]:
    found = islice(dates_of(frequency, date.fromisoformat(start), **more), many)
    return [day.isoformat() for day in found]


class TestCalendar:
    def test_the_end_of_the_month_comes_back(self):
        assert days("monthly", "2023-12-31", 6) == [
            *("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"),
        ]
        assert days("monthly", "2025-01-31", 3) == ["2025-01-31", "2025-02-28", "2025-03-31"]
        assert days("monthly", "2025-01-30", 3) == ["2025-01-30", "2025-02-28", "2025-03-30"]

    def test_the_end_of_february_is_no_anchor_of_its_own(self):
        assert days("monthly", "2025-02-28", 3) == ["2025-02-28", "2025-03-28", "2025-04-28"]

    def test_quarters(self):
        assert days("quarterly", "2025-11-30", 4) == [
            *("2025-11-30", "2026-02-28", "2026-05-30", "2026-08-30"),
        ]

    def test_leap_days(self):
        assert days("yearly", "2024-02-29", 5) == [
            *("2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"),
        ]
        assert days("yearly", "1896-02-29", 3) == ["1896-02-29", "1897-02-28", "1898-02-28"]
        assert date_of("yearly", date(1896, 2, 29), 4) == date(1900, 2, 28)

    def test_weeks(self):
        assert days("weekly", "2024-02-26", 3) == ["2024-02-26", "2024-03-04", "2024-03-11"]

    def test_the_end_is_included(self):
        assert days("monthly", "2025-01-31", 9, end=date(2025, 3, 31)) == [
            *("2025-01-31", "2025-02-28", "2025-03-31"),
        ]
        assert days("monthly", "2025-01-31", 9, end=date(2025, 3, 30)) == ["2025-01-31", "2025-02-28"]

    def test_the_calendar_ends(self):
        assert days("yearly", "9998-05-01", 9) == ["9998-05-01", "9999-05-01"]
        assert days("weekly", "9999-12-20", 9) == ["9999-12-20", "9999-12-27"]

    @given(st.dates(date(1900, 1, 1), date(2200, 1, 1)), st.sampled_from(sorted(MONTHS)), st.integers(0, 600))
    def test_every_run_is_in_its_month_on_its_day_or_the_last(self, start, frequency, number):
        day = date_of(frequency, start, number)
        months = MONTHS[Frequency(frequency)] * number
        assert day.year * 12 + day.month == start.year * 12 + start.month + months
        is_last = (day + timedelta(days=1)).month != day.month
        assert day.day == start.day or (is_last and day.day < start.day)


@pytest.mark.django_db
class TestMaking:
    def test_a_draft_on_its_day_once(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella)
        made = operations.make_recurring_invoices(at=NOW)
        (invoice,) = made.invoices
        assert (invoice.status, invoice.total_amount, invoice.title) == ("draft", 11_900, "Maintenance")
        with unchanged():
            assert str(operations.make_recurring_invoices(at=NOW)) == "0 made, 0 refused, 0 failed"
        recurring.refresh_from_db()
        assert (recurring.runs_done, recurring.next_date) == (1, date(2025, 10, 3))
        assert (recurring.runs.get().invoice, recurring.runs.get().date) == (invoice, DAY)
        entry = AuditEntry.objects.get(action="recurringinvoice.made")
        assert (entry.account_id, entry.after) == (
            account.pk,
            {"date": "2025-09-03", "invoice": invoice.pk},
        )
        assert_sound()

    def test_it_issues_by_itself(self, account, stella):
        factories.a_recurring_invoice(account, stella, issues_itself=True)
        (invoice,) = operations.make_recurring_invoices(at=NOW).invoices
        assert (invoice.status, invoice.number) == ("sent", "INV-2025-001")
        account.refresh_from_db()
        assert account.balance_due == 3940 + 11_900
        assert_sound()

    def test_not_before_its_day_nor_after_its_end(self, account, stella):
        factories.a_recurring_invoice(account, stella, start=DAY + timedelta(days=1))
        ended = factories.a_recurring_invoice(account, stella, end_date=DAY)
        assert len(operations.make_recurring_invoices(at=NOW).invoices) == 1
        assert [one.recurring for one in RecurringRun.objects.all()] == [ended]
        ended.refresh_from_db()
        assert ended.next_date is None

    def test_paused_it_makes_none(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella, is_paused=True)
        with unchanged():
            assert operations.make_recurring_invoices(at=NOW).invoices == []
            assert operations.make_next(recurring=recurring, at=NOW) is None

    def test_what_was_missed_is_made_up_for(self, account, stella):
        factories.a_recurring_invoice(account, stella, start=date(2025, 5, 31))
        made = operations.make_recurring_invoices(at=NOW)
        assert len(made.invoices) == 4
        assert [str(run.date) for run in RecurringRun.objects.order_by("date")] == [
            *("2025-05-31", "2025-06-30", "2025-07-31", "2025-08-31"),
        ]

    def test_its_day_is_the_organization_s(self, account, stella):
        factories.an_organization(time_zone="Pacific/Auckland")
        factories.a_recurring_invoice(account, stella, start=date(2025, 9, 4))
        eve = datetime(2025, 9, 3, 11, 59, tzinfo=UTC)
        assert operations.make_recurring_invoices(at=eve).invoices == []
        assert len(operations.make_recurring_invoices(at=eve + timedelta(minutes=1)).invoices) == 1

    def test_one_that_cannot_be_issued_stays_a_draft(self, account, stella):
        account.credit_limit = 4000
        account.save()
        factories.a_recurring_invoice(account, stella, issues_itself=True)
        (invoice,) = operations.make_recurring_invoices(at=NOW).invoices
        assert Invoice.objects.get(pk=invoice.pk).status == "draft"
        assert RecurringRun.objects.get().note.startswith("Not issued: Charge of $119.00 exceeds")
        assert AccountLineItem.objects.count() == 1
        account.refresh_from_db()
        assert account.balance_due == 3940
        assert_sound()

    def test_of_one_that_cannot_be_issued_nothing_is_charged(self, account, stella):
        """$119.00 fits the limit, another $119.00 does not."""
        account.credit_limit = 20_000
        account.save()
        recurring = factories.a_recurring_invoice(account, stella, issues_itself=True)
        line = recurring.lines.get()
        line.pk = None
        line.save()
        operations.make_recurring_invoices(at=NOW)
        assert RecurringRun.objects.get().note.startswith("Not issued: Charge of $119.00 exceeds")
        assert AccountLineItem.objects.count() == 1
        account.refresh_from_db()
        assert account.balance_due == 3940
        assert_sound()

    def test_what_is_refused_stays_due_and_is_tried_again(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella)
        other = factories.a_recurring_invoice(factories.an_account("Other"), stella)
        factories.accounts.suspend_account(account=account, reason="Late", at=NOW, staff=stella)
        made = operations.make_recurring_invoices(at=NOW)
        assert ([one.account for one in made.invoices], len(made.refused)) == ([other.account], 1)
        recurring.refresh_from_db()
        assert (recurring.runs_done, recurring.refusal) == (0, made.refused[0][1])
        operations.make_recurring_invoices(at=NOW + timedelta(hours=1))
        recurring.refresh_from_db()
        assert recurring.refused_at == NOW  # the first time
        factories.accounts.resume_account(account=account, reason="Paid", at=NOW, staff=stella)
        assert len(operations.make_recurring_invoices(at=NOW).invoices) == 1
        recurring.refresh_from_db()
        assert (recurring.refusal, recurring.refused_at) == ("", None)

    def test_pausing_it_takes_a_refusal_away(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella)
        factories.accounts.suspend_account(account=account, reason="Late", at=NOW, staff=stella)
        operations.make_recurring_invoices(at=NOW)
        operations.pause_recurring_invoice(recurring=recurring, at=NOW, staff=stella)
        recurring.refresh_from_db()
        assert (recurring.is_paused, recurring.refusal, recurring.refused_at) == (True, "", None)

    def test_a_day_is_made_once(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella)
        operations.make_recurring_invoices(at=NOW)
        with pytest.raises(IntegrityError), transaction.atomic():
            RecurringRun.objects.create(recurring=recurring, date=DAY, created_at=NOW)
        RecurringInvoice.objects.update(runs_done=0)  # somebody else's hand
        with pytest.raises(IntegrityError):
            operations.make_next(recurring=recurring, at=NOW)
        assert Invoice.objects.count() == 1


@pytest.mark.django_db
class TestSkipping:
    def test_the_day_after_stays_what_it_is(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella, start=date(2025, 8, 31))
        operations.skip_next(recurring=recurring, reason="On leave", at=NOW, staff=stella)
        assert operations.make_recurring_invoices(at=NOW).invoices == []
        recurring.refresh_from_db()
        assert recurring.next_date == date(2025, 9, 30)
        assert recurring.runs.get().note == "Skipped: On leave"
        entry = AuditEntry.objects.get(action="recurringinvoice.skipped")
        assert entry.reason == "On leave"
        assert (entry.before, entry.after) == ({"next_date": "2025-08-31"}, {"next_date": "2025-09-30"})

    def test_what_was_asked_of_another_day_skips_nothing(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella)
        said = {"recurring": recurring, "reason": "On leave", "at": NOW, "staff": stella, "known_date": DAY}
        operations.skip_next(**said)
        with refuses(Conflict, "Another run is next by now. Look again"):
            operations.skip_next(**said)

    def test_refusals(self, account, stella):
        recurring = factories.a_recurring_invoice(account, stella, end_date=DAY)
        other = a_clerk("invoices.view_recurringinvoice")
        with refuses(Invalid, "Enter a reason", field="reason"):
            operations.skip_next(recurring=recurring, reason=" ", at=NOW, staff=stella)
        with refuses(Forbidden, "Insufficient permissions"):
            operations.skip_next(recurring=recurring, reason="x", at=NOW, staff=other)
        operations.skip_next(recurring=recurring, reason="x", at=NOW, staff=stella)
        with refuses(Conflict, "It has ended: there is no next run"):
            operations.skip_next(recurring=recurring, reason="x", at=NOW, staff=stella)


@pytest.mark.django_db
def test_it_ends_after_it_starts(account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    recurring.end_date = DAY - timedelta(days=1)
    with pytest.raises(ValidationError, match="The end date must be after the start date"):
        recurring.full_clean()
