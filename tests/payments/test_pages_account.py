"""The account's page: what is owed, what can be paid, what came of a payment."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Account, Membership
from payments import operations
from payments.models import AccountCredit, Payment
from tests import factories
from tests.factories import NOW
from tests.payments.reading import Browser, a_collection, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("the_clock")]


def test_the_account_says_what_is_owed_and_what_to_do(browser, at, account):
    page = browser.text(at("account"))
    assert page.startswith(
        f"Business Account {account.number} · Globex Current Balance: $39.40 Credit Limit: $1,000.00 "
        "Available Credit: $960.60 How is this calculated? You have unpaid orders. Click below to pay your "
        "outstanding balance. Pay Outstanding Balance"
    )
    assert (
        "Recent Orders Order Date Status Amount Order #1756876866 - 1 items 3 Sep 2025 Unpaid $39.40" in page
    )


def test_an_account_without_orders(at, alice, account):
    fresh = factories.an_account("Hooli")
    Membership.objects.create(user=alice.user, account=fresh, role=Membership.Role.ADMIN)
    page = Browser(alice).text(reverse("account", args=[fresh.number]))
    assert "No orders yet. Orders you place on account appear here." in page
    assert "Pay Outstanding Balance" not in page


def test_nothing_unpaid(browser, at, account, stella):
    factories.a_promised_payment(factories.an_open_invoice(account, account.line_items.get()))
    operations.verify_manual_payment(payment=Payment.objects.get(), at=NOW, staff=stella)
    page = browser.text(at("account"))
    assert "No unpaid orders. Your balance is $0.00." in page
    assert "1 items 3 Sep 2025 Paid $39.40" in page


def test_an_open_invoice_can_be_paid_or_its_payment_continued(browser, at, invoice):
    assert "INV-2025-001 Open Due 3 Oct 2025 $39.40 Pay invoice INV-2025-001" in browser.text(at("account"))
    assert "On invoice INV-2025-001" in browser.text(at("account"))
    collection = a_collection(invoice)
    answer = browser.get(at("account"))
    assert "Continue payment INV-2025-001" in text_of(answer)
    assert f'href="{at("pay", collection.pk)}"' in answer.content.decode()


def test_a_pending_payment_shows_both_tags_and_no_button(at, alice, invoice, time_machine):
    factories.a_promised_payment(invoice)
    time_machine.move_to(NOW + timedelta(days=42), tick=False)
    page = Browser(alice).text(at("account"))
    assert "INV-2025-001 Overdue 12 days Payment pending Due 3 Oct 2025 $0.00" in page
    assert "Pay invoice" not in page
    assert "Continue payment" not in page


def test_suspended_over_limit_credit_and_foreign_currency(browser, at, account):
    factories.a_rate("EUR", "USD", "1.1")
    factories.an_unpaid_order(account, "100.00", display_id="E1", region=factories.a_region("Europe", "EUR"))
    AccountCredit.objects.create(account=account, currency="USD", amount=1200, reason="x", created_at=NOW)
    page = browser.text(at("account"))
    assert "Charges in EUR count at the rate of the day they were made." in page
    assert "Account credit $12.00. You can use it for your next payment." in page
    Account.objects.filter(pk=account.pk).update(credit_limit=10000)
    assert "New orders on account are paused until $49.40 is paid." in browser.text(at("account"))
    Account.objects.filter(pk=account.pk).update(status="suspended")
    page = browser.text(at("account"))
    assert "Globex Suspended" in page
    assert "New orders on account are paused until $149.40 is paid." in page
    assert "Pay Outstanding Balance" in page


def test_queries_do_not_grow_with_rows(browser, at, account, django_assert_num_queries):
    browser.get(at("account"))  # the first page of a session notes that it was seen
    with django_assert_num_queries(14):
        browser.get(at("account"))
    factories.many_unpaid_orders(account, 15)
    for _ in range(5):
        a_collection(factories.an_open_invoice(account))
    with django_assert_num_queries(15):  # and one for the payments that can be taken up again
        browser.get(at("account"))
    with django_assert_num_queries(7):
        browser.get(at("pay_region"))
