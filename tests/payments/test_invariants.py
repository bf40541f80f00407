"""check_invariants: each invariant is broken on purpose, past everything that guards it, and seen."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from core.outbox import OutboxMessage, drain
from invoices import operations as invoices
from invoices.models import Invoice, InvoiceLineItem
from payments import operations, tasks
from payments.models import AccountCredit, Allocation, Payment, PaymentSession, ReconciliationIssue
from payments.operations.invariants import CHECKS
from tests import factories
from tests.books import assert_sound
from tests.factories import MANUAL, NOW

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=18)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def world(account, stella, alice):
    """Clean books: invoice 1 is paid, 2 is open with a session, 3 is promised, 4 is cancelled."""
    factories.an_account("Initech")
    first = factories.an_open_invoice(account, account.line_items.get())
    payment = factories.a_promised_payment(first, by=alice.user)
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    factories.an_initiated_session(factories.an_open_invoice(account), MANUAL)
    factories.a_promised_payment(factories.an_open_invoice(account), by=alice.user)
    cancelled = factories.an_open_invoice(account)
    invoices.cancel_invoice(invoice=cancelled, at=NOW, by=factories.SYSTEM, reason="Wrong")
    drain(at=NOW)
    assert_sound()


def sql(statement):
    """A statement that everything but the database itself knows nothing of."""

    def run():
        with connection.cursor() as cursor:
            cursor.execute(statement)
            assert cursor.rowcount != 0, statement

    return run


def paid():
    return Invoice.objects.get(number="INV-2025-001")


def other_account():
    return "(SELECT id FROM accounts_account WHERE company_name = 'Initech')"


def bill_twice():
    sql("DROP INDEX charge_on_one_live_invoice")()
    line = InvoiceLineItem.objects.get(invoice=paid())
    line.pk, line.invoice = None, Invoice.objects.get(number="INV-2025-002")
    line.save()


def capture_for_long():
    session = PaymentSession.objects.get(status="pending_verification")
    PaymentSession.objects.filter(pk=session.pk).update(status="capturing", claimed_at=NOW)


def revive_a_session():
    session = PaymentSession.objects.filter(collection__covered__invoice=paid(), status="cancelled")
    session.filter(pk=session.first().pk).update(status="created", ended_at=None)


def lose_the_counter():
    sql("DELETE FROM accounts_numberseries WHERE code = 'invoice'")()


def spend_a_promise():
    promise = Payment.objects.get(status="pending")
    Allocation.objects.create(
        invoice=paid(), payment=promise, currency="USD", amount=1, created_at=promise.created_at
    )


def overspend_a_credit():
    credit = AccountCredit.objects.create(
        account=paid().account, currency="USD", amount=1, reason="A gift", created_at=NOW
    )
    Allocation.objects.create(invoice=paid(), credit=credit, currency="USD", amount=2, created_at=NOW)


OF_PAID = "WHERE invoice_id = (SELECT id FROM invoices_invoice WHERE number = 'INV-2025-001')"
PAID, OPEN = "WHERE number = 'INV-2025-001'", "WHERE number = 'INV-2025-002'"
BREAKS = {
    "an account's figures are the sums of its charges": [
        sql("UPDATE accounts_account SET total_amount = total_amount + 1 WHERE total_amount > 0"),
        sql("UPDATE accounts_account SET paid_amount = paid_amount - 1 WHERE paid_amount > 0"),
        sql(
            "UPDATE accounts_accountlineitem SET account_amount = account_amount + 1 WHERE settled_amount = 0"
        ),
    ],
    "what is paid on an invoice is what is allocated to it": [
        sql("DELETE FROM payments_allocation"),
        sql("UPDATE payments_allocation SET amount = amount - 1"),
        sql(f"UPDATE invoices_invoice SET paid_amount = 1 {OPEN}"),
    ],
    "charges are settled as their invoices are paid": [
        sql("UPDATE accounts_accountlineitem SET settled_amount = 3939 WHERE settled_amount = 3940"),
        sql("UPDATE accounts_accountlineitem SET settled_amount = 1 WHERE settled_amount = 0"),
        sql("UPDATE accounts_accountlineitem SET settled_account_amount = 3939 WHERE settled_amount > 0"),
    ],
    "nothing was charged over the credit limit without an audited override": [
        sql("UPDATE accounts_account SET credit_limit = 11819 WHERE total_amount > 0"),
    ],
    "everything joined has one currency": [
        sql("UPDATE accounts_accountlineitem SET currency = 'EUR'"),
        sql("UPDATE payments_paymentcollection SET currency = 'EUR'"),
        sql("UPDATE payments_paymentsession SET currency = 'EUR'"),
        sql("UPDATE payments_payment SET currency = 'EUR'"),
        sql("UPDATE payments_allocation SET currency = 'EUR'"),
    ],
    "everything joined has one account": [
        sql(f"UPDATE payments_paymentcollection SET account_id = {other_account()}"),
        sql(f"UPDATE accounts_accountlineitem SET account_id = {other_account()}"),
    ],
    "a charge is on at most one live invoice": [bill_twice],
    "an invoice's total is the sum of its lines": [
        sql(
            f"UPDATE invoices_invoicelineitem SET amount = amount + 1, net_amount = net_amount + 1 {OF_PAID}"
        ),
        sql(f"UPDATE invoices_invoice SET total_amount = total_amount + 1 {OPEN}"),
    ],
    "what is reserved on an invoice is its share of unsettled sessions": [
        sql(f"UPDATE invoices_invoice SET reserved_amount = 1 {OPEN}"),
        sql("UPDATE invoices_invoice SET reserved_amount = 0 WHERE reserved_amount > 0"),
    ],
    "invoice numbers have no gap": [
        sql("UPDATE accounts_numberseries SET last_number = last_number + 1 WHERE code = 'invoice'"),
        sql("UPDATE accounts_numberseries SET last_number = last_number - 1 WHERE code = 'invoice'"),
        sql("UPDATE invoices_invoice SET number_sequence = 7 WHERE number = 'INV-2025-004'"),
        lose_the_counter,
    ],
    "an issued invoice is as it was frozen": [
        sql(f"UPDATE invoices_invoice SET snapshot_hash = '0' {PAID}"),
        sql(f"UPDATE invoices_invoice SET snapshot = '{{\"total_amount\": 1}}' {PAID}"),
        sql(f"UPDATE invoices_invoice SET snapshot = NULL {PAID}"),
    ],
    "an invoice's number has the year of its issue date": [
        sql(f"UPDATE invoices_invoice SET number_year = 2024 {PAID}"),
        sql(f"UPDATE invoices_invoice SET issue_date = '2024-12-31' {PAID}"),
    ],
    "a captured payment is allocated or kept as credit, to the last unit": [
        sql("UPDATE payments_payment SET amount = amount + 1 WHERE status = 'captured'"),
        sql("DELETE FROM payments_allocation"),
        overspend_a_credit,
    ],
    "an invoice is claimed exactly while a session captures": [
        sql(f"UPDATE payments_paymentcollectioninvoice SET is_claimed = TRUE {OF_PAID}"),
        capture_for_long,
    ],
    "every move of a session has its audit row": [
        sql("UPDATE payments_paymentsession SET status = 'rejected' WHERE status = 'cancelled'"),
        sql("DELETE FROM core_auditentry WHERE object_kind = 'payments.paymentsession'"),
    ],
    "no live session on an invoice that is closed": [revive_a_session],
    "no session captures for long without an open issue": [capture_for_long],
    "a promise counts nothing until somebody else verified it": [
        sql("UPDATE payments_payment SET verified_by_id = NULL WHERE status = 'captured'"),
        sql("UPDATE payments_payment SET verified_by_id = payer_id WHERE status = 'captured'"),
        spend_a_promise,
    ],
}


def test_every_invariant_is_broken_here():
    assert [rule for _, rule, _ in CHECKS] == list(BREAKS)


@pytest.mark.parametrize(
    ("rule", "act"),
    [(rule, act) for rule, acts in BREAKS.items() for act in acts],
    ids=[f"{rule}-{place}" for rule, acts in BREAKS.items() for place, _ in enumerate(acts)],
)
def test_a_broken_invariant_is_named_with_its_rows(world, rule, act):
    act()
    broken = {one.rule: one for one in operations.broken_invariants(at=LATER)}
    assert rule in broken
    assert broken[rule].number == next(number for number, name, _ in CHECKS if name == rule)
    assert broken[rule].rows


def test_the_rows_are_named(world):
    sql(f"UPDATE invoices_invoice SET snapshot_hash = '0' {PAID}")()
    (broken,) = operations.broken_invariants(at=NOW)
    assert str(broken) == (
        f"invariant 11 (an issued invoice is as it was frozen): invoices.Invoice {paid().pk}"
    )


def test_no_more_than_twenty_rows_are_named(world, account):
    factories.many_unpaid_orders(account, 25)
    sql("UPDATE accounts_accountlineitem SET settled_amount = 1 WHERE settled_amount = 0")()
    broken = {one.number: one for one in operations.broken_invariants(at=NOW)}
    assert len(broken[2].rows) == 20


def test_a_closed_invoice_s_sessions_may_live_until_its_message_is_delivered(world):
    revive_a_session()
    OutboxMessage.objects.filter(kind="invoice.closed", payload__invoice=paid().pk).update(status="waiting")
    assert_sound(LATER)


def test_a_long_capture_with_an_open_issue_is_no_secret(world):
    capture_for_long()
    session = PaymentSession.objects.get(status="capturing")
    issue = ReconciliationIssue.objects.create(
        kind="undecided", session=session, known="We ask", opened_at=NOW
    )
    numbers = [one.number for one in operations.broken_invariants(at=LATER)]
    assert 19 not in numbers
    ReconciliationIssue.objects.filter(pk=issue.pk).update(resolved_at=NOW)
    assert 19 in [one.number for one in operations.broken_invariants(at=LATER)]


def test_a_charge_over_the_limit_with_an_audited_override_is_sound(account):
    factories.accounts.charge(
        account_id=account.pk,
        region=account.line_items.get().region,
        amount=factories.Money(5000, "USD"),
        description="A large order",
        at=NOW,
        by=factories.SYSTEM,
        override_reason="Agreed by telephone",
    )
    assert_sound()


def test_a_plain_charge_after_an_old_override_is_named(account):
    """The override allowed one charge, not whatever came after it."""
    region = account.line_items.get().region
    more = {"account_id": account.pk, "region": region, "description": "An order", "at": NOW}
    factories.accounts.charge(
        **more, amount=factories.Money(961, "USD"), by=factories.SYSTEM, override_reason="Agreed"
    )
    assert_sound()
    sql("UPDATE accounts_account SET credit_limit = 1000000 WHERE total_amount > 0")()
    factories.accounts.charge(**more, amount=factories.Money(1, "USD"), by=factories.SYSTEM)
    assert_sound()
    sql("UPDATE accounts_account SET credit_limit = 100000 WHERE total_amount > 0")()
    (broken,) = operations.broken_invariants(at=NOW)
    assert str(broken) == (
        "invariant 3 (nothing was charged over the credit limit without an audited override): "
        f"accounts.Account {account.pk}"
    )


def test_the_command_says_that_the_books_are_right(world):
    out = StringIO()
    call_command("check_invariants", stdout=out)
    assert out.getvalue() == "No invariant is broken.\n"
    assert tasks.check_invariants_now() == "no invariant is broken"


def test_the_command_names_what_is_broken_and_fails(world):
    sql(f"UPDATE invoices_invoice SET snapshot_hash = '0' {PAID}")()
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", stderr=err)
    assert ended.value.code == 1
    told = f"invariant 11 (an issued invoice is as it was frozen): invoices.Invoice {paid().pk}"
    assert err.getvalue() == f"{told}\n"
    with pytest.raises(RuntimeError) as failed:
        tasks.check_invariants_now()
    assert str(failed.value) == told
