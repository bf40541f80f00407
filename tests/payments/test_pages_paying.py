"""The payment page: every state of it, without JavaScript."""

import re
from datetime import timedelta

import pytest

from accounts.models import Account, Membership
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import Payment, PaymentCollection, PaymentSession, ProviderCall
from payments.operations.completing import _claim
from tests import cast, factories
from tests.factories import MANUAL, NOW, PAYPAL, STRIPE
from tests.payments.reading import a_collection, counts, region_fields, text_of, title_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


def test_the_payment_page_says_whom_how_much_and_for_what(browser, at, invoice):
    collection = a_collection(invoice)
    page = browser.text(at("pay", collection.pk))
    assert page.startswith(
        "Back to account Pay invoice INV-2025-001 to Northwind Supply GmbH You pay $39.40 Due 3 October 2025 "
        "What you are paying Order #1756876866 - 1 items $39.40"
    )
    assert "How do you want to pay? Card Your bank may ask you to confirm PayPal" in page
    reference = collection.sessions.get(provider__code=MANUAL).reference
    details = (
        "Account holder Northwind Supply GmbH Copy Account holder Bank Example Bank Copy Bank "
        "IBAN DE89370400440532013000 Copy IBAN BIC COBADEFFXXX Copy BIC Amount $39.40 Copy Amount "
        f"Reference {reference} Copy Reference "
        "Quote the reference exactly, or we cannot match your transfer. I will pay $39.40 by bank transfer"
    )
    assert details in page


def test_reading_the_payment_of_an_invoice_writes_nothing(browser, at, invoice, django_assert_num_queries):
    before = counts()
    page = browser.text(at("invoice_pay", invoice.pk))
    assert "Pay invoice INV-2025-001 to Northwind Supply GmbH You pay $39.40" in page
    assert counts() == before


def test_choosing_a_method_for_an_invoice_makes_its_collection(browser, at, invoice):
    answer = browser.post(at("invoice_pay", invoice.pk), provider=MANUAL)
    collection = PaymentCollection.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, at("pay", collection.pk))
    again = browser.get(at("invoice_pay", invoice.pk))
    assert (again.status_code, again["Location"]) == (303, at("pay", collection.pk))
    refused = browser.post(at("invoice_pay", invoice.pk), provider="pp_unknown")
    assert refused.status_code == 422
    assert "Payment provider not found or not installed" in text_of(refused)


def test_a_bank_transfer_is_promised_without_javascript(browser, at, account, stella):
    line = account.line_items.get()
    location = browser.post(at("pay_region"), **region_fields(account, line))["Location"]
    chosen = browser.post(f"{location}method/", provider=MANUAL)
    assert (chosen.status_code, chosen["Location"]) == (303, f"{location}?chosen=1")
    session = PaymentSession.objects.get(provider__code=MANUAL)
    done = browser.post(f"{location}complete/", session=session.pk)
    payment = Payment.objects.get()
    assert (done.status_code, done["Location"]) == (303, f"{at('account')}?promised={payment.pk}")
    page = browser.text(done["Location"])
    sentence = (
        "Invoice INV-2025-001 is awaiting verification of your payment What happens next "
        f"Transfer $39.40 and quote {payment.reference}. We check our account every working day. "
        "You get an e-mail when it is verified. Until then the invoice shows Payment pending. "
        "Current Balance: $39.40"
    )
    assert sentence in page
    assert browser.post(f"{location}complete/", session=session.pk)["Location"] == done["Location"]
    assert Payment.objects.count() == 1
    again = browser.text(location)
    assert "Invoice INV-2025-001 is awaiting verification of your payment" in again
    assert "IBAN DE89370400440532013000" in again
    assert "I will pay" not in again
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    verified = browser.text(done["Location"])
    assert "Invoice INV-2025-001 paid successfully $39.40 by bank transfer on 3 September 2025." in verified
    assert "Current Balance: $0.00" in verified


