"""What staff do to an account's money waits for its lock, which is never taken inside another transaction."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from invoices import operations as invoices
from invoices.operations import Draft, FreeLine
from payments import operations
from payments.models import BankLine, BankMapping
from payments.operations import Received, Share
from tests import factories
from tests.books import unchanged
from tests.factories import NOW

TODAY = NOW.date()
OVERDUE = NOW + timedelta(days=40)


@pytest.fixture
def line(account, stella) -> BankLine:
    """$39.40 on an invoice."""
    invoice = factories.an_open_invoice(account)
    mapping = BankMapping.objects.create(
        name="Bank",
        bank_account="DE89",
        delimiter=",",
        currency="USD",
        date_column="date",
        amount_column="amount",
        reference_column="text",
    )
    content = f"date,amount,text\n2025-09-01,39.40,{invoice.number}\n".encode()
    statement = operations.import_statement(
        content=content, file_name="september.csv", mapping=mapping, at=NOW, staff=stella
    )
    return statement.lines.get()


@pytest.fixture
def jobs(account, line, stella):
    """By name what could be done now."""
    account.email = "books@globex.example"
    account.save()
    region = account.line_items.get(order_display_id="1756876866").region
    invoice = factories.an_open_invoice(account)
    amounts = {invoice.line_items.get().pk: 1}
    said = Draft(lines=[FreeLine("Work", Decimal(1), Decimal(10))])
    draft = invoices.create_draft(account=account, region=region, draft=said, at=NOW, staff=stella)
    lost = operations.write_off(invoice=invoice, amount=1, reason="Lost", at=NOW, staff=stella)
    cash = Received("cash", TODAY, "USD", 500, [Share(invoice, 100)])
    payment = operations.record_payment(account=account, received=cash, at=NOW, staff=stella)
    recurring = factories.a_recurring_invoice(account, stella)
    (level,) = factories.reminder_levels(3)
    (unbilled,) = invoices.unbilled_by_account(first=None, last=TODAY)
    shown = operations.proposals_for([line])[line.pk].code
    by = {"at": NOW, "staff": stella}
    why = {"reason": "A reason", **by}
    return {
        "draft": lambda: invoices.create_draft(account=account, region=region, draft=said, **by),
        "edit": lambda: invoices.edit_draft(invoice=draft, draft=said, **by),
        "discard": lambda: invoices.discard_draft(invoice=draft, **by),
        "issue": lambda: invoices.issue_draft(invoice=draft, **by),
        "bill": lambda: invoices.bill_unbilled(unbilled=unbilled, first=None, last=TODAY, **by),
        "recur": lambda: invoices.make_next(recurring=recurring, at=NOW),
        "skip": lambda: invoices.skip_next(recurring=recurring, **why),
        "pause": lambda: invoices.pause_recurring_invoice(recurring=recurring, **by),
        "resume": lambda: invoices.resume_recurring_invoice(recurring=recurring, leaves_out=True, **by),
        "remind": lambda: invoices.send_reminder(invoice=invoice, level=level, at=OVERDUE, staff=stella),
        "credit": lambda: operations.credit_invoice(invoice=invoice, amounts=amounts, **why),
        "write off": lambda: operations.write_off(invoice=invoice, amount=1, **why),
        "undo a write-off": lambda: operations.undo_write_off(row=lost, **why),
        "record": lambda: operations.record_payment(account=account, received=cash, **by),
        "undo a recording": lambda: operations.undo_recording(payment=payment, **why),
        "apply credit": lambda: operations.apply_credit(invoice=invoice, amount=1, **by),
        "accept": lambda: operations.accept_line(line=line, shown=shown, **by),
        "record a line": lambda: operations.record_line(
            line=line, account=account, received=Received("wire_transfer", TODAY, "USD", 3940), **by
        ),
    }


def test_inside_another_transaction_nothing_is_done(jobs):
    for job in jobs.values():
        with unchanged(), pytest.raises(RuntimeError, match="durable"), transaction.atomic():
            job()


def test_outside_of_one_each_is_done(jobs):
    """The control: nothing else was in the way."""
    for name in ("issue", "bill", "recur", "skip", "remind", "credit", "write off", "undo a write-off"):
        jobs[name]()
    for name in ("pause", "resume", "draft", "record", "undo a recording", "accept"):
        jobs[name]()
