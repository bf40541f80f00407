"""The company's lists as pages: invoices, payments and receipts, the statement."""

import csv
import io
from datetime import timedelta

import pytest

from accounts.models import Account
from core.audit import SYSTEM
from invoices import operations as invoices
from payments import operations
from payments.models import Payment
from tests import cast, factories
from tests.back_office import list_of, rows
from tests.factories import MANUAL, NOW
from tests.payments.reading import Browser, text_of, title_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


def paid(account, stella, *shares):
    """One verified bank transfer over parts of invoices."""
    rows, amounts = [one for one, _ in shares], [amount for _, amount in shares]
    session = factories.a_collection_over(*rows, amounts=amounts).sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=session, at=NOW, by=SYSTEM)
    payment = session.payments.get()
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    return Payment.objects.get(pk=payment.pk)


@pytest.fixture
def five(account, stella):
    """001 open, 002 partly paid, 003 paid, 004 cancelled, 005 in euros; of a day each."""
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    factories.a_rate("EUR", "USD", "1.1")
    made = []
    for number in range(1, 6):
        region = factories.a_region("Europe", "EUR") if number == 5 else None
        at = NOW + timedelta(days=number)
        line = factories.an_unpaid_order(
            account, f"{number}0", display_id=f"ORD-{number}", region=region, at=at
        )
        made.append(factories.an_open_invoice(account, line, at=at))
    paid(account, stella, (made[1], 500))
    paid(account, stella, (made[2], 3000))
    invoices.cancel_invoice(invoice=made[3], at=NOW, staff=None, reason="Wrong")
    return made


def listed(browser, at, question=""):
    """The ends of the numbers on a page of the list, in its order."""
    html = browser.get(at("invoices") + question).content.decode()
    return [part[:3] for part in html.split(">INV-2025-")[1:]]


# Invoices


def test_the_list_says_how_each_stands(alice, at, five, time_machine):
    time_machine.move_to(NOW + timedelta(days=33), tick=False)
    page = Browser(alice).text(at("invoices"))
    assert page.startswith("Invoices Open €50.00 $25.00 of which overdue $25.00 ")
    assert "INV-2025-002 Overdue 1 day Partly paid 5 Sep 2025 Due 5 Oct 2025 ORD-2 $20.00 $15.00" in page
    assert "INV-2025-003 Paid" in page
    assert "INV-2025-004 Cancelled 7 Sep 2025 Due 7 Oct 2025 ORD-4 $40.00 $0.00" in page
    assert "5 invoices · Page 1 of 1" in page
    assert "Export these 5 as CSV" in page


def test_nothing_is_open_of_a_cancelled_one(alice, at, five):
    page = Browser(alice).text(at("invoice", five[3].pk))
    assert "Invoice INV-2025-004 Cancelled Open balance: $0.00 Total: $40.00" in page
    assert "Total $40.00 Open balance $0.00" in page


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("", ["005", "004", "003", "002", "001"]),
        ("?state=open", ["005", "002", "001"]),
        ("?state=partly", ["002"]),
        ("?state=paid", ["003"]),
        ("?state=overdue", []),
        ("?state=nonsense", ["005", "004", "003", "002", "001"]),
        ("?q=ord-3", ["003"]),
        ("?q=%20INV-2025-001%20", ["001"]),
        ("?q=nothing", []),
        ("?from=2025-09-06", ["005", "004", "003"]),
        ("?to=2025-09-05", ["002", "001"]),
        ("?due_from=2025-10-08", ["005"]),
        ("?due_to=2025-10-04", ["001"]),
        ("?sort=number", ["001", "002", "003", "004", "005"]),
        ("?sort=-total", ["005", "004", "003", "002", "001"]),
        ("?sort=open", ["003", "001", "002", "004", "005"]),
        ("?sort=due&state=open", ["001", "002", "005"]),
        ("?sort=nonsense", ["005", "004", "003", "002", "001"]),
        ("?state=open&q=ord&from=2025-09-05&sort=number", ["002", "005"]),
    ],
)
def test_everything_that_is_asked_stands_in_the_address(browser, at, five, question, expected):
    assert listed(browser, at, question) == expected


