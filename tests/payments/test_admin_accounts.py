"""Accounts in the back office: how they stand, notes, reminders, statements by mail, and their figures."""

from datetime import timedelta
from string import Formatter

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import operations as accounts
from accounts.models import Account, AccountNote
from core.audit import AuditEntry
from invoices import operations as invoices
from invoices.documents.account_labels import ACCOUNT_LABELS
from invoices.models import PaymentPromise, RecurringInvoice
from payments import operations
from payments.models import AccountCredit
from payments.operations.letter_words import WORDS
from payments.operations.statement_words import STATEMENT_WORDS
from tests import factories
from tests.back_office import a_clerk, button, facts, list_of, page_of, plain, question, refusal, rows, told
from tests.books import assert_sound, unchanged
from tests.factories import NOW
from tests.payments.letters import SITE, assert_the_same, delivered, speaks

pytestmark = pytest.mark.django_db
NO_PERMISSION = "Your role does not allow this. Ask an administrator of this site."
RIGHTS = (
    *("accounts.view_account", "accounts.change_account", "accounts.add_accountnote"),
    *("accounts.view_accountnote", "invoices.view_paymentpromise"),
    *("invoices.remind_invoice", "invoices.issue_invoice"),
)


@pytest.fixture(autouse=True)
def clock(settings):
    settings.SITE_URL = SITE
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client):
    client.force_login(a_clerk(*RIGHTS))
    return client


class TestList:
    def test_what_is_overdue(self, staff, account, stella, clock):
        factories.a_paid_invoice(account, stella)
        factories.an_open_invoice(account, account.line_items.first())
        clock.move_to(NOW + timedelta(days=40))
        staff.force_login(stella)
        (row,) = rows(staff.get(list_of(Account)))
        assert row[2:] == ["$39.40", "$1,000.00", "$960.60", "$39.40", "0", "3 Sep 2025", "Active"]

    def test_the_bar_says_how_much_is_left(self, staff, account):
        shown = staff.get(list_of(Account, show="all")).content.decode()
        assert '<meter class="credit" min="0" max="100000" value="96060" aria-label=' in shown


class TestStanding:
    def test_suspend_and_resume(self, staff, account):
        page = staff.get(page_of(account, "suspend"))
        assert (question(page), button(page)) == ("Suspend Globex?", "Suspend ACC-2025-000001")
        assert facts(page)["Balance"] == "$39.40"
        staff.post(page_of(account, "suspend"), {"reason": "Moved"})
        account.refresh_from_db()
        assert account.status == "suspended"
        assert refusal(staff.get(page_of(account, "suspend"))) == "Account ACC-2025-000001 is suspended"
        answer = staff.post(page_of(account, "resume"), {"reason": "Found"})
        assert told(answer)[-1] == "ACC-2025-000001 Globex is active again."

    def test_close_asks_for_the_number(self, staff):
        empty = factories.an_account("Empty")
        given = {"reason": "Bankrupt", "number": "ACC"}
        with unchanged():
            answer = staff.post(page_of(empty, "close"), given)
        assert answer.status_code == 422
        assert f"Write {empty.number} to close it" in answer.content.decode()
        staff.post(page_of(empty, "close"), given | {"number": empty.number})
        empty.refresh_from_db()
        assert empty.status == "closed"
        assert AuditEntry.objects.get(action="account.closed").reason == "Bankrupt"
        said = f"Account {empty.number} is closed already"
        assert refusal(staff.get(page_of(empty, "close"))) == said

    def test_closing_ends_what_recurs(self, staff, stella):
        empty = factories.an_account("Empty")
        running, paused = (
            factories.a_recurring_invoice(empty, stella, is_paused=is_paused) for is_paused in (False, True)
        )
        over = factories.a_recurring_invoice(empty, stella, end_date=NOW.date(), runs_done=1)
        page = staff.get(page_of(empty, "close"))
        assert facts(page)["Recurring invoices that end"] == "2: Maintenance, Maintenance"
        staff.post(page_of(empty, "close"), {"reason": "Bankrupt", "number": empty.number})
        for one in (running, paused, over):
            one.refresh_from_db()
        assert (running.next_date, paused.next_date, over.ended_at) == (None, None, None)
        ended = AuditEntry.objects.filter(action="recurringinvoice.ended").values_list("object_id", flat=True)
        assert sorted(ended) == [running.pk, paused.pk]
        made = invoices.make_recurring_invoices(at=NOW + timedelta(days=400))
        assert (made.invoices, made.refused) == ([], [])
        staff.force_login(stella, "django.contrib.auth.backends.ModelBackend")
        assert rows(staff.get(list_of(RecurringInvoice, show="refused"))) == []
        assert [row[-1] for row in rows(staff.get(list_of(RecurringInvoice, show="all")))] == ["Ended"] * 3
        empty.refresh_from_db()
        with pytest.raises(ValidationError, match=f"Account {empty.number} is closed"):
            RecurringInvoice(account=empty, start_date=NOW.date()).clean()

    def test_close_is_refused_while_money_is_left(self, staff, account, stella):
        said = refusal(staff.get(page_of(account, "close")))
        assert said == "Account ACC-2025-000001 still owes $39.40"
        invoice = factories.an_open_invoice(account, account.line_items.get())
        payment = factories.a_promised_payment(invoice)
        operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
        payment.refresh_from_db()
        AccountCredit.objects.create(
            account=account, payment=payment, currency="USD", amount=5, reason="Too much", created_at=NOW
        )
        said = refusal(staff.get(page_of(account, "close")))
        assert said == "Account ACC-2025-000001 still has a credit of $0.05: send it back first"

    @pytest.mark.parametrize(
        "page", ["suspend", "close", "add_note", "pause_reminders", "promise_to_pay", "send_statement"]
    )
    def test_without_the_right(self, client, page):
        empty = factories.an_account("Empty")
        client.force_login(a_clerk("accounts.view_account"))
        assert refusal(client.get(page_of(empty, page))) == NO_PERMISSION
        with unchanged():
            client.post(page_of(empty, page), {"reason": "x", "text": "x", "number": empty.number})


