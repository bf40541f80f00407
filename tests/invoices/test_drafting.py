"""Drafts: written, changed, previewed, issued, discarded, duplicated."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from accounts.models import Account, AccountLineItem, User
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from core.outbox import OutboxMessage
from invoices import operations
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from invoices.operations.freezing import ISSUED
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses
from tests.factories import NOW

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
CHAIRS = FreeLine("Office chairs", Decimal(3), Decimal("33.335"), Decimal(19))


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def clerk():
    clerk = User.objects.create_user("clara@example.com", "x", name="Clara Clerk", is_staff=True)
    clerk.groups.add(Group.objects.get(name="Clerk"))
    return clerk


@pytest.fixture
def region(account):
    return account.line_items.get().region


def drafted(account, region, staff, **says):
    draft = Draft(**{"lines": [CHAIRS]} | says)
    return operations.create_draft(account=account, region=region, draft=draft, at=NOW, staff=staff)


def issued(invoice, staff, **more):
    return operations.issue_draft(invoice=invoice, at=NOW, staff=staff, **more)


def lines_of(invoice):
    told = "description", "net_amount", "tax_amount", "amount", "is_live"
    return list(invoice.line_items.order_by("pk").values_list(*told))


def test_a_draft_is_priced_by_line_and_charges_nobody(account, region, clerk):
    charge = account.line_items.get()
    invoice = drafted(account, region, clerk, line_item_ids=[charge.pk], notes=" Thank you ")
    assert lines_of(invoice) == [
        ("Order #1756876866 - 1 items", 3940, 0, 3940, False),
        ("Office chairs", 10001, 1900, 11901, False),  # 100.005 and 19.0019, each half up
    ]
    assert (invoice.status, invoice.number, invoice.total_amount, invoice.currency) == (
        "draft",
        None,
        15841,
        "USD",
    )
    assert (invoice.due_date, invoice.asked_due_date, invoice.notes) == (date(2025, 10, 3), None, "Thank you")
    assert invoice.order_numbers == "1756876866"
    assert list(AccountLineItem.objects.unbilled()) == [charge]
    assert Account.objects.get().balance_due == 3940
    told = AuditEntry.objects.get(action="invoice.drafted")
    assert (told.actor_label, told.after["total_amount"]) == ("clara@example.com", 15841)
    assert_sound()


@pytest.mark.parametrize(
    ("quantity", "unit_price", "tax_rate", "net", "tax"),
    [
        ("1", "1.50", "5", 150, 8),  # 7.5
        ("1", "0.335", "75", 34, 26),  # 33.5, and 25.5 of that, where 25.125 is of what was not rounded
        ("0.5", "0.09", "100", 5, 5),  # 4.5
    ],
)
def test_amounts_are_rounded_half_up_and_taxed_then(
    quantity, unit_price, tax_rate, net, tax, account, region
):
    line = FreeLine("Work", Decimal(quantity), Decimal(unit_price), Decimal(tax_rate))
    assert lines_of(drafted(account, region, None, lines=[line])) == [("Work", net, tax, net + tax, False)]


@pytest.mark.parametrize(
    ("line", "message", "field"),
    [
        ({"description": " "}, "Item description is required", "description"),
        ({"quantity": Decimal(0)}, "Item quantity must be positive", "quantity"),
        ({"quantity": Decimal(-1)}, "Item quantity must be positive", "quantity"),
        ({"unit_price": Decimal("-0.01")}, "Item unit price cannot be negative", "unit_price"),
        ({"tax_rate": Decimal(101)}, "Item tax rate must be between 0 and 100", "tax_rate"),
        ({"unit_price": Decimal(10) ** 14}, "Item amount is too large", "unit_price"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_place(account, region, clerk, line, message, field):
    wrong = FreeLine(
        **{"description": "Chair", "quantity": Decimal(1), "unit_price": Decimal(1), "tax_rate": Decimal(0)}
        | line
    )
    with refuses(Invalid, message, field=f"lines.1.{field}"):
        drafted(account, region, clerk, lines=[CHAIRS, wrong])


@pytest.mark.parametrize(
    ("says", "message", "field"),
    [
        ({"lines": []}, "Invoice must have at least one item", "lines"),
        (
            {"lines": [FreeLine("Sample", Decimal(1), Decimal(0))]},
            "Invoice subtotal must be positive",
            "lines",
        ),
        ({"lines": [CHAIRS] * 1001}, "An invoice has at most 1,000 items", "lines"),
        ({"issue_date": TODAY + timedelta(days=1)}, "Invoice date cannot be in the future", "issue_date"),
        ({"issue_date": date(2023, 12, 31)}, "Invoice number year is not valid", "issue_date"),
        ({"due_date": TODAY}, "Due date must be after invoice date", "due_date"),
        (
            {"due_date": TODAY + timedelta(days=366)},
            "Due date cannot be more than 1 year from invoice date",
            "due_date",
        ),
    ],
)
def test_what_a_draft_cannot_say(account, region, clerk, says, message, field):
    with refuses(Invalid, message, field=field):
        drafted(account, region, clerk, **says)


def test_no_draft_for_an_account_that_is_not_active(account, region, clerk):
    Account.objects.update(status="suspended")
    with refuses(Invalid, "Cannot create invoice for inactive contact", field="account"):
        drafted(account, region, clerk)


def test_who_may_not_write_issue_or_discard(account, region, clerk):
    invoice = drafted(account, region, clerk)
    other = User.objects.create_user("artur@example.com", "x", is_staff=True)
    other.groups.add(Group.objects.get(name="Auditor"))
    customer = User.objects.create_superuser("carla@example.com", "x", is_staff=False)
    writer = a_clerk("invoices.draft_invoice")
    for act in (
        lambda: issued(invoice, writer),
        lambda: issued(invoice, customer),
        lambda: drafted(account, region, other),
        lambda: operations.edit_draft(invoice=invoice, draft=Draft(lines=[CHAIRS]), at=NOW, staff=other),
        lambda: operations.discard_draft(invoice=invoice, at=NOW, staff=other),
        lambda: operations.duplicate_invoice(invoice=invoice, at=NOW, staff=other),
        lambda: issued(invoice, other),
    ):
        with refuses(Forbidden, "Insufficient permissions"):
            act()


def test_issuing_numbers_freezes_and_charges_what_was_not_charged(account, region, clerk):
    charge = account.line_items.get()
    invoice = issued(drafted(account, region, clerk, line_item_ids=[charge.pk], notes="Thank you"), clerk)
    assert (invoice.status, invoice.number, invoice.issue_date, invoice.total_amount) == (
        "sent",
        "INV-2025-001",
        TODAY,
        15841,
    )
    fresh = Account.objects.get().line_items.get(description="Office chairs")
    assert (fresh.amount, fresh.currency, fresh.region, fresh.due_date) == (
        11901,
        "USD",
        region,
        date(2025, 10, 3),
    )
    assert Account.objects.get().balance_due == 15841
    assert not AccountLineItem.objects.unbilled().exists()
    assert [row[-1] for row in lines_of(invoice)] == [True, True]
    assert invoice.snapshot["notes"] == "Thank you"
    assert [line["quantity"] for line in invoice.snapshot["lines"]] == ["1.000", "3.000"]
    assert OutboxMessage.objects.filter(kind=ISSUED, payload={"invoice": invoice.pk}).count() == 1
    assert_sound()


def test_dates_that_were_asked_for_and_a_year_ago(account, region, clerk):
    says = {"issue_date": date(2024, 12, 30), "due_date": date(2025, 9, 30)}
    invoice = issued(drafted(account, region, clerk, **says), clerk)
    assert (invoice.number, invoice.issue_date, invoice.due_date) == (
        "INV-2024-001",
        date(2024, 12, 30),
        date(2025, 9, 30),
    )
    assert_sound()


def test_the_longest_term_is_a_year(account, region, clerk):
    says = {"issue_date": TODAY, "due_date": date(2026, 9, 3)}
    assert issued(drafted(account, region, clerk, **says), clerk).due_date == date(2026, 9, 3)


def test_dates_are_looked_at_again_when_it_is_issued(account, region, clerk):
    invoice = drafted(account, region, clerk, due_date=date(2025, 9, 13))
    with refuses(Invalid, "Due date must be after invoice date", field="due_date"):
        operations.issue_draft(invoice=invoice, at=NOW + timedelta(days=10), staff=clerk)


def test_it_is_issued_on_the_organization_s_day(account, region, clerk):
    factories.an_organization(time_zone="Pacific/Auckland")
    eve = NOW.replace(month=12, day=31, hour=11, minute=30)
    invoice = operations.issue_draft(invoice=drafted(account, region, clerk), at=eve, staff=clerk)
    assert (invoice.number, invoice.issue_date, invoice.due_date) == (
        "INV-2026-001",
        date(2026, 1, 1),
        date(2026, 1, 31),
    )


def test_without_a_due_date_the_terms_count_from_the_day_of_issue(account, region, clerk):
    invoice = drafted(account, region, clerk)
    later = NOW + timedelta(days=10)
    assert operations.issue_draft(invoice=invoice, at=later, staff=clerk).due_date == date(2025, 10, 13)


def test_a_line_for_nothing_stands_on_the_paper_and_charges_nothing(account, region, clerk):
    sample = FreeLine("Sample, free of charge", Decimal(1), Decimal(0))
    invoice = issued(drafted(account, region, clerk, lines=[CHAIRS, sample]), clerk)
    assert invoice.snapshot["lines"][1]["amount"] == 0
    assert Account.objects.get().line_items.count() == 2
    assert_sound()


def test_over_the_limit_it_takes_a_reason(account, region, clerk):
    dear = FreeLine("Server", Decimal(1), Decimal(1200))
    invoice = drafted(account, region, clerk, lines=[dear])
    with refuses(Conflict, "Charge of $1,200.00 exceeds the available credit of $960.60"):
        issued(invoice, clerk)
    issued(invoice, clerk, override_reason="Agreed with the director")
    told = AuditEntry.objects.get(action="account.charged_over_limit")
    assert told.reason == "Agreed with the director"
    assert_sound()


def test_a_charge_that_another_invoice_took_meanwhile_is_named(account, region, clerk):
    charge = account.line_items.get()
    invoice = drafted(account, region, clerk, line_item_ids=[charge.pk])
    factories.an_open_invoice(account, charge)
    told = "Another invoice took “Order #1756876866 - 1 items” meanwhile. Take it off this draft"
    with refuses(Conflict, told):
        issued(invoice, clerk)
    with refuses(Conflict, told):
        operations.issuable(invoice=invoice, staff=clerk)


def test_foreign_charges_are_refused(account, region, clerk):
    foreign = factories.an_unpaid_order(factories.an_account("Initech"), display_id="7")
    with refuses(
        Conflict,
        "Some line items were not found, are already paid, or are not from North America region",
        field="lineItemIds",
    ):
        drafted(account, region, clerk, line_item_ids=[foreign.pk])


def test_a_draft_is_written_anew_until_it_is_issued(account, region, clerk):
    invoice = drafted(account, region, clerk)
    known = operations.version_of(invoice)
    table = FreeLine("Table", Decimal(1), Decimal(100))

    def edit(**more):
        draft = Draft(lines=[table], title="September")
        return operations.edit_draft(invoice=invoice, draft=draft, at=NOW, staff=clerk, **more)

    edit(known_version=known)
    changed = Invoice.objects.get()
    assert (changed.title, changed.total_amount) == ("September", 10000)
    assert lines_of(changed) == [("Table", 10000, 0, 10000, False)]
    told = AuditEntry.objects.get(action="invoice.draft_changed")
    assert (told.before["total_amount"], told.after["total_amount"]) == (11901, 10000)
    stale = "Somebody changed this draft meanwhile. Look again"
    with refuses(Conflict, stale):
        edit(known_version=known)
    with refuses(Conflict, stale):
        issued(invoice, clerk, known_version=known)
    issued(invoice, clerk)
    with refuses(Conflict, "Invoice INV-2025-001 is no draft any more"):
        edit()
    with refuses(Conflict, "Invoice INV-2025-001 is no draft any more"):
        issued(invoice, clerk)
    with refuses(Conflict, "Invoice INV-2025-001 is no draft any more"):
        operations.discard_draft(invoice=invoice, at=NOW, staff=clerk)
    assert_sound()


def test_a_discarded_draft_leaves_no_gap(account, region, clerk):
    operations.discard_draft(invoice=drafted(account, region, clerk), at=NOW, staff=clerk)
    assert issued(drafted(account, region, clerk), clerk).number == "INV-2025-001"
    assert Invoice.objects.filter(status="cancelled", number=None).count() == 1
    assert_sound()


def test_a_draft_is_discarded_and_never_cancelled(account, region, stella):
    invoice = drafted(account, region, stella)
    with refuses(Conflict, f"Invoice Draft {invoice.pk} is draft"):
        operations.cancel_invoice(invoice=invoice, at=NOW, staff=stella, reason="Wrong")


def test_a_duplicate_is_a_draft_of_new_charges(account, region, clerk):
    first = issued(drafted(account, region, clerk, line_item_ids=[account.line_items.get().pk]), clerk)
    second = operations.duplicate_invoice(invoice=first, at=NOW, staff=clerk)
    assert (second.status, second.total_amount) == ("draft", first.total_amount)
    assert [row[:4] for row in lines_of(second)] == [row[:4] for row in lines_of(first)]
    assert not second.line_items.exclude(account_line_item=None).exists()
    issued(second, clerk)
    assert Account.objects.get().balance_due == 2 * first.total_amount
    assert_sound()


def test_the_site_itself_writes_and_issues_without_staff(account, region):
    invoice = issued(drafted(account, region, None), None)
    told = AuditEntry.objects.get(action="invoice.sent")
    assert (invoice.status, told.actor_kind) == ("sent", "system")
    assert_sound()


def test_a_preview_is_marked_and_kept_nowhere(account, region, clerk, settings):
    drawn = []
    settings.INVOICE_PDF = "tests.invoices.test_drafting.drawing"
    drawing.drawn = drawn
    invoice = drafted(account, region, clerk)
    assert operations.preview_of(invoice, at=NOW) == b"%PDF draft"
    ((paper, how),) = drawn
    assert (paper["number"], paper["issue_date"], paper["due_date"]) == ("DRAFT", "2025-09-03", "2025-10-03")
    assert how["is_draft"] is True
    assert not invoice.documents.exists()


def drawing(paper, **how):
    drawing.drawn.append((paper, how))
    return b"%PDF draft"
