"""Paying several invoices at once, or a part of one, in the pages."""

from uuid import UUID

import pytest

from core.audit import SYSTEM
from invoices.models import Invoice
from payments import operations
from payments.models import PaymentCollection, PaymentProvider, PaymentSession
from tests import factories
from tests.books import unchanged
from tests.factories import MANUAL, NOW, STRIPE
from tests.payments.reading import Browser, text_of, title_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock", "sandbox")]
FORM = UUID("6f1c1e0e-5a0f-4a53-8f0c-0d9a4ce2a001")


@pytest.fixture
def pair(account):
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


@pytest.fixture
def euros(account):
    factories.a_rate("EUR", "USD", "1.1")
    region = factories.a_region("Europe", "EUR")
    return factories.an_open_invoice(
        account, factories.an_unpaid_order(account, region=region, display_id="EU")
    )


def asked(at, *rows):
    return at("invoices_pay") + "?" + "&".join(f"id={one.pk}" for one in rows)


def sent(*rows, currency="USD", key=FORM, **amounts):
    fields = {"id": [one.pk for one in rows], "currency": currency, "form_key": key}
    return fields | {f"amount-{one.pk}": amount for one, amount in zip(rows, amounts.values(), strict=False)}


def test_each_is_there_with_its_whole_amount(browser, at, pair):
    page = browser.text(asked(at, *pair))
    assert page.startswith("Back to invoices Pay 2 invoices")
    html = browser.get(asked(at, *pair)).content.decode()
    assert html.count('value="39.40"') == 2
    assert "Total $78.80" in page
    assert f'href="?id={pair[1].pk}"' in html  # without the first


def test_what_is_asked_for_is_what_is_paid(browser, at, pair):
    answer = browser.post(at("invoices_pay"), **sent(*pair, one="10,00", two="39.40"))
    collection = PaymentCollection.objects.get()
    assert answer["Location"] == at("pay", collection.pk)
    assert (collection.amount, collection.invoice_count, collection.form_key) == (4940, 2, FORM)
    chosen = PaymentSession.objects.get(is_selected=True)
    assert (chosen.provider.code, chosen.status) == (STRIPE, "initiated")
    page = browser.text(at("pay", collection.pk))
    assert "Pay 2 invoices" in page
    assert "INV-2025-001 $10.00 INV-2025-002 $39.40" in page


def test_pressed_twice_it_is_one_payment(browser, at, pair):
    first = browser.post(at("invoices_pay"), **sent(*pair, one="10", two="5"))
    again = browser.post(at("invoices_pay"), **sent(*pair, one="10", two="5"))
    assert first["Location"] == again["Location"]
    assert PaymentCollection.objects.count() == 1


def test_two_currencies_are_two_payments(browser, at, pair, euros):
    page = browser.text(asked(at, pair[0], euros))
    assert "You pay one currency at a time." in page
    assert page.count("Continue to Payment") == 2
    fields = sent(pair[0], euros, currency="EUR", one="39.40", two="20")
    answer = browser.post(at("invoices_pay"), **fields)
    collection = PaymentCollection.objects.get()
    assert (answer["Location"], collection.currency, collection.amount) == (
        at("pay", collection.pk),
        "EUR",
        2000,
    )


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("39.41", "Payment amount cannot exceed outstanding balance of $39.40"),
        ("0", "Payment amount must be positive"),
        ("-5", "Payment amount must be positive"),
        ("", "Enter an amount"),
        ("ten", "Enter an amount"),
        ("1,234", "Write the amount without marks between thousands"),
        ("<b>", "Enter an amount"),
    ],
)
def test_a_wrong_amount_names_its_invoice_keeps_what_was_written_and_makes_nothing(
    browser, at, pair, amount, text
):
    with unchanged():
        answer = browser.post(at("invoices_pay"), **sent(*pair, one="10.5", two=amount))
    assert (answer.status_code, title_of(answer)) == (422, "Error: Pay 2 invoices - Northwind Supply")
    assert f"There is a problem Invoice INV-2025-002: {text}" in text_of(answer)
    html = answer.content.decode()
    assert f'href="#id_amount-{pair[1].pk}"' in html
    assert 'value="10.5"' in html
    assert "<b>" not in html.partition('name="amount-')[2].partition("</form>")[0].replace("&lt;b&gt;", "")


