"""Letters: to whom they go, when and how often, and that nothing is in them that is nobody's business."""

import re
from datetime import timedelta

import pytest
from django.core import mail

from accounts.models import Organization
from core.audit import AuditEntry
from core.outbox import OutboxMessage, drain
from payments import operations, tasks
from payments.models import Payment
from tests import factories
from tests.bad_text.texts import BACKWARDS, HEADER, MARKUP, read
from tests.factories import NOW
from tests.papers import cheap_pdf
from tests.payments.letters import SITE, delivered, page_of, speaks, the, told

pytestmark = pytest.mark.django_db
HOSTILE = f"Globex {MARKUP} {HEADER} {BACKWARDS}"


@pytest.fixture(autouse=True)
def the_site(settings, time_machine):
    time_machine.move_to(NOW, tick=False)
    settings.SITE_URL = SITE


@pytest.fixture
def invoice(account):
    return factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)


@pytest.fixture
def promise(invoice, alice):
    return factories.a_promised_payment(invoice, by=alice.user)


# To whom


def test_an_invoice_goes_to_the_accounts_address(account, invoice, alice):
    speaks(account, "en_US", email="ap@globex.example")
    (sent,) = delivered()
    assert sent.to == ["ap@globex.example"]


def test_the_trail_and_the_page_tell_to_whom(account, invoice, alice, client):
    speaks(account, "en_US", email="ap@globex.example")
    delivered()
    assert AuditEntry.objects.get(action="invoice.mailed").after == {"to": ["ap@globex.example"]}
    client.force_login(alice.user, "django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/account/{account.number}/invoices/{invoice.pk}/").content.decode()
    assert "<bdi>Sent to ap@globex.example</bdi>" in page


def test_what_the_company_knows_from_before_is_not_sent(account, invoice, alice):
    """When an upgrade makes the PDFs of old invoices."""
    OutboxMessage.objects.filter(kind="invoice.documented").delete()
    assert delivered() == []
    assert [one.kind for one in invoice.documents.order_by("pk")] == ["plain", "pay_now"]


def test_else_to_its_admins_who_may_sign_in(account, invoice, alice, bob, sam, mallory):
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=False)
    assert delivered() == []
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=True)
    tasks.mail_invoice({"invoice": invoice.pk}, NOW)
    assert [one.to for one in mail.outbox] == [["alice@example.com"]]


def test_a_payment_of_nobody_is_told_to_the_account_s_address(account, invoice):
    speaks(account, "en_US", email="ap@globex.example")
    factories.a_promised_payment(invoice)
    assert [one.to for one in delivered()] == [["ap@globex.example"]] * 2


# Once, and at the right time


def test_an_invoice_is_sent_with_its_paper(account, invoice, alice):
    drain(at=NOW)
    assert invoice.documents.count() == 2
    (sent,) = mail.outbox
    ((name, content, kind),) = sent.attachments
    assert (name, kind) == ("INV-2025-001.pdf", "application/pdf")
    assert content == bytes(invoice.documents.get(kind="pay_now").content)
    pay = f"{SITE}/account/{account.number}/invoices/{invoice.pk}/pay/"
    assert content == cheap_pdf(invoice.snapshot, pay_now_url=pay, is_test_mode=True)


def test_a_consumer_that_runs_again_sends_nothing(account, invoice, promise, stella):
    assert len(delivered()) == 2
    for _ in range(2):
        tasks.invoice_issued({"invoice": invoice.pk}, NOW)
        assert delivered() == []


def test_a_second_copy_can_be_told(account, invoice, alice):
    (sent,) = delivered()
    tasks.mail_invoice({"invoice": invoice.pk}, NOW)
    (_, again) = mail.outbox
    name = f"<invoice.{invoice.pk}.{NOW.timestamp():.0f}@northwind.example>"
    assert sent.message()["Message-ID"] == again.message()["Message-ID"] == name


def test_a_mail_server_that_is_away_is_asked_again(account, invoice, alice, settings):
    settings.EMAIL_BACKEND = "nowhere.to.be.found"
    assert delivered() == []
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert len(delivered(NOW + timedelta(hours=1))) == 1
    assert delivered(NOW + timedelta(hours=2)) == []


def test_of_a_cancelled_invoice_and_a_decided_promise_nothing_is_sent(account, invoice, promise, stella):
    operations.reject_manual_payment(payment=promise, at=NOW, staff=stella, reason="x")
    type(invoice).objects.filter(pk=invoice.pk).update(status="cancelled", cancelled_at=NOW)
    assert [one.subject for one in delivered()] == ["We could not find your bank transfer of $39.40"]


def test_a_paid_invoice_asks_for_no_transfer(account, invoice, promise, stella):
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    sent = the(delivered(), "Invoice")
    assert "IBAN" not in sent.body
    assert "Quote the reference" not in sent.body


def test_without_a_bank_account_there_is_none(account, promise):
    Organization.objects.update(iban="")
    sent = the(delivered(), "We are waiting")
    assert f"Pay by bank transfer\nReference: {promise.reference}\n" in sent.body


# Text of others, and secrets


def test_hostile_names_stay_text_on_one_line(account, alice, stella):
    Organization.objects.update(legal_name=HOSTILE[:200], bank_name=HOSTILE[:100])
    speaks(account, "en_US", company_name=HOSTILE[:200])
    invoice = factories.an_open_invoice(account, is_drawn=True)
    promise = factories.a_promised_payment(invoice, by=alice.user)
    sent = delivered()
    operations.reject_manual_payment(payment=promise, at=NOW, staff=stella, reason=HOSTILE)
    sent += delivered()
    assert len(sent) == 3
    for one in sent:
        assert read(page_of(one)).alive == []
        message = one.message()
        assert "Bcc" not in message
        assert len(message.get_all("Subject")) == 1
        account_line = next(line for line in one.body.splitlines() if line.startswith("Account: "))
        assert account_line == (
            f"Account: {account.number} Globex \"'><pwned-tag pwned-attr=1 onclick=pwned()> x "
            "Bcc: pwned@example.com pwned pwned\u200f\ufeff"
        )


def test_live_letters_name_no_test_mode(account, invoice, alice, settings):
    settings.PAYMENTS = "live"
    (sent,) = delivered()
    assert "Test mode" not in sent.body + page_of(sent)


def test_no_card_and_no_token_is_told(account, promise, alice, stella):
    Payment.objects.update(method="card", method_details={"brand": "visa", "last4": "4242"})
    sent = delivered()
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    sent += delivered()
    assert len(sent) == 3
    for one in sent:
        all_of_it = one.subject + one.body + page_of(one)
        assert "4242" not in all_of_it
        assert "visa" not in all_of_it.lower()
        assert alice.token.removeprefix("ctok_") not in all_of_it
        (link,) = told(one).links
        assert re.fullmatch(rf"{SITE}/account/ACC-2025-000001/(invoices|payments)/\d+/", link)
        assert "<img" not in page_of(one)
