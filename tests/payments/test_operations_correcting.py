"""Credit notes and write-offs: what they settle, keep, and refuse."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Account, User
from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import CreditNote, Invoice
from invoices.operations import Draft, FreeLine
from payments import operations
from payments.models import AccountCredit, Allocation, WriteOff
from tests import factories
from tests.books import assert_sound, refuses
from tests.examples import rolled_back
from tests.factories import NOW

pytestmark = pytest.mark.django_db
CHAIRS = FreeLine("Office chairs", Decimal(3), Decimal("33.33"), Decimal(19))  # 99.99 + 19.00
LAMPS = FreeLine("Desk lamps", Decimal(1), Decimal("40.00"))


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def owner():
    owner = User.objects.create_user("olivia@example.com", "x", name="Olivia Owner", is_staff=True)
    owner.groups.add(Group.objects.get(name="Owner"))
    return owner


@pytest.fixture
def invoice(account):
    """$118.99 of chairs with tax and $40.00 of lamps, issued."""
    region = account.line_items.get().region
    draft = Draft(lines=[CHAIRS, LAMPS])
    made = invoices.create_draft(account=account, region=region, draft=draft, at=NOW, staff=None)
    return invoices.issue_draft(invoice=made, at=NOW, staff=None)


def chairs_of(invoice):
    return invoice.line_items.get(description="Office chairs")


def lamps_of(invoice):
    return invoice.line_items.get(description="Desk lamps")


def credit(invoice, staff, amounts, **more):
    amounts = {line.pk: amount for line, amount in amounts.items()}
    return operations.credit_invoice(
        invoice=invoice, amounts=amounts, reason=more.pop("reason", "Broken"), at=NOW, staff=staff, **more
    )


def give_up(invoice, staff, amount, **more):
    return operations.write_off(
        invoice=invoice, amount=amount, reason="Bankrupt", at=NOW, staff=staff, **more
    )


def standing(invoice):
    """Status, what is settled, what is open, and what the account owes."""
    row = Invoice.objects.get(pk=invoice.pk)
    return row.status, row.paid_amount, row.open_balance, Account.objects.get(pk=row.account_id).balance_due


def pay(invoice, amount, stella, alice):
    """A verified bank transfer of so much on the invoice."""
    session = factories.a_collection_over(invoice, amounts=[amount]).sessions.get(
        provider__code=factories.MANUAL
    )
    operations.initiate_session(session=session, at=NOW, by=alice.actor)
    operations.complete_payment(session=session, at=NOW, by=alice.actor)
    operations.verify_manual_payment(payment=session.payments.get(), at=NOW, staff=stella)


# Credit notes


def test_a_line_is_credited_with_its_share_of_tax(account, invoice, owner):
    note = credit(invoice, owner, {chairs_of(invoice): 5000})
    assert (note.number, note.total_amount, note.currency, note.issue_date) == (
        "CN-2025-001",
        5000,
        "USD",
        date(2025, 9, 3),
    )
    ((net, tax, amount),) = note.lines.values_list("net_amount", "tax_amount", "amount")
    assert (net, tax, amount) == (4202, 798, 5000)  # 50.00 × 19.00 ÷ 118.99
    assert standing(invoice) == ("sent", 5000, 10899, 3940 + 10899)
    assert note.snapshot["invoice_number"] == invoice.number
    assert note.snapshot["lines"][0]["description"] == "Office chairs"
    (part,) = Allocation.objects.all()
    assert (part.credit_note, part.amount, part.payment, part.credit) == (note, 5000, None, None)
    assert not AccountCredit.objects.exists()
    told = AuditEntry.objects.get(action="credit_note.issued")
    assert (told.actor_label, told.reason, told.after["amount"]) == ("olivia@example.com", "Broken", 5000)
    assert_sound()


def test_the_tax_of_a_part_is_rounded_half_up(account, invoice, owner):
    note = credit(invoice, owner, {chairs_of(invoice): 5001})
    assert list(note.lines.values_list("net_amount", "tax_amount")) == [(4202, 799)]  # 798.55


def test_it_is_dated_and_numbered_by_the_organization_s_day(account, invoice, owner):
    factories.an_organization(time_zone="Pacific/Auckland")
    eve = NOW.replace(month=12, day=31, hour=11)
    amounts = {lamps_of(invoice).pk: 1}
    note = operations.credit_invoice(invoice=invoice, amounts=amounts, reason="Late", at=eve, staff=owner)
    assert (note.number, note.issue_date) == ("CN-2026-001", date(2026, 1, 1))


def test_the_whole_invoice_is_credited_and_closed(account, invoice, owner):
    credit(invoice, owner, {chairs_of(invoice): 11899, lamps_of(invoice): 4000})
    assert standing(invoice) == ("paid", 15899, 0, 3940)
    with refuses(Conflict, f"Nothing of invoice {invoice.number} can be credited any more"):
        operations.creditable(invoice=invoice, staff=owner)
    assert_sound()


def test_what_was_paid_already_is_kept_as_account_credit(account, invoice, owner, stella, alice):
    pay(invoice, 15899, stella, alice)
    note = credit(invoice, owner, {lamps_of(invoice): 4000})
    assert standing(invoice) == ("paid", 15899, 0, 3940)
    kept = AccountCredit.objects.get()
    assert (kept.credit_note, kept.payment, kept.amount) == (note, None, 4000)
    assert kept.reason == f"Credit note CN-2025-001 on invoice {invoice.number}"
    assert_sound()
    other = factories.an_open_invoice(account, account.line_items.get(order_display_id="1756876866"))
    collection = factories.a_collection_over(other)
    operations.use_credit(collection=collection, at=NOW, by=alice.actor)
    assert standing(other) == ("paid", 3940, 0, 0)
    assert AccountCredit.objects.all().with_left().get().left == 60
    assert_sound()


def test_the_open_part_is_settled_and_the_rest_kept(account, invoice, owner, stella, alice):
    pay(invoice, 10000, stella, alice)
    credit(invoice, owner, {chairs_of(invoice): 11899})
    assert standing(invoice) == ("paid", 15899, 0, 3940)
    assert AccountCredit.objects.get().amount == 11899 - 5899
    assert_sound()


def test_it_can_be_kept_whole(account, invoice, owner):
    credit(invoice, owner, {lamps_of(invoice): 4000}, is_kept=True)
    assert standing(invoice) == ("sent", 0, 15899, 3940 + 15899)
    assert AccountCredit.objects.get().amount == 4000
    assert_sound()


def test_what_is_refused(account, invoice, owner):
    chairs, lamps = chairs_of(invoice), lamps_of(invoice)
    with refuses(Invalid, "Enter a reason", field="reason"):
        credit(invoice, owner, {lamps: 1}, reason=" ")
    with refuses(Invalid, "Enter what is credited", field="lines"):
        credit(invoice, owner, {lamps: 0})
    with refuses(Invalid, "At most $40.00 can be credited on “Desk lamps”", field=f"line_{lamps.pk}"):
        credit(invoice, owner, {lamps: 4001})
    with refuses(Invalid, "At most $40.00 can be credited on “Desk lamps”", field=f"line_{lamps.pk}"):
        credit(invoice, owner, {lamps: -1})
    with refuses(Invalid, "At most $158.99 of this invoice can be credited", field="lines"):
        credit(invoice, owner, {lamps: 4000, chairs: 11900})
    foreign = factories.an_open_invoice(account, account.line_items.get(order_display_id="1756876866"))
    with refuses(Invalid, "Choose lines of this invoice", field="lines"):
        credit(invoice, owner, {foreign.line_items.get(): 1})
    credit(invoice, owner, {lamps: 100}, known_left=15899)
    with refuses(Invalid, "At most $39.00 can be credited on “Desk lamps”", field=f"line_{lamps.pk}"):
        credit(invoice, owner, {lamps: 3901})
    with refuses(Conflict, f"Invoice {invoice.number} was credited meanwhile. Look again"):
        credit(invoice, owner, {lamps: 100}, known_left=15899)


def test_neither_drafts_nor_cancelled_invoices_are_credited(account, invoice, owner):
    draft = invoices.duplicate_invoice(invoice=invoice, at=NOW, staff=owner)
    with refuses(Conflict, f"Invoice Draft {draft.pk} is draft"):
        credit(draft, owner, {draft.line_items.first(): 1})
    invoices.cancel_invoice(invoice=invoice, at=NOW, staff=owner, reason="Wrong customer")
    with refuses(Conflict, f"Invoice {invoice.number} is cancelled"):
        credit(invoice, owner, {lamps_of(invoice): 1})
    with refuses(Conflict, f"Invoice {invoice.number} is cancelled"):
        give_up(invoice, owner, 1)


def test_what_a_payment_in_progress_keeps_is_not_settled(account, invoice, owner, alice):
    factories.a_promised_payment(invoice, by=alice)
    told = f"Invoice {invoice.number} has a payment in progress"
    with refuses(Conflict, told):
        credit(invoice, owner, {lamps_of(invoice): 4000})
    with refuses(Conflict, told):
        give_up(invoice, owner, 100)
    credit(invoice, owner, {lamps_of(invoice): 4000}, is_kept=True)
    assert_sound()


def test_beside_a_payment_in_progress_what_is_open_is_settled(account, invoice, owner, alice):
    session = factories.a_collection_over(invoice, amounts=[10000]).sessions.get(
        provider__code=factories.MANUAL
    )
    operations.initiate_session(session=session, at=NOW, by=alice.actor)
    operations.complete_payment(session=session, at=NOW, by=alice.actor)
    with refuses(Conflict, f"Invoice {invoice.number} has a payment in progress"):
        credit(invoice, owner, {chairs_of(invoice): 5900})
    credit(invoice, owner, {chairs_of(invoice): 5899})
    assert standing(invoice) == ("sent", 5899, 0, 3940 + 10000)
    assert_sound()


@pytest.mark.parametrize("how", ["credited", "written off"])
def test_what_was_begun_over_more_than_is_open_ends(account, invoice, owner, how):
    session = factories.an_initiated_session(invoice)
    if how == "credited":
        credit(invoice, owner, {lamps_of(invoice): 4000})
    else:
        give_up(invoice, owner, 4000)
    drain(at=NOW)
    session.refresh_from_db()
    assert session.status == "cancelled"
    assert_sound()


def test_who_may_not(account, invoice, owner):
    clerk = User.objects.create_user("clara@example.com", "x", is_staff=True)
    clerk.groups.add(Group.objects.get(name="Clerk"))
    row = give_up(invoice, owner, 100)
    for act in (
        lambda: give_up(invoice, clerk, 1),
        lambda: operations.undo_write_off(row=row, reason="Paid", at=NOW, staff=clerk),
        lambda: operations.can_undo_write_off(row=row, staff=clerk),
        lambda: operations.can_write_off(invoice=invoice, staff=clerk),
    ):
        with refuses(Forbidden, "Insufficient permissions"):
            act()
    credit(invoice, clerk, {lamps_of(invoice): 1})
    clerk.groups.set([Group.objects.get(name="Cashier")])
    with refuses(Forbidden, "Insufficient permissions"):
        credit(invoice, User.objects.get(pk=clerk.pk), {lamps_of(invoice): 1})


def test_the_customer_gets_it_by_mail_once(account, invoice, owner):
    Account.objects.update(email="books@globex.example")
    credit(invoice, owner, {lamps_of(invoice): 4000}, is_kept=True)
    for _ in range(3):
        drain(at=NOW + timedelta(seconds=30))
    (sent,) = [one for one in mail.outbox if "CN-2025-001" in one.subject]
    assert (sent.subject, sent.to) == ("Credit note CN-2025-001: $40.00", ["books@globex.example"])
    assert "We credited $40.00 on invoice INV-2025-001." in sent.body
    assert "Account credit for your next payment: $40.00" in sent.body
    assert [one[0] for one in sent.attachments] == ["CN-2025-001.pdf"]


# Write-offs


def test_what_is_written_off_settles_the_invoice(account, invoice, owner):
    row = give_up(invoice, owner, 15899, known_open=15899)
    assert standing(invoice) == ("paid", 15899, 0, 3940)
    assert (row.amount, row.currency, row.staff, row.reason) == (15899, "USD", owner, "Bankrupt")
    assert_sound()
    operations.undo_write_off(row=row, reason="They paid after all", at=NOW, staff=owner)
    assert standing(invoice) == ("sent", 0, 15899, 3940 + 15899)
    assert list(Allocation.objects.values_list("amount", flat=True)) == [15899, -15899]
    assert AuditEntry.objects.get(action="write_off.undone").reason == "They paid after all"
    assert_sound()
    with refuses(Conflict, "This write-off was undone already"):
        operations.undo_write_off(row=row, reason="Again", at=NOW, staff=owner)
    credit(invoice, owner, {chairs_of(invoice): 11899, lamps_of(invoice): 4000})
    assert standing(invoice) == ("paid", 15899, 0, 3940)


def test_no_more_is_written_off_than_is_open(account, invoice, owner, stella, alice):
    pay(invoice, 10000, stella, alice)
    with refuses(Invalid, "Enter an amount of at most $58.99", field="amount"):
        give_up(invoice, owner, 5900)
    give_up(invoice, owner, 5899)
    assert standing(invoice) == ("paid", 15899, 0, 3940)
    assert_sound()


def test_write_offs_that_are_refused(account, invoice, owner):
    with refuses(Invalid, "Enter a reason", field="reason"):
        operations.write_off(invoice=invoice, amount=1, reason="", at=NOW, staff=owner)
    for amount in (0, -1, 15900):
        with refuses(Invalid, "Enter an amount of at most $158.99", field="amount"):
            give_up(invoice, owner, amount)
    give_up(invoice, owner, 100, known_open=15899)
    with refuses(Conflict, f"The open balance of invoice {invoice.number} has changed"):
        give_up(invoice, owner, 100, known_open=15899)


def test_what_was_written_off_is_not_credited_besides(account, invoice, owner):
    give_up(invoice, owner, 15000)
    with refuses(Invalid, "At most $8.99 of this invoice can be credited", field="lines"):
        credit(invoice, owner, {lamps_of(invoice): 900})
    assert WriteOff.objects.count() == 1


def test_what_was_credited_and_kept_is_not_written_off_besides(account, invoice, owner):
    credit(invoice, owner, {chairs_of(invoice): 11899}, is_kept=True)
    operations.apply_credit(invoice=invoice, amount=7899, at=NOW, staff=owner)
    with refuses(Invalid, "Enter an amount of at most $40.00", field="amount"):
        give_up(invoice, owner, 4001)
    give_up(invoice, owner, 4000)
    assert_sound()
    with refuses(
        Conflict, f"What is open of invoice {invoice.number} was credited: apply the account credit"
    ):
        give_up(invoice, owner, 1)


def test_nor_is_what_was_credited_and_then_refunded(account, invoice, owner, stella, alice):
    pay(invoice, 15899, stella, alice)
    credit(invoice, owner, {chairs_of(invoice): 11899, lamps_of(invoice): 4000})
    payment = invoice.allocations.first().payment
    operations.refund_payment(payment=payment, amount=15899, reason="Sent back", at=NOW, staff=owner)
    with refuses(
        Conflict, f"What is open of invoice {invoice.number} was credited: apply the account credit"
    ):
        give_up(invoice, owner, 15899)
    operations.apply_credit(invoice=invoice, amount=15899, at=NOW, staff=owner)
    assert standing(invoice) == ("paid", 15899, 0, 3940)
    assert_sound()


@pytest.mark.parametrize("used", [15899, 6000])
def test_what_its_credit_paid_elsewhere_can_be_written_off(account, invoice, owner, stella, alice, used):
    """Paid, credited, the credit used on another invoice, the payment sent back."""
    order = factories.an_unpaid_order(account, "200", display_id="B1", region=invoice.region)
    other = factories.an_open_invoice(account, order)
    pay(invoice, 15899, stella, alice)
    payment = invoice.allocations.get().payment
    credit(invoice, owner, {chairs_of(invoice): 11899, lamps_of(invoice): 4000})
    operations.apply_credit(invoice=other, amount=used, at=NOW, staff=owner)
    operations.refund_payment(payment=payment, amount=15899, reason="Sent back", at=NOW, staff=owner)
    with refuses(Invalid, f"Enter an amount of at most ${used / 100:.2f}", field="amount"):
        give_up(invoice, owner, used + 1)
    give_up(invoice, owner, used)
    assert standing(invoice)[1:3] == (used, 15899 - used)
    assert operations.left_to_correct(invoice) == 0
    assert_sound()


# Foreseen


def test_the_effect_is_what_comes(account, invoice, owner, stella, alice):
    pay(invoice, 10000, stella, alice)
    invoice.refresh_from_db()
    effect = operations.effect_of_crediting(invoice, 11899)
    (one,) = effect.invoices
    assert (one.open_now, one.open_after, one.becomes_paid, effect.credit) == (5899, 0, True, 6000)
    credit(invoice, owner, {chairs_of(invoice): 11899})
    assert effect.balance_after == Account.objects.get().balance_due


# On papers and pages


def test_the_statement_tells_of_both(account, invoice, owner):
    credit(invoice, owner, {lamps_of(invoice): 4000})
    give_up(invoice, owner, 899)
    made = operations.statement_of(account, first=date(2025, 9, 1), last=date(2025, 9, 30))
    told = [(one.what, one.payment) for one in made.entries if one.payment]
    assert told == [("credit_note", 4000), ("write_off", 899)]
    assert operations.papers_of(made.entries[-2]) == ["CN-2025-001", invoice.number]
    assert made.closing == Account.objects.get().balance_due


# In any parts


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.integers(1, 6000), min_size=1, max_size=12))
def test_however_a_line_is_credited_its_tax_is_never_another(account, invoice, owner, parts):
    with rolled_back():
        line, left = chairs_of(invoice), 11899
        for part in [*parts, 11899]:
            part = min(part, left)
            if part:
                credit(invoice, owner, {line: part})
            left -= part
        told = [
            (one.net_amount, one.tax_amount) for note in CreditNote.objects.all() for one in note.lines.all()
        ]
        assert (sum(net for net, _ in told), sum(tax for _, tax in told)) == (9999, 1900)
        assert all(net >= 0 and tax >= 0 for net, tax in told)
        assert_sound()
