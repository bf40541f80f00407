"""Letters: what they say, in which language, to whom, once, and nothing that is nobody's business."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from string import Formatter

import pytest
from django.core import mail

from accounts import operations as accounts
from accounts.models import Account, Organization
from accounts.operations.letter_words import WORDS as OURS
from core.outbox import drain
from invoices.documents.labels import LABELS
from payments import operations, tasks
from payments.models import Payment, PaymentSession
from payments.operations.letter_words import WORDS
from tests import factories
from tests.bad_text.texts import BACKWARDS, HEADER, MARKUP, read
from tests.factories import NOW
from tests.papers import cheap_pdf

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
SITE = "https://shop.example"
HOSTILE = f"Globex {MARKUP} {HEADER} {BACKWARDS}"
RIGHT_TO_LEFT = {"ar"}


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


def speaks(account: Account, locale: str, **changes) -> None:
    Account.objects.filter(pk=account.pk).update(locale=locale, **changes)
    account.refresh_from_db()


def delivered(at=NOW) -> list:
    """What a worker sends until nothing is left to do."""
    mail.outbox.clear()
    for _ in range(3):  # a delivery may cause another
        drain(at=at)
    return list(mail.outbox)


def the(sent: list, start: str):
    (one,) = [one for one in sent if one.subject.startswith(start)]
    return one


class Told(HTMLParser):
    """The words of a page in their order, with where its links lead."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self.links: list[str] = []
        self.skipping = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.skipping = tag == "title"
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self.skipping = False

    def handle_data(self, data: str) -> None:
        if not self.skipping and data.strip():
            self.words.append(" ".join(data.split()))


def page_of(one) -> str:
    ((page, kind),) = one.alternatives
    assert kind == "text/html"
    return page


def told(one) -> Told:
    reader = Told()
    reader.feed(page_of(one))
    return reader


def assert_the_same(one) -> None:
    """HTML and text say the same, in the same order, and there is one button."""
    reader, at = told(one), 0
    text = " ".join(one.body.split())
    for words in reader.words:
        assert words in text[at:], words
        at = text.index(words, at) + len(words)
    assert [link for link in reader.links if link not in text] == []
    assert len(reader.links) == 1
    spoken = sum(len(word) for word in re.findall(r"\w+", " ".join([*reader.words, *reader.links])))
    assert spoken == sum(len(word) for word in re.findall(r"\w+", one.body))


# What they say


def test_an_invoice(account, invoice, alice):
    (sent,) = delivered()
    assert sent.subject == "Invoice INV-2025-001: $39.40 due 3 October 2025"
    assert (sent.to, sent.cc, sent.bcc) == (["alice@example.com"], [], [])
    assert sent.from_email == "Northwind Supply <billing@northwind.example>"
    assert (
        sent.body
        == f"""\
Invoice INV-2025-001 over $39.40 is due on 3 October 2025.

Amount: $39.40
Invoice number: INV-2025-001
Due date: 3 October 2025

The invoice is attached as a PDF.

View and pay invoice:
{SITE}/account/{account.number}/invoices/{invoice.pk}/

Pay by bank transfer
Account holder: Northwind Supply GmbH
Bank: Example Bank
IBAN: DE89 3704 0044 0532 0130 00
BIC: COBADEFFXXX
Amount: $39.40
Reference: INV-2025-001

Quote the reference exactly, or we cannot match your transfer.

Test mode: no real money moves.

Northwind Supply GmbH
Account: {account.number} Globex
You get this e-mail because invoices of this account are sent to you.
"""
    )
    assert_the_same(sent)
    assert '<html lang="en-US" dir="ltr">' in page_of(sent)


def test_a_receipt(account, invoice, promise, stella):
    Payment.objects.filter(pk=promise.pk).update(verified_at=None)
    operations.verify_manual_payment(payment=promise, at=LATER, staff=stella)
    sent = the(delivered(LATER), "Your bank transfer")
    assert (sent.subject, sent.to) == ("Your bank transfer of $39.40 is verified", ["alice@example.com"])
    facts = f"""\

Receipt number: 2025-000001
Paid on: 4 September 2025
Invoice INV-2025-001: $39.40
Reference: {promise.reference}

View receipt:
{SITE}/account/{account.number}/payments/{promise.pk}/

Test mode: no real money moves.

Northwind Supply GmbH
Account: {account.number} Globex
You get this e-mail because you paid on this account.
"""
    assert sent.body == "Your bank transfer of $39.40 has arrived and is verified.\n" + facts
    assert_the_same(sent)
    Payment.objects.filter(pk=promise.pk).update(verified_at=None)  # as money that a provider took
    mail.outbox.clear()
    tasks.payment_captured({"payment": promise.pk}, LATER)
    (sent,) = mail.outbox
    assert sent.subject == "Receipt: $39.40 paid on invoice INV-2025-001"
    assert sent.body == "We received your payment of $39.40. Thank you.\n" + facts
    assert_the_same(sent)


