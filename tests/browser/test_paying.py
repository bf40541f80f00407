"""The payment page, also when things go wrong. Each test carries its number in the walk through the pages."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from payments.models import Payment
from tests.browser import steps
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)
PAID = "Invoice INV-2025-001 is already paid"
UNKNOWN = "We do not know yet whether your payment went through"


@pytest.fixture
def page(visit, alice) -> Page:
    """Alice's browser, on the payment page."""
    return at_payment(visit(alice.user))


def at_payment(page: Page) -> Page:
    page.goto("/account/")
    steps.go_to_payment(page)
    return page


def test_8_payee_amount_and_what_is_paid_come_first(visit, alice, width):
    page = at_payment(visit(alice.user, width=width))
    expect(page.get_by_text("to Northwind Supply GmbH")).to_be_in_viewport()
    expect(page.locator(".amount")).to_have_text("$39.40")
    expect(page.locator(".amount")).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0
    what = page.locator(".paid-list:visible")
    if width == "phone":
        page.get_by_text("What you are paying").locator("visible=true").click()
    expect(what).to_have_text(re.compile(r"^\s*Order #1756876866 - 1 items \$39\.40\s*$"))


@pytest.mark.parametrize("hosts", ["one origin", "two origins"])
def test_9_methods_change_with_the_arrows(visit, alice, width, sandbox, settings, hosts):
    """As in real life, the card's origin may be another than PayPal's: then the page is sent anew."""
    if hosts == "two origins":
        settings.STRIPE_JS_URL = settings.STRIPE_JS_URL.replace("127.0.0.1", "localhost")
    page = at_payment(visit(alice.user, width=width))
    expect(steps.card_fields(page).get_by_label("Card number")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Card fields are ready below.")
    steps.radio(page, "Card").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Pay with PayPal")).to_be_visible()
    expect(steps.radio(page, "PayPal")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("Quote the reference exactly, or we cannot match your transfer.")).to_be_visible()
    expect(steps.radio(page, "Bank transfer")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("button", name="Pay with PayPal")).to_be_visible()
    page.keyboard.press("ArrowUp")
    expect(steps.card_fields(page).get_by_label("Card number")).to_be_visible()
    expect(steps.radio(page, "Card")).to_be_focused()
    expect(steps.radio(page, "Card")).to_be_checked()


COLOURS = "(field) => { const style = getComputedStyle(field); return [style.color, style.backgroundColor]; }"


def test_10_card_fields_follow_the_system_s_scheme(visit, alice):
    page = at_payment(visit(alice.user, scheme="dark"))
    number = steps.card_fields(page).get_by_label("Card number")
    expect(number).to_have_css("background-color", "rgb(24, 31, 41)")
    assert number.evaluate(COLOURS) == ["rgb(232, 236, 242)", "rgb(24, 31, 41)"]
    page.emulate_media(color_scheme="light")
    expect(number).to_have_css("background-color", "rgb(255, 255, 255)")
    assert number.evaluate(COLOURS) == ["rgb(22, 32, 46)", "rgb(255, 255, 255)"]


def test_12_the_address_of_the_result(page, visit, alice, mallory, watch):
    steps.pay_by_card(page)
    steps.is_paid(page, "card ending 4242")
    address = page.url
    page.reload()
    steps.is_paid(page, "card ending 4242")
    later = visit(alice.user)
    later.goto(address)
    steps.is_paid(later, "card ending 4242")
    watch.expect("status of 404")
    stranger = visit(mallory.user)
    assert stranger.goto(address).status == 404
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Page not found")
    is_clean(stranger)


def test_15_two_tabs(page, taken):
    other = page.context.new_page()
    other.clock.install()
    other.goto(page.url)
    expect(steps.pay_button(other)).to_be_visible()
    page.bring_to_front()
    steps.pay_by_card(page)
    steps.is_paid(page, "card ending 4242")
    other.clock.fast_forward(10_000)
    steps.is_told(other, PAID)
    expect(steps.pay_button(other)).to_be_hidden()
    is_clean(page)
    assert taken() == [3940]


@pytest.mark.parametrize("method", ["card", "bank transfer", "bank transfer without script"])
def test_16_back_after_paying(visit, alice, method):
    page = at_payment(visit(alice.user, script="without" not in method))
    if method == "card":
        steps.pay_by_card(page)
        steps.is_paid(page, "card ending 4242")
    else:
        steps.choose(page, "Bank transfer")
        page.get_by_role("button", name="I will pay $39.40 by bank transfer").click()
        expect(page).to_have_url(re.compile("promised="))
    page.go_back()
    awaiting = "Invoice INV-2025-001 is awaiting verification of your payment"
    expect(page.get_by_role("heading", level=2).first).to_have_text(PAID if method == "card" else awaiting)
    expect(page.get_by_role("button", name=re.compile("pay", re.IGNORECASE))).to_have_count(0)
    is_clean(page)


def test_17_the_answer_is_lost(visit, alice, width, watch, taken):
    """The server took the money and the browser never heard of it."""
    page = at_payment(visit(alice.user, width=width))
    watch.expect("net::ERR")

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    page.route("**/complete/", lose, times=1)
    steps.pay_by_card(page)
    steps.is_told(page, UNKNOWN)
    expect(page.get_by_text("Do not pay again")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    is_clean(page)
    assert taken() == [3940]
    page.get_by_role("link", name="Check again").click()
    steps.is_paid(page, "card ending 4242")
    assert taken() == [3940]


def test_17_the_network_is_cut_after_pressing(page, watch, taken):
    """Nothing reached the server; back online the page finds out by itself."""
    watch.expect("net::ERR")
    page.route("**/complete/", lambda route: route.abort(), times=1)
    steps.fill_card(page, steps.VISA)
    steps.press_pay(page)
    steps.is_told(page, UNKNOWN)
    expect(page.get_by_role("button")).to_have_count(0)
    page.context.set_offline(True)
    page.get_by_role("link", name="Check again").click()
    expect(page.get_by_role("heading", name=UNKNOWN)).to_be_visible()
    page.context.set_offline(False)
    steps.is_paid(page, "card ending 4242")
    assert taken() == [3940]


def test_a_provider_s_script_does_not_come(visit, alice, watch):
    watch.expect("net::ERR")
    page = visit(alice.user)
    page.route("**/v3/", lambda route: route.abort())
    page.route("**/sdk/js*", lambda route: route.abort())
    at_payment(page)
    expect(
        page.get_by_text(
            "Card fields could not be loaded. A blocker or your network may be the cause. Try again or choose"
            " another method."
        )
    ).to_be_visible()
    expect(steps.pay_button(page)).to_be_hidden()
    is_clean(page)
    steps.choose(page, "PayPal")
    page.get_by_role("button", name="Continue to PayPal").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    steps.is_paid(page, "PayPal")


COPIED = {
    "Account holder": "Northwind Supply GmbH",
    "Bank": "Example Bank",
    "IBAN": "DE89370400440532013000",
    "BIC": "COBADEFFXXX",
    "Amount": "$39.40",
}


def test_18_every_value_of_a_bank_transfer_can_be_copied(page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    steps.choose(page, "Bank transfer")
    expect(page.get_by_role("button", name="I will pay $39.40 by bank transfer")).to_be_visible()
    reference = page.locator(".copy-rows > div").last.locator("bdi").inner_text()
    assert re.fullmatch("INV-2025-001-[0-9]+", reference)
    for label, value in {**COPIED, "Reference": reference}.items():
        page.get_by_role("button", name=f"Copy {label}", exact=True).click()
        expect(page.locator("#live")).to_have_text(f"{label} copied")
        assert page.evaluate("navigator.clipboard.readText()") == value


def test_19_without_javascript_the_card_explains_itself(visit, alice, width):
    page = at_payment(visit(alice.user, width=width, script=False))
    expect(
        page.get_by_text("Paying by card needs JavaScript. PayPal and bank transfer work without.")
    ).to_be_visible()
    expect(steps.pay_button(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Show", exact=True)).to_be_visible()
    is_clean(page)
    steps.choose(page, "PayPal")
    expect(page.get_by_role("button", name="Continue to PayPal")).to_be_visible()
    is_clean(page)


@pytest.mark.parametrize("by", ["reloading", "choosing", "paying"])
def test_21_the_session_ends_on_the_payment_page(page, by, taken):
    address = page.url
    if by == "paying":
        steps.fill_card(page, steps.VISA)
    page.context.clear_cookies(name="sessionid")
    if by == "reloading":
        page.reload()
    elif by == "choosing":
        steps.radio(page, "Bank transfer").click()  # check() would look for it again on the next page
    else:
        steps.press_pay(page)
    expect(page.get_by_text("You were signed out after a day without activity.")).to_be_visible()
    is_clean(page)
    steps.sign_in(page)
    expect(page).to_have_url(re.compile(rf"^{re.escape(address)}"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay invoice INV-2025-001")
    assert taken() == []
    assert not Payment.objects.exists()
