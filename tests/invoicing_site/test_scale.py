"""The large books are sound, and written once."""

from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AccountLineItem
from core.audit import AuditEntry
from invoices.models import Invoice, InvoiceLineItem
from invoicing_site.demo.scale import write_books
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import NOW


@pytest.fixture
def merchant(stella):
    factories.an_organization(time_zone="Europe/Berlin")
    factories.a_region()
    factories.a_region("Europe", "EUR")


def test_books_are_sound_and_beside_what_was_there(merchant, stella):
    account = factories.an_account("Globex")
    before = factories.an_open_invoice(account)
    heard = []
    write_books(invoices=300, lines=5, staff=stella, at=NOW, told=heard.append)
    assert heard == [300]
    assert (Invoice.objects.count(), InvoiceLineItem.objects.count()) == (301, 1501)
    assert AccountLineItem.objects.count() == 1501
    assert AuditEntry.objects.filter(action="invoice.sent").count() == 301
    assert_sound()
    assert {*Invoice.objects.values_list("status", flat=True)} == {"sent", "paid", "cancelled"}
    assert Invoice.objects.filter(paid_amount__gt=0, status="sent").exists()
    days = Invoice.objects.order_by("issue_date").values_list("issue_date", flat=True)
    assert (days[0] < date(2022, 9, 10), before.number) == (True, "INV-2025-001")
    later = factories.an_open_invoice(account)  # the database counts ids and numbers on from there
    assert later.number_sequence == Invoice.objects.filter(number_year=2025).count()
    assert_sound()


def test_run_again_it_changes_nothing(merchant, stella):
    write_books(invoices=20, lines=2, staff=stella, at=NOW)
    with unchanged():
        write_books(invoices=20, lines=2, staff=stella, at=NOW)


@pytest.mark.django_db
def test_the_command_tells_how_far_it_is():
    said = StringIO()
    asked = {"scale": True, "invoices": 20, "lines_per_invoice": 2, "stdout": StringIO(), "stderr": said}
    call_command("demo_data", **asked)
    assert said.getvalue() == f"\r[{'#' * 40}] 20 of 20 invoices\n"
    assert Invoice.objects.filter(account__external_id__startswith="scale-").count() == 20
    before = Invoice.objects.count()
    call_command("demo_data", **asked)
    assert Invoice.objects.count() == before
    assert_sound(at=timezone.now())
