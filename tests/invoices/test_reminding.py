"""Dunning: who would get which reminder, sending, stopping, fees, pauses and promises."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.models import AccountLineItem
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from invoices import operations
from invoices.models import Reminder, ReminderLevel
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DUE = date(2025, 10, 3)


def after(days: int):
    """The same moment, so many days after the due date of an invoice of NOW."""
    return NOW + timedelta(days=30 + days)


@pytest.fixture
def invoice(account):
    account.email = "ap@globex.example"
    account.save()
    return factories.an_open_invoice(account, account.line_items.get())


@pytest.fixture
def clerk(db):
    return a_clerk("invoices.remind_invoice")


def due(days: int) -> list[tuple]:
    found = operations.due_reminders(on=DUE + timedelta(days=days))
    return [(str(one.invoice), one.days, one.level and one.level.name, one.refusal) for one in found]


def send(invoice, level, days, staff=None) -> Reminder:
    return operations.send_reminder(invoice=invoice, level=level, at=after(days), staff=staff)


class TestDueReminders:
    def test_without_levels_nobody_is_reminded(self, invoice):
        assert due(400) == []

    def test_the_first_level_comes_on_its_day(self, invoice):
        factories.reminder_levels(3, 14)
        assert due(2) == []
        assert due(3) == [("INV-2025-001", 3, "Level 1", "")]

    def test_a_level_of_no_days_comes_on_the_due_date(self, invoice):
        factories.reminder_levels(0)
        assert due(-1) == []
        assert due(0) == [("INV-2025-001", 0, "Level 1", "")]

    def test_the_second_follows_the_first_at_the_distance_between_them(self, invoice):
        first, *_ = factories.reminder_levels(3, 14)
        send(invoice, first, 20)
        assert due(20) == [("INV-2025-001", 20, None, "Level 2 follows on 3 November 2025")]
        assert due(31) == [("INV-2025-001", 31, "Level 2", "")]

    def test_in_time_the_second_comes_on_its_own_day(self, invoice):
        first, *_ = factories.reminder_levels(3, 14)
        send(invoice, first, 3)
        assert due(13)[0][3] == "Level 2 follows on 17 October 2025"
        assert due(14) == [("INV-2025-001", 14, "Level 2", "")]

    def test_after_the_last_level_there_is_none(self, invoice):
        (only,) = factories.reminder_levels(3)
        send(invoice, only, 5)
        assert due(90) == [("INV-2025-001", 90, None, "Every level was sent, Level 1 on 8 October 2025")]

    def test_a_level_out_of_use_is_passed_over(self, invoice):
        first, *_ = factories.reminder_levels(3, 14)
        ReminderLevel.objects.filter(pk=first.pk).update(is_active=False)
        assert due(13) == []
        assert due(14) == [("INV-2025-001", 14, "Level 2", "")]

    def test_a_pending_payment_keeps_it_back(self, invoice, alice):
        factories.reminder_levels(3)
        factories.a_promised_payment(invoice, by=alice.user)
        assert due(5) == [("INV-2025-001", 5, None, "A payment is pending on it")]

    def test_paid_and_cancelled_invoices_are_not_in_question(self, account, stella):
        factories.reminder_levels(3)
        factories.a_paid_invoice(account, stella)
        cancelled = factories.an_open_invoice(account)
        operations.cancel_invoice(invoice=cancelled, at=NOW, staff=None, reason="Wrong")
        assert due(5) == []

    def test_nobody_to_write_to(self, account):
        factories.reminder_levels(3)
        factories.an_open_invoice(account)
        words = "Nobody to write to: the account has no e-mail address and no Admin"
        assert due(5) == [("INV-2025-001", 5, None, words)]

    def test_an_admin_is_somebody_to_write_to(self, account, alice):
        factories.reminder_levels(3)
        factories.an_open_invoice(account)
        assert due(5)[0][2] == "Level 1"
        alice.user.is_active = False
        alice.user.save()
        assert due(5)[0][2] is None

    def test_a_member_who_is_no_admin_is_not(self, account, bob):
        factories.reminder_levels(3)
        factories.an_open_invoice(account)
        assert due(5)[0][3] == "Nobody to write to: the account has no e-mail address and no Admin"

    def test_it_asks_the_database_equally_often_for_1_and_for_10(
        self, invoice, account, django_assert_num_queries
    ):
        factories.reminder_levels(3, fee="5")
        with django_assert_num_queries(7):
            assert len(due(5)) == 1
        for _ in range(9):
            factories.an_open_invoice(account)
        with django_assert_num_queries(7):
            assert len(due(5)) == 10


class TestSending:
    def test_it_is_written_and_waits_half_a_minute(self, invoice, clerk):
        first, *_ = factories.reminder_levels(3, 14)
        reminder = send(invoice, first, 5, clerk)
        assert (reminder.days_overdue, reminder.open_amount, reminder.staff) == (5, 3940, clerk)
        assert reminder.message.kind == "invoice.reminded"
        assert reminder.message.not_before - reminder.message.created_at == timedelta(seconds=30)
        entry = AuditEntry.objects.get(action="invoice.reminder_written")
        assert (entry.object_id, entry.actor_label, entry.after) == (
            invoice.pk,
            "ben@example.com",
            {"level": "Level 1", "reminder": reminder.pk},
        )
        assert_sound(after(5))

    def test_no_level_is_sent_twice(self, invoice):
        first, second = factories.reminder_levels(3, 14)
        send(invoice, second, 20)
        for level in (first, second):
            with refuses(Conflict, "It was reminded already: Level 2"):
                send(invoice, level, 21)
        with pytest.raises(IntegrityError), transaction.atomic():
            Reminder.objects.create(
                invoice=invoice, level=second, created_at=NOW, days_overdue=1, open_amount=1
            )

    def test_too_early(self, invoice):
        first, second = factories.reminder_levels(3, 14)
        with refuses(Conflict, "It is due on 3 October 2025"):
            send(invoice, first, -1)
        with refuses(Conflict, "Level 2 is for invoices that are due for 14 days"):
            send(invoice, second, 13)
        assert send(invoice, second, 14).days_overdue == 14

    def test_without_the_right(self, invoice):
        first, *_ = factories.reminder_levels()
        reader = a_clerk("invoices.view_invoice")
        with refuses(Forbidden, "Insufficient permissions"):
            send(invoice, first, 5, reader)

    def test_a_paid_invoice(self, account, stella, clerk):
        first, *_ = factories.reminder_levels()
        paid = factories.a_paid_invoice(account, stella)
        with refuses(Conflict, "It is paid"):
            send(paid, first, 5, clerk)

    def test_the_levels_to_choose_from(self, invoice, clerk):
        first, second, _ = factories.reminder_levels(3, 14, 30)

        def levels(days):
            on = DUE + timedelta(days=days)
            return operations.remindable(invoice=invoice, on=on, staff=clerk)

        assert levels(20) == [first, second]
        send(invoice, first, 20)
        assert levels(20) == [second]
        send(invoice, second, 20)
        with refuses(Conflict, "Level 3 follows on 8 November 2025"):
            levels(20)


class TestRun:
    def test_twice_the_same_day_sends_once(self, invoice, account):
        factories.reminder_levels(3, 14)
        factories.an_open_invoice(account)
        run = operations.run_reminders(at=after(5))
        assert str(run) == "2 written, 0 refused, 0 failed"
        with unchanged():
            assert str(operations.run_reminders(at=after(5))) == "0 written, 0 refused, 0 failed"
        assert Reminder.objects.count() == 2

    def test_only_the_chosen(self, invoice, account, clerk):
        factories.reminder_levels(3)
        other = factories.an_open_invoice(account)
        operations.run_reminders(at=after(5), staff=clerk, only=[other.pk])
        assert Reminder.objects.get().invoice == other


class TestLeaving:
    def test_a_fee_becomes_an_unbilled_charge_once(self, invoice, account):
        (only,) = factories.reminder_levels(3, fee="5.50")
        reminder = send(invoice, only, 5)
        assert AccountLineItem.objects.count() == 1
        for _ in range(2):
            released = operations.release_reminder(reminder=reminder, at=after(5))
            assert (released.sent_at, released.fee_refusal) == (after(5), "")
        fee = AccountLineItem.objects.unbilled().get()
        assert (fee, fee.amount, fee.description) == (
            released.fee_line,
            550,
            "Reminder fee, invoice INV-2025-001",
        )
        account.refresh_from_db()
        assert account.balance_due == 3940 + 550
        assert_sound(after(5))

    def test_a_fee_goes_over_the_credit_limit(self, invoice, account):
        account.credit_limit = 3940
        account.save()
        (only,) = factories.reminder_levels(3, fee="5")
        operations.release_reminder(reminder=send(invoice, only, 5), at=after(5))
        account.refresh_from_db()
        assert account.balance_due == 4440
        assert_sound(after(5))

    def test_a_fee_of_another_currency_costs_nothing(self, invoice):
        (only,) = factories.reminder_levels(3, fee="5", currency="EUR")
        released = operations.release_reminder(reminder=send(invoice, only, 5), at=after(5))
        assert (released.fee_line, released.fee_refusal) == (None, "")

    def test_a_fee_that_cannot_be_charged_stops_no_reminder(self, invoice, account):
        account.status = "suspended"  # by hand: what an account does, not how it came there
        account.save()
        (only,) = factories.reminder_levels(3, fee="5")
        released = operations.release_reminder(reminder=send(invoice, only, 5), at=after(5))
        assert (released.fee_line, released.fee_refusal) == (
            None,
            "Account ACC-2025-000001 is suspended",
        )
        assert released.sent_at == after(5)
        entry = AuditEntry.objects.get(action="invoice.reminder_sent")
        assert entry.after["fee_refusal"] == "Account ACC-2025-000001 is suspended"

    def test_an_invoice_that_was_paid_meanwhile_is_not_reminded(self, invoice, alice, stella):
        (only,) = factories.reminder_levels(3, fee="5")
        reminder = send(invoice, only, 5)
        factories.a_promised_payment(invoice, by=alice.user, at=after(5))
        assert operations.release_reminder(reminder=reminder, at=after(5)) is None
        reminder.refresh_from_db()
        assert (reminder.sent_at, reminder.stopped_because) == (None, "A payment is pending on it")
        assert AccountLineItem.objects.count() == 1

    def test_nor_is_one_that_was_promised_or_paused_meanwhile(self, invoice, account, clerk):
        (only,) = factories.reminder_levels(3, fee="5")
        reminder = send(invoice, only, 5)
        day = DUE + timedelta(days=10)
        promise = operations.promise_to_pay(account=account, promised_date=day, at=after(5), staff=clerk)
        assert operations.release_reminder(reminder=reminder, at=after(5)) is None
        reminder.refresh_from_db()
        assert reminder.stopped_because == "The company promised to pay by 13 October 2025"
        operations.withdraw_promise(promise=promise, reason="Called off", at=after(5), staff=clerk)
        reminder = send(invoice, only, 5)
        operations.pause_reminders(account=account, until=day, reason="Dispute", at=after(5), staff=clerk)
        assert operations.release_reminder(reminder=reminder, at=after(5)) is None
        reminder.refresh_from_db()
        assert reminder.stopped_because == "Reminders are paused until 13 October 2025: Dispute"
        assert AccountLineItem.objects.count() == 1

    def test_a_fee_is_charged_though_overdue_accounts_are_held(self, invoice, account):
        factories.an_organization(hold_overdue_accounts=True)
        (only,) = factories.reminder_levels(3, fee="5")
        released = operations.release_reminder(reminder=send(invoice, only, 5), at=after(5))
        assert (released.fee_line.amount, released.fee_refusal) == (500, "")

    def test_nor_is_one_that_was_cancelled(self, invoice):
        (only,) = factories.reminder_levels(3, fee="5")
        reminder = send(invoice, only, 5)
        operations.cancel_invoice(invoice=invoice, at=after(5), staff=None, reason="Wrong")
        assert operations.release_reminder(reminder=reminder, at=after(5)) is None
        reminder.refresh_from_db()
        assert (reminder.sent_at, reminder.stopped_because) == (None, "It is cancelled")
        assert AccountLineItem.objects.count() == 1

    def test_stopped_in_time_nothing_leaves_and_nothing_is_charged(self, invoice, clerk):
        (only,) = factories.reminder_levels(3, fee="5")
        reminder = send(invoice, only, 5, clerk)
        operations.stop_reminder(reminder=reminder, at=after(5), staff=clerk)
        assert operations.release_reminder(reminder=reminder, at=after(5)) is None
        assert AccountLineItem.objects.count() == 1
        with refuses(Conflict, "This reminder is stopped already"):
            operations.stop_reminder(reminder=reminder, at=after(5), staff=clerk)
        assert send(invoice, only, 6, clerk).level == only  # it can be sent again

    def test_too_late_to_stop(self, invoice, clerk):
        (only,) = factories.reminder_levels(3)
        reminder = send(invoice, only, 5)
        operations.release_reminder(reminder=reminder, at=after(5))
        with refuses(Conflict, "This reminder has left already"):
            operations.stop_reminder(reminder=reminder, at=after(5), staff=clerk)
        other = a_clerk(email="x@example.com")
        with refuses(Forbidden, "Insufficient permissions"):
            operations.stop_reminder(reminder=reminder, at=after(5), staff=other)


class TestPausing:
    def test_nobody_is_reminded_until_the_day_is_over(self, invoice, account, clerk):
        factories.reminder_levels(3)
        until = DUE + timedelta(days=10)
        operations.pause_reminders(
            account=account, until=until, reason="Dispute about INV-2025-001", at=after(1), staff=clerk
        )
        words = "Reminders are paused until 13 October 2025: Dispute about INV-2025-001"
        assert due(10) == [("INV-2025-001", 10, None, words)]
        assert due(11)[0][2] == "Level 1"
        entry = AuditEntry.objects.get(action="account.reminders_paused")
        assert (entry.before, entry.after) == ({"until": None}, {"until": "2025-10-13"})
        operations.pause_reminders(account=account, until=None, reason="Settled", at=after(2), staff=clerk)
        assert due(10)[0][2] == "Level 1"

    @pytest.mark.parametrize(
        ("given", "message", "field"),
        [
            ({"reason": " "}, "Enter a reason", "reason"),
            ({"until": date(2025, 9, 2)}, "Choose a day that is not over", "until"),
            ({"until": date(2027, 1, 1)}, "Choose a day within a year", "until"),
        ],
    )
    def test_wrong_input(self, account, clerk, given, message, field):
        with refuses(Invalid, message, field=field):
            operations.pause_reminders(
                **{"account": account, "until": DUE, "reason": "x", "at": NOW, "staff": clerk} | given
            )

    def test_refusals(self, account, clerk):
        with refuses(Conflict, "Reminders are not paused"):
            operations.pause_reminders(account=account, until=None, reason="x", at=NOW, staff=clerk)
        other = a_clerk(email="x@example.com")
        with refuses(Forbidden, "Insufficient permissions"):
            operations.pause_reminders(account=account, until=DUE, reason="x", at=NOW, staff=other)
