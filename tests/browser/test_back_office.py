"""The back office: looking changes nothing, and what cannot be done says why. Item 39 of the walk through."""

import re
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.apps import apps
from playwright.sync_api import Page, expect

from invoices.models import Invoice
from payments.models import Payment
from tests import factories
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)
# What axe finds in elements that the theme makes.
OF_THE_THEME = {
    "landmark-unique": ".simplebar-content-wrapper",
    "empty-table-header": "thead th",  # the column of its boxes to remove a row
}
OF_THE_VISIT = {"Session", "LogEntry", "AccessLog", "AccessAttempt"}  # these say that somebody looked


def everything() -> dict[str, list[dict]]:
    """All rows of all tables but those that keep the visit itself."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in apps.get_models()
        if model.__name__ not in OF_THE_VISIT and not model._meta.proxy
    }


def shape(address: str) -> str | None:
    """Addresses of one kind are visited once, whatever their numbers. None: only sorts or filters a list."""
    parts = urlsplit(address)
    if parts.query and not parts.query.startswith("show="):
        return None
    return "/".join("n" if step.isdigit() else step for step in parts.path.split("/")) + parts.query


@pytest.fixture
def desk(visit, stella, account, alice) -> Page:
    """Stella's browser, with something of everything in the books."""
    invoice = factories.an_open_invoice(account, account.line_items.get())
    factories.a_promised_payment(invoice, by=alice.user)
    factories.a_paid_invoice(account, stella)
    factories.an_unpaid_order(account, display_id="open")
    return visit(stella)


def test_39_looking_changes_nothing(desk):
    desk.goto("/admin/")
    home = desk.url
    before = everything()
    waiting, seen = [home], {None, shape(home)}
    for address in waiting:
        answer = desk.request.get(address)
        assert answer.status < 400, address
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        for link in links_of(desk, answer.text(), address):
            if link.startswith(home) and "/logout/" not in link and shape(link) not in seen:
                seen.add(shape(link))
                waiting.append(link)
    assert len(waiting) > 40
    assert everything() == before


def links_of(page: Page, html: str, address: str) -> list[str]:
    hrefs = page.evaluate(
        """(html) => [...new DOMParser().parseFromString(html, "text/html").querySelectorAll("a[href]")]
        .map((link) => link.getAttribute("href"))""",
        html,
    )
    return [urldefrag(urljoin(address, href)).url for href in hrefs]


@pytest.mark.parametrize("action", ["verify", "reject"])
def test_39_a_question_shows_before_and_after_in_money(desk, action):
    promised = Payment.objects.get(status="pending")
    desk.goto(f"/admin/payments/payment/{promised.pk}/{action}/")
    balance = desk.get_by_role("row").filter(has_text="Account balance").get_by_role("cell")
    expect(balance).to_have_text({"verify": "$78.80 →then $39.40", "reject": "$78.80 as before"}[action])
    becomes = desk.get_by_role("row").filter(has_text="Invoice INV-2025-001").get_by_role("cell")
    after = {"verify": "Payment pending →then Paid", "reject": "Payment pending →then OpenOpen balance"}
    expect(becomes).to_contain_text(after[action])
    expect(desk.get_by_role("button", name=f"{action.capitalize()} $39.40")).to_be_visible()


def test_39_what_is_decided_already_says_so_in_the_button_s_place(desk):
    verified = Payment.objects.get(status="captured")
    desk.goto(f"/admin/payments/payment/{verified.pk}/verify/")
    expect(desk.get_by_role("heading", level=1)).to_be_visible()
    expect(desk.get_by_role("button", name="Verify $39.40")).to_have_count(0)
    expect(desk.get_by_text("Verified by Stella Staff")).to_be_visible()


def test_every_job_is_there_without_a_mouse(desk):
    """What the theme makes of plain elements takes keys too, and gives the focus back."""
    desk.goto(f"/admin/invoices/invoice/{Invoice.objects.open().get().pk}/change/")
    more = desk.get_by_role("button", name="More", exact=True)
    more.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("body > nav a").first).to_be_focused()
    desk.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(desk.locator("body > nav")).to_be_hidden()
    desk.keyboard.press("Enter")
    expect(desk.locator("body > nav a").first).to_be_focused()
    desk.locator("body > nav a", has_text="Cancel").focus()
    desk.keyboard.press("Enter")
    expect(desk.get_by_role("heading", level=1)).to_have_text("Cancel invoice INV-2025-001?")


def test_lists_are_filtered_and_searched_without_a_mouse(desk):
    desk.goto("/admin/invoices/invoice/")
    filters = desk.get_by_role("button", name="Filters")
    filters.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("#changelist-filter a").first).to_be_focused()
    desk.keyboard.press("Escape")
    expect(filters).to_be_focused()
    desk.keyboard.press("/")
    expect(filters).to_be_focused()
    desk.keyboard.press("Control+k")
    expect(desk.locator("#search-input-command")).to_be_focused()
    desk.keyboard.press("Enter")  # nothing was found yet: nothing happens
    desk.keyboard.type("globex")
    expect(desk.get_by_role("link", name="ACC-2025-000001").last).to_be_visible()
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile("/admin/accounts/account/[0-9]+/change/$"))


@pytest.mark.parametrize("width", ["laptop", "phone"])
def test_34_pages_of_the_back_office_have_no_fault(visit, stella, account, alice, width):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    payment = factories.a_promised_payment(invoice, by=alice.user)
    paid = factories.a_paid_invoice(account, stella)
    desk = visit(stella, width=width)
    for page in (
        "",
        "find/?q=globex",
        "reports/aging/",
        "reports/revenue/",
        "reports/taxes/",
        "reports/accounting/",
        "invoices/invoice/?show=all",
        "invoices/invoice/remind/",
        "invoices/invoice/bill_unbilled/",
        "invoices/invoice/draft/",
        f"invoices/invoice/draft/?account={account.number}",
        f"invoices/invoice/{invoice.pk}/change/",
        f"invoices/invoice/{invoice.pk}/cancel/",
        f"invoices/invoice/{paid.pk}/credit/",
        f"invoices/invoice/{paid.pk}/figures/",
        "invoices/recurringinvoice/add/",
        "payments/payment/",
        f"payments/payment/{payment.pk}/verify/",
        f"payments/payment/record/?account={account.number}",
        "payments/bankstatement/import/",
        "accounts/account/?show=all",
        f"accounts/account/{account.pk}/change/",
        f"accounts/account/{account.pk}/change_limit/",
        "accounts/organization/1/change_bank_account/",
    ):
        desk.goto(f"/admin/{page}")
        is_clean(desk, theirs=OF_THE_THEME)
        assert desk.evaluate("document.documentElement.scrollWidth <= innerWidth"), page