def test_a_note_is_kept_and_shown(staff, account):
    answer = staff.post(page_of(account, "add_note"), {"text": "Pays on Fridays <b>"})
    assert told(answer) == ["The note is kept."]
    assert AccountNote.objects.get().staff.email == "ben@example.com"
    assert "Pays on Fridays &lt;b&gt;" in staff.get(page_of(account)).content.decode()


def test_a_pause(staff, account):
    answer = staff.post(page_of(account, "pause_reminders"), {"until": "2025-10-01", "reason": "Dispute"})
    assert told(answer) == ["No reminder goes to ACC-2025-000001 Globex until 1 October 2025."]
    assert "paused until 1 October 2025: Dispute" in staff.get(page_of(account)).content.decode()
    answer = staff.post(page_of(account, "pause_reminders"), {"until": "", "reason": "Settled"})
    assert told(answer)[-1] == "Reminders go out again."


class TestPromise:
    def test_of_an_invoice(self, staff, account):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        given = {
            "promised_date": "2025-10-01",
            "invoice": str(invoice.pk),
            "amount": "20",
            "note": "By phone",
        }
        staff.post(page_of(account, "promise_to_pay"), given)
        promise = PaymentPromise.objects.get()
        assert (promise.invoice, promise.amount, promise.note) == (invoice, 2000, "By phone")
        assert page_of(promise) in staff.get(page_of(account)).content.decode()

    @pytest.mark.parametrize("amount", ["39.41", "1.005", "0"])
    def test_a_wrong_amount_is_told(self, staff, account, amount):
        with unchanged():
            answer = staff.post(
                page_of(account, "promise_to_pay"), {"promised_date": "2025-10-01", "amount": amount}
            )
        assert answer.status_code == 422