def test_the_total_follows_without_a_script(browser, at, pair):
    with unchanged():
        answer = browser.post(at("invoices_pay"), **sent(*pair, one="10", two="5") | {"update": "1"})
    assert answer.status_code == 200
    assert "Total $15.00" in text_of(answer)


def test_nothing_selected(browser, at, account):
    assert "Select at least one invoice" in browser.text(at("invoices_pay"))
    with unchanged():
        answer = browser.post(at("invoices_pay"), currency="USD", form_key=FORM)
    assert answer.status_code == 422


def test_one_that_was_paid_meanwhile_is_told(browser, at, pair, stella, account):
    operations.verify_manual_payment(
        payment=factories.a_promised_payment(pair[0]), at=factories.NOW, staff=stella
    )
    with unchanged():
        answer = browser.post(at("invoices_pay"), **sent(*pair, one="10", two="5"))
    assert "Invoice INV-2025-001 is already paid" in text_of(answer)


def test_a_part_of_one_from_its_own_page(browser, at, pair):
    html = browser.get(at("invoice", pair[0].pk)).content.decode()
    assert f'name="amount-{pair[0].pk}"' in html
    browser.post(at("invoices_pay"), **sent(pair[0], one="12.34"))
    collection = PaymentCollection.objects.get()
    assert (collection.amount, collection.description) == (1234, "Invoice INV-2025-001")
    assert browser.text(at("pay", collection.pk)).startswith("Back to account Pay invoice INV-2025-001")


def test_after_a_part_was_paid_the_page_says_what_is_still_open(browser, at, pair, stella):
    browser.post(at("invoices_pay"), **sent(pair[0], one="12.34"))
    collection = PaymentCollection.objects.get()
    session = collection.sessions.get(provider__code=MANUAL)
    browser.post(at("pay_method", collection.pk), provider=MANUAL)
    answer = browser.post(at("pay_complete", collection.pk), session=session.pk)
    assert "promised=" in answer["Location"]
    page = browser.text(at("invoice", pair[0].pk))
    assert "A bank transfer of $12.34 is announced and awaits verification." in page
    assert "Pay $27.06" in page


def test_a_part_that_was_paid_is_not_told_as_the_whole(browser, at, pair, stella):
    """Each payment's page tells what was paid there."""
    one, both = (factories.a_collection_over(*rows, amounts=[1000] * len(rows)) for rows in (pair[:1], pair))
    for collection in (one, both):
        session = collection.sessions.get(provider__code=MANUAL)
        operations.complete_payment(session=session, at=NOW, by=SYSTEM)
        operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=stella)
    text = "$10.00 paid on invoice INV-2025-001 $10.00 by bank transfer on 3 September 2025. View invoice"
    assert text in browser.text(at("pay", one.pk))
    text = "$20.00 paid on 2 invoices $20.00 by bank transfer on 3 September 2025. View invoice"
    assert text in browser.text(at("pay", both.pk))


def test_a_foreign_and_a_random_invoice_are_left_out_alike(browser, at, pair, mallory):
    foreign = factories.an_open_invoice(mallory.user.accounts.get())
    pages = [
        browser.text(asked(at, pair[0]) + f"&id={pk}") for pk in (foreign.pk, 987654321, "x", "-1", "9" * 30)
    ]
    assert len(set(pages)) == 1
    assert foreign.number not in pages[0].replace(pair[0].number, "")


def test_who_may_not_pay_is_told_who_can(at, pair, alice, sam, bob):
    for member in (sam, bob):
        assert "Ask Alice Example" in Browser(member).text(asked(at, *pair), status=403)
        with unchanged():
            assert (
                Browser(member).post(at("invoices_pay"), **sent(*pair, one="1", two="1")).status_code == 403
            )
    assert Invoice.objects.filter(reserved_amount__gt=0).count() == 0


