"""Lines of a bank statement that may be here already, in the back office."""

import pytest

from payments.models import BankLine, BankStatement
from tests.back_office import a_clerk, button, facts, list_of, page_of, plain, question, refusal, rows, told
from tests.books import unchanged
from tests.payments.test_admin_bank import MANY, clock, forms, invoices, mapping, staff, upload

__all__ = ["clock", "invoices", "mapping", "staff"]
pytestmark = pytest.mark.django_db
AS_MT940 = """:20:S
:25:37040044/0532013000
:28C:1/1
:60F:C250901USD0,00
:61:2509010901C39,40NTRFNONREF//B1
:86:INV-2025-001 Someone
:61:2509030903C7,00NTRFNONREF//B2
:86:Hello
"""
TABLE = "Date,Amount,Currency,Text,Payer\n2025-09-01,39.40,USD,INV-2025-001,Someone\n"
ASIDE = f"{list_of(BankLine)}set_aside_many/"
LOOK = "Look at each beside its double: set it aside, or say that it is a payment of its own."


@pytest.fixture
def double(staff, invoices, mapping) -> BankLine:
    mapping.bank_account = "DE89370400440532013000"
    mapping.save()
    upload(staff, mapping, TABLE)
    upload(staff, None, AS_MT940)
    return BankLine.objects.doubtful().get()


def test_the_import_warns_and_shows_both_lines(staff, invoices, mapping):
    mapping.bank_account = "DE89370400440532013000"
    mapping.save()
    upload(staff, mapping, TABLE)
    answer = upload(staff, None, AS_MT940)
    assert told(answer)[-2:] == ["2 new lines. 0 proposals.", f"1 line may be here already. {LOOK}"]
    statement, double = BankStatement.objects.first(), BankLine.objects.doubtful().get()
    page = staff.get(page_of(statement))
    shown = plain(page.content.decode())
    assert "1 line may be here already, from another file." in shown
    assert "Some of these days are in DE89370400440532013000, 2025-09-01 to 2025-09-01 (csv) too." in shown
    twin = "$39.40 of 1 Sep 2025 in DE89370400440532013000, 2025-09-01 to 2025-09-01 (open): Someone, INV"
    assert f"May be a double of {twin}-2025-001" in shown
    assert page_of(double.double_of) in page.content.decode()
    assert page_of(double, "accept") not in forms(page)
    assert page_of(double, "record") not in page.content.decode()


def test_the_list_has_them_and_no_list_accepts_them(staff, double):
    (row,) = rows(staff.get(list_of(BankLine, show="doubtful")))
    assert row[:5] == ["1 Sep 2025", "$39.40", "–", "INV-2025-001 Someone", "May be a double"]
    said = "This line may be a double of another one: say first that it is none"
    assert said in plain(staff.post(MANY, {"ids": str(double.pk)}).content.decode())
    assert refusal(staff.get(page_of(double, "accept"))) == said
    shown = staff.get(page_of(double)).content.decode()
    for there, action in ((True, "tell_apart"), (True, "dismiss"), (False, "accept"), (False, "record")):
        assert (page_of(double, action) in shown) is there


def test_set_aside(staff, double):
    page = staff.get(page_of(double, "dismiss"))
    assert (question(page), button(page)) == ("Set $39.40 aside as a double?", "Leave $39.40 out")
    sent = {"reason": page.context["form"]["reason"].value()}
    assert told(staff.post(page_of(double, "dismiss"), sent))[-1] == "$39.40 is left out. Nothing was booked."
    double.refresh_from_db()
    assert (double.status, double.reason) == (
        "dismissed",
        f"A double of Bank line {double.double_of_id} in {double.double_of.statement}",
    )


def test_all_of_a_file_set_aside_at_once(staff, double):
    answer = staff.get(page_of(double.statement, "set_all_aside"), follow=True)
    assert (question(answer), button(answer)) == ("Set 1 double aside?", "Set 1 double aside")
    sent = {"ids": answer.context["ids"], "shown": answer.context["form"]["shown"].value()}
    assert sent["ids"] == str(double.pk)
    done = staff.post(ASIDE, sent)
    assert "$39.40 is set aside" in plain(done.content.decode())
    double.refresh_from_db()
    why = f"A double of Bank line {double.double_of_id} in {double.double_of.statement}"
    assert (double.status, double.reason) == ("dismissed", why)
    assert "set_all_aside" not in staff.get(page_of(double.statement)).content.decode()
    assert "This line is not marked as a double" in plain(staff.post(ASIDE, sent).content.decode())


def test_only_doubles_are_set_aside(staff, double):
    other = BankLine.objects.open().filter(double_of=None).first()
    with unchanged():
        page = staff.post(ASIDE, {"ids": f"{other.pk},{double.pk}", "shown": "what was another"})
    assert page.status_code == 422
    assert [one.refusal for one in page.context["page"].refused] == ["This line is not marked as a double"]


def test_a_payment_of_its_own(staff, double):
    page = staff.get(page_of(double, "tell_apart"))
    assert (question(page), button(page)) == ("Is $39.40 a payment of its own?", "Take $39.40")
    assert facts(page)["May be a double of"].startswith("$39.40 of 1 Sep 2025 in DE89370400440532013000")
    answer = staff.post(page_of(double, "tell_apart"))
    assert answer.headers["Location"] == page_of(double.statement)
    assert told(answer)[-1] == "$39.40 is no double. It waits for you to say what it is."
    assert refusal(staff.get(page_of(double, "tell_apart"))) == "This line is no double of another"
    assert page_of(double, "accept") in forms(staff.get(page_of(double.statement)))


def test_without_the_right(client, double):
    client.force_login(a_clerk("payments.view_bankline", "payments.view_bankstatement"))
    assert refusal(client.get(page_of(double, "tell_apart"))).startswith("Your role does not allow this")
    with unchanged():
        client.post(page_of(double, "tell_apart"))
