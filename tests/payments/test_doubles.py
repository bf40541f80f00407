"""The same days of a bank account in several formats: no line is lost, and none is booked twice unseen."""

from itertools import permutations
from pathlib import Path

import pytest

from core.audit import AuditEntry
from core.errors import Conflict, Forbidden
from payments import operations
from payments.models import BankLine, BankMapping, BankStatement, Payment
from payments.operations.accepting import received_of
from payments.operations.doubles import is_same_account
from tests import factories
from tests.back_office import a_clerk
from tests.books import assert_sound, refuses
from tests.factories import NOW
from tests.meanwhile import meanwhile
from tests.payments.serving import shared_database
from tests.payments.test_operations_accepting import cashier, imported, pair

__all__ = ["cashier", "pair", "shared_database"]
pytestmark = pytest.mark.django_db
FILES = Path(__file__).parent / "bank_files"
NAMES = ("camt.053.001.02.xml", "mt940.sta", "csv")
MAYBE = "This line may be a double of another one: say first that it is none"


@pytest.fixture
def tables(db) -> BankMapping:
    return BankMapping.objects.create(
        name="The bank's own",
        bank_account="DE89 3704 0044 0532 0130 00",
        date_format="%d.%m.%Y",
        decimal_mark=",",
        currency="USD",
        date_column="Booked",
        amount_column="Amount",
        currency_column="Currency",
        reference_column="Text",
        payer_name_column="Name",
    )


@pytest.fixture
def mapping(tables) -> BankMapping:
    """English tables of the same account."""
    columns = {"date_column": "date", "amount_column": "amount", "currency_column": "currency"}
    columns |= {"reference_column": "text", "payer_name_column": "name", "payer_account_column": "account"}
    return BankMapping.objects.create(
        name="Another", bank_account=tables.bank_account, delimiter=",", currency="USD", **columns
    )


@pytest.fixture
def bring(tables, cashier):
    def bring(name: str) -> BankStatement:
        return operations.import_statement(
            content=(FILES / f"same_days.{name}").read_bytes(),
            file_name=name,
            mapping=tables if name == "csv" else None,
            at=NOW,
            staff=cashier,
        )

    return bring


def twins(statement) -> list[tuple[str, str | None]]:
    """Of what came in, by whom, and by whom the twin is."""
    rows = statement.lines.filter(amount__gt=0).order_by("payer_name", "pk")
    return list(rows.values_list("payer_name", "double_of__payer_name"))


