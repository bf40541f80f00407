"""After a restore nothing is given out a second time, and every gap has its reason."""

import ast
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts import operations
from accounts.models import Account, NumberSeries, Region
from accounts.operations.numbering import SERIES
from core.audit import SYSTEM, AuditEntry
from core.errors import Conflict, Invalid
from invoices.models import Invoice
from payments.operations import broken_invariants
from tests import factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW
from tests.past_the_guards import without_triggers

ROOT = Path(__file__).resolve().parent.parent.parent
REASON = "Restored from the backup of 3 September"
LATER = NOW + timedelta(hours=5)

pytestmark = pytest.mark.django_db


def skip(number=100, *, at=LATER, reason=REASON, known=()):
    return operations.skip_lost_numbers(skip=number, reason=reason, at=at, by=SYSTEM, known=dict(known))


def told(skipped):
    return [(one.code, one.year, one.first, one.last) for one in skipped]


def counters():
    return set(NumberSeries.objects.values_list("code", "year", "last_number"))


def numbers_broken(at=LATER):
    return [one.number for one in broken_invariants(at=at)]


def test_every_series_goes_on_above_what_may_have_been_given_out(account):
    factories.an_open_invoice(account)
    assert told(skip(100)) == [
        ("account", 2025, 2, 101),
        ("credit_note", 2025, 1, 100),
        ("invoice", 2025, 2, 101),
        ("receipt", 2025, 1, 100),
    ]
    assert counters() == {
        ("account", 2025, 101),
        ("credit_note", 2025, 100),
        ("invoice", 2025, 101),
        ("receipt", 2025, 100),
    }
    assert factories.an_open_invoice(account, at=LATER).number == "INV-2025-102"
    assert factories.an_account("Initech").number == "ACC-2025-000102"
    assert_sound(LATER)


def test_what_was_left_out_stands_in_the_trail_with_its_reason(account):
    factories.an_open_invoice(account)
    skip(100, reason=f" {REASON} ")
    series = NumberSeries.objects.get(code="invoice")
    entry = AuditEntry.objects.get(object_kind="accounts.numberseries", object_id=series.pk)
    assert (entry.action, entry.reason, entry.at) == ("numberseries.skipped", REASON, LATER)
    assert entry.before == {"last_number": 1}
    assert entry.after == {"last_number": 101, "code": "invoice", "year": 2025}


def test_a_known_last_number_leaves_out_no_more_than_was_lost(account):
    factories.an_open_invoice(account)
    known = {("invoice", 2025): 4, ("account", 2025): 1, ("credit_note", 2025): 0, ("receipt", 2025): 0}
    assert told(skip(100, known=known)) == [("invoice", 2025, 2, 4)]
    assert factories.an_open_invoice(account, at=LATER).number == "INV-2025-005"
    assert_sound(LATER)


def test_a_series_that_began_after_the_backup_does_not_begin_at_one(account):
    """The backup is of last year, the accident of this one: the books know no number of this year."""
    new_year = NOW + timedelta(days=200)
    factories.an_open_invoice(account)
    assert told(skip(100, at=new_year)) == [
        ("account", 2025, 2, 101),
        ("account", 2026, 1, 100),
        ("credit_note", 2025, 1, 100),
        ("credit_note", 2026, 1, 100),
        ("invoice", 2025, 2, 101),
        ("invoice", 2026, 1, 100),
        ("receipt", 2025, 1, 100),
        ("receipt", 2026, 1, 100),
    ]
    assert_sound(new_year)
    assert factories.an_open_invoice(account, at=new_year).number == "INV-2026-101"
    assert_sound(new_year)


def test_a_series_of_which_the_books_know_nothing_does_not_begin_at_one(db):
    """No invoice was ever issued when the backup was taken."""
    account = factories.an_account()
    assert told(skip(100)) == [
        ("account", 2025, 2, 101),
        ("credit_note", 2025, 1, 100),
        ("invoice", 2025, 1, 100),
        ("receipt", 2025, 1, 100),
    ]
    assert factories.an_open_invoice(account, at=LATER).number == "INV-2025-101"
    assert_sound(LATER)


def test_a_second_restore_is_explained_too(account):
    factories.an_open_invoice(account)
    skip(100)
    factories.an_open_invoice(account, at=LATER)
    skip(10)
    assert factories.an_open_invoice(account, at=LATER).number == "INV-2025-113"
    assert_sound(LATER)