def test_a_wrong_or_foreign_payment_shows_no_panel(browser, at, account, mallory):
    other = Account.objects.get(company_name="Initech")
    foreign = factories.a_promised_payment(factories.an_open_invoice(other))
    plain = browser.text(at("account"))
    for value in (foreign.pk, 987654, "x", ""):
        assert browser.text(f"{at('account')}?paid={value}") == plain
        assert browser.text(f"{at('account')}?promised={value}") == plain


def test_a_card_is_paid(browser, at, account, invoice, sandbox, alice):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    session = collection.sessions.get(provider__code=STRIPE)
    sandbox.confirm_card(session.reference, "4242424242424242")
    done = browser.post(at("pay_complete", collection.pk), session=session.pk)
    payment = Payment.objects.get()
    assert (done.status_code, done["Location"]) == (303, f"{at('account')}?paid={payment.pk}")
    page = browser.text(done["Location"])
    assert "Invoice INV-2025-001 paid successfully $39.40 by card ending 4242 on 3 September 2025." in page
    assert "alice@example.com" in page
    assert "Current Balance: $0.00 Credit Limit: $1,000.00 Available Credit: $1,000.00" in page
    again = browser.post(at("pay_complete", collection.pk), session=session.pk)
    assert again["Location"] == done["Location"]
    back = browser.text(at("pay", collection.pk))
    assert "Invoice INV-2025-001 is already paid" in back
    assert "$39.40 by card ending 4242 on 3 September 2025, paid by Alice Example." in back
    assert "How do you want to pay?" not in back


@pytest.mark.parametrize(
    ("card", "heading", "reason"),
    [
        (
            "4000000000000002",
            "Your card was declined",
            "Your bank did not say why. Try another card or ask your bank.",
        ),
        ("4000000000009995", "Your card was declined", "The card does not have enough funds."),
        ("4000000000000069", "Your card was declined", "The card has expired."),
        ("4000000000000127", "Your card was declined", "The security code is not right."),
        (
            "4000000000009979",
            "Your card was declined",
            "Your bank did not say why. Try another card or ask your bank.",
        ),
    ],
)
def test_a_declined_card_says_why_and_can_be_tried_again(
    browser, at, invoice, sandbox, alice, card, heading, reason
):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    session = collection.sessions.get(provider__code=STRIPE)
    sandbox.confirm_card(session.reference, card)
    done = browser.post(at("pay_complete", collection.pk), session=session.pk)
    assert (done.status_code, done["Location"]) == (303, at("pay", collection.pk))
    answer = browser.get(at("pay", collection.pk))
    assert title_of(answer) == "Error: Pay invoice INV-2025-001 - Northwind Supply"
    sentence = (
        f"{heading} {reason} No money was taken. Invoice INV-2025-001 is still open. "
        "For support: Payment status: requires_payment_method"
    )
    assert sentence in text_of(answer)
    assert "Pay $39.40" in text_of(answer)
    assert f'value="{STRIPE}" id="method-{STRIPE}" autocomplete="off" checked' in answer.content.decode()
    assert Payment.objects.count() == 0