def test_what_overdue_means(alice, at, five, time_machine):
    time_machine.move_to(NOW + timedelta(days=33), tick=False)
    assert listed(Browser(alice), at, "?state=overdue&sort=number") == ["001", "002"]


def test_a_wrong_day_is_told_and_does_not_count(browser, at, five):
    answer = browser.get(at("invoices") + "?from=2025-13-01&state=paid")
    assert title_of(answer).startswith("Error: Invoices")
    assert "Write the day like 2025-10-03" in text_of(answer)
    assert "INV-2025-003" in text_of(answer)


def test_filters_are_removed_one_by_one(browser, at, five):
    html = browser.get(at("invoices") + "?from=2025-09-05&state=open&q=ord").content.decode()
    assert 'href="?state=open&amp;q=ord"' in html  # without the day
    assert 'aria-current="true">Open 3<' in html
    assert 'href="?from=2025-09-05&amp;q=ord&amp;state=paid"' in html.replace(
        'href="?from=2025-09-05&amp;state=paid&amp;q=ord"', 'href="?from=2025-09-05&amp;q=ord&amp;state=paid"'
    )


def test_heads_sort_and_say_so(browser, at, five):
    html = browser.get(at("invoices") + "?sort=due").content.decode()
    assert 'aria-sort="ascending"><a href="?sort=-due"' in html
    assert html.count("aria-sort=") == 1


def test_no_hits_and_none_ever(browser, at, account, five, mallory):
    assert "No invoices match. Clear filters" in browser.text(at("invoices") + "?q=nothing")
    other = mallory.user.accounts.get()
    page = Browser(mallory).text(f"/account/{other.number}/invoices/")
    assert page.endswith("No invoices yet. They appear here when we bill your orders.")


def test_pages_of_the_list(browser, at, account):
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    for number in range(26):
        factories.an_open_invoice(account, factories.an_unpaid_order(account, "1", display_id=f"O{number}"))
    assert len(listed(browser, at)) == 25
    assert listed(browser, at, "?page=2") == listed(browser, at, "?page=99") == ["001"]
    html = browser.get(at("invoices") + "?page=2&state=open").content.decode()
    assert 'formaction="?state=open" name="page" value="1"' in html


def test_a_selection_goes_along_to_other_pages(browser, at, five):
    first = five[0]
    html = browser.get(at("invoices") + f"?id={first.pk}&q=ord-2").content.decode()
    assert f'<input type="hidden" name="id" value="{first.pk}"' in html
    assert "1 invoice selected" in html
    html = browser.get(at("invoices") + f"?id={first.pk}&id={five[4].pk}&id=x&id=99999").content.decode()
    assert html.count(" checked>") == 2
    assert "2 invoices selected" in html


def test_what_cannot_be_paid_cannot_be_selected(browser, at, five):
    html = browser.get(at("invoices")).content.decode()
    ticks = html.split('type="checkbox" name="id" value="')[1:]
    assert sorted(int(one.partition('"')[0]) for one in ticks) == [five[0].pk, five[1].pk, five[4].pk]


def test_a_script_gets_the_part_alone_and_tells_it(browser, at, five):
    answer = browser.get(at("invoices") + "?state=open", **{"HX-Request": "true", "HX-Target": "list"})
    html = answer.content.decode()
    assert html.lstrip().startswith('<div id="list"')
    assert "3 invoices, page 1 of 1" in html


def test_a_senior_buyer_selects_nothing(at, account, sam, five):
    html = Browser(sam).get(at("invoices")).content.decode()
    assert 'type="checkbox"' not in html
    assert "Pay selected" not in html


