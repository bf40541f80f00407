"""Issuing, paying, reopening and cancelling invoices."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts import operations as accounts
from accounts.models import Account, AccountLineItem, NumberSeries
from core.audit import SYSTEM, AuditEntry, record
from core.errors import Conflict, Invalid
from core.outbox import OutboxMessage, drain
from invoices import operations
from invoices.models import Invoice, InvoiceLineItem
from invoices.operations.freezing import snapshot_hash
from payments.models import Allocation
from tests import factories
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TAKEN = "Some line items were not found, are already paid, or are not from North America region"


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


def issue(account, *lines, at=NOW, due_date=None, region=None):
    lines = lines or (factories.an_unpaid_order(account, display_id=f"B{AccountLineItem.objects.count()}"),)
    return operations.create_invoice_from_line_items(
        account=account,
        region=region or lines[0].region,
        line_item_ids=[line.pk for line in lines],
        at=at,
        by=SYSTEM,
        due_date=due_date,
    )


# Issuing


def test_an_issued_invoice(account):
    second = factories.an_unpaid_order(account, "10.60", display_id="2", at=NOW + timedelta(seconds=1))
    made = issue(account, second, account.line_items.get(order_display_id="1756876866"))
    invoice = Invoice.objects.get()
    assert made == invoice
    assert (invoice.number, invoice.status, invoice.number_year, invoice.number_sequence) == (
        "INV-2025-001",
        "sent",
        2025,
        1,
    )
    assert (invoice.total_amount, invoice.paid_amount, invoice.reserved_amount, invoice.currency) == (
        5000,
        0,
        0,
        "USD",
    )
    assert (invoice.issue_date, invoice.due_date, invoice.sent_at, invoice.created_at) == (
        date(2025, 9, 3),
        date(2025, 10, 3),
        NOW,
        NOW,
    )
    assert invoice.title == f"North America Invoice for Account {account.pk}"
    assert invoice.description == "Payment invoice for 2 North America orders (#1756876866, #2)"
    lines = invoice.line_items.values_list("description", "net_amount", "tax_amount", "amount", "is_live")
    assert list(lines) == [  # oldest first, however they were asked for
        ("Order #1756876866 - 1 items", 3940, 0, 3940, True),
        ("Order #2 - 1 items", 1060, 0, 1060, True),
    ]
    told = AuditEntry.objects.get(action="invoice.sent")
    assert (told.object_id, told.after["number"]) == (invoice.pk, "INV-2025-001")
    assert_sound()


def test_a_long_description_names_ten_orders(account):
    lines = [factories.an_unpaid_order(account, "1.00", display_id=f"N{n:02d}") for n in range(12)]
    named = ", ".join(f"#N{n:02d}" for n in range(10))
    assert issue(account, *lines).description == (
        f"Payment invoice for 12 North America orders ({named} and 2 more)"
    )


def test_the_snapshot_is_the_paper_as_it_was(account):
    invoice = issue(account, account.line_items.get())
    paper = invoice.snapshot
    assert (paper["number"], paper["issue_date"], paper["due_date"], paper["currency"]) == (
        "INV-2025-001",
        "2025-09-03",
        "2025-10-03",
        "USD",
    )
    assert (paper["seller"]["legal_name"], paper["seller"]["iban"]) == (
        "Northwind Supply GmbH",
        "DE89370400440532013000",
    )
    assert (paper["buyer"]["company_name"], paper["buyer"]["number"]) == ("Globex", "ACC-2025-000001")
    assert paper["lines"] == [
        {
            "description": "Order #1756876866 - 1 items",
            "quantity": "1",
            "unit_price": "39.40",
            "tax_rate": "0",
            "net_amount": 3940,
            "tax_amount": 0,
            "amount": 3940,
        }
    ]
    assert paper["total_amount"] == 3940
    canonical = json.dumps(paper, sort_keys=True, separators=(",", ":")).encode()
    assert invoice.snapshot_hash == hashlib.sha256(canonical).hexdigest()
    factories.an_organization(legal_name="Southwind AG")
    Account.objects.update(company_name="Globex Global")
    invoice.refresh_from_db()
    assert invoice.snapshot == paper
    assert snapshot_hash(invoice.snapshot) == invoice.snapshot_hash


@pytest.mark.parametrize(
    "wrong", ["another account", "another region", "twice", "billed", "settled", "unknown"]
)
def test_what_cannot_be_billed_leaves_nothing_behind(account, wrong):
    good = account.line_items.get()
    bad = factories.an_unpaid_order(account, display_id="2")
    if wrong == "another account":
        bad = factories.an_unpaid_order(factories.an_account("Initech"), display_id="3")
    elif wrong == "another region":
        factories.a_rate("EUR", "USD", "1.1")
        europe = factories.a_region("Europe", "EUR")
        bad = factories.an_unpaid_order(account, display_id="3", region=europe)
    elif wrong == "twice":
        bad = good
    elif wrong == "billed":
        issue(account, bad)
    elif wrong == "settled":
        AccountLineItem.objects.filter(pk=bad.pk).update(settled_amount=3940)
    else:
        bad.pk = 0
    with refuses(Conflict, TAKEN, field="lineItemIds"):
        issue(account, good, bad)


def test_an_invoice_over_nothing(account):
    with refuses(Invalid, "No valid unpaid line items found", field="lineItemIds"):
        operations.create_invoice_from_line_items(
            account=account, region=factories.a_region(), line_item_ids=[], at=NOW, by=SYSTEM
        )


def test_a_partly_settled_charge_is_billed_in_full_and_a_full_one_not_at_all(account):
    line = account.line_items.get()
    AccountLineItem.objects.filter(pk=line.pk).update(settled_amount=3939)
    assert issue(account, line).total_amount == 3940


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, date(2025, 10, 3)),
        (date(2025, 9, 3), date(2025, 9, 3)),
        (date(2026, 9, 4), date(2026, 9, 4)),
    ],
)
def test_a_due_date(account, asked, expected):
    assert issue(account, due_date=asked).due_date == expected


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (date(2025, 9, 2), "Due date cannot be in the past"),
        (date(2026, 9, 5), "Due date cannot be more than 1 year ahead"),
    ],
)
def test_a_due_date_that_is_refused(account, asked, message):
    with refuses(Invalid, message, field="dueDate"):
        issue(account, account.line_items.get(), due_date=asked)


def test_the_terms_of_the_account_decide_before_the_organization_s(account):
    factories.an_organization(payment_terms_days=14)
    assert issue(account).due_date == date(2025, 9, 17)
    Account.objects.update(payment_terms_days=60)
    assert issue(account).due_date == date(2025, 11, 2)
    Account.objects.update(payment_terms_days=0)
    assert issue(account).due_date == date(2025, 9, 3)


# Numbers


def test_numbers_run_by_the_organization_s_year(account):
    factories.an_organization(time_zone="America/New_York")
    new_year = datetime(2026, 1, 1, 5, tzinfo=UTC)  # midnight there
    for at, number, issued in [
        (NOW, "INV-2025-001", date(2025, 9, 3)),
        (new_year - timedelta(microseconds=1), "INV-2025-002", date(2025, 12, 31)),
        (new_year, "INV-2026-001", date(2026, 1, 1)),
        (new_year - timedelta(hours=1), "INV-2025-003", date(2025, 12, 31)),
    ]:
        made = issue(account, at=at)
        assert (made.number, made.issue_date) == (number, issued)
    assert dict(NumberSeries.objects.filter(code="invoice").values_list("year", "last_number")) == {
        2025: 3,
        2026: 1,
    }
    assert_sound()


def test_a_number_has_the_organization_s_format_and_grows_past_it(account):
    factories.an_organization(invoice_number_format="{year}-{sequence:04d}")
    assert issue(account).number == "2025-0001"
    factories.an_organization(invoice_number_format="INV-{year}-{sequence:03d}")
    NumberSeries.objects.filter(code="invoice").update(last_number=999)
    assert issue(account).number == "INV-2025-1000"


def test_an_invoice_that_was_undone_gives_its_number_back(account):
    issue(account)
    first, second = (factories.an_unpaid_order(account, display_id=str(n)) for n in (7, 8))

    def undone():
        with accounts.locked_account(account.pk) as locked:
            made = operations.bill_line_items(
                account=locked, region=first.region, line_item_ids=[first.pk], at=NOW, by=SYSTEM
            )
            assert made.number == "INV-2025-002"
            raise IntegrityError

    with unchanged(), pytest.raises(IntegrityError):
        undone()
    assert issue(account, second).number == "INV-2025-002"
    assert_sound()


def test_a_charge_is_on_one_live_line_by_constraint(account):
    line = issue(account, account.line_items.get()).line_items.get()
    line.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        line.save()
    assert InvoiceLineItem.objects.count() == 1


# Paying and reopening


def set_paid(invoice, amount, at=NOW):
    """As if allocations now added up to so much."""
    with accounts.locked_account(invoice.account_id) as account:
        current = Invoice.objects.get(pk=invoice.pk)
        difference = amount - current.paid_amount
        if difference:
            Allocation.objects.create(
                invoice=current, credit=a_gift(account), currency="USD", amount=difference, created_at=at
            )
        operations.set_paid_amount(current, amount, account=account, at=at, by=SYSTEM)


def a_gift(account):
    gift = account.credits.first()
    if gift is None:
        gift = account.credits.create(currency="USD", amount=10**9, reason="A gift", created_at=NOW)
        record(gift, "credit.kept", at=NOW, by=SYSTEM, after={"amount": gift.amount})
    return gift


def stand(invoice):
    invoice.refresh_from_db()
    charges = [line.account_line_item for line in invoice.line_items.select_related("account_line_item")]
    return (
        invoice.status,
        invoice.paid_amount,
        invoice.paid_at,
        [charge.settled_amount for charge in charges],
        Account.objects.get(pk=invoice.account_id).paid_amount,
    )


def test_what_is_paid_settles_the_oldest_charges_first_and_is_taken_back_from_the_newest(account):
    lines = [
        factories.an_unpaid_order(account, price, display_id=price, at=NOW + timedelta(seconds=n))
        for n, price in enumerate(["10.00", "20.00", "30.00"])
    ]
    invoice = issue(account, *reversed(lines))
    later = NOW + timedelta(days=1)
    for amount, at, expected in [
        (500, NOW, ("sent", 500, None, [500, 0, 0], 500)),
        (2500, NOW, ("sent", 2500, None, [1000, 1500, 0], 2500)),
        (6000, NOW, ("paid", 6000, NOW, [1000, 2000, 3000], 6000)),
        (5999, NOW, ("sent", 5999, None, [1000, 2000, 2999], 5999)),
        (6000, later, ("paid", 6000, later, [1000, 2000, 3000], 6000)),
        (1000, later, ("sent", 1000, None, [1000, 0, 0], 1000)),
        (0, later, ("sent", 0, None, [0, 0, 0], 0)),
    ]:
        set_paid(invoice, amount, at)
        assert stand(invoice) == expected
        drain(at=later)
        assert_sound(later)
    moves = AuditEntry.objects.filter(object_kind="invoices.invoice").order_by("pk")
    assert [entry.action.removeprefix("invoice.") for entry in moves] == [
        *("sent", "partly_paid", "partly_paid", "paid", "sent", "paid", "sent", "partly_paid")
    ]
    assert OutboxMessage.objects.filter(kind="invoice.closed").count() == 2


def test_a_reopened_invoice_can_be_paid_again_and_its_charges_are_not_billed_elsewhere(account):
    invoice = issue(account, account.line_items.get())
    set_paid(invoice, 3940)
    set_paid(invoice, 3000)
    invoice.refresh_from_db()
    assert (invoice.open_balance, invoice.is_partly_paid) == (940, True)
    assert not AccountLineItem.objects.unbilled().exists()


def test_what_is_reserved_cannot_be_reserved_again(account):
    invoice = issue(account)
    with accounts.locked_account(account.pk):
        operations.reserve(invoice, 3000)
    assert Invoice.objects.get().open_balance == 940
    with refuses(Conflict, "The open balance of invoice INV-2025-001 has changed"):
        operations.reserve(invoice, 941)
    operations.reserve(invoice, 940)
    operations.release(invoice, 3940)
    assert Invoice.objects.get().reserved_amount == 0


# Cancelling


def cancel(invoice, reason="Wrong address"):
    operations.cancel_invoice(invoice=invoice, at=NOW, staff=None, reason=reason)


def test_a_cancelled_invoice_keeps_its_number_and_frees_its_charges(account):
    line = account.line_items.get()
    invoice = issue(account, line)
    cancel(invoice)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.number, invoice.cancelled_at) == ("cancelled", "INV-2025-001", NOW)
    assert not invoice.line_items.live().exists()
    told = AuditEntry.objects.get(action="invoice.cancelled")
    assert (told.reason, told.before["status"]) == ("Wrong address", "sent")
    assert OutboxMessage.objects.filter(kind="invoice.closed", payload={"invoice": invoice.pk}).count() == 1
    again = issue(account, line)
    assert (again.number, again.line_items.get().account_line_item) == ("INV-2025-002", line)
    drain(at=NOW)
    assert_sound()


def test_an_invoice_with_a_payment_in_progress_is_not_cancelled(account):
    invoice = issue(account)
    factories.a_promised_payment(invoice)
    with refuses(Conflict, "Invoice INV-2025-001 has a payment in progress"):
        cancel(invoice)


def test_an_invoice_that_was_paid_on_is_not_cancelled(account, stella):
    paid = factories.a_paid_invoice(account, stella)
    with refuses(Conflict, "Invoice INV-2025-001 is already paid"):
        cancel(paid)
    partly = issue(account)
    set_paid(partly, 1)
    with refuses(Conflict, "Invoice INV-2025-002 is partly paid"):
        cancel(partly)


def test_a_cancelled_invoice_is_not_cancelled_again(account):
    invoice = issue(account)
    cancel(invoice)
    with refuses(Conflict, "Invoice INV-2025-001 is cancelled"):
        cancel(invoice)


# Looking


def test_the_first_look_of_a_customer_is_kept(account, alice, stella):
    invoice = issue(account)
    with unchanged():
        operations.mark_viewed(invoice=invoice, at=NOW, by=stella.actor)
    operations.mark_viewed(invoice=invoice, at=NOW, by=alice.actor)
    stale = Invoice.objects.get()
    stale.viewed_at = None
    with unchanged():
        operations.mark_viewed(invoice=invoice, at=NOW + timedelta(days=1), by=alice.actor)
        operations.mark_viewed(invoice=stale, at=NOW + timedelta(days=1), by=alice.actor)
    assert Invoice.objects.get().viewed_at == NOW
    assert AuditEntry.objects.get(action="invoice.viewed").actor_label == "alice@example.com"
