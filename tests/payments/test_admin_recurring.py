"""Recurring invoices in the back office, and the worker that makes them."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client

from core.audit import AuditEntry
from invoices import operations
from invoices.models import Invoice, RecurringInvoice
from payments import tasks
from tests import cast, factories
from tests.back_office import (
    a_clerk,
    button,
    facts,
    form_of,
    list_of,
    page_of,
    plain,
    question,
    refusal,
    rows,
    told,
)
from tests.books import unchanged
from tests.factories import NOW
from tests.meanwhile import meanwhile
from tests.payments.serving import shared_database

__all__ = ["shared_database"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


def given(client, account, **changes) -> dict:
    region = factories.a_region()
    return (
        form_of(client.get(list_of(RecurringInvoice) + "add/"))
        | {
            "account": str(account.pk),
            "region": str(region.pk),
            "title": "Maintenance",
            "frequency": "monthly",
            "start_date": "2025-08-31",
            "lines-TOTAL_FORMS": "1",
            "lines-0-description": "Care",
            "lines-0-quantity": "2",
            "lines-0-unit_price": "50",
            "lines-0-tax_rate": "19",
        }
        | changes
    )


def test_one_is_written_and_made(staff, account, stella):
    answer = staff.post(list_of(RecurringInvoice) + "add/", given(staff, account))
    assert answer.status_code == 302
    recurring = RecurringInvoice.objects.get()
    assert (recurring.created_by, recurring.created_at, recurring.runs_done) == (stella, NOW, 0)
    assert AuditEntry.objects.filter(action="recurringline.added").count() == 1
    page = plain(staff.get(page_of(recurring)).content.decode())
    assert "31 Aug 2025, 30 Sep 2025, 31 Oct 2025, 30 Nov 2025" in page
    assert tasks.recur_now() == "1 made, 0 refused, 0 failed"
    assert tasks.recur_now() == "0 made, 0 refused, 0 failed"
    assert page_of(Invoice.objects.get()) in staff.get(page_of(recurring)).content.decode()
    assert rows(staff.get(list_of(RecurringInvoice)))[0] == [
        *("Maintenance", "Globex", "Monthly", "30 Sep 2025", "–", "Running"),
    ]


def test_a_form_that_is_sent_twice_makes_one(staff, account):
    sent = given(staff, account)
    staff.post(list_of(RecurringInvoice) + "add/", sent)
    with unchanged():
        again = staff.post(list_of(RecurringInvoice) + "add/", sent)
    said = "This form was saved already: its recurring invoice is in the list"
    assert said in plain(again.content.decode())
    assert staff.post(list_of(RecurringInvoice) + "add/", given(staff, account)).status_code == 302


def test_a_form_that_is_sent_twice_at_the_same_moment(shared_database):
    """The other one is saved when this one was read and not yet written."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite lets one writer in at a time: the page holds it from the start")
    account, desk, told = factories.reference_000(), Client(), []
    desk.force_login(cast.stella())
    sent = given(desk, account)

    def press():
        told.append(desk.post(list_of(RecurringInvoice) + "add/", sent).status_code)

    with meanwhile('INSERT INTO "invoices_recurringinvoice"', press):
        again = desk.post(list_of(RecurringInvoice) + "add/", sent)
    assert told == [302]
    assert "This form was saved already" in again.content.decode()
    assert RecurringInvoice.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"end_date": "2025-08-30"}, "The end date must be after the start date"),
        ({"start_date": "0999-01-01"}, "Enter a day between 2000 and 2999"),
        ({"lines-0-quantity": "0"}, "Item quantity must be positive"),
        ({"lines-0-unit_price": "-1"}, "greater than or equal to 0"),
        ({"lines-TOTAL_FORMS": "0"}, "Please submit at least 1 form."),
    ],
)
def test_wrong_input_is_told(staff, account, changes, said):
    wrong = given(staff, account, **changes)
    with unchanged():
        answer = staff.post(list_of(RecurringInvoice) + "add/", wrong)
    assert said in plain(answer.content.decode())


