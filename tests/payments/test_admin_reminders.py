"""Dunning in the back office: preview, sending to several and to one, stopping, levels, promises."""

from datetime import date, timedelta

import pytest
import time_machine

from accounts.models import User
from core.audit import AuditEntry
from invoices import operations
from invoices.models import Invoice, PaymentPromise, Reminder, ReminderFee, ReminderLevel, ReminderText
from tests import factories
from tests.back_office import (
    a_clerk,
    button,
    facts,
    form_of,
    list_of,
    page_of,
    plain,
    question,
    refusal,
    rows,
    told,
)
from tests.books import assert_sound, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=35)
REMIND = list_of(Invoice) + "remind/"
REMIND_MANY = list_of(Invoice) + "remind_many/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(LATER, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client):
    """The browser of a clerk."""
    rights = ("invoices.view_invoice", "invoices.view_reminder", "invoices.view_paymentpromise")
    client.force_login(a_clerk("invoices.remind_invoice", *rights))
    return client


@pytest.fixture
def invoice(account):
    account.email = "ap@globex.example"
    account.save()
    return factories.an_open_invoice(account, account.line_items.get())


class TestPreview:
    def test_who_gets_what_and_who_does_not(self, staff, invoice, account):
        factories.reminder_levels(3, fee="5")
        promised = factories.an_open_invoice(account)
        factories.a_promised_payment(promised)
        page = staff.get(REMIND)
        words = plain(page.content.decode().partition('<div class="question')[2])
        assert question(page) == "Send 1 reminder?"
        assert "Globex INV-2025-001 $39.40 5 days Level 1 $5.00 ap@globex.example" in words
        assert "Left out What is left out, and why INV-2025-002 A payment is pending on it" in words
        assert "Together $39.40 open. Fees of $5.00 are charged when the reminders leave." in words
        assert button(page) == "Send 1 reminder"
        assert not Reminder.objects.exists()

    def test_it_sends_what_it_showed(self, staff, invoice, account):
        factories.reminder_levels(3)
        shown = factories.an_open_invoice(account)
        answer = staff.post(REMIND, {"ids": str(shown.pk)})
        assert "Level 1 of INV-2025-002 leaves in 30 seconds. Stop Level 1" in plain(answer.content.decode())
        reminder = Reminder.objects.get()
        assert (reminder.invoice, reminder.staff.email) == (shown, "ben@example.com")
        assert_sound(LATER)

    def test_pressed_twice_it_sends_once(self, staff, invoice):
        factories.reminder_levels(3)
        for _ in range(2):
            answer = staff.post(REMIND, {"ids": str(invoice.pk)})
        assert "Every level was sent, Level 1 on 8 October 2025" in answer.content.decode()
        assert Reminder.objects.count() == 1

    def test_what_is_not_shown_is_said(self, staff, invoice, account, monkeypatch):
        factories.reminder_levels(3)
        factories.an_open_invoice(account)
        monkeypatch.setattr("payments.admin.reminding.MOST", 1)
        page = staff.get(REMIND)
        assert question(page) == "Send 1 reminder?"
        said = "Besides, 1 reminder due: send these, then open this page again."
        assert said in page.content.decode()

    def test_nobody_is_due(self, staff, account):
        assert refusal(staff.get(REMIND)) == "No invoice is due for a reminder today."

    def test_without_the_right(self, client, invoice):
        factories.reminder_levels(3)
        client.force_login(a_clerk("invoices.view_invoice"))
        assert refusal(client.get(REMIND)) == "None of the chosen rows can go."
        with unchanged():
            client.post(REMIND, {"ids": str(invoice.pk)})


class TestChosen:
    def test_from_the_list(self, staff, invoice, account):
        factories.reminder_levels(3)
        given = {"action": "remind_many", "_selected_action": [str(invoice.pk)]}
        answer = staff.post(list_of(Invoice), given)
        assert (answer.status_code, answer["Location"]) == (302, REMIND_MANY)
        assert question(staff.get(REMIND_MANY)) == "Send 1 reminder?"
        staff.post(REMIND_MANY, {"ids": str(invoice.pk)})
        assert Reminder.objects.get().invoice == invoice
        assert rows(staff.get(list_of(Invoice)))[0][-1] == "Level 1"

    def test_a_draft_or_paid_one_is_left_out(self, staff, account, stella):
        factories.reminder_levels(3)
        paid = factories.a_paid_invoice(account, stella)
        answer = staff.post(REMIND_MANY, {"ids": str(paid.pk)})
        assert "It is paid" in answer.content.decode()
        assert not Reminder.objects.exists()


