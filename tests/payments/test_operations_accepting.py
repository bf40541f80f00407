"""Importing a bank statement, accepting its proposals, and taking that back."""

from pathlib import Path
from uuid import uuid4

import pytest

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden, Invalid
from payments import operations
from payments.bank.base import Unreadable
from payments.models import BankLine, BankMapping, BankStatement, Payment
from payments.operations.accepting import received_of
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses, unchanged
from tests.factories import NOW

FILES = Path(__file__).parent / "bank_files"
HEAD = "date,amount,currency,text,name,account\n"


@pytest.fixture
def mapping(db) -> BankMapping:
    return BankMapping.objects.create(
        name="Example Bank",
        bank_account="DE89",
        delimiter=",",
        currency="USD",
        date_column="date",
        amount_column="amount",
        currency_column="currency",
        reference_column="text",
        payer_name_column="name",
        payer_account_column="account",
    )


@pytest.fixture
def pair(account):
    """Two invoices of $39.40 and $10.00."""
    return [
        factories.an_open_invoice(account, factories.an_unpaid_order(account, price, display_id=price))
        for price in ("39.40", "10.00")
    ]


@pytest.fixture
def cashier(db):
    return a_clerk("payments.record_payment", "payments.verify_payment")


def imported(mapping, staff, *lines: str) -> BankStatement:
    content = (HEAD + "\n".join(lines)).encode()
    return operations.import_statement(
        content=content, file_name="september.csv", mapping=mapping, at=NOW, staff=staff
    )


def codes() -> dict[int, str]:
    found = operations.proposals_for(list(BankLine.objects.order_by("pk")))
    return {pk: proposal.code for pk, proposal in found.items()}


def accept(line, staff) -> Payment:
    return operations.accept_line(line=line, shown=codes()[line.pk], at=NOW, staff=staff)


def figures(account, *invoices) -> list:
    for row in (account, *invoices):
        row.refresh_from_db()
    return [
        (account.total_amount, account.paid_amount),
        *[(one.status, one.paid_amount) for one in invoices],
    ]


class TestImport:
    def test_keeps_the_lines(self, mapping, cashier):
        statement = imported(
            mapping, cashier, "2025-09-01,39.40,USD,Hello,Globex,DE02", "2025-09-02,-1,USD,,,"
        )
        assert (statement.format, statement.bank_account, statement.line_count) == ("csv", "DE89", 2)
        assert list(statement.lines.values_list("amount", "status")) == [(3940, "open"), (-100, "out")]
        assert AuditEntry.objects.get(action="bankstatement.imported").after["lines"] == 2

    @pytest.mark.parametrize("name", ["camt.053.001.02.xml", "camt.053.001.08.xml", "mt940.sta"])
    def test_each_format(self, cashier, name):
        content = (FILES / f"statement.{name}").read_bytes()
        statement = operations.import_statement(
            content=content, file_name=name, mapping=None, at=NOW, staff=cashier
        )
        assert statement.lines.count() == statement.line_count

    def test_the_same_file_again_changes_nothing(self, mapping, cashier):
        imported(mapping, cashier, "2025-09-01,1,USD,,,")
        with refuses(Conflict, "This file was imported before: nothing was changed"):
            imported(mapping, cashier, "2025-09-01,1,USD,,,")

    def test_of_overlapping_files_each_line_is_kept_once(self, mapping, cashier):
        first, second, third = (f"2025-09-0{day},1,USD,,," for day in (1, 2, 3))
        imported(mapping, cashier, first, second, second)
        statement = imported(mapping, cashier, second, second, third)
        assert (statement.line_count, statement.known_count, statement.lines.count()) == (3, 2, 1)
        assert BankLine.objects.count() == 4

    def test_of_another_bank_account_it_is_another_line(self, mapping, cashier):
        imported(mapping, cashier, "2025-09-01,1,USD,,,")
        mapping.bank_account = "DE90"
        statement = imported(mapping, cashier, "2025-09-01,1,USD,,,", "2025-09-02,1,USD,,,")
        assert (statement.known_count, statement.lines.count()) == (0, 2)

    def test_an_amount_that_is_too_large_keeps_all_of_them_out(self, mapping, cashier):
        with refuses(Conflict, "An amount of 2025-09-02 is too large to be right"):
            imported(mapping, cashier, "2025-09-01,1,USD,,,", "2025-09-02,-10000000000000.01,USD,,,")

    def test_a_line_that_cannot_be_read_keeps_all_of_them_out(self, mapping, cashier):
        with refuses(Unreadable, "Line 3: 'x' is not a date", field="file"):
            imported(mapping, cashier, "2025-09-01,1,USD,,,", "x,1,USD,,,")

    def test_who_may_not(self, mapping):
        clerk = a_clerk("payments.verify_payment")
        with refuses(Forbidden, "Insufficient permissions"):
            imported(mapping, clerk, "2025-09-01,1,USD,,,")


