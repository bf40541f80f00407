"""What the database keeps of an issued invoice (docs/invariants.md, 10 and 11)."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.deletion import ProtectedError
from moneyed import Money

from invoices import operations, triggers
from invoices.models import Invoice, InvoiceLineItem
from tests import factories
from tests.books import assert_sound, everything, unchanged
from tests.factories import NOW, SYSTEM
from tests.past_the_guards import without_triggers

pytestmark = pytest.mark.django_db
KEPT = "An issued invoice is never deleted"
NUMBERED = "The number of an issued invoice never changes"
FROZEN = "An issued invoice is frozen"
LINES = "The lines of an issued invoice are frozen"


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.fixture
def draft(account):
    """A draft with one line of its own."""
    draft = Invoice.objects.create(
        account=account, title="A draft", currency="USD", total_amount=5, due_date=NOW.date(), created_at=NOW
    )
    one_more_line(draft)
    return draft


def columns(model):
    return [field.column for field in model._meta.concrete_fields]


def test_every_column_is_frozen_or_may_move():
    """A new column must be put on one side, in invoices/triggers.py."""
    assert sorted([*triggers.NUMBER, *triggers.FROZEN, *triggers.MOVES]) == sorted(columns(Invoice))
    on_line = sorted([*triggers.FROZEN_OF_LINE, *triggers.MOVES_OF_LINE])
    assert on_line == sorted(columns(InvoiceLineItem))


def other_value(name):
    """Something else that the column can hold."""
    values = {
        **dict.fromkeys(("id", "number_year", "number_sequence", "total_amount"), 77),
        **dict.fromkeys(("invoice_id", "account_line_item_id", "account_id", "region_id"), 77),
        **dict.fromkeys(("net_amount", "tax_amount", "amount"), 77),
        **dict.fromkeys(("quantity", "unit_price", "tax_rate"), Decimal("7.7")),
        **dict.fromkeys(("issue_date", "due_date", "asked_issue_date", "asked_due_date"), date(2031, 1, 1)),
        **dict.fromkeys(("created_at", "sent_at"), NOW.replace(year=2031)),
        **dict.fromkeys(("currency", "unit_price_currency"), "EUR"),
        **dict.fromkeys(("uuid", "form_key"), UUID(int=7)),
        "snapshot": {"number": "INV-2025-001"},
    }
    return values.get(name, "other")


def assert_refused(act, refusal):
    with unchanged(), pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        act()


@pytest.mark.parametrize("name", triggers.NUMBER)
@pytest.mark.parametrize("status", ["sent", "paid", "cancelled"])
def test_invariant_10_a_number_never_changes_or_vanishes(account, stella, invoice, name, status):
    if status == "paid":
        invoice = factories.a_paid_invoice(account, stella)
    elif status == "cancelled":
        operations.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong")
    row = Invoice.objects.filter(pk=invoice.pk)
    for value in (other_value(name), None):
        assert_refused(lambda value=value: row.update(**{name: value}), NUMBERED)


@pytest.mark.parametrize("name", triggers.FROZEN)
def test_invariant_11_what_an_issued_invoice_says_never_changes(invoice, name):
    row = Invoice.objects.filter(pk=invoice.pk)
    assert_refused(lambda: row.update(**{name: other_value(name)}), FROZEN)
    if Invoice._meta.get_field(name.removesuffix("_id")).null and getattr(invoice, name) is not None:
        assert_refused(lambda: row.update(**{name: None}), FROZEN)


@pytest.mark.parametrize("name", triggers.FROZEN_OF_LINE)
def test_invariant_11_the_lines_of_an_issued_invoice_never_change(invoice, name):
    rows = InvoiceLineItem.objects.filter(invoice=invoice)
    assert_refused(lambda: rows.update(**{name: other_value(name)}), LINES)


def plain(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def emptied(table):
    """The quickest way that each database has."""
    connection.check_constraints()  # PostgreSQL empties no table on which a check is still due
    plain(f"DELETE FROM {table}" if connection.vendor == "sqlite" else f"TRUNCATE {table} CASCADE")


def one_more_line(invoice):
    price = Money("0.05", "USD")
    invoice.line_items.create(description="Post", unit_price=price, net_amount=5, amount=5)


OTHER_WAYS = {
    "delete": (KEPT, lambda invoice: Invoice.objects.filter(pk=invoice.pk)._raw_delete("default")),
    "sql delete": (KEPT, lambda invoice: plain("DELETE FROM invoices_invoice")),
    "lines deleted": (LINES, lambda invoice: invoice.line_items.all().delete()),
    "emptied": (f"{KEPT}|{LINES}", lambda invoice: emptied("invoices_invoice")),
    "lines emptied": (LINES, lambda invoice: emptied("invoices_invoicelineitem")),
    "one more line": (LINES, one_more_line),
    "sql update": (FROZEN, lambda invoice: plain("UPDATE invoices_invoice SET total_amount = 1")),
    "saved": (FROZEN, lambda invoice: Invoice(**{**as_it_is(invoice), "title": "Another"}).save()),
}


def as_it_is(invoice):
    return {field.attname: getattr(invoice, field.attname) for field in Invoice._meta.concrete_fields}


@pytest.mark.parametrize(("refusal", "act"), OTHER_WAYS.values(), ids=OTHER_WAYS)
def test_other_ways_to_change_an_issued_invoice(invoice, refusal, act):
    assert_refused(lambda: act(invoice), refusal)


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_control_without_the_triggers_it_changes(invoice, way):
    without_triggers()
    if way in ("delete", "sql delete", "emptied"):
        invoice.line_items.all().delete()
    before = everything()
    OTHER_WAYS[way][1](invoice)
    assert everything() != before


@pytest.mark.parametrize("name", [*triggers.NUMBER, "total_amount", "snapshot", "due_date", "title"])
def test_control_without_the_triggers_a_column_changes(invoice, name):
    without_triggers()
    assert Invoice.objects.filter(pk=invoice.pk).update(**{name: other_value(name)}) == 1


def test_a_line_does_not_move_onto_an_issued_invoice(draft, invoice):
    assert_refused(lambda: draft.line_items.update(invoice=invoice), LINES)


def test_a_charged_line_is_protected_by_its_invoice_too(invoice):
    with unchanged(), pytest.raises(ProtectedError):
        invoice.delete()


def test_a_draft_is_the_merchant_s_to_change_and_to_throw_away(draft):
    Invoice.objects.filter(pk=draft.pk).update(title="Better", total_amount=7, due_date=date(2031, 1, 1))
    draft.line_items.update(amount=7, net_amount=7)
    draft.line_items.all().delete()
    draft.delete()
    assert not Invoice.objects.exists()


def test_what_paying_looking_and_cancelling_move_may_move(account, stella, invoice):
    factories.a_paid_invoice(account, stella)
    operations.mark_viewed(invoice=invoice, at=NOW, by=SYSTEM)
    operations.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason="Wrong")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.number, invoice.viewed_at) == ("cancelled", "INV-2025-001", NOW)
    assert [line.is_live for line in invoice.line_items.all()] == [False]
    assert_sound()


def test_the_same_values_are_no_change(invoice):
    assert Invoice.objects.filter(pk=invoice.pk).update(**as_it_is(invoice)) == 1
