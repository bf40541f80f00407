"""Bank statements in the back office: importing, accepting with one click, and undoing it."""

import re
from html import unescape

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile

from payments.bank import LARGEST_FILE
from payments.models import BankLine, BankMapping, BankStatement, Payment
from tests import factories
from tests.back_office import a_clerk, button, facts, list_of, page_of, plain, refusal, rows, told
from tests.books import assert_sound, unchanged
from tests.factories import NOW

IMPORT = f"{list_of(BankStatement)}import/"
MANY = f"{list_of(BankLine)}accept_many/"
TABLE = """Date,Amount,Currency,Text,Payer
2025-09-01,39.40,USD,INV-2025-001,Someone
2025-09-01,49.40,USD,thanks,Globex
2025-09-02,5.00,USD,Interest,
2025-09-02,-1.00,USD,Fee,
"""


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


@pytest.fixture
def invoices(account):
    """$39.40, then $29.40 and $20.00."""
    return [
        factories.an_open_invoice(account, factories.an_unpaid_order(account, price, display_id=price))
        for price in ("39.40", "29.40", "20.00")
    ]


@pytest.fixture
def mapping(db) -> BankMapping:
    return BankMapping.objects.create(
        name="Example Bank",
        bank_account="DE89",
        delimiter=",",
        currency="USD",
        date_column="Date",
        amount_column="Amount",
        currency_column="Currency",
        reference_column="Text",
        payer_name_column="Payer",
    )


def upload(client, mapping, content=TABLE, **more):
    file = SimpleUploadedFile("september.csv", content.encode() if isinstance(content, str) else content)
    return client.post(IMPORT, {"file": file, "mapping": mapping.pk if mapping else ""}, **more)


@pytest.fixture
def statement(staff, invoices, mapping) -> BankStatement:
    upload(staff, mapping)
    return BankStatement.objects.get()


def line(text: str) -> BankLine:
    return BankLine.objects.get(reference=text)