def test_a_receipt_for_several_invoices(account, alice, stella):
    several = [factories.an_open_invoice(account) for _ in range(2)]
    collection = factories.a_collection_over(*several)
    session = collection.sessions.get(provider__code=factories.MANUAL)
    operations.initiate_session(session=session, at=NOW, by=alice.actor)
    operations.complete_payment(session=PaymentSession.objects.get(pk=session.pk), at=NOW, by=alice.actor)
    promise = Payment.objects.get()
    operations.verify_manual_payment(payment=promise, at=LATER, staff=stella)
    Payment.objects.filter(pk=promise.pk).update(verified_at=None)
    sent = the(delivered(LATER), "Receipt")
    assert sent.subject == "Receipt: $78.80 paid on 2 invoices"
    assert "Invoice INV-2025-001: $39.40\nInvoice INV-2025-002: $39.40\n" in sent.body


def test_a_promise(account, promise):
    sent = the(delivered(), "We are waiting")
    assert (sent.subject, sent.to) == (
        "We are waiting for your bank transfer of $39.40",
        ["alice@example.com"],
    )
    assert (
        sent.body
        == f"""\
We are waiting for your bank transfer of $39.40.

Invoice INV-2025-001: $39.40

We check our account every working day. You get an e-mail when it is verified. \
Until then the invoice shows Payment pending.

View payment:
{SITE}/account/{account.number}/payments/{promise.pk}/

Pay by bank transfer
Account holder: Northwind Supply GmbH
Bank: Example Bank
IBAN: DE89 3704 0044 0532 0130 00
BIC: COBADEFFXXX
Amount: $39.40
Reference: {promise.reference}

Quote the reference exactly, or we cannot match your transfer.

Test mode: no real money moves.

Northwind Supply GmbH
Account: {account.number} Globex
You get this e-mail because you announced a payment on this account.
"""
    )
    assert_the_same(sent)


def test_a_rejection(account, invoice, promise, stella):
    reason = "We found no transfer\nwith this reference"
    operations.reject_manual_payment(payment=promise, at=LATER, staff=stella, reason=reason)
    (sent,) = [one for one in delivered(LATER) if "PDF" not in one.body]  # no promise any more
    assert (sent.subject, sent.to) == (
        "We could not find your bank transfer of $39.40",
        ["alice@example.com"],
    )
    assert (
        sent.body
        == f"""\
We could not find your bank transfer of $39.40.

Reason: We found no transfer
with this reference
Invoice INV-2025-001: $39.40
Reference: {promise.reference}

The invoice is open again. You can pay again.

View and pay invoice:
{SITE}/account/{account.number}/invoices/{invoice.pk}/

Test mode: no real money moves.

Northwind Supply GmbH
Account: {account.number} Globex
You get this e-mail because you announced a payment on this account.
"""
    )
    assert_the_same(sent)


def test_a_refund(account, promise, stella):
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    payment = Payment.objects.get()
    operations.refund_payment(payment=payment, amount=1000, reason="Broken", at=LATER, staff=stella)
    sent = the(delivered(LATER), "We sent")
    assert (sent.subject, sent.to) == ("We sent $10.00 back to you", ["alice@example.com"])
    assert (
        sent.body
        == f"""\
We sent $10.00 of your payment {payment.reference} back to you.

Invoice INV-2025-001: $10.00 is open again

It arrives the way you paid, within some days.

View payment:
{SITE}/account/{account.number}/payments/{payment.pk}/

Test mode: no real money moves.

Northwind Supply GmbH
Account: {account.number} Globex
You get this e-mail because you made this payment.
"""
    )
    assert_the_same(sent)


# Languages


