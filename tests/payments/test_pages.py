"""Pages: who may open which, the choice of accounts, and one invoice."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, Membership
from core.audit import AuditEntry
from invoices.models import Invoice
from payments import operations
from tests import cast, factories
from tests.factories import MANUAL, NOW, STRIPE
from tests.payments.reading import Browser, a_collection, counts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


PAGES = ("account", "pay_region", "pay", "pay_state", "pay_return", "invoice", "invoice_pay")


def addresses(account, collection, invoice):
    ids = {"pay": collection, "pay_state": collection, "pay_return": collection}
    ids |= {"invoice": invoice, "invoice_pay": invoice}
    return [reverse(name, args=[account, *([ids[name]] if name in ids else [])]) for name in PAGES]


def test_nobody_is_sent_to_sign_in_and_comes_back(account, invoice):
    collection = a_collection(invoice)
    for address in addresses(account.number, collection.pk, invoice.pk):
        answer = Client().get(address)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/account/login/")


def test_a_stranger_finds_nothing_and_a_random_number_looks_the_same(account, invoice, mallory):
    collection, stranger = a_collection(invoice), Browser(mallory)
    own = Account.objects.get(company_name="Initech")
    before = counts()
    foreign = addresses(account.number, collection.pk, invoice.pk)
    random = addresses("ACC-2025-999999", 987654, 987654)
    borrowed = addresses(own.number, collection.pk, invoice.pk)[2:]
    pages = {stranger.get(address).content for address in [*foreign, *random, *borrowed]}
    assert {stranger.get(address).status_code for address in [*foreign, *random, *borrowed]} == {404}
    assert (
        len(
            {
                re.sub(rb'value="[\w]{64}"|href="/account/[^"]*"( aria-current="(page|true)")?', b"", page)
                for page in pages
            }
        )
        == 1
    )
    for name in ("pay_method", "pay_renew", "pay_complete"):
        for number in (account.number, own.number, "ACC-2025-999999"):
            answer = stranger.post(reverse(name, args=[number, collection.pk]), provider=MANUAL)
            assert answer.status_code == 404
    assert counts() == before


def test_a_senior_buyer_sees_figures_and_whom_to_ask(at, sam, alice, invoice):
    page = Browser(sam)
    assert "Only an Admin can pay. Ask Alice Example (alice@example.com)." in page.text(at("account"))
    assert "Pay Outstanding Balance" not in page.text(at("account"))
    assert "Only an Admin can pay. Ask Alice Example (alice@example.com)." in page.text(
        at("invoice", invoice.pk)
    )


def test_a_senior_buyer_cannot_pay_by_typing_the_address(at, sam, alice, invoice):
    collection = a_collection(invoice)
    before = counts()
    for address in (at("pay_region"), at("pay", collection.pk), at("invoice_pay", invoice.pk)):
        page = Browser(sam).text(address, status=403)
        assert "Only an Admin can pay Ask Alice Example (alice@example.com)." in page
    assert "View invoice" in Browser(sam).text(at("invoice_pay", invoice.pk), status=403)
    session = collection.sessions.get(provider__code=MANUAL)
    answers = [
        Browser(sam).post(at("pay_complete", collection.pk), session=session.pk),
        Browser(sam).post(at("pay_method", collection.pk), provider=MANUAL),
        Browser(sam).post(at("pay_renew", collection.pk), session=session.pk),
        Browser(sam).post(at("invoice_pay", invoice.pk), provider=MANUAL),
        Browser(sam).post(at("pay_region"), form_key=uuid4(), region=1),
    ]
    assert [answer.status_code for answer in answers] == [403] * 5
    assert counts() == before


def test_a_junior_buyer_sees_the_explanation_and_no_figures(at, bob, alice, invoice):
    page = Browser(bob).text(at("account"))
    sentence = "Invoices and balances are visible to Admins and Senior Buyers. Ask Alice Example"
    assert sentence in page
    assert "Globex" in page
    assert "39.40" not in page
    assert sentence in Browser(bob).text(at("invoice", invoice.pk), status=403)
    assert Invoice.objects.get().viewed_at is None


def test_signed_in_pages_are_not_kept(browser, at, invoice):
    for address in (
        at("account"),
        at("pay_region"),
        at("invoice", invoice.pk),
        at("invoice_pay", invoice.pk),
    ):
        assert browser.get(address)["Cache-Control"] == "no-store"


def test_one_account_is_opened_at_once(browser, account):
    answer = browser.get("/account/")
    assert (answer.status_code, answer["Location"]) == (303, f"/account/{account.number}/")


def test_several_accounts_are_a_choice(alice, account):
    other = factories.an_account("Hooli")
    Membership.objects.create(user=alice.user, account=other, role=Membership.Role.ADMIN)
    page = Browser(alice).text("/account/")
    assert f"Choose an account Globex {account.number} Hooli {other.number}" in page
    assert "Switch account" in Browser(alice).get(f"/account/{account.number}/").content.decode()


def test_a_reader_without_a_company_is_told_so(account):
    nobody = cast.member("Nina Example", None, "")
    sentence = "You are not a member of a company yet. Ask your Admin for an invitation."
    assert sentence in Browser(nobody).text("/account/")


def test_the_invoice_shows_what_was_issued_and_books_the_first_look(browser, at, invoice, alice):
    page = browser.text(at("invoice", invoice.pk))
    assert page.startswith(
        "Back to account Invoice INV-2025-001 Open Open balance: $39.40 Total: $39.40 Due: 3 October 2025 "
        "Pay $39.40"
    )
    assert "From Northwind Supply GmbH Hafenstr. 1 10115 Berlin DE Tax ID DE123456789 To Globex" in page
    assert "Order #1756876866 - 1 items 1 each 39.40 $39.40 Total $39.40 Open balance $39.40" in page
    invoice.refresh_from_db()
    assert invoice.viewed_at == NOW
    browser.get(at("invoice", invoice.pk))
    assert AuditEntry.objects.filter(action="invoice.viewed").count() == 1


def test_staff_who_look_are_not_the_first_view(account, at, invoice, stella):
    Membership.objects.create(user=stella, account=account, role=Membership.Role.ADMIN)
    Browser(stella).get(at("invoice", invoice.pk))
    assert Invoice.objects.get().viewed_at is None


def test_a_draft_is_not_for_customers(browser, at, account, invoice):
    draft = Invoice.objects.create(
        account=account, title="Draft", currency="USD", total_amount=1, due_date=NOW.date(), created_at=NOW
    )
    assert browser.get(at("invoice", draft.pk)).status_code == 404


def test_the_timeline_tells_decline_promise_rejection_and_payment_in_order(
    browser, at, account, invoice, sandbox, alice, stella
):
    def later(minutes):
        return NOW + timedelta(minutes=minutes)

    card = factories.an_initiated_session(invoice, STRIPE, by=alice.actor)
    sandbox.confirm_card(card.reference, "4000000000009995")
    operations.complete_payment(session=card, at=later(1), by=alice.actor)
    promise = factories.a_promised_payment(invoice, by=alice.user, at=later(2))
    operations.reject_manual_payment(payment=promise, at=later(3), staff=stella, reason="Nothing arrived")
    page = browser.text(at("invoice", invoice.pk))
    assert "Bank transfer rejected: Nothing arrived You can pay again. Pay $39.40" in page
    sandbox.confirm_card(card.reference, "4242424242424242")
    operations.complete_payment(session=card, at=later(4), by=alice.actor)
    page = browser.text(at("invoice", invoice.pk))
    told = [
        "What happened",
        "$39.40 paid by card ending 4242",
        "Bank transfer rejected: Nothing arrived",
        "Bank transfer of $39.40 announced, awaiting verification",
        "Card payment of $39.40 declined: not enough funds",
        "First viewed by Alice Example",
        "Issued",
    ]
    page = page[page.index("What happened") :]
    places = [page.index(text) for text in told]
    assert places == sorted(places)
    assert "Paid in full" in page


def test_what_was_written_off_is_not_told_as_paid(at, browser, invoice, stella):
    operations.write_off(invoice=invoice, amount=invoice.open_balance, reason="Lost", at=NOW, staff=stella)
    page = browser.text(at("invoice", invoice.pk))
    assert "$39.40 written off" in page
    assert "Nothing is open any more" in page
    assert "Paid in full" not in page


def test_an_invoice_in_another_currency(at, browser, account):
    factories.a_rate("JPY", "USD", "0.0068")
    region = factories.a_region("Japan", "JPY")
    line = factories.an_unpaid_order(account, "1182", display_id="J1", region=region)
    invoice = factories.an_open_invoice(account, line)
    page = browser.text(at("invoice", invoice.pk))
    assert "Open balance: ¥1,182 Total: ¥1,182" in page
    assert "each 1,182 ¥1,182" in page
