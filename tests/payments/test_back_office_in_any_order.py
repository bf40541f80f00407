"""Whatever staff do in whatever order, the books are right after each step, to the numbers that a plain model
of them has; what cannot be is refused."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import operations as accounts
from accounts.models import Account
from core.errors import Refusal
from core.outbox import drain
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from payments import operations
from payments.models import AccountCredit, Payment, WriteOff
from tests import factories
from tests.books import assert_sound
from tests.examples import rolled_back
from tests.factories import NOW
from tests.payments.office_books import Books

pytestmark = pytest.mark.django_db
PRICES = ("0.03", "10.01", "39.40", "250")


class Office:
    """Jobs of staff, by name; `which` chooses a row of those there are, `much` an amount in minor units. What
    was done is told to `books`."""

    def __init__(self, account, staff):
        self.account, self.staff, self.at, self.done = account, staff, NOW, 0
        charge = account.line_items.get()
        self.region, self.books, self.drafts = charge.region, Books(), {}
        self.books.charge(charge.pk, 3940)

    def one(self, rows, which):
        found = list(rows.order_by("pk"))
        return found[which % len(found)] if found else None

    def invoice(self, which):
        return self.one(Invoice.objects.all(), which)

    def order(self, which, much):
        self.done += 1
        name = f"ANY{self.done}"
        price = PRICES[which % len(PRICES)]
        charge = factories.an_unpaid_order(
            self.account, price, display_id=name, region=self.region, at=self.at
        )
        self.books.charge(charge.pk, int(Decimal(price) * 100))

    def draft(self, which, much):
        quantity, rate = 1 + which % 3, which % 20
        line = FreeLine("Work", Decimal(quantity), Decimal(much) / 100, Decimal(rate))
        free = self.account.line_items.unbilled().values_list("pk", flat=True)
        charges = list(free)[: which % 2]
        said = Draft(lines=[line], line_item_ids=charges)
        made = invoices.create_draft(
            account=self.account, region=self.region, draft=said, at=self.at, staff=self.staff
        )
        tax = (2 * quantity * much * rate + 100) // 200  # half up
        self.drafts[made.pk] = charges, quantity * much + tax

    def issue(self, which, much):
        draft = self.one(Invoice.objects.drafts(), which)
        reason = "Agreed" if which % 2 else ""
        if draft:
            invoices.issue_draft(invoice=draft, at=self.at, staff=self.staff, override_reason=reason)
            charges, amount = self.drafts[draft.pk]
            work = draft.line_items.get(description="Work").account_line_item_id
            self.books.bill(draft.pk, charges, fresh={work: amount})

    def bill(self, which, much):
        today = self.at.date()
        for one in invoices.unbilled_by_account(first=None, last=today):
            invoice = invoices.bill_unbilled(
                unbilled=one, first=None, last=today, at=self.at, staff=self.staff
            )
            self.books.bill(invoice.pk, [*self.books.unbilled])

    def cancel(self, which, much):
        invoice = self.invoice(which)
        invoices.cancel_invoice(invoice=invoice, at=self.at, staff=self.staff, reason="Wrong")
        self.books.cancel(invoice.pk)

    def credit(self, which, much):
        invoice = self.invoice(which)
        lines = {line.pk: much // 2 for line in invoice.line_items.all()}
        kept = bool(which % 2)
        operations.credit_invoice(
            invoice=invoice, amounts=lines, reason="Broken", at=self.at, staff=self.staff, is_kept=kept
        )
        self.books.credit(invoice.pk, sum(lines.values()), is_kept=kept)

    def write_off(self, which, much):
        invoice = self.invoice(which)
        operations.write_off(invoice=invoice, amount=much, reason="Lost", at=self.at, staff=self.staff)
        self.books.write_off(invoice.pk, much)

    def undo_write_off(self, which, much):
        row = self.one(WriteOff.objects.all(), which)
        if row:
            operations.undo_write_off(row=row, reason="Paid", at=self.at, staff=self.staff)
            self.books.write_off(row.invoice_id, -row.amount)

    def record(self, which, much):
        open_ones = list(Invoice.objects.open().order_by("pk"))[: 1 + which % 3]
        parts = tuple(operations.Share(one, min(one.open_balance, much)) for one in open_ones)
        total = sum(part.amount for part in parts) + which % 2 * 100
        received = operations.Received(
            method="check",
            received_date=self.at.date(),
            currency="USD",
            amount=total,
            parts=parts,
            reference="4711",
        )
        payment = operations.record_payment(
            account=self.account, received=received, at=self.at, staff=self.staff
        )
        self.books.receive(payment.pk, total, {part.invoice.pk: part.amount for part in parts})

    def undo_recording(self, which, much):
        payment = self.one(Payment.objects.all(), which)
        if payment:
            operations.undo_recording(payment=payment, reason="Twice", at=self.at, staff=self.staff)
            self.books.undo(payment.pk)

    def refund(self, which, much):
        payment = self.one(Payment.objects.all(), which)
        if payment:
            operations.refund_payment(
                payment=payment, amount=much, reason="Sent back", at=self.at, staff=self.staff
            )
            self.books.send_back(payment.pk, much)

    def apply_credit(self, which, much):
        invoice = self.invoice(which)
        operations.apply_credit(invoice=invoice, amount=much, at=self.at, staff=self.staff)
        self.books.spend(invoice.pk, much)

    def promise(self, which, much):
        invoice = self.invoice(which)
        payment = factories.a_promised_payment(invoice, at=self.at)
        self.books.promise(payment.pk, invoice.pk)

    def verify(self, which, much):
        payment = self.one(Payment.objects.to_verify(), which)
        if payment:
            operations.verify_manual_payment(payment=payment, at=self.at, staff=self.staff)
            self.books.verify(payment.pk)

    def reject(self, which, much):
        payment = self.one(Payment.objects.to_verify(), which)
        if payment:
            operations.reject_manual_payment(payment=payment, at=self.at, staff=self.staff, reason="None")
            self.books.reject(payment.pk)

    def limit(self, which, much):
        limit = factories.Money(Decimal(much) / 10, "USD")
        accounts.change_credit_limit(
            account=self.account, credit_limit=limit, at=self.at, by=self.staff.actor, reason="Trust"
        )

    def _told(self):
        """What the site has of what `books` tell."""
        rows = {
            one.pk: (one.status, one.paid_amount, one.open_balance, operations.left_to_write_off(one))
            for one in Invoice.objects.issued()
        }
        credit = sum(one.left for one in AccountCredit.objects.with_left())
        return Account.objects.get(pk=self.account.pk).balance_due, credit, rows


JOBS = sorted(name for name in vars(Office) if not name.startswith("_") and name not in ("one", "invoice"))
STEPS = st.lists(
    st.tuples(st.sampled_from(JOBS), st.integers(0, 11), st.integers(1, 12_000)), min_size=8, max_size=25
)


def test_no_job_is_always_refused(account, stella, time_machine):
    """The control: each job does something somewhere, or the test below would prove nothing about it."""
    time_machine.move_to(NOW, tick=False)
    office = Office(account, stella)
    office.bill(0, 0)
    office.order(2, 1)
    plan = (
        ("draft", 1, 5000),
        ("issue", 1, 1),
        ("record", 0, 500),
        ("undo_recording", 0, 1),
        ("credit", 0, 200),
        ("credit", 1, 400),
        ("apply_credit", 0, 50),
        ("write_off", 0, 100),
        ("undo_write_off", 0, 1),
        ("record", 1, 700),
        ("refund", 1, 100),
        ("limit", 0, 9000),
        ("promise", 0, 1),
        ("reject", 0, 1),
        ("promise", 0, 1),
        ("verify", 0, 1),
        ("order", 2, 1),
        ("bill", 0, 0),
        ("cancel", 2, 1),
    )
    assert {name for name, _, _ in plan} == {*JOBS}
    for name, which, much in plan:
        office.at += timedelta(minutes=1)
        getattr(office, name)(which, much)
        assert office._told() == office.books.told, name
    assert_sound(office.at)


@settings(
    max_examples=15,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_the_books_are_right_after_every_step(steps, account, stella, time_machine):
    with rolled_back():
        time_machine.move_to(NOW, tick=False)
        office = Office(Account.objects.get(pk=account.pk), stella)
        office.bill(0, 0)
        for name, which, much in steps:
            office.at += timedelta(minutes=1)
            time_machine.move_to(office.at, tick=False)
            job: Callable = getattr(office, name)
            with suppress(Refusal):
                job(which, much)
            drain(at=office.at)
            assert_sound(office.at)
            assert office._told() == office.books.told, (name, which, much)
