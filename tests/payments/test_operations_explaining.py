"""Why is this the number? Figures of accounts as of a day and of invoices, row by row."""

from datetime import date, timedelta

import pytest
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account
from core.audit import SYSTEM
from core.errors import Invalid
from invoices import operations as invoices
from payments import operations
from tests import factories
from tests.books import assert_sound, unchanged
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DUE = date(2025, 10, 3)
LATER = NOW + timedelta(days=60)


def figures(account, on, at=LATER):
    with unchanged():
        return operations.figures_of_account(account, on=on, at=at)


def shown(account) -> Account:
    return Account.objects.with_overdue(on=LATER.date()).get(pk=account.pk)


class TestAccount:
    def test_the_rows_are_the_number(self, account, stella):
        factories.a_paid_invoice(account, stella, at=NOW + timedelta(days=1))
        account.refresh_from_db()
        found = figures(account, LATER.date())
        assert (found.balance, found.balance) == (3940, account.balance_due)
        assert found.statement.opening == 0
        assert sum(one.movement for one in found.statement.entries) == 3940
        assert [one.movement for one in found.statement.entries] == [3940, 3940, -3940]
        assert (found.credit_limit, found.available) == (100_000, account.available_credit)

    def test_as_of_a_past_day(self, account, stella):
        factories.a_paid_invoice(account, stella, at=NOW + timedelta(days=10))
        accounts.change_credit_limit(
            account=account, credit_limit=Money(10, "USD"), at=NOW + timedelta(days=5), by=SYSTEM, reason="x"
        )
        account.refresh_from_db()
        then = figures(account, NOW.date() + timedelta(days=4))
        assert (then.balance, then.credit_limit, then.available) == (7880, 100_000, 92_120)
        now = figures(account, LATER.date())
        assert (now.balance, now.credit_limit, now.available) == (3940, 1000, 0)
        before = figures(account, NOW.date() - timedelta(days=1))
        assert (before.balance, before.statement.entries, before.overdue) == (0, [], 0)

    def test_what_is_overdue_and_was(self, account, stella):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        found = figures(account, LATER.date())
        assert [(one.invoice, one.left, one.worth) for one in found.late] == [(invoice, 3940, 3940)]
        assert found.overdue == shown(account).overdue_amount == 3940
        assert figures(account, DUE).late == []
        payment = factories.a_promised_payment(invoice, at=NOW + timedelta(days=40))
        operations.verify_manual_payment(payment=payment, at=NOW + timedelta(days=40), staff=stella)
        account.refresh_from_db()
        assert figures(account, DUE + timedelta(days=1)).overdue == 3940
        assert figures(account, LATER.date()).overdue == shown(account).overdue_amount == 0

    def test_a_cancelled_invoice_was_overdue_until_then(self, account):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        at = NOW + timedelta(days=40)
        invoices.cancel_invoice(invoice=invoice, at=at, staff=None, reason="Wrong")
        assert figures(account, DUE + timedelta(days=1)).overdue == 3940
        assert figures(account, LATER.date()).overdue == 0

    def test_in_the_account_s_currency(self, account, stella):
        factories.a_rate("EUR", "USD", "1.1")
        line = factories.an_unpaid_order(
            account, "100.00", display_id="E1", region=factories.a_region("Europe", "EUR")
        )
        invoice = factories.an_open_invoice(account, line)
        first = operations.start_joint_payment(
            account=account,
            currency="EUR",
            shares=[operations.Share(invoice, 5000)],
            at=NOW,
            by=SYSTEM,
        )
        session = operations.change_method(
            collection=first, provider_code=factories.MANUAL, at=NOW, by=SYSTEM
        )
        operations.complete_payment(session=session, at=NOW, by=SYSTEM)
        operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=stella)
        account.refresh_from_db()
        (late,) = figures(account, LATER.date()).late
        assert (late.left, late.worth) == (5000, 5500)
        assert shown(account).overdue_amount == 5500
        assert_sound()

    def test_a_day_to_come_is_refused(self, account):
        with pytest.raises(Invalid, match="Choose a day that is not to come"):
            figures(account, LATER.date() + timedelta(days=1))


class TestInvoice:
    def test_paid_pending_and_open(self, account, alice, stella):
        invoice = factories.a_paid_invoice(account, stella)
        found = operations.figures_of_invoice(invoice)
        assert (found.paid, found.pending, found.open) == (3940, 0, 0)
        promised = factories.an_open_invoice(account, account.line_items.first())
        factories.a_promised_payment(promised, by=alice.user)
        promised.refresh_from_db()
        found = operations.figures_of_invoice(promised)
        assert (found.paid, found.pending, found.open) == (0, 3940, 0)
        assert found.open == promised.open_balance

    def test_what_was_begun_elsewhere_is_not_pending(self, account):
        invoice = factories.an_open_invoice(account)
        factories.a_collection_over(invoice)
        assert operations.figures_of_invoice(invoice).open == invoice.open_balance == 3940


class TestBehaviour:
    def test_days_to_pay_on_average(self, account, stella):
        def asked():
            rows = Account.objects.with_payment_behaviour(since=NOW - timedelta(days=365))
            return rows.get(pk=account.pk)

        assert (asked().time_to_pay, asked().last_payment_at) == (None, None)
        for days in (4, 9):
            invoice = factories.an_open_invoice(account)
            at = NOW + timedelta(days=days)
            payment = factories.a_promised_payment(invoice, at=at)
            operations.verify_manual_payment(payment=payment, at=at, staff=stella)
        assert asked().time_to_pay == timedelta(days=6.5)
        assert asked().last_payment_at == NOW + timedelta(days=9)
        since = Account.objects.with_payment_behaviour(since=NOW + timedelta(days=5))
        assert since.get(pk=account.pk).time_to_pay == timedelta(days=9)
