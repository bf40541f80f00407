"""Letters: what they say, and in which language."""

from datetime import date, timedelta
from string import Formatter

import pytest
from django.core import mail

from accounts import operations as accounts
from accounts.models import Account
from accounts.operations.letter_words import WORDS as OURS
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.documents.labels import LABELS
from payments import operations, tasks
from payments.models import Payment, PaymentSession
from payments.operations.letter_words import WORDS
from tests import factories
from tests.bad_text.texts import HEADER, MARKUP, read
from tests.factories import NOW
from tests.payments.letters import SITE, assert_the_same, delivered, page_of, speaks, the

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)
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


def test_a_recording_that_was_undone(account, invoice, stella):
    speaks(account, "en_US", email="ap@globex.example")
    payment = operations.record_payment(
        account=account,
        received=operations.Received(
            "check", date(2025, 9, 1), "USD", 2000, parts=[operations.Share(invoice, 2000)]
        ),
        at=NOW,
        staff=stella,
    )
    assert "Receipt: $20.00 paid on invoice INV-2025-001" in [one.subject for one in delivered()]
    operations.undo_recording(payment=payment, reason="Another Globex", at=LATER, staff=stella)
    (sent,) = delivered(LATER)
    assert (sent.subject, sent.to) == (
        "A payment of $20.00 was entered by mistake",
        ["ap@globex.example"],
    )
    assert (
        sent.body
        == f"""\
A payment of $20.00, dated 1 September 2025, was entered on your account by mistake. \
We have taken it out again.

Invoice INV-2025-001: $39.40 is open

No money was moved, and there is nothing to send back.

View payment:
{SITE}/account/{account.number}/payments/{payment.pk}/

Test mode: no real money moves.

Northwind Supply GmbH
Account: {account.number} Globex
You get this e-mail because invoices of this account are sent to you.
"""
    )
    assert_the_same(sent)
    assert delivered(LATER) == []


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
    assert len({*OURS["en"], *ACCOUNT_LABELS["en"], *WORDS["en"]}) == sum(
        len(words["en"]) for words in (OURS, ACCOUNT_LABELS, WORDS)
    )


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_letter_can_be_written_in_every_language(language, account, promise, stella):
    speaks(account, language)
    sent = delivered()
    operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
    operations.refund_payment(payment=Payment.objects.get(), amount=1000, reason="x", at=NOW, staff=stella)
    sent += delivered()
    Account.objects.update(email="ap@globex.example")
    received = operations.Received("check", NOW.date(), "USD", 100)
    recorded = operations.record_payment(account=account, received=received, at=NOW, staff=stella)
    sent += delivered()
    operations.undo_recording(payment=recorded, reason="x", at=NOW, staff=stella)
    sent += delivered()
    assert len(sent) == 6
    for one in sent:
        assert_the_same(one)
        assert f'dir="{"rtl" if language in RIGHT_TO_LEFT else "ltr"}"' in page_of(one)