def test_everything_due_is_one_link(browser, at, pair, time_machine, alice):
    assert "Pay everything due" not in browser.text(at("account"))
    time_machine.move_to(factories.NOW.replace(month=10, day=3), tick=False)
    html = Browser(alice).get(at("account")).content.decode()
    assert f'{at("invoices_pay")}?id={pair[0].pk}&amp;id={pair[1].pk}"' in html


# Account credit


def test_when_one_of_them_was_paid_meanwhile_the_others_can_be_paid(browser, at, pair, stella):
    collection = factories.a_collection_over(*pair)
    promise = factories.a_collection_over(pair[0]).sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=promise, at=NOW, by=SYSTEM)
    operations.verify_manual_payment(payment=promise.payments.get(), at=NOW, staff=stella)
    text = "Part of these invoices was paid meanwhile. You now pay $39.40. Pay $39.40"
    assert text in browser.text(at("pay", collection.pk))
    answer = browser.post(at("pay_method", collection.pk), provider=MANUAL)
    rest = PaymentCollection.objects.latest("pk")
    assert (rest.amount, answer["Location"]) == (3940, f"{at('pay', rest.pk)}?chosen=1")


def test_offered_are_the_ways_to_pay_of_all_their_regions(browser, at, account, pair):
    other = factories.a_region("Canada", "USD")
    PaymentProvider.objects.get(code=STRIPE).regions.remove(other)
    line = factories.an_unpaid_order(account, region=other, display_id="CA1")
    collection = factories.a_collection_over(pair[0], factories.an_open_invoice(account, line))
    html = browser.get(at("pay", collection.pk)).content.decode()
    assert (f'id="method-{STRIPE}"' in html, f'id="method-{MANUAL}"' in html) == (False, True)


def test_when_half_is_promised_the_other_half_can_be_paid(browser, at, pair):
    """What is left is as much as the payment that awaits verification, which is not taken up again."""
    half = factories.a_collection_over(pair[0], amounts=[1970])
    promise = half.sessions.get(provider__code=MANUAL)
    operations.complete_payment(session=promise, at=NOW, by=SYSTEM)
    assert "You pay $19.70" in browser.text(at("invoice_pay", pair[0].pk))
    assert (
        f'href="{at("invoice_pay", pair[0].pk)}"' in browser.get(at("invoice", pair[0].pk)).content.decode()
    )


def test_account_credit_is_used_on_the_payment_s_page(browser, at, account, pair, stella):
    money = factories.unassigned_money(1200)
    operations.assign_payment(payment=money, account=account, reason="x", at=factories.NOW, staff=stella)
    collection = factories.a_collection_over(*pair)
    assert "Use account credit ($12.00)" in browser.text(at("pay", collection.pk))
    assert browser.get(at("pay_credit", collection.pk))["Location"] == at("pay", collection.pk)
    answer = browser.post(at("pay_credit", collection.pk))
    rest = PaymentCollection.objects.latest("pk")
    assert answer["Location"] == at("pay", rest.pk)
    page = browser.text(at("pay", rest.pk))
    assert "You pay $66.80" in page
    assert "Use account credit" not in page


def test_what_credit_paid_is_told_by_the_page_that_stood_open(browser, at, account, pair, stella):
    money = factories.unassigned_money(1000)
    operations.assign_payment(payment=money, account=account, reason="Theirs", at=NOW, staff=stella)
    collection = factories.a_collection_over(pair[0], amounts=[1000])
    pressed = [browser.post(at("pay_credit", collection.pk)) for _ in range(2)]
    assert [one.status_code for one in pressed] == [303, 200]
    page = browser.text(at("pay", collection.pk))
    text = "Something was paid of it meanwhile. The invoice says what is still open. View invoice"
    assert f"This payment is no longer possible {text}" in page


def test_enough_credit_ends_at_the_invoice(browser, at, account, pair, stella):
    money = factories.unassigned_money(5000)
    operations.assign_payment(payment=money, account=account, reason="x", at=factories.NOW, staff=stella)
    collection = factories.a_collection_over(pair[0])
    answer = browser.post(at("pay_credit", collection.pk))
    assert answer["Location"] == at("invoice", pair[0].pk)
    assert browser.text(at("invoice", pair[0].pk)).startswith("Back to account Invoice INV-2025-001 Paid")
