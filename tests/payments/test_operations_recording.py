"""Payments that staff record, and taking a wrong recording out of the books."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.core import mail

from accounts.models import Account, User
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from payments import operations
from payments.models import AccountCredit, Allocation, Payment, PaymentSession
from payments.operations import Received, Share
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses, unchanged
from tests.factories import MANUAL, NOW, STRIPE

TODAY = NOW.date()
KEY = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def pair(account):
    """Two invoices of $39.40."""
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


@pytest.fixture
def cashier(db):
    return a_clerk("payments.record_payment")


def parts(*pairs):
    return [Share(invoice, amount) for invoice, amount in pairs]


def cheque(*shares, amount=0, **changes) -> Received:
    fields = {
        "method": "check",
        "received_date": TODAY,
        "currency": "USD",
        "amount": amount or sum(amount for _, amount in shares),
        "parts": parts(*shares),
        "reference": "Cheque 1007",
    }
    return Received(**fields | changes)


def record(account, received, staff, **more) -> Payment:
    return operations.record_payment(account=account, received=received, at=NOW, staff=staff, **more)


def standing(*rows):
    for one in rows:
        one.refresh_from_db()
    return [(one.paid_amount, one.open_balance, one.status) for one in rows]


class TestRecord:
    def test_a_cheque_over_two_invoices(self, account, pair, cashier):
        received = cheque((pair[0], 3940), (pair[1], 1000), note="In the post")
        payment = record(account, received, cashier)
        assert standing(*pair) == [(3940, 0, "paid"), (1000, 2940, "sent")]
        account.refresh_from_db()
        assert account.balance_due == 3 * 3940 - 4940
        assert (payment.amount, payment.status, payment.method) == (4940, "captured", "check")
        assert (payment.session, payment.payer, payment.verified_by) == (None, None, cashier)
        assert (payment.received_date, payment.payer_reference) == (TODAY, "Cheque 1007")
        assert (payment.provider.code, payment.reference[:4], payment.reason) == (
            MANUAL,
            "REC-",
            "In the post",
        )
        assert payment.receipt.number == "2025-000001"
        told = AuditEntry.objects.get(action="payment.captured")
        assert (told.actor_label, told.after["amount"]) == ("ben@example.com", 4940)
        assert_sound()

    def test_what_is_left_over_becomes_account_credit(self, account, pair, cashier):
        payment = record(account, cheque((pair[0], 3940), amount=5000), cashier)
        credit = AccountCredit.objects.get()
        assert (credit.amount, credit.payment, credit.currency) == (1060, payment, "USD")
        assert_sound()

    def test_all_of_it_may_become_account_credit(self, account, cashier):
        record(account, cheque(amount=500), cashier)
        assert [one.left for one in AccountCredit.objects.with_left()] == [500]
        assert_sound()

    def test_pressed_twice_is_booked_once(self, account, pair, cashier):
        received = cheque((pair[0], 1000))
        first = record(account, received, cashier, form_key=KEY)
        with unchanged():
            assert record(account, received, cashier, form_key=KEY) == first
        assert Payment.objects.count() == 1

    def test_the_receipt_goes_to_the_account(self, account, pair, cashier, settings):
        Account.objects.filter(pk=account.pk).update(email="ap@globex.example")
        record(account, cheque((pair[0], 3940)), cashier)
        drain(at=NOW)
        (sent,) = mail.outbox
        assert (sent.to, sent.subject) == (
            ["ap@globex.example"],
            "Receipt: $39.40 paid on invoice INV-2025-001",
        )

    def test_a_second_one_adds_to_the_first(self, account, pair, cashier):
        record(account, cheque((pair[0], 1000)), cashier)
        record(account, cheque((pair[0], 440)), cashier)
        assert standing(pair[0]) == [(1440, 2500, "sent")]
        assert_sound()

    def test_today_is_the_organization_s_day(self, account, cashier):
        factories.an_organization(time_zone="Pacific/Auckland")
        received = cheque(amount=500, received_date=TODAY + timedelta(days=1))
        noon = NOW.replace(hour=12)
        payment = operations.record_payment(account=account, received=received, at=noon, staff=cashier)
        assert payment.received_date == TODAY + timedelta(days=1)

    def test_sessions_of_what_is_paid_end(self, account, pair, cashier, sandbox):
        """A paid invoice ends all of them, one that is paid in part those over more than is left."""
        paid = factories.an_initiated_session(pair[0], STRIPE)
        partly = factories.an_initiated_session(pair[1], STRIPE)
        record(account, cheque((pair[0], 3940), (pair[1], 40)), cashier)
        drain(at=NOW)
        assert [PaymentSession.objects.get(pk=one.pk).status for one in (paid, partly)] == ["cancelled"] * 2
        again = factories.an_initiated_session(pair[1], STRIPE)
        assert again.amount == 3900
        assert_sound()


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "message", "field"),
        [
            ({"amount": -1}, "Payment amount must be positive", "amount"),
            ({"amount": 3939}, "The parts are $0.01 more than the amount that came in", "amount"),
            ({"amount": 10**16}, "The amount is too large", "amount"),
            (
                {"received_date": TODAY + timedelta(days=1)},
                "The date cannot be in the future",
                "received_date",
            ),
            ({"method": "barter"}, "Choose how it was paid", "method"),
            ({"currency": "EUR"}, "Invoice INV-2025-001 is in USD, not in EUR", "currency"),
        ],
    )
    def test_of_what_came_in(self, account, pair, cashier, changes, message, field):
        with refuses(Invalid, message, field=field):
            record(account, cheque((pair[0], 3940), **changes), cashier)

    def test_nothing(self, account, cashier):
        with refuses(Invalid, "Payment amount must be positive", field="amount"):
            record(account, Received("cash", TODAY, "USD", 0), cashier)

    def test_more_than_is_open(self, account, pair, cashier):
        message = "Invoice INV-2025-001: Payment amount cannot exceed outstanding balance of $39.40"
        with refuses(Invalid, message, field="lineItems"):
            record(account, cheque((pair[0], 3941)), cashier)

    def test_an_invoice_twice(self, account, pair, cashier):
        with refuses(Invalid, "Invoice INV-2025-001 is named twice"):
            record(account, cheque((pair[0], 1), (pair[0], 1)), cashier)

    def test_another_company_s_invoice(self, account, pair, cashier, mallory):
        with refuses(Invalid, "Invoice INV-2025-001 is another company's"):
            record(mallory.user.accounts.get(), cheque((pair[0], 1)), cashier)

    def test_closed_invoices(self, account, pair, cashier):
        record(account, cheque((pair[0], 3940)), cashier)
        with refuses(Conflict, "Invoice INV-2025-001 is already paid"):
            record(account, cheque((pair[0], 1)), cashier)
        invoices.cancel_invoice(invoice=pair[1], at=NOW, staff=None, reason="A mistake")
        with refuses(Conflict, "Invoice INV-2025-002 is cancelled"):
            record(account, cheque((pair[1], 1)), cashier)

    def test_a_draft(self, account, cashier):
        draft = Invoice.objects.create(
            account=account,
            region=factories.a_region(),
            currency="USD",
            total_amount=1,
            status="draft",
            due_date=TODAY,
            created_at=NOW,
        )
        with refuses(Invalid, f"Draft {draft.pk} is a draft: issue it first"):
            record(account, cheque((draft, 1)), cashier)

    def test_what_a_promise_waits_for(self, account, pair, cashier):
        factories.a_promised_payment(pair[0])
        with refuses(Conflict, "Invoice INV-2025-001 is awaiting the result of a payment"):
            record(account, cheque((pair[0], 3940)), cashier)

    def test_who_may_not(self, account, pair):
        verifier = a_clerk("payments.verify_payment")
        left = a_clerk("payments.record_payment", email="left@example.com")
        User.objects.filter(pk=left.pk).update(is_staff=False)
        for nobody in (verifier, User.objects.get(pk=left.pk)):
            with refuses(Forbidden, "Insufficient permissions"):
                record(account, cheque((pair[0], 1)), nobody)


class TestUndo:
    def test_restores_every_balance_exactly(self, account, pair, cashier):
        before = [standing(*pair), *figures(account)]
        payment = record(account, cheque((pair[0], 3940), (pair[1], 7), amount=5000), cashier)
        refund = operations.undo_recording(
            payment=payment, reason="Another Globex", at=NOW + timedelta(hours=1), staff=cashier
        )
        assert [standing(*pair), *figures(account)] == before
        assert (refund.kind, refund.status, refund.amount, refund.credit_amount) == (
            "reversal",
            "done",
            5000,
            1053,
        )
        payment.refresh_from_db()
        assert (payment.status, payment.undone, payment.sent_back) == ("refunded", 5000, 0)
        assert sorted(Allocation.objects.values_list("amount", flat=True)) == [-3940, -7, 7, 3940]
        assert [one.left for one in AccountCredit.objects.with_left()] == [0]
        assert_sound(NOW + timedelta(hours=1))

    def test_no_receipt_goes_out_any_more(self, account, pair, cashier):
        Account.objects.filter(pk=account.pk).update(email="ap@globex.example")
        payment = record(account, cheque((pair[0], 3940)), cashier)
        operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)
        drain(at=NOW)
        assert mail.outbox == []

    def test_once(self, account, pair, cashier):
        payment = record(account, cheque((pair[0], 3940)), cashier)
        operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)
        with refuses(Conflict, f"The recording of payment {payment.reference} is undone already"):
            operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)

    def test_not_after_something_went_back(self, account, pair, cashier, stella):
        payment = record(account, cheque((pair[0], 3940)), cashier)
        operations.refund_payment(payment=payment, amount=1, reason="Damaged", at=NOW, staff=stella)
        message = f"Something of payment {payment.reference} went back already: the rest can only be refunded"
        with refuses(Conflict, message):
            operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)

    def test_not_after_its_credit_was_used(self, account, pair, cashier, stella):
        payment = record(account, cheque((pair[0], 3940), amount=5000), cashier)
        operations.apply_credit(invoice=pair[1], amount=60, at=NOW, staff=stella)
        message = "$0.60 of its account credit was used on INV-2025-002 meanwhile: refund it instead"
        with refuses(Conflict, message):
            operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)

    def test_not_what_a_customer_paid(self, account, cashier, stella):
        factories.a_paid_invoice(account, stella)
        payment = Payment.objects.get()
        message = f"Payment {payment.reference} was not recorded by staff: it can only be refunded"
        with refuses(Conflict, message):
            operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)

    def test_not_without_a_reason_or_the_permission(self, account, pair, cashier, stella):
        payment = record(account, cheque((pair[0], 3940)), cashier)
        with refuses(Invalid, "Enter a reason", field="reason"):
            operations.undo_recording(payment=payment, reason=" ", at=NOW, staff=stella)
        other = a_clerk(email="x@example.com")
        with refuses(Forbidden, "Insufficient permissions"):
            operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=other)


def figures(account) -> list[int]:
    account.refresh_from_db()
    return [account.total_amount, account.paid_amount]


class TestApplyCredit:
    @pytest.fixture
    def credit(self, account, cashier):
        """$20.00."""
        record(account, cheque(amount=2000), cashier)

    def test_puts_it_on_the_invoice(self, account, pair, credit, stella):
        operations.apply_credit(invoice=pair[0], amount=1500, at=NOW, staff=stella)
        assert standing(pair[0]) == [(1500, 2440, "sent")]
        assert [one.left for one in AccountCredit.objects.with_left()] == [500]
        assert AuditEntry.objects.get(action="credit.used").actor_label == "stella@example.com"
        assert_sound()

    def test_refuses_more_than_there_is(self, account, pair, credit, stella):
        with refuses(Invalid, "Enter an amount of at most $20.00", field="amount"):
            operations.apply_credit(invoice=pair[0], amount=2001, at=NOW, staff=stella)
        message = "Invoice INV-2025-001: Payment amount cannot exceed outstanding balance of $39.40"
        with refuses(Invalid, message, field="lineItems"):
            operations.apply_credit(invoice=pair[0], amount=3941, at=NOW, staff=stella)

    def test_refuses_without_credit_or_permission(self, account, pair, stella):
        with refuses(Conflict, "The account has no credit in USD"):
            operations.apply_credit(invoice=pair[0], amount=1, at=NOW, staff=stella)
        other = a_clerk("payments.record_payment", email="x@y.example")
        with refuses(Forbidden, "Insufficient permissions"):
            operations.apply_credit(invoice=pair[0], amount=1, at=NOW, staff=other)