def test_a_bank_that_could_not_confirm_the_payer(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    session = collection.sessions.get(provider__code=STRIPE)
    sandbox.confirm_card(session.reference, "4000002500003155")
    browser.post(at("pay_complete", collection.pk), session=session.pk)
    page = browser.text(at("pay", collection.pk))
    assert (
        "Your bank wants to know that it is you Follow the steps in the window or in your banking app."
        in page
    )
    PaymentSession.objects.filter(pk=session.pk).update(
        provider_status="requires_payment_method", decline_reason="authentication_failure"
    )
    page = browser.text(at("pay", collection.pk))
    assert "Your bank could not confirm that it was you No money was taken." in page
    assert "Pay $39.40" in page


def test_a_card_payment_that_ran_out_is_renewed_once(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    session = collection.sessions.get(provider__code=STRIPE)
    sandbox.expire(session.reference)
    done = browser.post(at("pay_complete", collection.pk), session=session.pk)
    assert done["Location"] == f"{at('pay', collection.pk)}?renewed=1"
    page = browser.get(done["Location"])
    assert "The payment could not be completed. No money was taken. It is renewed now" in text_of(page)
    fresh = collection.sessions.get(provider__code=STRIPE, status="initiated")
    assert fresh.data["clientSecret"] in page.content.decode()
    again = browser.post(at("pay_complete", collection.pk), session=session.pk)
    assert again["Location"] == done["Location"]
    assert collection.sessions.filter(provider__code=STRIPE).count() == 2
    sandbox.confirm_card(fresh.reference, "4242424242424242")
    paid = browser.post(at("pay_complete", collection.pk), session=fresh.pk)
    assert paid["Location"] == f"{at('account')}?paid={Payment.objects.get().pk}"


def test_paypals_button_asks_for_an_order_that_can_be_confirmed(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, PAYPAL, by=alice.actor)
    session = collection.sessions.get(provider__code=PAYPAL)
    renew = at("pay_renew", collection.pk)
    same = browser.post(renew, session=session.pk).json()
    assert (same["session"], same["orderId"]) == (session.pk, session.reference)
    sandbox.expire(session.reference)
    renewed = browser.post(renew, session=session.pk).json()
    fresh = collection.sessions.get(provider__code=PAYPAL, status="initiated")
    assert (renewed["session"], renewed["orderId"]) == (fresh.pk, fresh.reference)
    assert browser.post(renew, session=session.pk).json() == renewed
    sandbox.approve_paypal(fresh.reference)
    paid = browser.post(renew, session=fresh.pk)
    assert paid["Location"] == f"{at('account')}?paid={Payment.objects.get().pk}"
    assert browser.post(renew, session=session.pk)["Location"] == at("pay", collection.pk)
    assert browser.get(renew)["Location"] == at("pay", collection.pk)


def test_a_paypal_order_that_ran_out_is_renewed_without_javascript(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, PAYPAL, by=alice.actor)
    session = collection.sessions.get(provider__code=PAYPAL)
    sandbox.expire(session.reference)
    away = browser.post(at("pay_method", collection.pk), provider=PAYPAL, go_on=1)
    fresh = collection.sessions.get(provider__code=PAYPAL, status="initiated")
    assert away["Location"] == fresh.redirect_url != session.redirect_url
    sandbox.approve_paypal(fresh.reference)
    paid = browser.post(at("pay_method", collection.pk), provider=PAYPAL, go_on=1)
    assert paid["Location"] == f"{at('account')}?paid={Payment.objects.get().pk}"


def test_paypal_without_javascript(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, PAYPAL, by=alice.actor)
    session = collection.sessions.get(provider__code=PAYPAL)
    assert "Continue to PayPal" in browser.text(at("pay", collection.pk))
    away = browser.post(at("pay_method", collection.pk), provider=PAYPAL, go_on=1)
    assert (away.status_code, away["Location"]) == (303, session.redirect_url)
    left = browser.get(f"{at('pay_return', collection.pk)}?cancelled=1&token={session.reference}")
    assert left["Location"] == f"{at('pay', collection.pk)}?closed=1"
    assert "You left PayPal before confirming. Nothing was paid." in browser.text(left["Location"])
    sandbox.approve_paypal(session.reference)
    back = browser.get(f"{at('pay_return', collection.pk)}?token={session.reference}&PayerID=X")
    payment = Payment.objects.get()
    assert (back.status_code, back["Location"]) == (303, f"{at('account')}?paid={payment.pk}")
    assert "$39.40 by PayPal on 3 September 2025." in browser.text(back["Location"])


def test_coming_back_before_anything_was_decided(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    back = browser.get(at("pay_return", collection.pk))
    assert (back.status_code, back["Location"]) == (303, at("pay", collection.pk))
    assert Payment.objects.count() == 0


def capturing(collection, by, *, at=NOW):
    session = collection.sessions.get(provider__code=STRIPE)
    assert isinstance(_claim(session, at=at, by=by), ProviderCall)
    return session


def test_a_running_payment_is_told_at_the_servers_pace(browser, at, invoice, sandbox, alice, time_machine):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    session = capturing(collection, alice.actor)
    answer = browser.get(at("pay", collection.pk))
    assert title_of(answer) == "Processing: Pay invoice INV-2025-001 - Northwind Supply"
    sentence = "Your payment is being processed Keep this page open. It takes a few seconds. Check again"
    assert sentence in text_of(answer)
    assert 'hx-trigger="every 2s"' in answer.content.decode()
    ask = f"{at('pay_state', collection.pk)}?session={session.pk}&seen=processing-{session.pk}-2-0"
    assert browser.ask(ask).status_code == 204
    time_machine.move_to(NOW + timedelta(seconds=15), tick=False)
    slow = browser.ask(ask)
    assert "we will e-mail alice@example.com when it is decided. Do not pay again." in text_of(slow)
    time_machine.move_to(NOW + timedelta(seconds=31), tick=False)
    assert 'hx-trigger="every 10s"' in browser.ask(ask).content.decode()
    time_machine.move_to(NOW + timedelta(minutes=5), tick=False)
    late = browser.ask(ask)
    assert text_of(late).startswith("We are waiting for your bank We keep asking and will e-mail you.")
    assert "hx-get" not in late.content.decode()


def test_the_page_that_waited_goes_on_when_the_payment_is_decided(browser, at, invoice, sandbox, alice):
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    session = collection.sessions.get(provider__code=STRIPE)
    sandbox.confirm_card(session.reference, "4242424242424242")
    operations.complete_payment(session=session, at=NOW, by=alice.actor)
    state = at("pay_state", collection.pk)
    waited = browser.ask(f"{state}?session={session.pk}&seen=processing")
    assert waited["HX-Redirect"] == f"{at('account')}?paid={Payment.objects.get().pk}"
    opened_window = browser.ask(f"{state}?seen=payable&opened={session.pk}")
    assert opened_window["HX-Redirect"] == waited["HX-Redirect"]
    other_tab = browser.ask(f"{state}?seen=payable")
    assert other_tab["HX-Redirect"] == at("pay", collection.pk)


def test_somebody_elses_payment_is_waited_for(browser, at, account, invoice, sandbox, alice):
    carl = cast.member("Carl Example", account, Membership.Role.ADMIN)
    collection = a_collection(invoice, STRIPE, by=carl.actor)
    session = capturing(collection, carl.actor)
    page = browser.text(at("pay", collection.pk))
    sentence = (
        "This invoice is being paid right now Carl Example started a payment of $39.40 at 05:21. "
        "Wait for the result, or you would pay twice. Back to account"
    )
    assert sentence in page
    assert sentence in browser.text(at("invoice_pay", invoice.pk))
    form_tab = browser.ask(f"{at('pay_state', collection.pk)}?seen=payable")
    assert form_tab["HX-Redirect"] == at("pay", collection.pk)
    refused = browser.post(at("pay_method", collection.pk), provider=MANUAL)
    assert "This invoice is being paid right now" in text_of(refused)
    assert PaymentSession.objects.get(pk=session.pk).status == "capturing"


def test_a_changed_amount_is_said_before_it_is_paid(browser, at, account, invoice):
    collection = a_collection(invoice)
    Invoice.objects.filter(pk=invoice.pk).update(paid_amount=2000)
    page = browser.text(at("pay", collection.pk))
    assert (
        "The amount has changed Part of this invoice was paid meanwhile. You now pay $19.40. Pay $19.40"
        in page
    )
    answer = browser.post(at("pay_method", collection.pk), provider=MANUAL)
    fresh = PaymentCollection.objects.exclude(pk=collection.pk).get()
    assert (fresh.amount, answer["Location"]) == (1940, f"{at('pay', fresh.pk)}?chosen=1")


def test_a_cancelled_invoice_can_no_longer_be_paid(browser, at, invoice, stella):
    collection = a_collection(invoice)
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=stella, reason="Wrong price")
    page = browser.text(at("pay", collection.pk))
    assert (
        "This payment is no longer possible Invoice INV-2025-001 was cancelled on 3 September 2025." in page
    )
    session = collection.sessions.get(provider__code=MANUAL)
    answer = browser.post(at("pay_complete", collection.pk), session=session.pk)
    assert (answer.status_code, answer["Location"]) == (303, at("pay", collection.pk))
    assert Payment.objects.count() == 0


def test_a_region_without_providers(browser, at, account, invoice):
    invoice.region.payment_providers.clear()
    page = browser.text(at("invoice_pay", invoice.pk))
    assert "No payment providers are available for this region Contact us: billing@northwind.example" in page
    refused = browser.post(at("invoice_pay", invoice.pk), provider=MANUAL)
    assert "No payment providers are available for this region" in text_of(refused)
    assert PaymentCollection.objects.count() == 0


def test_only_the_chosen_provider_may_be_loaded(browser, at, invoice, sandbox, settings, alice):
    settings.STRIPE_JS_URL, settings.PAYPAL_JS_URL = (
        "https://js.stripe.test/v3/",
        "https://www.paypal.test/sdk/js",
    )
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    policy = browser.get(at("pay", collection.pk))["Content-Security-Policy"]
    assert re.search(r"script-src 'self' 'nonce-[^']+' https://js\.stripe\.test(;|$)", policy)
    assert re.search(r"frame-src https://js\.stripe\.test(;|$)", policy)
    assert "paypal" not in policy
    browser.post(at("pay_method", collection.pk), provider=PAYPAL)
    answer = browser.get(at("pay", collection.pk))
    assert re.search(r"form-action 'self' https://www\.paypal\.test(;|$)", answer["Content-Security-Policy"])
    assert "stripe" not in answer["Content-Security-Policy"]
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    browser.post(at("pay_method", collection.pk), provider=MANUAL)
    for address in (at("pay", collection.pk), at("account"), at("pay_region")):
        answer = browser.get(address)
        assert not re.search("stripe|paypal|frame-src", answer["Content-Security-Policy"])
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_panel_is_swapped_only_where_the_pages_policy_allows_it(
    browser, at, invoice, sandbox, settings, alice
):
    settings.STRIPE_JS_URL, settings.PAYPAL_JS_URL = (
        "https://js.stripe.test/v3/",
        "https://www.paypal.test/sdk/js",
    )
    collection = a_collection(invoice, STRIPE, by=alice.actor)
    ask = {"path": at("pay_method", collection.pk), "headers": {"HX-Request": "true"}}
    swapped = browser.client.post(data={"provider": MANUAL, "page_is_for": STRIPE}, **ask)
    assert "I will pay $39.40 by bank transfer" in text_of(swapped)
    assert 'id="live" hx-swap-oob="true"' in swapped.content.decode()
    anew = browser.client.post(data={"provider": PAYPAL, "page_is_for": STRIPE}, **ask)
    assert (anew.status_code, anew["HX-Redirect"]) == (204, f"{at('pay', collection.pk)}?chosen=1")


def test_a_provider_that_does_not_answer_leaves_the_other_methods(browser, at, invoice, settings):
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    collection = a_collection(invoice)
    answer = browser.post(at("pay_method", collection.pk), provider=STRIPE)
    assert answer.status_code == 422
    assert "Card is not available right now. Try again or choose another method" in text_of(answer)
    assert "Bank transfer" in text_of(answer)


def test_the_payment_page_asks_as_often_for_one_order_as_for_many(
    browser, at, account, django_assert_num_queries
):
    collection = a_collection(factories.an_open_invoice(account, account.line_items.get()))
    browser.get(at("account"))  # the first page of a session notes that it was seen
    with django_assert_num_queries(12):
        browser.get(at("pay", collection.pk))
    factories.many_unpaid_orders(account, 30)
    lines = list(account.line_items.exclude(invoice_lines__is_live=True))
    collection = a_collection(factories.an_open_invoice(account, *lines))
    with django_assert_num_queries(12):
        assert "and 10 more" in browser.text(at("pay", collection.pk))