def test_who_sees_their_own_orders_sees_their_own_invoices(at, account, five):
    ann = cast.member("Ann Example", account, "custom", get_invoices=1)
    line = five[1].line_items.get().account_line_item
    type(line.order).objects.filter(pk=line.order.pk).update(placed_by=ann.user)
    page = Browser(ann).text(at("invoices"))
    assert "INV-2025-002" in page
    assert "INV-2025-001" not in page
    assert page.startswith("Invoices Open $15.00 ")


def test_the_list_as_csv_is_the_list(browser, at, five):
    answer = browser.get(at("invoices_export") + "?state=open&sort=number")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
    assert [row["invoice_number"] for row in rows] == ["INV-2025-001", "INV-2025-002", "INV-2025-005"]
    assert answer["Content-Disposition"] == 'attachment; filename="invoices.csv"'


@pytest.mark.parametrize("count", [2, 20])
def test_the_list_needs_as_many_statements_for_any_number_of_rows(
    browser, at, account, django_assert_num_queries, count
):
    Account.objects.filter(pk=account.pk).update(credit_limit=10**9)
    for number in range(count):
        factories.an_open_invoice(account, factories.an_unpaid_order(account, "1", display_id=f"O{number}"))
    browser.get(at("invoices"))
    with django_assert_num_queries(13):
        browser.get(at("invoices"))


# Payments and receipts


def test_payments_and_their_receipts(browser, at, account, five):
    page = browser.text(at("payments"))
    assert "3 Sep 2025 Bank transfer 2025-000002 INV-2025-003 Completed $30.00" in page
    payment = Payment.objects.get(receipt__number="2025-000001")
    one = browser.text(at("payment", payment.pk))
    assert one.startswith("Back to payments Receipt 2025-000001 Completed $5.00 Paid on 3 September 2025")
    assert "What it paid INV-2025-002 $5.00 Total $5.00" in one
    assert "Account ACC-2025-000001 Globex" in one


def test_a_promise_is_no_receipt_yet(browser, at, invoice):
    promise = factories.a_promised_payment(invoice)
    one = browser.text(at("payment", promise.pk))
    assert one.startswith("Back to payments Payment of $39.40 Awaiting verification $39.40 Announced on")
    assert "What it is for INV-2025-001 $39.40" in one


def test_what_went_back_stands_on_the_receipt(browser, at, invoice, account, stella):
    payment = paid(account, stella, (invoice, 3940))
    operations.refund_payment(payment=payment, amount=940, reason="Damaged", at=NOW, staff=stella)
    one = browser.text(at("payment", payment.pk))
    assert "Partly refunded" in one
    assert "What went back Sent back, 3 Sep 2025 $9.40" in one


@pytest.mark.parametrize(
    ("state", "count"), [("", 3), ("pending", 1), ("completed", 2), ("refunded", 0), ("rejected", 0)]
)
def test_payments_by_state(browser, at, five, state, count):
    five[0].refresh_from_db()
    factories.a_promised_payment(five[0])
    html = browser.get(at("payments") + f"?state={state}").content.decode()
    assert html.count('<th role="rowheader"') == count


def test_what_was_entered_by_mistake_was_not_refunded(browser, client, at, account, stella):
    received = operations.Received("check", NOW.date(), "USD", 1000)
    for undone in (True, False):
        payment = operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        if undone:
            operations.undo_recording(payment=payment, reason="Another", at=NOW, staff=stella)
        else:
            operations.refund_payment(payment=payment, amount=300, reason="Back", at=NOW, staff=stella)
    for state, word in (("refunded", "Partly refunded"), ("undone", "Entered by mistake")):
        html = browser.get(at("payments") + f"?state={state}").content.decode()
        assert html.count('<th role="rowheader"') == 1
        assert f">{word}</span>" in html
    client.force_login(stella, "django.contrib.auth.backends.ModelBackend")
    assert [row[6] for row in rows(client.get(list_of(Payment, show="refunded")))] == ["Partly refunded"]
    assert [row[6] for row in rows(client.get(list_of(Payment, show="undone")))] == ["Recording undone"]


