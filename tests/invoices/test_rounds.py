"""A round of the worker: an error that nobody expected in one row stops no other, and is known."""

import logging

import pytest
from django.db import connection

from invoices import operations
from invoices.models import RecurringRun, Reminder
from payments import tasks
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW
from tests.invoices.test_reminding import after

pytestmark = pytest.mark.django_db


class Bug(Exception):
    pass


@pytest.fixture
def account(account):
    account.email = "books@globex.example"
    account.save()
    return account


def failing_first(table):
    """A database wrapper under which the first row that is written to a table meets a bug."""
    met = []

    def fail(execute, sql, params, many, context):
        if sql.startswith(f'INSERT INTO "{table}"') and not met:
            met.append(sql)
            raise Bug
        return execute(sql, params, many, context)

    return connection.execute_wrapper(fail)


def test_recurring_invoices(account, stella, caplog):
    wrong, right = (factories.a_recurring_invoice(account, stella, issues_itself=True) for _ in range(2))
    with failing_first("invoices_recurringrun"):
        made = operations.make_recurring_invoices(at=NOW)
    assert (str(made), made.failed) == ("1 made, 0 refused, 1 failed", [wrong])
    assert RecurringRun.objects.get().recurring == right
    wrong.refresh_from_db()
    said = "An error that nobody expected. It is tried again each hour; the log says more"
    assert (wrong.refusal, wrong.runs_done) == (said, 0)
    (logged,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert (logged.getMessage(), logged.recurring_id, logged.exc_info[0]) == ("recur.failed", wrong.pk, Bug)
    account.refresh_from_db()
    assert account.balance_due == 3940 + 11_900
    assert_sound()
    assert str(operations.make_recurring_invoices(at=NOW)) == "1 made, 0 refused, 0 failed"
    wrong.refresh_from_db()
    assert (wrong.refusal, wrong.runs_done) == ("", 1)


def test_reminders(account, caplog):
    factories.reminder_levels(3)
    wrong, right = (factories.an_open_invoice(account) for _ in range(2))
    with failing_first("invoices_reminder"):
        run = operations.run_reminders(at=after(5))
    assert (str(run), run.failed) == ("1 written, 0 refused, 1 failed", [wrong])
    assert Reminder.objects.get().invoice == right
    (logged,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert (logged.getMessage(), logged.invoice_id, logged.exc_info[0]) == ("remind.failed", wrong.pk, Bug)
    assert str(operations.run_reminders(at=after(5))) == "1 written, 0 refused, 0 failed"
    assert_sound(after(5))


def test_the_worker_marks_the_round_as_failed(account, stella, time_machine):
    time_machine.move_to(after(5), tick=False)
    factories.an_organization(send_reminders_automatically=True)
    factories.reminder_levels(3)
    factories.an_open_invoice(account)
    factories.a_recurring_invoice(account, stella)
    with failing_first("invoices_reminder"), pytest.raises(RuntimeError, match="0 written, 0 refused, 1 fa"):
        tasks.remind_now()
    with failing_first("invoices_recurringrun"), pytest.raises(RuntimeError, match="0 made, 0 refused, 1 fa"):
        tasks.recur_now()
