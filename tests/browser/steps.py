"""What people do on the pages, by the names they see."""

import re

from playwright.sync_api import FrameLocator, Locator, Page, expect

VISA, DECLINED, NO_FUNDS, BANK_ASKS = (
    "4242 4242 4242 4242",
    "4000 0000 0000 0002",
    "4000 0000 0000 9995",
    "4000 0025 0000 3155",
)
TWO_FRAMES = "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"


def sign_in(page: Page, email: str = "alice@example.com", password: str = "correct horse") -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


def go_to_payment(page: Page) -> None:
    """From the account to the payment page of the only region's only order."""
    page.get_by_role("link", name="Pay Outstanding Balance").click()
    page.get_by_role("button", name="Continue to Payment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay invoice INV-2025-001")


def choose(page: Page, method: str) -> None:
    """A way to pay; without JavaScript `Show` says so to the server."""
    radio(page, method).click()
    show = page.get_by_role("button", name="Show", exact=True)
    if show.is_visible():
        show.click()


def radio(page: Page, method: str) -> Locator:
    return page.get_by_role("radio", name=method)


def card_fields(page: Page) -> FrameLocator:
    return page.frame_locator("iframe[title='Secure payment input frame']")


def fill_card(page: Page, number: str) -> None:
    fields = card_fields(page)
    fields.get_by_label("Card number").fill(number)
    fields.get_by_label("Expiration date").fill("12 / 34")
    fields.get_by_label("Security code").fill("123")


def pay_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Pay $39.40", exact=True)


def press_pay(page: Page) -> None:
    """Not in the moment of scrolling: that click meets the provider's frame where it was before."""
    pay_button(page).scroll_into_view_if_needed()
    page.evaluate(TWO_FRAMES)
    pay_button(page).click()


def pay_by_card(page: Page, number: str = VISA) -> None:
    fill_card(page, number)
    press_pay(page)


def answer_bank(page: Page, button: str) -> None:
    bank = page.frame_locator("iframe[title='3-D Secure: confirm your payment']")
    bank.get_by_role("button", name=button).click()


def is_told(page: Page, heading: str) -> None:
    """The heading that matters now is there, and has the focus."""
    found = page.get_by_role("heading", level=2, name=heading, exact=True)
    expect(found).to_be_visible()
    expect(found).to_be_focused()


def figures(page: Page) -> Locator:
    return page.locator("dl.figures > div")


def is_paid(page: Page, how: str) -> None:
    """The account page says so, and the credit is back."""
    expect(page).to_have_url(re.compile(r"/account/ACC-2025-[0-9]{6}/\?paid=[0-9]+$"))
    is_told(page, "Invoice INV-2025-001 paid successfully")
    expect(page.locator(".panel--success")).to_contain_text(f"$39.40 by {how} on 3 September 2025.")
    expect(figures(page)).to_have_text(
        ["Current Balance: $0.00", "Credit Limit: $1,000.00", "Available Credit: $1,000.00"]
    )
