"""The account and choosing what to pay. Each test carries its number in the walk through the pages."""

import re

import pytest
from moneyed import Money
from playwright.sync_api import Locator, Page, expect

from invoices.models import Invoice
from tests import cast, factories
from tests.browser import steps
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)
SENTENCE = "You have unpaid orders. Click below to pay your outstanding balance."


@pytest.fixture
def page(visit, alice, width) -> Page:
    """Alice's account."""
    page = visit(alice.user, width=width)
    page.goto("/account/")
    return page


def opened(page: Page) -> Locator:
    page.get_by_role("link", name="Pay Outstanding Balance").click()
    dialog = page.get_by_role("dialog", name="Select Invoice Region")
    expect(dialog).to_be_visible()
    return dialog


def test_1_the_first_three_figures(page):
    expect(page.locator("main dt")).to_have_text(
        ["Current Balance: ", "Credit Limit: ", "Available Credit: "]
    )
    expect(page.locator("main dd")).to_have_text(["$39.40", "$1,000.00", "$960.60"])
    for figure in page.locator("main dd").all():
        expect(figure).to_be_in_viewport()


def test_2_the_sentence_stands_above_the_only_filled_button(page):
    filled = page.locator("main .button:not(.button--secondary):visible")
    expect(filled).to_have_text(["Pay Outstanding Balance"])
    sentence = page.get_by_text(SENTENCE, exact=True)
    assert sentence.bounding_box()["y"] < filled.bounding_box()["y"]


def test_3_without_javascript_the_region_is_a_page(visit, alice, width):
    page = visit(alice.user, width=width, script=False)
    page.goto("/account/")
    page.get_by_role("link", name="Pay Outstanding Balance").click()
    expect(page).to_have_url(re.compile(r"/account/ACC-2025-[0-9]{6}/pay/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Select Invoice Region")
    expect(page.get_by_text("Choose which region's unpaid orders to pay")).to_be_visible()
    is_clean(page)
    page.get_by_role("button", name="Continue to Payment").click()
    expect(page).to_have_url(re.compile(r"/account/ACC-2025-[0-9]{6}/pay/[0-9]+/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay invoice INV-2025-001")
    assert [invoice.number for invoice in Invoice.objects.all()] == ["INV-2025-001"]


def test_4_a_dialog_that_escape_closes(page):
    dialog = opened(page)
    expect(dialog.get_by_role("heading", name="Select Invoice Region")).to_be_focused()
    is_clean(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Pay Outstanding Balance")).to_be_focused()
    opened(page).get_by_role("link", name="Cancel").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("link", name="Pay Outstanding Balance")).to_be_focused()
    assert not Invoice.objects.exists()


def test_5_the_names_of_the_regions(page, account):
    factories.an_unpaid_order(account, "11.00", display_id="7", region=factories.a_region("Canada", "USD"))
    page.reload()
    radios = opened(page).get_by_role("radio")
    expect(radios).to_have_count(2)
    expect(radios.nth(0)).to_have_accessible_name("North America - 1 items - $39.40")
    expect(radios.nth(0)).to_be_checked()
    expect(radios.nth(1)).to_have_accessible_name("Canada - 1 items - $11.00")
    radios.nth(0).focus()
    page.keyboard.press("ArrowDown")
    expect(radios.nth(1)).to_be_checked()
    expect(page.get_by_role("checkbox", name="Order #7 - 1 items")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Order #1756876866 - 1 items")).to_be_hidden()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_6_unticking(visit, alice, account, script, watch):
    watch.expect("status of 422")
    factories.an_unpaid_order(account, "11.00", display_id="7")
    page = visit(alice.user, script=script)
    page.goto("/account/")
    page.get_by_role("link", name="Pay Outstanding Balance").click()
    page.get_by_role("checkbox", name="Order #7 - 1 items").uncheck()
    if script:
        expect(page.locator(".sum:visible")).to_have_text("1 of 2 orders - $39.40")
        expect(page.locator("#live")).to_have_text("1 of 2 orders - $39.40")
    page.get_by_role("checkbox", name="Order #1756876866 - 1 items").uncheck()
    page.get_by_role("button", name="Continue to Payment").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link", name="Select at least one order")).to_be_visible()
    expect(page).to_have_title("Error: Select Invoice Region - Northwind Supply")
    is_clean(page)
    assert not Invoice.objects.exists()
    summary.get_by_role("link").click()
    expect(page.get_by_role("checkbox").first).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Continue to Payment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay invoice INV-2025-001")
    assert Invoice.objects.get().total_amount in (3940, 1100)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_7_pressing_continue_twice(visit, alice, script):
    page = visit(alice.user, script=script)
    page.goto("/account/")
    page.get_by_role("link", name="Pay Outstanding Balance").click()
    page.get_by_role("button", name="Continue to Payment").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay invoice INV-2025-001")
    assert Invoice.objects.count() == 1


def test_what_was_taken_meanwhile(page, account, watch):
    watch.expect("status of 422")
    dialog = opened(page)
    factories.an_open_invoice(account, account.line_items.get())
    dialog.get_by_role("button", name="Continue to Payment").click()
    expect(page.get_by_role("alert")).to_contain_text("Someone else may have started paying.")
    is_clean(page)
    page.get_by_role("link", name="Look at the open invoices.").click()
    expect(page.get_by_role("link", name="Pay invoice INV-2025-001")).to_be_visible()
    is_clean(page)


def test_many_orders_are_chosen_on_the_page(page, account):
    factories.many_unpaid_orders(account, 30)
    page.reload()
    dialog = opened(page)
    expect(dialog.get_by_text("All 31 orders")).to_be_visible()
    dialog.get_by_role("link", name="Choose orders").click()
    expect(page.get_by_role("checkbox")).to_have_count(31)
    page.get_by_role("link", name="Select none").click()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)
    is_clean(page)


def test_colleagues_without_the_right_are_told_whom_to_ask(visit, alice, sam, bob, watch):
    watch.expect("status of 403")
    page = visit(sam.user)
    page.goto("/account/")
    expect(page.get_by_text("Only an Admin can pay.")).to_be_visible()
    expect(page.get_by_role("link", name="Pay Outstanding Balance")).to_be_hidden()
    is_clean(page)
    page.goto(f"{page.url}pay/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Only an Admin can pay")
    expect(page.get_by_role("link", name="alice@example.com")).to_be_visible()
    is_clean(page)
    page = visit(bob.user, width="phone")
    page.goto("/account/")
    expect(page.get_by_text("Invoices and balances are visible to Admins and Senior Buyers.")).to_be_visible()
    is_clean(page)


def test_an_account_with_nothing_to_pay(visit):
    owner = cast.alice(factories.an_account("Globex", Money(1000, "USD")))
    page = visit(owner.user)
    page.goto("/account/")
    expect(page.get_by_text("No orders yet. Orders you place on account appear here.")).to_be_visible()
    is_clean(page)
    expect(steps.figures(page).first).to_have_text("Current Balance: $0.00")
