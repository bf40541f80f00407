"""The letters of reminders: what they say, in which language, and to whom; the daily run; the timeline."""

from datetime import timedelta
from string import Formatter

import pytest

from accounts.models import Organization
from accounts.operations.letter_words import WORDS as OURS
from core.audit import AuditEntry
from invoices import operations as invoices
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.models import Reminder, ReminderText
from payments import tasks
from payments.operations.letter_words import WORDS
from payments.operations.reminder_words import REMINDER_WORDS
from tests import factories
from tests.books import assert_sound
from tests.factories import NOW
from tests.payments.letters import SITE, assert_the_same, delivered, page_of, speaks, the

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=35)  # five days after the invoice's due date
GONE = LATER + timedelta(seconds=30)


@pytest.fixture(autouse=True)
def the_site(settings, time_machine):
    time_machine.move_to(LATER, tick=False)
    settings.SITE_URL = SITE


@pytest.fixture
def invoice(account, alice):
    made = factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)
    delivered()
    return made


def reminded(invoice, *, fee: str = "") -> Reminder:
    (level,) = factories.reminder_levels(3, fee=fee)
    return invoices.send_reminder(invoice=invoice, level=level, at=LATER)


def test_a_reminder_with_a_fee(account, invoice):
    reminded(invoice, fee="5")
    assert delivered(LATER) == []  # it can still be stopped
    (sent,) = delivered(GONE)
    assert (sent.subject, sent.to) == (
        "Reminder: invoice INV-2025-001, $39.40 still open",
        ["alice@example.com"],
    )
    assert (
        sent.body
        == f"""\
Of invoice INV-2025-001, $39.40 is still open. The due date is 3 October 2025.

Invoice number: INV-2025-001
Still open: $39.40
Due date: 3 October 2025
Days overdue: 5
Reminder fee: $5.00

The reminder fee is on your account and comes on your next invoice.

If you have paid in the last few days, this letter and your payment crossed.

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
    ((name, _, kind),) = sent.attachments
    assert (name, kind) == ("INV-2025-001.pdf", "application/pdf")
    entry = AuditEntry.objects.get(action="invoice.reminded")
    assert entry.after == {"to": ["alice@example.com"], "level": "Level 1"}
    assert delivered(GONE) == []
    assert_sound(GONE)


def test_without_its_pdf_it_goes_all_the_same(account, alice):
    reminded(factories.an_open_invoice(account, account.line_items.get()))
    (sent,) = delivered(GONE)
    assert sent.attachments == []


def test_the_merchant_s_own_words(account, invoice):
    reminder = reminded(invoice)
    ReminderText.objects.create(
        level=reminder.level,
        language="en",
        subject="{number} is {days} days late",
        text="Hello,\nplease pay {amount}.\r\n\r\nIt was due on {due_date}.\n\n\nRegards",
    )
    (sent,) = delivered(GONE)
    assert sent.subject == "INV-2025-001 is 5 days late"
    assert sent.body.startswith(
        "Hello,\nplease pay $39.40.\n\nInvoice number: INV-2025-001\nStill open: $39.40"
    )
    assert "It was due on 3 October 2025.\n\nRegards\n\nIf you have paid" in sent.body
    assert_the_same(sent)


def test_another_language_has_the_words_of_this_site(account, invoice):
    reminder = reminded(invoice)
    ReminderText.objects.create(level=reminder.level, language="en", subject="Late", text="Pay")
    speaks(account, "de_DE")
    (sent,) = delivered(GONE)
    assert sent.subject == "Zahlungserinnerung: Rechnung INV-2025-001, 39,40\u00a0$ noch offen"


@pytest.mark.parametrize("language", sorted(WORDS))
def test_it_can_be_written_in_every_language(language, account, invoice):
    speaks(account, language)
    reminded(invoice, fee="5")
    sent = the(delivered(GONE), "")
    assert_the_same(sent)
    assert f'dir="{"rtl" if language == "ar" else "ltr"}"' in page_of(sent)


def test_every_language_says_all_of_it():
    def places(language):
        return {
            key: sorted({name for _, name, *_ in Formatter().parse(word) if name})
            for key, word in REMINDER_WORDS[language].items()
        }

    assert sorted(REMINDER_WORDS) == sorted(WORDS)
    assert {language: places(language) for language in WORDS} == dict.fromkeys(WORDS, places("en"))
    assert not {*REMINDER_WORDS["en"]} & {*OURS["en"], *ACCOUNT_LABELS["en"], *WORDS["en"]}


def test_a_stopped_reminder_is_not_sent(invoice, stella):
    reminder = reminded(invoice)
    invoices.stop_reminder(reminder=reminder, at=LATER, staff=stella)
    assert delivered(GONE) == []


def test_the_daily_run_is_off_until_it_is_wanted(account, invoice):
    factories.reminder_levels(3)
    assert tasks.remind_now() == "reminders are sent by hand"
    assert not Reminder.objects.exists()
    Organization.objects.update(send_reminders_automatically=True)
    assert tasks.remind_now() == "1 written, 0 refused, 0 failed"
    assert tasks.remind_now() == "0 written, 0 refused, 0 failed"
    assert len(delivered(GONE)) == 1


def test_the_company_sees_that_it_was_reminded(browser, at, invoice):
    reminded(invoice)
    delivered(GONE)
    assert "Reminder sent to alice@example.com" in browser.get(at("invoice", invoice.pk)).text
