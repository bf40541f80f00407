"""Paying by card, from the sign-in page to a balance of $0.00."""

import re

import pytest
from playwright.sync_api import expect

from payments.models import Payment
from tests.browser import steps
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_payment(visit, alice, width):
    """Alice's browser, on the payment page."""
    page = visit(alice.user, width=width)
    page.goto("/account/")
    steps.go_to_payment(page)
    return page


def test_from_sign_in_to_the_receipt(visit, alice, width, deliver, mailoutbox, taken):
    page = visit(width=width)
    page.goto("/account/")
    steps.sign_in(page)
    expect(steps.figures(page)).to_have_text(
        ["Current Balance: $39.40", "Credit Limit: $1,000.00", "Available Credit: $960.60"]
    )
    steps.go_to_payment(page)
    steps.fill_card(page, steps.VISA)
    is_clean(page)
    steps.press_pay(page)
    steps.is_paid(page, "card ending 4242")
    is_clean(page)
    assert taken() == [3940]
    deliver()
    assert [mail.to for mail in mailoutbox] == [["alice@example.com"]] * 2
    assert {mail.subject.partition(":")[0] for mail in mailoutbox} == {"Receipt", "Invoice INV-2025-001"}


def test_the_bank_s_step_is_passed(at_payment, taken):
    steps.pay_by_card(at_payment, steps.BANK_ASKS)
    expect(
        at_payment.get_by_role("heading", name="Your bank wants to know that it is you", include_hidden=True)
    ).to_be_visible()
    is_clean(at_payment)
    steps.answer_bank(at_payment, "Complete authentication")
    steps.is_paid(at_payment, "card ending 3155")
    assert taken() == [3940]


def test_the_bank_s_step_is_failed_and_another_card_pays(at_payment, taken):
    page = at_payment
    steps.pay_by_card(page, steps.BANK_ASKS)
    steps.answer_bank(page, "Fail authentication")
    steps.is_told(page, "Your bank could not confirm that it was you")
    expect(page.locator("#last-attempt")).to_contain_text("No money was taken.")
    expect(page).to_have_title("Error: Pay invoice INV-2025-001 - Northwind Supply")
    is_clean(page)
    assert taken() == []
    steps.pay_by_card(page)
    steps.is_paid(page, "card ending 4242")
    assert taken() == [3940]


REASONS = {
    steps.DECLINED: "Your bank did not say why. Try another card or ask your bank.",
    steps.NO_FUNDS: "The card does not have enough funds.",
}


def test_two_cards_are_declined_and_a_third_pays(at_payment, taken, watch):
    page = at_payment
    watch.expect("status of 402")  # Stripe's answer to a declined card
    for number, reason in REASONS.items():
        steps.pay_by_card(page, number)
        steps.is_told(page, "Your card was declined")
        expect(page.locator("#last-attempt > p")).to_have_text(
            f"{reason} No money was taken. Invoice INV-2025-001 is still open."
        )
        expect(page).to_have_title("Error: Pay invoice INV-2025-001 - Northwind Supply")
        expect(steps.radio(page, "Card")).to_be_checked()
        is_clean(page)
    page.get_by_text("For support:").click()
    expect(page.get_by_text("Payment status: requires_payment_method")).to_be_visible()
    assert not Payment.objects.exists()
    steps.pay_by_card(page)
    steps.is_paid(page, "card ending 4242")
    assert taken() == [3940]


def test_the_card_s_own_fields_are_checked_first(at_payment, taken):
    page = at_payment
    fields = steps.card_fields(page)
    fields.get_by_label("Card number").fill("4242")
    steps.press_pay(page)
    expect(fields.get_by_label("Card number")).to_be_focused()
    expect(steps.pay_button(page)).not_to_have_attribute("aria-disabled", re.compile(""))
    assert taken() == []