def test_no_payments(browser, at, invoice):
    assert browser.text(at("payments")).endswith("Payments No payments yet.")
    factories.a_promised_payment(invoice)
    assert "No payments match. Clear filters" in browser.text(at("payments") + "?state=refunded")


def test_a_foreign_and_a_random_payment_are_not_found(at, account, five, mallory):
    theirs = mallory.user.accounts.get()
    payment = Payment.objects.first()
    for number, pk in ((theirs.number, payment.pk), (theirs.number, 999999), (account.number, payment.pk)):
        assert Browser(mallory).get(f"/account/{number}/payments/{pk}/").status_code == 404


# The statement


def test_the_statement_adds_up(browser, at, account, five):
    page = browser.text(at("statement") + "?from=2025-09-01&to=2025-09-30")
    assert "1 Sep 2025 Opening balance $0.00" in page
    assert "Order #ORD-5 - 1 items €50.00 $55.00 INV-2025-005 $55.00" in page
    assert "Paid by bank transfer −$5.00 2025-000001 INV-2025-002 $5.00" in page
    balance = Account.objects.get(pk=account.pk).balance_due
    assert f"30 Sep 2025 Closing balance $194.40 $35.00 ${balance / 100:.2f}" in page


def test_three_months_unless_asked(browser, at, account):
    html = browser.get(at("statement")).content.decode()
    assert 'value="2025-06-03"' in html
    assert 'value="2025-09-03"' in html


def test_nothing_happened(browser, at, account):
    page = browser.text(at("statement") + "?from=2025-01-01&to=2025-01-31")
    assert "Nothing happened between these dates. The balance stayed $0.00." in page


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("?from=2025-09-02&to=2025-09-01", "The end date must be after the start date"),
        ("?from=2000-09-02&to=2025-09-01", "A statement covers at most five years"),
        ("?from=yesterday", "Write the day like 2025-10-03"),
    ],
)
def test_wrong_days_are_told(browser, at, account, question, text):
    for name in ("statement", "statement_csv"):
        answer = browser.get(at(name) + question)
        assert answer.status_code == 422
        assert f"There is a problem {text}" in text_of(answer)


def test_the_statement_as_csv(browser, at, account, five):
    answer = browser.get(at("statement_csv") + "?from=2025-09-04&to=2025-09-04")
    assert list(csv.reader(io.StringIO(answer.getvalue().decode()))) == [
        ["date", "what", "reference", "currency", "charge", "payment", "balance"],
        ["2025-09-04", "Opening balance", "", "USD", "", "", "4.40"],
        ["2025-09-04", "Order #ORD-1 - 1 items", "INV-2025-001", "USD", "10.00", "", "14.40"],
        ["2025-09-04", "Closing balance", "", "USD", "", "", "14.40"],
    ]
    assert "statement-ACC-2025-000001-2025-09-04-2025-09-04.csv" in answer["Content-Disposition"]


# A member who sees their own orders' invoices


def test_the_account_of_who_sees_their_own(at, account, alice):
    ann = cast.member("Ann Example", account, "custom", get_invoices=1, pay_invoice=1)
    line = factories.an_unpaid_order(account, display_id="77")
    type(line.order).objects.filter(pk=line.order.pk).update(placed_by=ann.user)
    own = factories.an_open_invoice(account, line)
    payment = factories.a_promised_payment(own, by=ann.user)
    page = Browser(ann).text(at("account"))
    assert "You see invoices over your own orders." in page
    assert "Your invoices" in page
    assert "Current Balance" not in page
    mine = Browser(ann).text(at("account") + f"?promised={payment.pk}")
    assert "awaiting verification of your payment" in mine
    theirs = factories.a_promised_payment(factories.an_open_invoice(account), by=alice.user)
    assert "awaiting verification" not in Browser(ann).text(at("account") + f"?promised={theirs.pk}")