class TestFigures:
    def test_of_an_account(self, staff, account, stella):
        factories.a_paid_invoice(account, stella)
        page = staff.get(page_of(account, "figures"))
        words = plain(page.content.decode().partition('<div class="question')[2])
        assert question(page) == "Why does Globex owe this?"
        assert "Balance $39.40" in words
        assert "Available credit $960.60" in words
        assert "Overdue $0.00" in words
        assert page_of(account.line_items.first()) in page.content.decode()

    def test_as_of_a_past_day(self, staff, account):
        page = staff.get(page_of(account, "figures") + "?on=2025-09-02")
        assert "Balance $0.00" in plain(page.content.decode())
        for wrong in ("2025-09-04", "x", "0001-01-01"):
            assert staff.get(page_of(account, "figures") + f"?on={wrong}").status_code == 422

    def test_it_asks_the_database_equally_often_for_2_and_for_10_rows(self, staff, account, stella):
        def asked() -> int:
            with CaptureQueriesContext(connection) as queries:
                staff.get(page_of(account, "figures"))
            return len(queries)

        for _ in range(2):
            factories.an_open_invoice(account)
            factories.a_paid_invoice(account, stella)
        asked()  # the first page of a session asks for more
        with_two = asked()
        for _ in range(8):
            factories.an_open_invoice(account)
            factories.a_paid_invoice(account, stella)
        assert asked() == with_two

    def test_of_an_invoice(self, client, account, stella):
        invoice = factories.a_paid_invoice(account, stella)
        client.force_login(stella)
        page = client.get(page_of(invoice, "figures"))
        words = plain(page.content.decode().partition('<div class="question')[2])
        assert "Open balance $0.00" in words
        assert "3 Sep 2025 Total $39.40 $39.40" in words
        assert client.post(page_of(invoice, "figures")).status_code == 405


class TestStatement:
    def test_it_shows_the_figures_and_leaves(self, staff, account, alice):
        address = page_of(account, "send_statement")
        page = staff.get(address)
        assert facts(page)["To"] == "alice@example.com"
        assert facts(page)["Balance now"] == "$39.40"
        days = {"first": "2025-09-01", "last": "2025-09-30"}
        with unchanged():
            page = staff.post(address, days)  # not the days that were shown
        assert facts(page)["Days"] == "1 Sep 2025 to 30 Sep 2025"
        answer = staff.post(address, days | {"seen": "2025-09-01 2025-09-30"})
        assert told(answer) == [
            "The statement of ACC-2025-000001 Globex leaves in 30 seconds: balance $39.40."
        ]
        assert delivered() == []
        (sent,) = delivered(NOW + timedelta(seconds=30))
        assert (sent.subject, sent.to) == (
            "Statement of account, 1 September 2025 to 30 September 2025",
            ["alice@example.com"],
        )
        assert (
            "Balance before: $0.00\nCharged: $39.40\nPaid and credited: $0.00\nBalance now: $39.40"
            in sent.body
        )
        assert f"{SITE}/account/{account.number}/statement/?from=2025-09-01&to=2025-09-30" in sent.body
        ((name, content, kind),) = sent.attachments
        assert (name, kind) == ("statement-ACC-2025-000001-2025-09-01-2025-09-30.pdf", "application/pdf")
        assert content.startswith(b"%PDF")
        assert_the_same(sent)
        told_of = AuditEntry.objects.get(action="account.statement_mailed").after
        assert told_of == {"first": "2025-09-01", "last": "2025-09-30", "to": ["alice@example.com"]}
        assert_sound()

    def test_wrong_days_are_told(self, staff, account, alice):
        days = {"first": "2025-09-30", "last": "2025-09-01", "seen": "2025-09-30 2025-09-01"}
        with unchanged():
            answer = staff.post(page_of(account, "send_statement"), days)
        assert answer.status_code == 422

    def test_nobody_to_write_to(self, staff, account):
        said = refusal(staff.get(page_of(account, "send_statement")))
        assert said == "Nobody to write to: the account has no e-mail address and no Admin"

    @pytest.mark.parametrize("language", sorted(WORDS))
    def test_in_every_language(self, language, account, alice, stella):
        speaks(account, language)
        operations.send_statement(account=account, first=NOW.date(), last=NOW.date(), at=NOW, staff=stella)
        (sent,) = delivered(NOW + timedelta(seconds=30))
        assert_the_same(sent)

    def test_every_language_says_all_of_it(self):
        def places(language):
            words = STATEMENT_WORDS[language].items()
            return {
                key: sorted({name for _, name, *_ in Formatter().parse(word) if name}) for key, word in words
            }

        assert {one: places(one) for one in STATEMENT_WORDS} == dict.fromkeys(WORDS, places("en"))
        assert not {*STATEMENT_WORDS["en"]} & {
            *accounts.letters.WORDS["en"],
            *ACCOUNT_LABELS["en"],
            *WORDS["en"],
        }