class TestAccept:
    def test_an_invoice_that_the_text_names(self, account, pair, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,39.40,USD,INV-2025-001,,").lines.all()
        payment = accept(line, cashier)
        line.refresh_from_db()
        assert (line.status, line.payment, line.decided_by) == ("booked", payment, cashier)
        assert (payment.method, str(payment.received_date), payment.payer_reference) == (
            "wire_transfer",
            "2025-09-01",
            "INV-2025-001",
        )
        assert figures(account, pair[0])[1] == ("paid", 3940)
        assert_sound()

    def test_a_promise_is_verified(self, account, pair, mapping, cashier, alice):
        promise = factories.a_promised_payment(pair[0], by=alice.user)
        text = f"2025-09-01,39.40,USD,{promise.reference},,"
        (line,) = imported(mapping, cashier, text).lines.all()
        assert accept(line, cashier) == promise
        promise.refresh_from_db()
        assert (promise.status, promise.verified_by, str(promise.received_date)) == (
            "captured",
            cashier,
            "2025-09-01",
        )
        assert_sound()

    def test_but_not_by_whoever_may_not_verify_or_promised(self, pair, mapping, cashier):
        promise = factories.a_promised_payment(pair[0])
        text = f"2025-09-01,39.40,USD,{promise.reference},,"
        (line,) = imported(mapping, cashier, text).lines.all()
        recorder = a_clerk("payments.record_payment", email="rita@example.com")
        with refuses(Forbidden, "Insufficient permissions"):
            accept(line, recorder)
        Payment.objects.update(payer=cashier)
        with refuses(Forbidden, "You recorded this payment yourself: somebody else must verify it"):
            accept(line, cashier)

    def test_what_a_promise_keeps_of_an_invoice_is_not_proposed_again(self, pair, mapping, cashier):
        collection = factories.a_collection_over(pair[0], amounts=[2000])
        session = collection.sessions.get(provider__code=factories.MANUAL)
        operations.initiate_session(session=session, at=NOW, by=cashier.actor)
        operations.complete_payment(session=session, at=NOW, by=cashier.actor)
        lines = [f"2025-09-01,{amount},USD,INV-2025-001,," for amount in ("39.40", "19.40")]
        _, rest = imported(mapping, cashier, *lines).lines.order_by("pk")
        assert codes() == {rest.pk: f"invoices:{pair[0].pk}=1940"}

    def test_the_sum_of_what_the_company_of_that_name_owes(self, account, pair, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,49.40,USD,thanks,GLOBEX,DE02").lines.all()
        accept(line, cashier)
        assert figures(account, *pair)[1:] == [("paid", 3940), ("paid", 1000)]

    def test_a_payer_of_earlier_lines_is_known(self, account, pair, mapping, cashier):
        first = imported(mapping, cashier, "2025-09-01,39.40,USD,INV-2025-001,G.,DE02").lines.get()
        accept(first, cashier)
        second = imported(mapping, cashier, "2025-09-02,10.00,USD,,Someone,DE02").lines.get()
        (proposal,) = operations.proposals_for([second]).values()
        assert proposal.evidence == (
            "The bank account paid for Globex on 1 Sep 2025; one open invoice of theirs is exactly the amount"
        )

    def test_what_names_something_decided_is_not_put_on_the_next_of_that_amount(
        self, account, pair, mapping, cashier, alice
    ):
        promise = factories.a_promised_payment(pair[0], by=alice.user)
        operations.verify_manual_payment(payment=promise, at=NOW, staff=cashier)
        factories.an_open_invoice(account)  # $39.40, as every month
        for day, text in enumerate((promise.reference, "INV-2025-001"), 1):
            line = imported(mapping, cashier, f"2025-09-0{day},39.40,USD,{text},Globex,").lines.get()
            assert operations.proposals_for([line]) == {}

    def test_two_solutions_of_equal_size_are_no_proposal(self, account, pair, mapping, cashier):
        factories.an_open_invoice(account)  # $39.40 too
        line = imported(mapping, cashier, "2025-09-01,39.40,USD,,Globex,").lines.get()
        assert codes() == {}
        with refuses(Conflict, "There is no proposal for this line: record it by hand"):
            operations.accept_line(line=line, shown="invoices:1=3940", at=NOW, staff=cashier)

    def test_another_proposal_than_the_one_that_was_seen(self, pair, mapping, cashier):
        line = imported(mapping, cashier, "2025-09-01,39.40,USD,INV-2025-001,,").lines.get()
        with refuses(Conflict, "The proposal has changed meanwhile. Look again"):
            operations.accept_line(line=line, shown="invoices:99=3940", at=NOW, staff=cashier)

    def test_pressed_twice(self, pair, mapping, cashier):
        line = imported(mapping, cashier, "2025-09-01,39.40,USD,INV-2025-001,,").lines.get()
        shown = codes()[line.pk]
        operations.accept_line(line=line, shown=shown, at=NOW, staff=cashier)
        with refuses(Conflict, "This line is booked"):
            operations.accept_line(line=line, shown=shown, at=NOW, staff=cashier)


class TestUndo:
    def test_restores_every_balance_and_opens_the_line(self, account, pair, mapping, cashier):
        before = figures(account, *pair)
        (line,) = imported(mapping, cashier, "2025-09-01,49.40,USD,,Globex,").lines.all()
        accept(line, cashier)
        operations.undo_line(line=line, at=NOW, staff=cashier)
        assert figures(account, *pair) == before
        line.refresh_from_db()
        assert (line.status, line.payment, line.decided_by) == ("open", None, None)
        assert_sound()
        accept(line, cashier)
        assert_sound()

    def test_of_a_promise(self, account, pair, mapping, cashier, alice):
        promise = factories.a_promised_payment(pair[0], by=alice.user)
        before = figures(account, *pair)
        text = f"2025-09-01,39.40,USD,{promise.reference},,"
        (line,) = imported(mapping, cashier, text).lines.all()
        accept(line, cashier)
        operations.undo_line(line=line, at=NOW, staff=cashier)
        assert figures(account, *pair) == before
        assert_sound()

    def test_from_the_payment(self, pair, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,39.40,USD,INV-2025-001,,").lines.all()
        payment = accept(line, cashier)
        operations.undo_recording(payment=payment, reason="Oops", at=NOW, staff=cashier)
        line.refresh_from_db()
        assert (line.status, line.payment) == ("open", None)

    def test_what_was_not_decided(self, pair, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,39.40,USD,,,").lines.all()
        with refuses(Conflict, "This line is open"):
            operations.undo_line(line=line, at=NOW, staff=cashier)


class TestOtherwise:
    def test_not_ours_and_back(self, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,5,USD,Interest,,").lines.all()
        with refuses(Invalid, "Enter a reason", field="reason"):
            operations.dismiss_line(line=line, reason=" ", at=NOW, staff=cashier)
        operations.dismiss_line(line=line, reason="Interest", at=NOW, staff=cashier)
        line.refresh_from_db()
        assert (line.status, line.reason) == ("dismissed", "Interest")
        operations.undo_line(line=line, at=NOW, staff=cashier)
        line.refresh_from_db()
        assert (line.status, line.reason) == ("open", "")

    def test_recorded_by_hand(self, account, pair, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,60,USD,?,,").lines.all()
        received = operations.Received(
            "wire_transfer", line.day, "USD", 6000, [operations.Share(pair[0], 3940)]
        )
        payment = operations.record_line(line=line, account=account, received=received, at=NOW, staff=cashier)
        line.refresh_from_db()
        assert (line.status, line.payment) == ("booked", payment)
        with refuses(Conflict, "This line is booked"):
            operations.record_line(line=line, account=account, received=received, at=NOW, staff=cashier)
        assert_sound()

    def test_pressed_twice_by_hand_it_is_booked_once(self, account, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,60,USD,?,,").lines.all()
        given = {"line": line, "account": account, "received": received_of(line), "form_key": uuid4()}
        first = operations.record_line(**given, at=NOW, staff=cashier)
        with unchanged():
            assert operations.record_line(**given, at=NOW, staff=cashier) == first

    def test_not_another_amount(self, account, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,60,USD,?,,").lines.all()
        for currency, amount in (("USD", 5999), ("EUR", 6000)):
            received = operations.Received("wire_transfer", line.day, currency, amount)
            with refuses(Invalid, "The line of the bank statement is over $60.00", field="amount"):
                operations.record_line(line=line, account=account, received=received, at=NOW, staff=cashier)

    def test_by_nobody_else(self, account, mapping, cashier):
        (line,) = imported(mapping, cashier, "2025-09-01,60,USD,?,,").lines.all()
        clerk = a_clerk("payments.verify_payment", email="x@example.com")
        for act in (
            lambda: operations.dismiss_line(line=line, reason="x", at=NOW, staff=clerk),
            lambda: operations.undo_line(line=line, at=NOW, staff=clerk),
            lambda: operations.accept_line(line=line, shown="", at=NOW, staff=clerk),
        ):
            with unchanged(), pytest.raises(Forbidden):
                act()