class TestOne:
    def test_it_shows_the_letter_at_each_level(self, staff, invoice):
        _, second = factories.reminder_levels(3, 5, fee="5")
        ReminderText.objects.create(level=second, language="en", subject="Last call", text="Pay <now>")
        page = staff.get(page_of(invoice, "send_reminder"))
        told_of = facts(page)
        assert question(page) == "Send a reminder of INV-2025-001?"
        assert told_of["To"] == "ap@globex.example"
        assert told_of["Level 1 says"].startswith(
            "Reminder: invoice INV-2025-001, $39.40 still open Of invoice INV-2025-001, $39.40 is still open."
        )
        assert told_of["Level 2 says"].startswith("Last call Pay <now>")
        assert told_of["Level 2 costs"] == "$5.00"
        answer = staff.post(page_of(invoice, "send_reminder"), {"level": "Level 2"})
        assert plain(told(answer)[0]) == "Level 2 of INV-2025-001 leaves in 30 seconds. Stop Level 2"
        assert Reminder.objects.get().level == second

    def test_a_level_that_is_not_offered(self, staff, invoice):
        factories.reminder_levels(3, 30)
        with unchanged():
            answer = staff.post(page_of(invoice, "send_reminder"), {"level": "Level 2"})
        assert answer.status_code == 422

    def test_refused(self, staff, invoice):
        page = staff.get(page_of(invoice, "send_reminder"))
        assert refusal(page) == "There is no reminder level"

    def test_its_page_lists_them(self, staff, invoice):
        (level,) = factories.reminder_levels(3)
        operations.send_reminder(invoice=invoice, level=level, at=LATER)
        assert "Level 1" in plain(staff.get(page_of(invoice)).content.decode())


class TestStopping:
    def test_stop(self, staff, invoice):
        (level,) = factories.reminder_levels(3)
        reminder = operations.send_reminder(invoice=invoice, level=level, at=LATER)
        page = staff.get(page_of(reminder, "stop"))
        assert (question(page), button(page)) == ("Stop Level 1 of INV-2025-001?", "Stop reminder")
        assert told(staff.post(page_of(reminder, "stop"))) == ["Level 1 of INV-2025-001 is stopped."]
        reminder.refresh_from_db()
        assert reminder.stopped_at == LATER
        assert refusal(staff.get(page_of(reminder, "stop"))) == "This reminder is stopped already"

    def test_without_the_right(self, client, invoice):
        (level,) = factories.reminder_levels(3)
        reminder = operations.send_reminder(invoice=invoice, level=level, at=LATER)
        client.force_login(a_clerk("invoices.view_reminder"))
        with unchanged():
            client.post(page_of(reminder, "stop"))


class TestLevels:
    def test_a_level_with_a_text_and_a_fee(self, client, stella):
        client.force_login(stella)
        add = list_of(ReminderLevel) + "add/"
        given = form_of(client.get(add)) | {
            "name": "First",
            "days": "3",
            "texts-TOTAL_FORMS": "1",
            "texts-0-language": "en",
            "texts-0-subject": "Invoice {number}",
            "texts-0-text": "Pay {amount}",
            "fees-TOTAL_FORMS": "1",
            "fees-0-currency": "USD",
            "fees-0-amount": "5.5",
        }
        assert client.post(add, given).status_code == 302
        level = ReminderLevel.objects.get()
        assert (level.texts.get().text, operations.fee_of(level, "USD")) == ("Pay {amount}", 550)
        assert AuditEntry.objects.get(action="reminderfee.added").after["amount"] == "5.5"
        wrong = client.post(add, given | {"name": "Second", "days": "9", "texts-0-text": "Pay {everything}"})
        assert "Between braces can stand" in wrong.content.decode()
        assert ReminderLevel.objects.count() == ReminderFee.objects.count() == 1


class TestPromises:
    def test_withdraw(self, staff, invoice, account, stella):
        promise = operations.promise_to_pay(
            account=account, promised_date=date(2025, 10, 20), at=LATER, staff=stella, amount=1000
        )
        listed = rows(staff.get(list_of(PaymentPromise)))
        assert [row[1:5] for row in listed] == [["Globex", "–", "$10.00", "Open"]]
        answer = staff.post(page_of(promise, "withdraw"), {"reason": "Called off"})
        assert told(answer) == ["The promise is withdrawn."]
        assert rows(staff.get(list_of(PaymentPromise))) == []

    def test_of_a_part_reminders_go_on(self, staff, invoice, account):
        given = {"promised_date": "2025-10-20", "invoice": invoice.pk, "amount": "0.01"}
        staff.force_login(a_clerk("invoices.remind_invoice", "accounts.view_account", email="x@example.com"))
        noted = f"The promise of {account} is noted."
        answer = staff.post(page_of(account, "promise_to_pay"), given)
        assert told(answer) == [f"{noted} $39.40 is open: reminders go on, for it is a promise of a part."]
        answer = staff.post(page_of(account, "promise_to_pay"), given | {"amount": "39.40"})
        assert told(answer)[-1] == noted

    def test_broken(self, staff, invoice, account, stella, clock):
        operations.promise_to_pay(
            account=account, promised_date=date(2025, 10, 20), at=LATER, staff=stella, invoice=invoice
        )
        clock.move_to(LATER + timedelta(days=13))
        staff.force_login(User.objects.get(email="ben@example.com"))
        listed = rows(staff.get(list_of(PaymentPromise, show="broken")))
        assert [row[1:5] for row in listed] == [["Globex", "INV-2025-001", "–", "Broken"]]
