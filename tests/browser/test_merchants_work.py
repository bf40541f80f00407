"""The merchant's frequent jobs, each as its role would do it from the first page, with the clicks it takes;
and the refusal that other roles read instead. Typing is no click; choosing from a list is one."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from invoices.models import CreditNote, Invoice
from invoices.operations import Draft, FreeLine, create_draft, issue_draft
from payments.models import Payment
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED = "Your role does not allow this."
CHAIRS = FreeLine("Office chairs", Decimal(2), Decimal("50.00"), Decimal(19))
FREIGHT = FreeLine("Freight", Decimal(1), Decimal("10.00"), Decimal(19))


class Desk:
    """A member of staff at the first page; counts what they press."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0
        page.goto("/admin/")
        expect(page.get_by_role("heading", level=1)).to_have_text("What needs doing today")

    def press(self, what: Locator) -> None:
        self.clicks += 1
        what.click()

    def link(self, name: str, *, exact: bool = True) -> None:
        self.press(self.page.get_by_role("link", name=name, exact=exact).first)

    def menu(self, name: str) -> None:
        """A page by its name in the menu, which an icon stands before and a number may stand behind."""
        places = self.page.get_by_role("link").filter(has_text=re.compile(rf"\b{name}\b"))
        self.press(places.first)

    def button(self, name: str) -> None:
        self.press(self.page.get_by_role("button", name=name, exact=True))

    def choose(self, label: str, value: str) -> None:
        self.clicks += 1
        self.page.get_by_label(label).select_option(label=value)

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label).fill(text)

    def told(self, text: str) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()


def a_member_of(role: str) -> User:
    user = User.objects.create_user(f"{role.lower()}@example.com", "x", name=f"{role} Example", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def at_the_desk(visit):
    return lambda role: Desk(visit(a_member_of(role)))


@pytest.fixture
def invoice(account):
    """$130.90, of which $11.90 are freight."""
    draft = Draft(lines=[CHAIRS, FREIGHT])
    region = account.line_items.get().region
    return issue_draft(
        invoice=create_draft(account=account, region=region, draft=draft, at=NOW, staff=None),
        at=NOW,
        staff=None,
    )


def test_a_clerk_issues_and_sends_an_invoice(at_the_desk, account):
    desk = at_the_desk("Clerk")
    desk.menu("Invoices")
    desk.link("Draft an invoice", exact=False)
    desk.press(desk.page.locator(".select2-selection"))
    desk.page.get_by_role("searchbox").last.fill("Globex")
    desk.press(desk.page.get_by_role("option", name="Globex", exact=False))
    desk.choose("Region", "North America")
    desk.button("Write the draft")
    lines = desk.page.locator("[data-line]")
    lines.first.locator("input").first.fill("Assembly")
    lines.first.locator("input").nth(2).fill("60.60")
    expect(desk.page.locator("[data-total]")).to_have_text("100.00")
    desk.button("Save and issue")
    expect(desk.page.get_by_role("row", name="Account balance")).to_contain_text("$39.40 →then $100.00")
    desk.button("Issue $100.00")
    desk.told("Invoice INV-2025-001 is issued.")
    assert Invoice.objects.get().total_amount == 10000
    assert desk.clicks == 8
    assert_sound()


def test_a_cashier_verifies_a_payment(at_the_desk, account, alice):
    factories.a_promised_payment(factories.an_open_invoice(account, account.line_items.get()), by=alice.user)
    desk = at_the_desk("Cashier")
    desk.link("Verify payments")
    desk.press(desk.page.locator("#result_list").get_by_role("link", name="Verify"))
    desk.button("Verify $39.40")
    desk.told("is verified")
    assert Payment.objects.get().status == "captured"
    assert desk.clicks == 3
    assert_sound()


def test_a_cashier_records_a_cheque_over_two_invoices(at_the_desk, account, invoice):
    other = factories.an_open_invoice(account, account.line_items.get(order_display_id="1756876866"))
    desk = at_the_desk("Cashier")
    desk.menu("Accounts")
    desk.link("All")
    desk.link(account.number)
    desk.link("Record payment", exact=False)
    desk.fill("Reference", "Cheque 4711")
    for row in (invoice, other):
        desk.press(desk.page.get_by_role("row", name=str(row.number)).get_by_role("checkbox"))
    desk.button("See what it does")
    desk.press(desk.page.get_by_role("button", name="Record $170.30"))
    desk.told("Undo recording")
    assert [one.status for one in Invoice.objects.all()] == ["paid", "paid"]
    assert desk.clicks == 8
    assert_sound()


def test_a_clerk_credits_one_line(at_the_desk, invoice):
    desk = at_the_desk("Clerk")
    desk.menu("Invoices")
    desk.link(str(invoice.number))
    desk.press(desk.page.get_by_role("link", name=re.compile("Credit$")))
    desk.fill("Freight", "11.90")
    desk.fill("Reason", "Freight is free")
    desk.button("Write the credit note")
    desk.told("Credit note CN-2025-001 over $11.90 is written.")
    assert CreditNote.objects.get().total_amount == 1190
    assert desk.clicks == 4
    assert_sound()


def test_an_auditor_exports_last_month(at_the_desk, account):
    factories.an_open_invoice(account, account.line_items.get(), at=NOW - timedelta(days=10))
    desk = at_the_desk("Auditor")
    desk.link("Export last month")
    with desk.page.expect_download() as download:
        desk.press(desk.page.get_by_role("button", name="Download August 2025"))
    assert download.value.suggested_filename.endswith(".zip")
    assert desk.clicks == 2


@pytest.mark.parametrize(
    ("role", "page"),
    [
        ("Cashier", "invoices/invoice/draft/"),
        ("Auditor", "invoices/invoice/{invoice}/credit/"),
        ("Cashier", "invoices/invoice/{invoice}/cancel/"),
        ("Clerk", "invoices/invoice/{invoice}/write_off/"),
        ("Clerk", "payments/payment/record/?invoice={invoice}"),
        ("Clerk", "payments/payment/{payment}/verify/"),
        ("Auditor", "payments/payment/{payment}/reject/"),
        ("Cashier", "accounts/organization/1/change_bank_account/"),
    ],
)
def test_who_may_not_reads_so_and_finds_no_button(visit, account, invoice, alice, role, page):
    payment = factories.a_promised_payment(
        factories.an_open_invoice(account, account.line_items.get(order_display_id="1756876866")),
        by=alice.user,
    )
    desk = visit(a_member_of(role))
    desk.goto(f"/admin/{page.format(invoice=invoice.pk, payment=payment.pk)}")
    expect(desk.get_by_text(REFUSED)).to_be_visible()
    expect(desk.locator("button.answer")).to_have_count(0)
