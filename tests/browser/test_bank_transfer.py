"""Promising a bank transfer, and the merchant's staff who look whether it came."""

import pytest
from playwright.sync_api import Page, expect

from payments.models import Payment
from tests.browser import steps
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)
AWAITS = "Invoice INV-2025-001 is awaiting verification of your payment"


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def script(request) -> bool:
    return request.param


@pytest.fixture
def promised(visit, alice, width, script) -> Page:
    """Alice's browser, after she promised a bank transfer."""
    page = visit(alice.user, width=width, script=script)
    page.goto("/account/")
    steps.go_to_payment(page)
    steps.choose(page, "Bank transfer")
    expect(page.locator(".copy-rows")).to_contain_text("DE89370400440532013000")
    page.get_by_role("button", name="I will pay $39.40 by bank transfer").click()
    steps.is_told(page, AWAITS)
    return page


def back_office(visit, stella, action: str) -> Page:
    """Stella's browser: she signs in, finds the only bank transfer and opens the page that asks."""
    page = visit()
    page.goto("/admin/")
    page.get_by_label("E-mail").fill("stella@example.com")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Log in").click()
    page.goto("/admin/payments/payment/")
    row = page.get_by_role("row").filter(has_text="INV-2025-001-")
    expect(row).to_contain_text("Awaiting verification")
    row.get_by_role("rowheader").get_by_role("link").click()
    page.get_by_role("link", name=action).first.click()
    return page


def test_it_is_promised_and_verified(promised, visit, stella, deliver, mailoutbox):
    page = promised
    reference = f"INV-2025-001-{Payment.objects.get().session_id}"
    expect(page.locator(".panel ol li")).to_have_text(
        [
            f"Transfer $39.40 and quote {reference}.",
            "We check our account every working day.",
            "You get an e-mail when it is verified. Until then the invoice shows Payment pending.",
        ]
    )
    expect(steps.figures(page).first).to_have_text("Current Balance: $39.40")
    expect(page.get_by_role("row").filter(has_text="INV-2025-001").first).to_contain_text("Payment pending")
    is_clean(page)
    deliver()
    mailoutbox.clear()

    desk = back_office(visit, stella, "Verify")
    expect(desk.get_by_role("heading", name="Verify bank transfer of $39.40?")).to_be_visible()
    is_clean(desk)
    desk.get_by_role("button", name="Verify $39.40").click()
    expect(desk.get_by_text("$39.40 from", exact=False).first).to_contain_text("is verified")
    deliver()
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]

    page.reload()
    steps.is_told(page, "Invoice INV-2025-001 paid successfully")
    expect(steps.figures(page).first).to_have_text("Current Balance: $0.00")
    is_clean(page)


def test_it_is_rejected_and_another_way_pays(promised, visit, stella, deliver, mailoutbox):
    page = promised
    deliver()
    mailoutbox.clear()
    desk = back_office(visit, stella, "Reject")
    expect(desk.get_by_role("heading", name="Reject bank transfer of $39.40?")).to_be_visible()
    desk.get_by_label("Reason").fill("Nothing came under this reference.")
    desk.get_by_role("button", name="Reject $39.40").click()
    expect(desk.get_by_text("is rejected")).to_be_visible()
    deliver()
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]]

    page.reload()
    steps.is_told(page, "We could not find your bank transfer of $39.40")
    expect(page.locator(".panel--danger")).to_contain_text("Nothing came under this reference.")
    is_clean(page)
    page.get_by_role("link", name="INV-2025-001", exact=True).click()
    expect(page.locator(".panel--danger")).to_contain_text(
        "Bank transfer rejected: Nothing came under this reference."
    )
    is_clean(page)
    page.get_by_role("link", name="Pay $39.40").click()
    if page.get_by_role("button", name="Continue to Payment").is_visible():
        steps.radio(page, "Bank transfer").check()
        page.get_by_role("button", name="Continue to Payment").click()
    else:
        steps.choose(page, "Bank transfer")
    page.get_by_role("button", name="I will pay $39.40 by bank transfer").click()
    steps.is_told(page, AWAITS)
    assert Payment.objects.count() == 2