def forms(response) -> dict[str, dict[str, str]]:
    """Where the buttons on a statement's page go, and what they send."""
    found = re.findall(r'<form method="post" action="([^"]+)">(.*?)</form>', response.content.decode(), re.S)
    return {
        action: {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', inner)}
        for action, inner in found
    }


class TestImport:
    def test_says_what_came_and_shows_each_line_with_its_proposal(self, staff, invoices, mapping):
        answer = upload(staff, mapping)
        statement = BankStatement.objects.get()
        assert answer["Location"] == page_of(statement)
        assert told(answer) == ["4 new lines. 2 proposals."]
        shown = plain(staff.get(page_of(statement)).content.decode())
        assert "INV-2025-001 Invoice INV-2025-001 The text names INV-2025-001, of which $39.40 are open" in (
            shown
        )
        assert (
            "Invoices INV-2025-002 , INV-2025-003 The payer has the name of Globex; 2 open invoices of "
            "theirs are together exactly the amount, and no other 2"
        ) in shown
        assert "Interest No proposal" in shown
        assert rows(staff.get(list_of(BankStatement)))[0][-2:] == ["4", "3"]

    def test_again_changes_nothing(self, staff, statement, mapping):
        with unchanged():
            again = upload(staff, mapping)
        assert again.status_code == 422
        assert "This file was imported before: nothing was changed" in plain(again.content.decode())

    def test_a_file_that_is_none_is_told_so(self, staff, mapping):
        with unchanged():
            answer = upload(staff, None, "hello")
            large = upload(staff, None, b"x" * (LARGEST_FILE + 1))
            nothing = staff.post(IMPORT)
        assert "The file is not MT940, or it has no lines" in plain(answer.content.decode())
        assert "The file is larger than 1 MB" in plain(large.content.decode())
        assert [one.status_code for one in (answer, large, nothing)] == [422] * 3

    def test_who_may_not_is_told_so(self, client, mapping):
        client.force_login(a_clerk("payments.view_bankstatement"))
        with unchanged():
            answer = upload(client, mapping)
        assert refusal(answer) == "Your role does not allow this. Ask an administrator of this site."


class TestAccept:
    def test_with_one_click_and_undone_with_one_click(self, staff, account, statement):
        buttons = forms(staff.get(page_of(statement)))
        where = page_of(line("INV-2025-001"), "accept")
        answer = staff.post(where, buttons[where])
        payment = Payment.objects.get()
        assert answer["Location"] == page_of(statement)
        assert told(answer) == [f"$39.40 is booked as payment {payment.reference} of ACC-2025-000001 Globex."]
        account.refresh_from_db()
        assert account.paid_amount == 3940
        assert_sound()
        buttons = forms(staff.get(page_of(statement)))
        where = page_of(line("INV-2025-001"), "undo")
        assert told(staff.post(where, buttons[where])) == [
            "$39.40 is open again, and every balance is as it was before."
        ]
        account.refresh_from_db()
        assert (account.paid_amount, line("INV-2025-001").status) == (0, "open")
        assert_sound()

    def test_its_page_says_what_it_would_do(self, staff, statement):
        with unchanged():
            asks = staff.get(page_of(line("thanks"), "accept"))
        assert button(asks) == "Accept $49.40"
        assert facts(asks)["Account balance"] == "$128.20 → then $78.80"
        assert facts(asks)["Proposal"] == "Invoices INV-2025-002 , INV-2025-003"

    def test_a_proposal_that_was_not_shown_is_refused(self, staff, statement):
        with unchanged():
            answer = staff.post(page_of(line("thanks"), "accept"), {"shown": "invoices:1=1"})
        assert told(answer)[-1] == "The proposal has changed meanwhile. Look again"

    def test_all_at_once(self, staff, statement):
        asks = staff.get(page_of(statement, "accept_all"), follow=True)
        text = plain(asks.content.decode())
        assert button(asks) == "Accept 2 proposals"
        assert "Together $88.80. Each payer's receipt goes out." in text
        sent = dict(re.findall(r'name="(ids|shown)" value="([^"]*)"', asks.content.decode()))
        done = staff.post(MANY, sent)
        assert b" data-done" in done.content
        statuses = sorted(BankLine.objects.values_list("status", flat=True))
        assert statuses == ["booked", "booked", "open", "out"]
        assert_sound()

    def test_all_at_once_is_refused_when_it_has_changed(self, staff, statement):
        asks = staff.get(page_of(statement, "accept_all"), follow=True)
        sent = dict(re.findall(r'name="(ids|shown)" value="([^"]*)"', asks.content.decode()))
        with unchanged():
            answer = staff.post(MANY, sent | {"shown": "0" * 64})
        assert answer.status_code == 422

    def test_who_may_not_is_told_so(self, client, statement):
        client.force_login(a_clerk("payments.view_bankline", "payments.view_bankstatement"))
        with unchanged():
            client.post(page_of(line("thanks"), "accept"), {"shown": "x"})
            assert refusal(client.get(page_of(line("thanks"), "accept"))) is not None


class TestOtherwise:
    def test_recorded_by_hand(self, staff, account, statement):
        form = staff.get(page_of(line("Interest"), "record"), follow=True)
        assert f'name="line" value="{line("Interest").pk}"' in form.content.decode()
        record = f"{list_of(Payment)}record/"
        form = staff.get(record, {"line": line("Interest").pk, "account": account.pk})
        assert 'name="amount" value="5.00"' in form.content.decode()
        sent = {
            "account": account.number,
            "line": line("Interest").pk,
            "method": "wire_transfer",
            "received_date": "2025-09-02",
            "currency": "USD",
            "amount": "5.00",
            "step": "book",
        }
        answer = staff.post(record, sent)
        assert answer["Location"] == page_of(statement)
        assert line("Interest").status == "booked"
        with unchanged():
            late = staff.post(record, sent)
        assert "This line is booked" in plain(late.content.decode())

    def test_not_ours(self, staff, statement):
        staff.post(page_of(line("Interest"), "dismiss"), {"reason": "Interest of the bank"})
        assert line("Interest").status == "dismissed"
        assert "Not ours: Interest of the bank" in plain(staff.get(page_of(statement)).content.decode())


def test_a_statement_needs_as_many_queries_for_many_lines_as_for_few(
    staff, invoices, mapping, django_assert_num_queries, django_assert_max_num_queries
):
    head = "Date,Amount,Currency,Text,Payer\n"
    sizes = []
    for count in (2, 40):
        table = head + "".join(f"2025-09-01,{count}.{at:02d},USD,x{count},Globex\n" for at in range(count))
        upload(staff, mapping, table)
        sizes.append(BankStatement.objects.first())
    staff.get(page_of(sizes[0]))
    with django_assert_max_num_queries(40) as few:
        staff.get(page_of(sizes[0]))
    with django_assert_num_queries(len(few)):
        staff.get(page_of(sizes[1]))
