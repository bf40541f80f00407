"""For everybody: narrow windows, large text, keyboard, screen readers. Numbered as in the walk through."""

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser import steps
from tests.browser.watching import is_clean

pytestmark = pytest.mark.django_db(transaction=True)

# What sticks out of the window, and text that a box of fixed size cuts off.
CUT_OFF = """() => {
  const page = document.scrollingElement;
  const found = page.scrollWidth > page.clientWidth ? [`the page is ${page.scrollWidth} wide`] : [];
  for (const element of document.querySelectorAll("body *")) {
    const { width, height, right, left } = element.getBoundingClientRect();
    if (!width || !height || element.closest(".visually-hidden, .skip, iframe")) continue;
    if (element.closest("thead")?.getBoundingClientRect().width <= 1) continue;  // heads for screen readers
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const name = `${element.tagName} ${element.className}: ${element.textContent.trim().slice(0, 40)}`;
    if (right > innerWidth + 1 || left < -1) found.push(`outside: ${name}`);
    const isCut = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1;
    if (isCut && getComputedStyle(element).overflowX !== "visible") found.push(`cut: ${name}`);
  }
  return found;
}"""

# The element that has the focus: whether its outline can be seen, and whether something lies over it.
FOCUSED = """() => {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const ring = element.matches("input[type=radio], input[type=checkbox]")
    ? getComputedStyle(element.closest("label")) : { outlineStyle: "none", outlineWidth: "0px" };
  const box = element.getClientRects()[0];
  const over = document.elementFromPoint(box.left + box.width / 2, box.top + Math.min(box.height / 2, 10));
  return {
    name: `${element.tagName} ${element.textContent.trim().slice(0, 40)}`,
    isPage: element === document.body,
    isFrame: element.tagName === "IFRAME",
    isOutlined: [[outlineStyle, outlineWidth], [ring.outlineStyle, ring.outlineWidth]].some(
      ([style, width]) => style !== "none" && parseFloat(width) >= 2),
    isInView: box.top >= 0 && box.bottom <= innerHeight + 1,
    isCovered: !(element.contains(over) || over?.contains(element)),
  };
}"""
LONG = "Gesellschaft für Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamte mbH"


def pages(page: Page):
    """Every page and state of a payment, one after the other, with all their styles."""
    for name in walk(page):
        page.wait_for_load_state()
        yield name


def walk(page: Page):
    page.goto("/account/login/")
    yield "sign in"
    steps.sign_in(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Business Account")
    yield "account"
    page.goto(f"{page.url}pay/")
    yield "region"
    page.get_by_role("button", name="Continue to Payment").click()
    expect(steps.card_fields(page).get_by_label("Card number")).to_be_visible()
    yield "card"
    steps.choose(page, "PayPal")
    expect(page.get_by_role("button", name="Pay with PayPal")).to_be_visible()
    yield "PayPal"
    steps.choose(page, "Bank transfer")
    promise = page.get_by_role("button", name="I will pay $39.40 by bank transfer")
    expect(promise).to_be_visible()
    yield "bank transfer"
    payment = page.url
    promise.click()
    expect(page.locator(".panel--warning")).to_be_visible()
    yield "promised"
    page.goto(payment)
    expect(page.locator(".panel--warning")).to_be_visible()
    yield "payment that is promised"
    page.get_by_role("link", name="Back to account").last.click()
    page.get_by_role("link", name="INV-2025-001", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Invoice INV-2025-001")
    yield "invoice"
    page.goto("/account/tokens/")
    yield "tokens"
    page.goto("/account/nowhere/at/all/")
    yield "not found"


@pytest.mark.parametrize(("width", "size"), [("narrow", 100), ("phone", 200), ("laptop", 200)])
def test_31_narrow_windows_and_large_text(visit, alice, watch, width, size):
    watch.expect("status of 404")
    factories.an_organization(legal_name=LONG)
    page = visit(width=width)
    found = {}
    for name in pages(page):
        page.evaluate("(size) => document.documentElement.style.setProperty('font-size', `${size}%`)", size)
        page.evaluate(steps.TWO_FRAMES)
        found[name] = page.evaluate(CUT_OFF)
    told = [f"{name}: {one}" for name, cuts in found.items() for one in cuts]
    assert not told, "\n".join(told)


def test_32_focus_is_seen_on_every_stop(visit, alice, width, watch):
    watch.expect("status of 404")
    page = visit(width=width)
    found = []
    for name in pages(page):
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        for _ in range(40):
            page.keyboard.press("Tab")
            stop = page.evaluate(FOCUSED)
            if stop["isPage"]:
                break
            if stop["isFrame"]:
                continue  # the provider shows its own
            if not stop["isOutlined"] or not stop["isInView"] or stop["isCovered"]:
                found.append((name, stop))
    assert not found, "\n".join(map(str, found))


# One h1, every table with a caption, heads that say what they head, landmarks once each.
STRUCTURE = """() => ({
  h1: document.querySelectorAll("h1").length,
  landmarks: ["header", "main", "footer"].map((name) => document.querySelectorAll(`body > ${name}`).length),
  bare: [...document.querySelectorAll("table")].filter((table) => !table.caption?.textContent.trim()).length,
  heads: [...document.querySelectorAll("th")].filter((head) => !head.scope).length,
  lang: document.documentElement.lang,
})"""


def test_33_and_34_structure_and_axe(visit, alice, width, watch):
    watch.expect("status of 404")
    page = visit(width=width)
    for name in pages(page):
        structure = {"h1": 1, "landmarks": [1, 1, 1], "bare": 0, "heads": 0, "lang": "en"}
        assert page.evaluate(STRUCTURE) == structure, name
        is_clean(page)


def test_33_tables_keep_their_roles_on_a_phone(visit, alice, account, width):
    factories.an_open_invoice(account)
    page = visit(alice.user, width=width)
    page.goto("/account/")
    table = page.get_by_role("table", name="Open invoices")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table.get_by_role("rowheader")).to_have_text(["INV-2025-001"])
    expect(table.get_by_role("cell")).to_have_count(4)
    orders = page.get_by_role("table", name="Recent Orders")
    expect(orders.get_by_role("row")).to_have_count(3)


SMALL = """() => [...document.querySelectorAll("a, button, input, summary")].filter((element) => {
  const target = element.closest("label") ?? element;
  const { width, height } = target.getBoundingClientRect();
  const isInText = element.tagName === "A" && element.parentElement.matches("p, li, dd, footer *");
  return width && height && !isInText && element.checkVisibility() && !element.matches(".skip")
    && (width < 24 || height < 24);
}).map((element) => element.outerHTML.slice(0, 80))"""


def test_34_targets_are_large_enough(visit, alice, watch):
    watch.expect("status of 404")
    page = visit(width="phone")
    found = {}
    for name in pages(page):
        found[name] = page.evaluate(SMALL)
    assert {name: small for name, small in found.items() if small} == {}


def test_the_skip_link_and_the_menu(visit, alice, width):
    page = visit(alice.user, width=width)
    page.goto("/account/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    menu = page.locator(".user-menu > summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    is_clean(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()
