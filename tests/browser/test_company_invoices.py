"""The company's invoices, from the list to the receipt: by role, by keyboard, on paper, with and without
JavaScript. Numbers are those of the walk through."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core.audit import SYSTEM
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentCollection
from payments.operations import Share
from tests import cast, factories
from tests.browser import steps
from tests.browser.test_access import CUT_OFF, SMALL, STRUCTURE
from tests.browser.watching import is_clean
from tests.factories import MANUAL, NOW, STRIPE

pytestmark = pytest.mark.django_db(transaction=True)
LATE = NOW - timedelta(days=60)


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def script(request) -> bool:
    return request.param


@pytest.fixture
def books(account, alice, stella) -> list[Invoice]:
    """Five invoices: an old one of which $10.00 of $39.40 are paid, a paid one, one that is promised, an open
    one, and one in yen."""
    prices = ("39.40", "12.00", "100.00", "250.00")
    rows = [an_invoice(account, price, number) for number, price in enumerate(prices)]
    japan = factories.a_region("Japan", "JPY")
    factories.a_rate("JPY", "USD", "0.0067")
    rows.append(an_invoice(account, "5000", 9, region=japan))
    paid(account, [Share(rows[0], 1000), Share(rows[1], 1200)], alice.user, stella)
    factories.a_promised_payment(rows[2], by=alice.user)
    return [Invoice.objects.get(pk=row.pk) for row in rows]


def an_invoice(account, price, number, *, at=None, region=None, is_drawn=False) -> Invoice:
    charge = factories.an_unpaid_order(
        account, price, display_id=f"C{number:03d}", at=LATE if number == 0 else NOW, region=region
    )
    at = LATE if number == 0 else NOW
    return factories.an_open_invoice(account, charge, at=at, is_drawn=is_drawn)


def paid(account, shares, payer, staff) -> Payment:
    """By one bank transfer, which staff found."""
    collection = operations.start_joint_payment(
        account=account, currency="USD", shares=shares, at=NOW, by=payer.actor
    )
    session = operations.change_method(collection=collection, provider_code=MANUAL, at=NOW, by=payer.actor)
    operations.complete_payment(session=session, at=NOW, by=payer.actor)
    operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=staff)
    return session.payments.get()


def addresses(account, books) -> list[str]:
    top, late = f"/account/{account.number}/", books[0].pk
    receipt = Payment.objects.get(status="captured").pk
    return [
        top,
        f"{top}invoices/",
        f"{top}invoices/{late}/",
        f"{top}invoices/pay/?id={late}&id={books[4].pk}",
        f"{top}payments/",
        f"{top}payments/{receipt}/",
        f"{top}statement/?from=2025-06-01&to=2025-09-30",
        f"{top}members/",
    ]


YOURS, ASK, NOT_YOURS = "shown", "ask", "not found"
# What each of these people is told on the pages above.
SEEN = {
    "admin": [YOURS] * 8,
    "senior": [YOURS, YOURS, YOURS, ASK, YOURS, YOURS, YOURS, ASK],
    "junior": [YOURS, *[ASK] * 7],
    "custom": [YOURS, YOURS, YOURS, ASK, ASK, ASK, YOURS, ASK],
    "stranger": [NOT_YOURS] * 8,
}


@pytest.mark.parametrize("role", SEEN)
def test_28_every_page_by_role(visit, watch, account, books, alice, sam, bob, mallory, role, width):
    watch.expect("status of 403", "status of 404")
    people = {"admin": alice, "senior": sam, "junior": bob, "stranger": mallory}
    person = people.get(role) or cast.member("Cora Custom", account, "custom", get_invoices=2)
    page = visit(person.user, width=width)
    for address, seen in zip(addresses(account, books), SEEN[role], strict=True):
        status = page.goto(address).status
        page.wait_for_load_state()
        assert (status == 404) == (seen == NOT_YOURS), address
        assert (status == 403) == (seen == ASK), address
        if seen == ASK:
            expect(page.locator("main")).to_contain_text("Alice Example")
        structure = {"h1": 1, "landmarks": [1, 1, 1], "bare": 0, "heads": 0, "lang": "en"}
        assert page.evaluate(STRUCTURE) == structure, address
        assert page.evaluate(CUT_OFF) == [], address
        assert page.evaluate(SMALL) == [], address
        is_clean(page)


def test_28_a_senior_buyer_finds_a_name_where_others_pay(visit, account, books, sam):
    page = visit(sam.user)
    page.goto(f"/account/{account.number}/invoices/{books[0].pk}/")
    expect(page.get_by_text("Only an Admin can pay. Ask Alice Example (alice@example.com).")).to_be_visible()
    expect(page.get_by_role("link", name="Pay $29.40")).to_have_count(0)
    page.goto(f"/account/{account.number}/invoices/")
    expect(page.get_by_role("checkbox")).to_have_count(0)


def test_22_23_24_the_list(visit, account, books, alice, width, script):
    page = visit(alice.user, width=width, script=script)
    page.goto(f"/account/{account.number}/invoices/")
    late = page.get_by_role("row").filter(has_text="INV-2025-001")
    expect(late.locator(".tag")).to_have_text([re.compile(r"Overdue \d+ days"), "Partly paid"])
    expect(page.locator(".sums dd")).to_have_text(["$279.40", "¥5,000", "$29.40"])
    page.get_by_role("link", name=re.compile("^Overdue")).click()
    expect(page).to_have_url(re.compile("state=overdue"))
    expect(page.get_by_role("rowheader")).to_have_text(["INV-2025-001"])
    page.go_back()
    expect(page.get_by_role("rowheader")).to_have_count(5)
    page.wait_for_load_state()  # it is fetched anew, and its scripts come last
    page.get_by_label("Search invoice, order or PO number").fill("C003")
    if script:
        expect(page.locator("#live")).to_have_text("1 invoice, page 1 of 1")
    else:
        page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile("q=C003"))
    expect(page.get_by_role("rowheader")).to_have_text(["INV-2025-004"])
    page.goto(f"/account/{account.number}/invoices/?q=nothing+like+it")
    expect(page.get_by_text("No invoices match.")).to_be_visible()
    page.get_by_role("link", name="Clear filters").click()
    expect(page.get_by_role("rowheader")).to_have_count(5)


def test_22_sorting_by_a_head(visit, account, books, alice, script):
    page = visit(alice.user, script=script)
    page.goto(f"/account/{account.number}/invoices/?state=open")
    page.get_by_role("link", name="Open balance", exact=True).click()
    expect(page).to_have_url(re.compile("state=open.*sort=|sort=.*state=open"))
    head = page.get_by_role("columnheader", name="Open balance")
    expect(head).to_have_attribute("aria-sort", re.compile("ascending|descending"))


def test_25_26_two_currencies_and_too_much(visit, watch, account, books, alice, width, script):
    watch.expect("status of 422")
    page, before = visit(alice.user, width=width, script=script), PaymentCollection.objects.count()
    page.goto(f"/account/{account.number}/invoices/")
    for number in ("INV-2025-001", "INV-2025-004", "INV-2025-005"):
        page.get_by_label(f"Select {number}").check()
    if script:
        expect(page.locator("#selected")).to_have_text("3 invoices selected · $279.40 · ¥5,000")
    page.get_by_role("button", name="Pay selected").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay 3 invoices")
    expect(page.get_by_text("You pay one currency at a time.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Continue to Payment"))).to_have_count(2)
    page.get_by_label("Amount for INV-2025-004").fill("250.01")
    page.get_by_role("button", name="Continue to Payment USD").click()
    text = "Invoice INV-2025-004: Payment amount cannot exceed outstanding balance of $250.00"
    expect(page.get_by_role("alert")).to_contain_text(text)
    expect(page.get_by_label("Amount for INV-2025-004")).to_have_value("250.01")
    assert PaymentCollection.objects.count() == before
    is_clean(page)


def test_several_are_paid_from_the_list_to_the_receipt(visit, account, books, alice, taken, width):
    page = visit(alice.user, width=width)
    page.goto(f"/account/{account.number}/invoices/")
    for number in ("INV-2025-001", "INV-2025-004"):
        page.get_by_label(f"Select {number}").check()
    page.get_by_role("button", name="Pay selected").click()
    page.get_by_label("Amount for INV-2025-004").fill("50")
    page.get_by_role("button", name="Continue to Payment").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay 2 invoices")
    steps.fill_card(page, steps.VISA)
    button = page.get_by_role("button", name="Pay $79.40", exact=True)
    button.scroll_into_view_if_needed()
    page.evaluate(steps.TWO_FRAMES)
    button.click()
    steps.is_told(page, "$79.40 paid on 2 invoices")
    is_clean(page)
    page.get_by_role("link", name="View receipt").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Receipt 2025-\d+"))
    expect(page.locator(".totals")).to_contain_text("INV-2025-001")
    is_clean(page)
    assert taken() == [7940]
    assert [one.open_balance for one in Invoice.objects.order_by("pk")][:4:3] == [0, 20_000]


def test_a_part_is_paid_without_javascript(visit, account, books, alice, width):
    page = visit(alice.user, width=width, script=False)
    page.goto(f"/account/{account.number}/invoices/{books[3].pk}/")
    page.get_by_text("Pay another amount").click()
    page.get_by_label("Amount").fill("50,00")
    page.get_by_role("button", name="Continue to Payment").click()
    steps.choose(page, "Bank transfer")
    page.get_by_role("button", name="I will pay $50.00 by bank transfer").click()
    steps.is_told(page, "Invoice INV-2025-004 is awaiting verification of your payment")
    assert Invoice.objects.get(pk=books[3].pk).reserved_amount == 5000


def test_27_the_timeline(visit, account, alice, stella, sandbox):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    card = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(card.reference, "4000000000000002")
    told = [operations.complete_payment(session=card, at=NOW + timedelta(minutes=1), by=SYSTEM)]
    promise = factories.a_promised_payment(invoice, by=alice.user, at=NOW + timedelta(minutes=2))
    operations.reject_manual_payment(
        payment=promise, at=NOW + timedelta(minutes=3), staff=stella, reason="Not in our bank"
    )
    again = factories.an_initiated_session(invoice, STRIPE)
    sandbox.confirm_card(again.reference, "4242424242424242")
    told.append(operations.complete_payment(session=again, at=NOW + timedelta(minutes=4), by=SYSTEM))
    assert [one.success for one in told] == [False, True]
    page = visit(alice.user)
    page.goto(f"/account/{account.number}/invoices/{invoice.pk}/")
    expected = (
        "First viewed by Alice Example",
        "Paid in full",
        "$39.40 paid by card ending 4242",
        "Bank transfer rejected: Not in our bank",
        "Bank transfer of $39.40 announced, awaiting verification",
        "Card payment of $39.40 declined",
        "Issued",
    )
    items = page.locator(".timeline li bdi")
    assert sorted(items.all_text_contents()) == sorted(expected)
    assert items.all_text_contents()[-1] == "Issued"
    order = [items.all_text_contents().index(text) for text in expected[2:]]
    assert order == sorted(order)


PRINTED = """() => ({
  seen: [...document.querySelectorAll("nav, button, input, .no-print")].filter((one) => one.checkVisibility())
    .map((one) => one.outerHTML.slice(0, 60)),
  heads: [...document.querySelectorAll("thead")].map((head) => getComputedStyle(head).display),
  paper: getComputedStyle(document.body).backgroundColor,
  ink: getComputedStyle(document.querySelector("h1")).color,
})"""


@pytest.mark.parametrize("where", ["invoice", "receipt", "statement"])
def test_36_on_paper(visit, account, books, alice, where):
    top = f"/account/{account.number}/"
    receipt = Payment.objects.get(status="captured").pk
    pages = {
        "invoice": f"{top}invoices/{books[0].pk}/",
        "receipt": f"{top}payments/{receipt}/",
        "statement": f"{top}statement/?from=2025-06-01&to=2025-09-30",
    }
    page = visit(alice.user, scheme="dark")
    page.goto(pages[where])
    page.emulate_media(media="print", color_scheme="dark")
    printed = page.evaluate(PRINTED)
    assert printed["seen"] == []
    assert set(printed["heads"]) <= {"table-header-group"}
    assert (printed["paper"], printed["ink"]) == ("rgb(255, 255, 255)", "rgb(0, 0, 0)")


def test_the_pdf_comes_when_the_worker_has_made_it(visit, account, alice, deliver, script):
    invoice = an_invoice(account, "77.00", 1, is_drawn=True)
    page = visit(alice.user, script=script)
    page.goto(f"/account/{account.number}/invoices/{invoice.pk}/")
    expect(page.get_by_text("The PDF is being made. Try again in a moment.")).to_be_visible()
    deliver()
    if not script:
        page.reload()
    with page.expect_download() as got:
        page.get_by_role("link", name="Download PDF").click()
    assert got.value.suggested_filename == f"{invoice.number}.pdf"


def test_the_list_by_keyboard(visit, account, books, alice):
    page = visit(alice.user)
    page.goto(f"/account/{account.number}/invoices/")
    page.get_by_label("Select INV-2025-004").focus()
    page.keyboard.press("Space")
    expect(page.locator("#selected")).to_have_text("1 invoice selected · $250.00")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "Pay selected":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pay invoice INV-2025-004")