class TestMarking:
    @pytest.mark.parametrize("names", list(permutations(NAMES)))
    def test_each_line_knows_its_twin_in_whatever_order_they_come(self, bring, names):
        first, second, third = (bring(name) for name in names)
        payers = ["Globex", "Initech", "Umbrella"]
        assert twins(first) == [(payer, None) for payer in payers]
        for later in (second, third):
            assert twins(later) == [(payer, payer) for payer in payers]
            assert set(later.lines.doubtful().values_list("double_of__statement", flat=True)) == {first.pk}
        assert BankLine.objects.count() == 12
        assert AuditEntry.objects.filter(action="bankstatement.imported").latest("pk").after["doubles"] == 3

    def test_statements_of_the_same_days_know_each_other(self, bring):
        first, second = bring("csv"), bring("mt940.sta")
        assert (operations.overlapping(first), operations.overlapping(second)) == ([second], [first])

    def test_what_goes_out_is_not_marked(self, bring):
        bring("csv")
        assert bring("mt940.sta").lines.get(amount=-1250).double_of is None

    def test_in_the_same_format_a_known_line_is_nobody_s_double(self, mapping, cashier):
        """The first of the day in the morning, both in the evening."""
        imported(mapping, cashier, "2025-09-01,50,USD,A,Globex,")
        evening = imported(mapping, cashier, "2025-09-01,50,USD,A,Globex,", "2025-09-01,50,USD,B,Initech,")
        assert (evening.known_count, twins(evening)) == (1, [("Initech", None)])
        assert operations.overlapping(evening) == []

    def test_of_three_that_are_alike_two_are_here(self, bring, mapping, cashier):
        imported(mapping, cashier, *["2025-09-01,50,USD,A,Globex,"] * 2)
        mapping.payer_account_column = ""
        mapping.payer_name_column = ""
        later = imported(mapping, cashier, *["2025-09-01,50,USD,A,,"] * 3)
        assert [line.double_of_id is None for line in later.lines.order_by("pk")] == [False, False, True]

    def test_which_of_two_is_here_is_told_by_what_they_say(self, mapping, cashier):
        imported(mapping, cashier, "2025-09-01,50,USD,thanks,Globex,")
        mapping.payer_account_column = ""
        later = imported(mapping, cashier, "2025-09-01,50,USD,hello,Initech,", "2025-09-01,50,USD,x,Globex,")
        assert twins(later) == [("Globex", "Globex"), ("Initech", None)]

    def test_where_that_cannot_be_told_both_are_marked(self, mapping, cashier):
        imported(mapping, cashier, "2025-09-01,50,USD,,,")
        later = imported(mapping, cashier, "2025-09-01,50,USD,A,Globex,", "2025-09-01,50,USD,B,Initech,")
        assert later.lines.doubtful().count() == 2

    def test_very_many_that_are_alike_are_all_marked(self, mapping, cashier):
        imported(mapping, cashier, *["2025-09-01,50,USD,A,,"] * 101)
        later = imported(mapping, cashier, *["2025-09-01,50,USD,B,,"] * 101)
        assert later.lines.doubtful().count() == 101

    @pytest.mark.parametrize(
        "line",
        [
            "2025-09-02,50,USD,A,Globex,",
            "2025-09-01,50.01,USD,A,Globex,",
            "2025-09-01,50,EUR,A,Globex,",
        ],
    )
    def test_another_day_amount_or_currency_is_another_line(self, mapping, cashier, line):
        imported(mapping, cashier, "2025-09-01,50,USD,B,Globex,")
        assert twins(imported(mapping, cashier, line)) == [("Globex", None)]

    def test_of_another_bank_account_it_is_another_line(self, mapping, cashier):
        imported(mapping, cashier, "2025-09-01,50,USD,A,Globex,")
        mapping.bank_account = "DE02120300000000202051"
        later = imported(mapping, cashier, "2025-09-01,50,USD,A,Globex,", "2025-09-09,1,USD,A,Globex,")
        assert twins(later) == [("Globex", None)] * 2

    @pytest.mark.parametrize(
        ("one", "other", "is_same"),
        [
            ("DE89370400440532013000", "DE89370400440532013000", True),
            ("DE89370400440532013000", "37040044/0532013000", True),
            ("37040044/532013000EUR", "DE89370400440532013000", True),
            ("DE89370400440532013000", "532013000", True),
            ("DE89370400440532013000", "de89 3704 0044 0532 0130 00", True),
            ("DE89370400440532013000", "0532 0130 00", True),
            ("37040044/0532013000EUR", "532.013.000", True),
            ("DE89370400440532013000", "13000", False),
            ("DE89370400440532013000", "DE02 1203 0000 0532 0130 00", False),
            ("DE89370400440532013000", "DE02120300000000202051", False),
            ("GIRO", "GIRO", True),
            ("/", "-", False),
        ],
    )
    def test_bank_accounts(self, one, other, is_same):
        assert is_same_account(one, other) is is_same_account(other, one) is is_same

    def test_what_was_set_aside_is_no_payment_that_another_one_could_be(self, mapping, cashier):
        """The third file has two payments; the second file's line was the first one's."""
        line = "2025-09-01,50,USD,A,Globex,"
        imported(mapping, cashier, line)
        mapping.payer_name_column = ""
        aside = imported(mapping, cashier, f"{line} ").lines.get()
        operations.dismiss_line(line=aside, reason="A double", at=NOW, staff=cashier)
        mapping.reference_column, mapping.payer_name_column = "", "name"
        assert twins(imported(mapping, cashier, line, line)) == [("Globex", "Globex"), ("Globex", None)]