def test_ids_are_not_used_again(account):
    line = account.line_items.get()
    invoice, customer = factories.an_open_invoice(account, line), Account.objects.latest("pk")
    empty = NumberSeries.objects.latest("pk").pk
    skip(100)
    assert factories.an_open_invoice(account, at=LATER).pk > invoice.pk + 100
    assert factories.an_account("Initech").pk > customer.pk + 100
    assert NumberSeries.objects.create(code="other", year=2025).pk > empty + 100


def test_ids_of_a_table_that_was_empty_are_not_used_again(db):
    factories.an_account()
    assert not Invoice.objects.exists()
    region = Region.objects.create(name="Before", currency="USD")
    skip(100)
    assert Region.objects.create(name="After", currency="USD").pk > region.pk + 100
    assert factories.an_open_invoice(Account.objects.get(), at=LATER).pk > 100


@pytest.mark.parametrize("number", [0, -1, 1_000_001])
def test_how_many_is_limited(account, number):
    with refuses(Invalid, "Skip between 1 and 1,000,000 numbers", field="skip"):
        skip(number)


def test_a_reason_is_needed(account):
    with refuses(Invalid, "Enter a reason", field="reason"):
        skip(reason=" ")


def test_a_known_number_below_the_series_is_refused(account):
    factories.an_open_invoice(account)
    factories.an_open_invoice(account)
    with refuses(Invalid, "The last number of invoice 2025 is 2 already", field="known"):
        skip(known={("invoice", 2025): 1})


def test_a_known_number_of_no_series_is_refused(account):
    with refuses(Invalid, "No number of invoice 2024 can have been lost", field="known"):
        skip(known={("invoice", 2024): 7})


def test_twice_in_a_row_is_refused(account):
    skip()
    with refuses(Conflict, "Numbers were left out already, and nothing has happened since"):
        skip()


def test_empty_books_are_refused(db):
    factories.an_organization()
    with refuses(Conflict, "These books are empty: there is nothing to go on from"):
        skip()


def test_a_gap_without_its_entry_is_a_broken_invariant(account):
    """The control: what explains the gap is the entry, not the counter."""
    factories.an_open_invoice(account)
    skip(100)
    assert 9 not in numbers_broken()
    without_triggers()
    AuditEntry.objects.filter(action="numberseries.skipped").delete()
    assert 9 in numbers_broken()


def test_a_number_that_was_left_out_and_stands_on_an_invoice_is_one_too(account):
    invoice = factories.an_open_invoice(account)
    factories.an_open_invoice(account)
    skip(100)
    without_triggers()
    Invoice.objects.filter(pk=invoice.pk).update(number_sequence=50)
    assert 9 in numbers_broken()


def test_a_gap_beside_the_explained_one_is_one_too(account):
    factories.an_open_invoice(account)
    skip(100)
    NumberSeries.objects.filter(code="invoice").update(last_number=102)
    assert 9 in numbers_broken()


def test_the_series_are_those_that_numbers_are_allotted_for():
    """A series that `after_restore` does not know of would begin again at what was sent already."""
    codes = {
        node.args[0].value
        for app in ("accounts", "orders", "invoices", "payments", "subscriptions", "invoicing_site")
        for file in (ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) == "allot_number"
    }
    assert codes == set(SERIES)


def run(*arguments):
    out = StringIO()
    call_command("after_restore", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_the_command(account, time_machine):
    time_machine.move_to(LATER, tick=False)
    factories.an_open_invoice(account)
    assert run("--skip", "100", "--last", "invoice:2025=7", "--reason", REASON) == [
        "account 2025: 2 to 101 are left out",
        "credit_note 2025: 1 to 100 are left out",
        "invoice 2025: 2 to 7 are left out",
        "receipt 2025: 1 to 100 are left out",
        "ids: 100 are left out in every table",
    ]
    assert AuditEntry.objects.filter(reason=REASON, actor_kind="system").count() == 4
    with unchanged(), pytest.raises(CommandError, match="Numbers were left out already"):
        run("--skip", "100", "--reason", REASON)


@pytest.mark.parametrize("text", ["invoice", "invoice=7", "invoice:2025", "invoice:x=7", "invoice:2025=-7"])
def test_a_known_number_is_written_in_one_way(account, text):
    with unchanged(), pytest.raises(CommandError, match="is not written like invoice:2026=1250"):
        run("--skip", "100", "--reason", REASON, "--last", text)
