"""check_invariants: each invariant is broken on purpose, past everything that guards it, and seen."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from core.outbox import OutboxMessage, drain
from invoices import operations as invoices
from payments import operations, tasks
from payments.models import PaymentSession, ReconciliationIssue
from payments.operations.invariants import CHECKS
from tests import factories
from tests.books import assert_sound
from tests.factories import MANUAL, NOW
from tests.past_the_guards import sql
from tests.payments.breaking import BREAKS, PAID, capture_for_long, paid, revive_a_session

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=18)


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def world(account, stella, alice):
    """Clean books: invoice 1 is paid, 2 is open with a session, 3 is promised, 4 is cancelled, 5 was partly
    credited and written off."""
    factories.an_account("Initech")
    first = factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)
    payment = factories.a_promised_payment(first, by=alice.user)
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    factories.an_initiated_session(factories.an_open_invoice(account), MANUAL)
    factories.a_promised_payment(factories.an_open_invoice(account), by=alice.user)
    cancelled = factories.an_open_invoice(account)
    invoices.cancel_invoice(invoice=cancelled, at=NOW, staff=None, reason="Wrong")
    corrected = factories.an_open_invoice(account)
    line = corrected.line_items.get().pk
    for amount, is_kept in ((1000, False), (500, True)):
        operations.credit_invoice(
            invoice=corrected, amounts={line: amount}, reason="Broken", at=NOW, staff=stella, is_kept=is_kept
        )
    operations.write_off(invoice=corrected, amount=2000, reason="Lost", at=NOW, staff=stella)
    drain(at=NOW)
    assert_sound()


def test_every_invariant_is_broken_here():
    """A question of `CHECKS` that nothing in `BREAKS` breaks fails this test."""
    assert [rule for _, rule, _ in CHECKS] == list(BREAKS)
    assert all(acts for kinds in BREAKS.values() for acts in kinds.values())


@pytest.mark.parametrize(
    ("rule", "kind", "act"),
    [
        pytest.param(rule, kind, act, id=f"{rule}-{kind}-{place}")
        for rule, kinds in BREAKS.items()
        for kind, acts in kinds.items()
        for place, act in enumerate(acts)
    ],
)
def test_a_broken_invariant_is_named_with_its_rows(world, rule, kind, act):
    act()
    broken = {one.rule: one for one in operations.broken_invariants(at=LATER)}
    assert rule in broken
    assert broken[rule].number == next(number for number, name, _ in CHECKS if name == rule)
    assert kind in {row.split()[0] for row in broken[rule].rows}


def test_the_rows_are_named(world):
    sql(f"UPDATE invoices_invoice SET snapshot_hash = '0' {PAID}", "invoices_invoice")()
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
    sql(f"UPDATE invoices_invoice SET snapshot_hash = '0' {PAID}", "invoices_invoice")()
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", stderr=err)
    assert ended.value.code == 1
    told = f"invariant 11 (an issued invoice is as it was frozen): invoices.Invoice {paid().pk}"
    assert err.getvalue() == f"{told}\n"
    with pytest.raises(RuntimeError) as failed:
        tasks.check_invariants_now()
    assert str(failed.value) == told
