"""Paying with PayPal: in its window, or on its own page."""

import pytest
from playwright.sync_api import expect

from payments.models import Payment, PaymentSession
from tests.browser import steps
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_payment(visit, alice, width):
    page = visit(alice.user, width=width)
    page.goto("/account/")
    steps.go_to_payment(page)
    steps.choose(page, "PayPal")
    return page


def paypal_window(page):
    """The window that the button opens."""
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Pay with PayPal").click()
    return opened.value


def test_in_its_window(at_payment, deliver, taken):
    page = at_payment
    expect(page.get_by_role("button", name="Pay with PayPal")).to_be_visible()
    is_clean(page)
    paypal_window(page).get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(page, "PayPal")
    assert taken() == [3940]


def test_in_a_window_that_lost_the_page(at_payment, taken):
    """The page hears nothing from it, and asks the server when it is looked at again."""
    page = at_payment
    paypal_window(page).get_by_role("button", name="Cancel and return").click()
    expect(page.get_by_text("You left PayPal before confirming. Nothing was paid.")).to_be_visible()
    window = page.context.new_page()
    window.goto(PaymentSession.objects.get(is_selected=True).redirect_url)
    window.get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(window, "PayPal")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    steps.is_paid(page, "PayPal")
    assert taken() == [3940]


def test_an_order_that_ran_out_while_the_page_stood_open(at_payment, sandbox, taken):
    page = at_payment
    expect(page.get_by_role("button", name="Pay with PayPal")).to_be_visible()
    sandbox.expire(PaymentSession.objects.get(is_selected=True).reference)
    paypal_window(page).get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(page, "PayPal")
    assert taken() == [3940]


def test_leaving_its_window_and_coming_back(at_payment, taken):
    page = at_payment
    paypal_window(page).get_by_role("button", name="Cancel and return").click()
    expect(page.get_by_text("You left PayPal before confirming. Nothing was paid.")).to_be_visible()
    is_clean(page)
    assert not Payment.objects.exists()
    paypal_window(page).get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(page, "PayPal")
    assert taken() == [3940]


def test_a_declined_funding(at_payment, taken):
    page = at_payment
    window = paypal_window(page)
    window.get_by_label("Card that will be declined").check()
    window.get_by_role("button", name="Pay", exact=True).click()
    steps.is_told(page, "PayPal declined the payment")
    expect(page.locator("#last-attempt > p")).to_have_text(
        "No money was taken. Invoice INV-2025-001 is still open."
    )
    expect(page).to_have_title("Error: Pay invoice INV-2025-001 - Northwind Supply")
    is_clean(page)
    assert taken() == []
    paypal_window(page).get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(page, "PayPal")
    assert taken() == [3940]


def test_on_its_own_page_without_javascript(visit, alice, width, taken):
    page = visit(alice.user, width=width, script=False)
    page.goto("/account/")
    steps.go_to_payment(page)
    steps.choose(page, "PayPal")
    page.get_by_role("button", name="Continue to PayPal").click()
    page.get_by_role("button", name="Cancel and return").click()
    expect(page.get_by_role("heading", level=2, name="You left PayPal before confirming")).to_be_visible()
    assert not Payment.objects.exists()
    page.get_by_role("button", name="Continue to PayPal").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(page, "PayPal")
    assert taken() == [3940]