class TestDeciding:
    @pytest.fixture
    def double(self, pair, bring) -> BankLine:
        """What Globex paid: accepted as CAMT.053 has it, here again as MT940 has it."""
        bring("camt.053.001.02.xml")
        self.accept(BankLine.objects.get(payer_name="Globex"))
        return bring("mt940.sta").lines.get(payer_name="Globex")

    def accept(self, line) -> Payment:
        staff = a_clerk("payments.record_payment", email="ann@example.com")
        code = operations.proposals_for([line])[line.pk].code
        return operations.accept_line(line=line, shown=code, at=NOW, staff=staff)

    def test_it_has_no_proposal_and_is_booked_by_nobody(self, account, double, cashier):
        assert operations.proposals_for(list(double.statement.lines.all())) == {}
        with refuses(Conflict, MAYBE):
            operations.accept_line(line=double, shown="", at=NOW, staff=cashier)
        with refuses(Conflict, MAYBE):
            operations.record_line(
                line=double, account=account, received=received_of(double), at=NOW, staff=cashier
            )
        assert Payment.objects.count() == 1
        assert_sound()

    def test_set_aside(self, double, cashier, bring):
        operations.dismiss_line(line=double, reason="A double", at=NOW, staff=cashier)
        double.refresh_from_db()
        assert (double.status, double.double_of.status) == ("dismissed", "booked")
        assert twins(bring("csv")) == [(name, name) for name in ("Globex", "Initech", "Umbrella")]
        assert_sound()

    def test_a_payment_of_its_own(self, account, double, cashier):
        twin = double.double_of_id
        operations.tell_apart(line=double, at=NOW, staff=cashier)
        told = AuditEntry.objects.get(action="bankline.told_apart")
        assert (told.before, told.after) == ({"double_of": twin}, {"double_of": None})
        double.refresh_from_db()
        operations.record_line(
            line=double, account=account, received=received_of(double), at=NOW, staff=cashier
        )
        assert Payment.objects.count() == 2
        assert_sound()

    def test_refusals(self, double, cashier):
        other = a_clerk("payments.view_bankline", email="dora@example.com")
        with refuses(Forbidden, "Insufficient permissions"):
            operations.tell_apart(line=double, at=NOW, staff=other)
        with refuses(Conflict, "This line is booked"):
            operations.tell_apart(line=double.double_of, at=NOW, staff=cashier)
        operations.tell_apart(line=double, at=NOW, staff=cashier)
        with refuses(Conflict, "This line is not marked as a double of that one any more"):
            asked = {"line": double, "double_of": double.double_of, "reason": "A double"}
            operations.dismiss_line(**asked, at=NOW, staff=cashier)
        with refuses(Conflict, "This line is no double of another"):
            operations.tell_apart(line=double, at=NOW, staff=cashier)


def test_two_formats_at_the_same_moment(shared_database):
    """The second file waits until the lines of the first are there."""
    factories.an_organization()
    staff = a_clerk("payments.record_payment")

    def bring(text: str) -> None:
        file = [":20:S", ":25:37040044/0532013000", ":28C:1/1", ":60F:C250901USD0,00"]
        file += [":61:2509010901C39,40NTRFNONREF", f":86:{text}"]
        operations.import_statement(
            content="\n".join(file).encode(), file_name="s.sta", mapping=None, at=NOW, staff=staff
        )

    with meanwhile('INSERT INTO "payments_bankline"', lambda: bring("INV-2025-001"), waits=True):
        bring("Invoice INV-2025-001")
    assert [line.double_of_id is None for line in BankLine.objects.order_by("pk")] == [True, False]


def test_nothing_is_here_twice_after_all_is_decided(account, pair, bring, cashier):
    """Three formats of the same days, one proposal after the other: each payment is booked once."""
    for name in NAMES:
        bring(name)
    for line in BankLine.objects.doubtful():
        operations.dismiss_line(line=line, reason="A double", at=NOW, staff=cashier)
    proposals = operations.proposals_for(list(BankLine.objects.open()))
    for pk, proposal in proposals.items():
        line = BankLine.objects.get(pk=pk)
        operations.accept_line(line=line, shown=proposal.code, at=NOW, staff=cashier)
    assert sorted(Payment.objects.values_list("amount", flat=True)) == [1000, 3940]
    assert (
        factories.Account.objects.get().balance_due == 3940
    )  # the order of the account that is on no invoice
    assert_sound()