def test_in_german(account, invoice, alice):
    speaks(account, "de_DE")
    (sent,) = delivered()
    assert sent.subject == "Rechnung INV-2025-001: 39,40\u00a0$ fällig am 3. Oktober 2025"
    assert (
        sent.body
        == f"""\
Rechnung INV-2025-001 über 39,40\u00a0$ ist am 3. Oktober 2025 fällig.

Betrag: 39,40\u00a0$
Rechnungsnummer: INV-2025-001
Fällig am: 3. Oktober 2025

Die Rechnung hängt als PDF an.

Rechnung ansehen und bezahlen:
{SITE}/account/{account.number}/invoices/{invoice.pk}/

Per Überweisung zahlen
Kontoinhaber: Northwind Supply GmbH
Bank: Example Bank
IBAN: DE89 3704 0044 0532 0130 00
BIC: COBADEFFXXX
Betrag: 39,40\u00a0$
Verwendungszweck: INV-2025-001

Geben Sie den Verwendungszweck genau so an, sonst können wir nicht zuordnen.

Testmodus: Es fließt kein echtes Geld.

Northwind Supply GmbH
Konto: {account.number} Globex
Sie erhalten diese E-Mail, weil Rechnungen dieses Kontos an Sie gehen.
"""
    )
    assert_the_same(sent)
    assert '<html lang="de-DE" dir="ltr">' in page_of(sent)


def test_in_arabic(account, promise):
    speaks(account, "ar_AE")
    sent = the(delivered(), "ننتظر")
    assert sent.body.startswith("ننتظر تحويلكم المصرفي بمبلغ \u2068\u200f39.40\u00a0US$\u2069.\n")
    assert_the_same(sent)
    page = page_of(sent)
    assert '<html lang="ar-AE" dir="rtl">' in page
    assert "text-align:right" in page
    assert "text-align:left" not in page


def test_a_language_without_words_reads_english(account, invoice, alice):
    speaks(account, "pl_PL")
    (sent,) = delivered()
    assert sent.subject == "Invoice INV-2025-001: $39.40 due 3 October 2025"
    assert '<html lang="en" dir="ltr">' in page_of(sent)


@pytest.mark.parametrize("table", [OURS, WORDS])
def test_every_language_says_all_of_it(table):
    assert sorted(table) == sorted(LABELS)

    def places(language):
        return {
            key: sorted({name for _, name, *_ in Formatter().parse(word) if name})
            for key, word in table[language].items()
        }

    for language in table:
        assert places(language) == places("en"), language
    assert set(OURS["en"]).isdisjoint(WORDS["en"])


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_letter_can_be_written_in_every_language(language, account, promise, stella):
    speaks(account, language)
    sent = delivered()
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    operations.refund_payment(payment=Payment.objects.get(), amount=1000, reason="x", at=NOW, staff=stella)
    sent += delivered()
    assert len(sent) == 4
    for one in sent:
        assert_the_same(one)
        assert f'dir="{"rtl" if language in RIGHT_TO_LEFT else "ltr"}"' in page_of(one)


# To whom


def test_an_invoice_goes_to_the_accounts_address(account, invoice, alice):
    speaks(account, "en_US", email="ap@globex.example")
    (sent,) = delivered()
    assert sent.to == ["ap@globex.example"]


def test_else_to_its_admins_who_may_sign_in(account, invoice, alice, bob, sam, mallory):
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=False)
    assert delivered() == []
    type(alice.user).objects.filter(pk=alice.user.pk).update(is_active=True)
    tasks.invoice_documented({"invoice": invoice.pk}, NOW)
    assert [one.to for one in mail.outbox] == [["alice@example.com"]]


def test_a_payment_of_nobody_is_told_to_the_account_s_address(account, invoice):
    speaks(account, "en_US", email="ap@globex.example")
    factories.a_promised_payment(invoice)
    assert [one.to for one in delivered()] == [["ap@globex.example"]] * 2


# Once, and at the right time


def test_an_invoice_is_sent_once_its_paper_is_made(account, invoice, alice):
    drain(at=NOW)
    assert mail.outbox == []
    assert invoice.documents.count() == 2
    drain(at=NOW)
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
    tasks.invoice_documented({"invoice": invoice.pk}, NOW)
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


def test_an_invitation(account, alice):
    words = accounts.words_for(account=account)
    url = f"{SITE}/account/invitations/abc/"
    fixed = {"url": url, "days": 7, "to": "new@example.com", "words": words}
    sent = accounts.write_invitation(inviter="Alice Example", company="Globex Ltd", **fixed)
    assert sent.subject == "Alice Example invites you to Globex Ltd"
    assert (
        sent.body
        == f"""\
Alice Example invites you to see and pay the invoices of Globex Ltd.

The link works for 7 days.

Accept the invitation:
{url}

You do not know Alice Example? Then do nothing.

Test mode: no real money moves.

Northwind Supply GmbH
You get this e-mail because Alice Example gave your address for Globex Ltd.
"""
    )
    assert_the_same(sent)
    sent = accounts.write_invitation(inviter=HEADER, company=MARKUP, **fixed)
    assert sent.subject == f"x Bcc: pwned@example.com pwned invites you to {MARKUP}"
    assert "Bcc" not in sent.message()
    assert read(page_of(sent)).alive == []


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
