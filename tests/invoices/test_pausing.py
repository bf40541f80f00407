"""Recurring invoices: paused, and resumed with what was missed or without."""

from datetime import UTC, date, datetime, timedelta

import pytest

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden
from invoices import operations
from invoices.models import Invoice
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DAY = NOW.date()
MISSED = [date(2025, 6, 3), date(2025, 7, 3), date(2025, 8, 3)]


def paused(account, stella, **more):
    """Missed three times; the fourth run is today."""
    return factories.a_recurring_invoice(account, stella, MISSED[0], is_paused=True, **more)


def resume(recurring, staff, *, leaves_out, at=NOW):
    return operations.resume_recurring_invoice(recurring=recurring, leaves_out=leaves_out, at=at, staff=staff)


def runs(recurring):
    return list(recurring.runs.order_by("date").values_list("date", "note"))


def test_paused(account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    operations.pause_recurring_invoice(recurring=recurring, at=NOW, staff=stella)
    assert operations.make_recurring_invoices(at=NOW).invoices == []
    told = AuditEntry.objects.get(action="recurringinvoice.paused")
    assert (told.actor_label, told.account_id) == ("stella@example.com", account.pk)


def test_what_was_missed_is_known_before(account, stella):
    missed = operations.missed_by(paused(account, stella), at=NOW)
    assert (missed.days, missed.amount, missed.total) == (MISSED, 11_900, 35_700)
    assert operations.missed_by(factories.a_recurring_invoice(account, stella), at=NOW).days == []


def test_made_up_for(account, stella):
    recurring = paused(account, stella)
    assert resume(recurring, stella, leaves_out=False).days == MISSED
    assert len(operations.make_recurring_invoices(at=NOW).invoices) == 4
    assert runs(recurring) == [(day, "") for day in (*MISSED, DAY)]
    told = AuditEntry.objects.get(action="recurringinvoice.resumed")
    assert told.after == {"left_out": [], "made_up": ["2025-06-03", "2025-07-03", "2025-08-03"]}
    assert_sound()


def test_left_out(account, stella):
    recurring = paused(account, stella)
    assert resume(recurring, stella, leaves_out=True).days == MISSED
    assert len(operations.make_recurring_invoices(at=NOW).invoices) == 1
    left_out = [(day, "Left out: it was paused") for day in MISSED]
    assert runs(recurring) == [*left_out, (DAY, "")]
    recurring.refresh_from_db()
    assert recurring.next_date == date(2025, 10, 3)
    told = AuditEntry.objects.get(action="recurringinvoice.resumed")
    assert told.after == {"left_out": ["2025-06-03", "2025-07-03", "2025-08-03"], "made_up": []}
    assert_sound()


def test_a_day_is_over_where_the_organization_is(account, stella):
    factories.an_organization(time_zone="Pacific/Auckland")
    eve = datetime(2025, 9, 3, 12, 0, tzinfo=UTC)  # 4 September there
    recurring = paused(account, stella)
    assert resume(recurring, stella, leaves_out=True, at=eve).days == [*MISSED, DAY]
    assert operations.make_recurring_invoices(at=eve).invoices == []


def test_all_that_was_left_may_be_left_out(account, stella):
    recurring = paused(account, stella, end_date=DAY - timedelta(days=1))
    resume(recurring, stella, leaves_out=True)
    recurring.refresh_from_db()
    assert recurring.next_date is None
    assert not Invoice.objects.exists()


def test_refusals(account, stella):
    running, recurring = factories.a_recurring_invoice(account, stella), paused(account, stella)
    other = a_clerk("invoices.view_recurringinvoice")
    with refuses(Forbidden, "Insufficient permissions"):
        operations.pause_recurring_invoice(recurring=running, at=NOW, staff=other)
    with refuses(Forbidden, "Insufficient permissions"):
        resume(recurring, other, leaves_out=True)
    with refuses(Conflict, "It is paused already"):
        operations.pause_recurring_invoice(recurring=recurring, at=NOW, staff=stella)
    with refuses(Conflict, "It is not paused"):
        resume(running, stella, leaves_out=True)
    operations.end_recurring_invoices(account=account, at=NOW, by=stella.actor)
    for act in (
        lambda: operations.pause_recurring_invoice(recurring=running, at=NOW, staff=stella),
        lambda: resume(recurring, stella, leaves_out=False),
    ):
        with refuses(Conflict, "It has ended: there is no next run"):
            act()