def test_its_days_stay_what_they_were(staff, account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    sent = form_of(staff.get(page_of(recurring))) | {"start_date": "2025-01-01", "title": "Care"}
    assert staff.post(page_of(recurring), sent).status_code == 302
    recurring.refresh_from_db()
    assert (recurring.start_date, recurring.title) == (NOW.date(), "Care")


def test_it_is_paused(staff, account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    assert page_of(recurring, "resume") not in staff.get(page_of(recurring)).content.decode()
    page = staff.get(page_of(recurring, "pause"))
    assert (question(page), button(page)) == ("Pause Maintenance?", "Pause Maintenance")
    assert facts(page) == {"Account": str(account), "Next run": "3 September 2025"}
    assert told(staff.post(page_of(recurring, "pause"))) == ["Maintenance is paused."]
    assert refusal(staff.get(page_of(recurring, "pause"))) == "It is paused already"
    assert page_of(recurring, "pause") not in staff.get(page_of(recurring)).content.decode()


def resuming(staff, recurring, **more) -> dict:
    page = staff.get(page_of(recurring, "resume"))
    return {"shown": page.context["form"]["shown"].value(), **more}


@pytest.mark.parametrize(
    ("answer", "said", "made"),
    [
        ("make up", "Maintenance goes on. 3 missed runs to be made up for.", 3),
        ("leave out", "Maintenance goes on. 3 missed runs left out.", 0),
    ],
)
def test_it_is_resumed_with_a_choice(staff, account, stella, answer, said, made):
    start = NOW.date() - timedelta(days=70)
    recurring = factories.a_recurring_invoice(account, stella, start, is_paused=True)
    page = staff.get(page_of(recurring, "resume"))
    assert (question(page), button(page)) == ("Resume Maintenance?", "Resume Maintenance")
    assert facts(page) == {
        "Account": str(account),
        "Missed": "3 runs: 25 Jun 2025, 25 Jul 2025, 25 Aug 2025",
        "Each invoice": "$119.00",
        "Made up for": "3 invoices, together $357.00",
        "Left out": "no invoice",
        "Next run after that": "25 September 2025",
    }
    with unchanged():  # without an answer
        assert staff.post(page_of(recurring, "resume"), resuming(staff, recurring)).status_code == 422
    sent = resuming(staff, recurring, missed=answer)
    assert told(staff.post(page_of(recurring, "resume"), sent)) == [said]
    assert tasks.recur_now() == f"{made} made, 0 refused, 0 failed"
    with unchanged():
        again = staff.post(page_of(recurring, "resume"), sent)
    assert told(again)[-1] == "It is not paused"


def test_what_was_shown_of_it_has_changed(staff, account, stella):
    start = NOW.date() - timedelta(days=70)
    recurring = factories.a_recurring_invoice(account, stella, start, is_paused=True)
    sent = resuming(staff, recurring, missed="make up")
    recurring.lines.update(unit_price=60)
    with unchanged():
        answer = staff.post(page_of(recurring, "resume"), sent)
    assert "Something has changed meanwhile. Look again" in plain(answer.content.decode())


def test_where_nothing_was_missed_there_is_nothing_to_choose(staff, account, stella):
    recurring = factories.a_recurring_invoice(account, stella, is_paused=True)
    page = staff.get(page_of(recurring, "resume"))
    assert (facts(page)["Missed"], "missed" in page.context["form"].fields) == ("nothing", False)
    answer = staff.post(page_of(recurring, "resume"), resuming(staff, recurring))
    assert told(answer) == ["Maintenance goes on."]


def test_the_next_run_is_skipped(staff, account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    page = staff.get(page_of(recurring, "skip"))
    assert (question(page), button(page)) == ("Skip the next run of Maintenance?", "Skip next run")
    assert facts(page)["Next run"] == "3 September 2025"
    sent = {"reason": "On leave", "known_date": page.context["form"]["known_date"].value()}
    assert sent["known_date"] == NOW.date()
    answer = staff.post(page_of(recurring, "skip"), sent)
    assert told(answer) == ["The next run of Maintenance is skipped."]
    assert tasks.recur_now() == "0 made, 0 refused, 0 failed"
    again = staff.post(page_of(recurring, "skip"), sent)
    assert told(again)[-1] == "Another run is next by now. Look again"


def test_without_the_right(client, account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    client.force_login(a_clerk("invoices.view_recurringinvoice"))
    for page in ("skip", "pause", "resume"):
        assert refusal(client.get(page_of(recurring, page))).startswith("Your role does not allow this")
    with unchanged():
        client.post(page_of(recurring, "skip"), {"reason": "x"})
        client.post(page_of(recurring, "pause"))
        assert client.post(page_of(recurring), {"title": "Care"}).status_code == 403


def test_a_refusal_is_shown(staff, account, stella):
    recurring = factories.a_recurring_invoice(account, stella)
    recurring.lines.all().delete()
    operations.make_recurring_invoices(at=NOW)
    (row,) = rows(staff.get(list_of(RecurringInvoice, show="refused")))
    assert row[-1] == "Refused: Invoice must have at least one item"
