"""What needs doing today: only what waits, only what its reader may see, each number with its rows."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from moneyed import Money

from accounts import operations as accounts
from accounts.models import AccountLineItem, User
from core.models import OutboxMessage
from invoices import operations as invoices
from invoices.models import Invoice
from invoicing_site.demo.scale import write_books
from payments import operations
from payments.operations.issues import open_issue
from tests import factories
from tests.back_office import a_clerk, plain
from tests.factories import NOW
from tests.payments.test_admin_everywhere import one_of_each

HOME = "/admin/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    """The browser of Stella, who may do everything."""
    client.force_login(stella)
    return client


def queue(page) -> list[list]:
    return [
        [row.job.label, row.count, list(row.amounts), row.oldest, unquote(row.job.address)]
        for row in page.context["queue"]
    ]


def tables(page) -> list[list[list[str]]]:
    """The cells of each table of a page."""
    found = re.findall(r"<table.*?</table>", page.content.decode(), re.S)
    return [
        [[plain(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.S)] for row in rows]
        for rows in (re.findall(r"<tr>.*?</tr>", table, re.S) for table in found)
    ]


class TestQueue:
    def test_rows_with_what_waits(self, staff, account, alice, clock):
        europe = factories.a_region("Europe", "EUR")
        bert = factories.an_account("Bert AG", limit=Money(1000, "EUR"))
        german = factories.an_unpaid_order(bert, "20.00", display_id="E1", region=europe)
        invoice = factories.an_open_invoice(account, account.line_items.get())
        factories.a_promised_payment(invoice, by=alice.user)
        factories.a_promised_payment(factories.an_open_invoice(bert, german), at=NOW + timedelta(days=1))
        factories.an_unpaid_order(account, display_id="later", at=NOW + timedelta(days=40))
        factories.unassigned_money(700, at=NOW + timedelta(days=41))
        open_issue("undecided", "Nobody knows.", amount=500, currency="USD", at=NOW + timedelta(days=38))
        OutboxMessage.objects.create(
            kind="test", created_at=NOW + timedelta(days=42), not_before=NOW, status="failed"
        )
        clock.shift(timedelta(days=42, hours=2))
        staff.force_login(User.objects.get(email="stella@example.com"))
        assert queue(staff.get(HOME)) == [
            [
                "Bank transfers to verify",
                2,
                [(3940, "USD"), (2000, "EUR")],
                "1 month",
                "/admin/payments/payment/?show=to_verify",
            ],
            [
                "Problems to resolve",
                1,
                [(500, "USD")],
                "4 days",
                "/admin/payments/reconciliationissue/?show=open",
            ],
            [
                "Overdue invoices",
                2,
                [(3940, "USD"), (2000, "EUR")],
                "1 week",
                "/admin/invoices/invoice/remind/",
            ],
            [
                "Unbilled charges",
                1,
                [(3940, "USD")],
                "2 days",
                "/admin/invoices/invoice/bill_unbilled/",
            ],
            ["Failed mails and messages", 1, [], "2 hours", "/admin/core/outboxmessage/?show=failed"],
            [
                "Money that is nobody's yet",
                1,
                [(700, "USD")],
                "1 day",
                "/admin/payments/payment/?show=unassigned",
            ],
        ]

    def test_of_an_overdue_invoice_what_is_open(self, staff, stella, account, clock):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        operations.write_off(invoice=invoice, amount=940, reason="Lost", at=NOW, staff=stella)
        clock.shift(timedelta(days=40))
        staff.force_login(stella)
        rows = {row[0]: row[1:3] for row in queue(staff.get(HOME))}
        assert rows["Overdue invoices"] == [1, [(3000, "USD")]]

    def test_recurring_invoices_that_were_refused(self, staff, account, stella):
        recurring = factories.a_recurring_invoice(account, stella)
        factories.a_recurring_invoice(factories.an_account("Other"), stella)
        accounts.suspend_account(account=account, reason="Late", at=NOW, staff=stella)
        invoices.make_recurring_invoices(at=NOW - timedelta(hours=3))
        (row,) = [row for row in queue(staff.get(HOME)) if row[0] == "Recurring invoices that were refused"]
        assert row[1:4] == [1, [], "3 hours"]
        assert [one.pk for one in staff.get(row[4]).context["cl"].queryset] == [recurring.pk]

    def test_drafts(self, staff, account):
        Invoice.objects.create(
            account=account, title="x", currency="USD", total_amount=500, due_date=NOW.date(), created_at=NOW
        )
        rows = queue(staff.get(HOME))
        assert [row[:3] for row in rows if row[0] == "Drafts"] == [["Drafts", 1, [(500, "USD")]]]
        (address,) = [row[4] for row in rows if row[0] == "Drafts"]
        assert staff.get(address).context["cl"].result_count == 1

    def test_every_row_leads_to_as_many_rows(self, staff):
        for number in range(1, 4):
            one_of_each(number)
        rows = queue(staff.get(HOME))
        assert rows
        for _, count, _, _, address in rows:
            assert staff.get(address).context["cl"].result_count == count, address

    def test_unbilled_charges_are_those_of_the_list(self, staff, stella):
        factories.an_organization()
        factories.a_region()
        factories.a_region("Europe", "EUR")
        write_books(invoices=150, lines=2, staff=stella, at=NOW)
        factories.an_unpaid_order(factories.an_account("Globex"))
        unpaid = Invoice.objects.open().filter(paid_amount=0).first()
        factories.invoices.cancel_invoice(invoice=unpaid, at=NOW, staff=None, reason="Wrong")
        rows = {row[0]: row for row in queue(staff.get(HOME))}["Unbilled charges"]
        unbilled = AccountLineItem.objects.unbilled()
        assert rows[1] == unbilled.count() == 3
        assert sum(amount for amount, _ in rows[2]) == sum(line.amount for line in unbilled)

    def test_nothing_to_do(self, staff, account, stella, clock):
        factories.an_open_invoice(account, account.line_items.get())
        invoice = account.invoices.get()
        payment = factories.a_promised_payment(invoice)
        operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
        clock.shift(timedelta(hours=2))
        page = staff.get(HOME)
        assert page.context["queue"] == []
        assert "Nothing to do. Last payment: $39.40 from Globex, 2 hours ago." in plain(page.content.decode())

    def test_before_set_up(self, staff, db):
        page = staff.get(HOME)
        assert (page.status_code, page.context["queue"]) == (200, [])
        assert "Nothing to do." in page.content.decode()

    def test_only_what_its_reader_may_see(self, client, account, alice):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        factories.a_promised_payment(invoice, by=alice.user)
        factories.an_unpaid_order(account, display_id="unbilled")
        client.force_login(a_clerk("accounts.view_accountlineitem"))
        page = client.get(HOME)
        assert [row[0] for row in queue(page)] == ["Unbilled charges"]
        assert "Receivables" not in page.content.decode()
        client.force_login(a_clerk("invoices.view_invoice", email="ina@example.com"))
        page = client.get(HOME)
        assert (queue(page), page.context["aged"].total) == ([], 3940)
        assert "ollected" not in plain(page.content.decode())
        client.force_login(a_clerk(email="nora@example.com"))
        assert "Your role sees nothing here." in client.get(HOME).content.decode()

    def test_the_day_is_the_organization_s(self, staff, account, clock):
        factories.an_organization(time_zone="Pacific/Auckland")
        clock.move_to(NOW.replace(hour=13), tick=False)
        assert "Thu 4 September 2025 · Pacific/Auckland" in staff.get(HOME).content.decode()


class TestFigures:
    @pytest.fixture
    def books(self, stella):
        factories.an_organization(time_zone="Europe/Berlin")
        factories.a_region()
        factories.a_region("Europe", "EUR")
        write_books(invoices=120, lines=2, staff=stella, at=NOW)

    def test_each_part_and_month_leads_to_its_rows(self, staff, books):
        for currency in ("USD", "EUR"):
            page = staff.get(HOME, {"currency": currency})
            assert page.context["currency"] == currency
            aged, stacked = page.context["aged"], page.context["receivables"]
            for amount, (_, _, address) in zip(aged.amounts, stacked.rows, strict=True):
                rows = staff.get(address).context["cl"].queryset
                assert sum(one.total_amount - one.paid_amount for one in rows) == amount
            for month in page.context["months"]:
                invoices = staff.get(month.invoices).context["cl"].queryset
                assert sum(one.total_amount for one in invoices) == month.invoiced
                payments = staff.get(month.payments).context["cl"].queryset
                assert sum(one.amount for one in payments) == month.collected
            for debtor, address in page.context["debtors"]:
                rows = staff.get(address).context["cl"].queryset
                assert sum(one.total_amount - one.paid_amount for one in rows) == debtor.total

    def test_one_currency_a_chart_and_the_others_are_tabs(self, staff, books):
        page = staff.get(HOME)
        assert page.context["currencies"] == [("EUR", "?currency=EUR", False), ("USD", "?currency=USD", True)]
        assert staff.get(HOME, {"currency": "nonsense"}).context["currency"] == "USD"
        assert "€" not in plain(re.search(r'id="receivables".*', page.content.decode(), re.S)[0])

    def test_money_in_a_currency_of_no_region_has_its_tab(self, staff, stella, account):
        """Such as Swiss francs that a company sent, which stay account credit."""
        received = operations.Received("check", NOW.date(), "CHF", 500)
        operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        page = staff.get(HOME, {"currency": "CHF"})
        assert [code for code, *_ in page.context["currencies"]] == ["CHF", "USD"]
        assert page.context["months"][-1].collected == 500

    def test_charts_are_drawn_with_attributes_and_told_in_tables(self, staff, account):
        factories.an_open_invoice(account, account.line_items.get())
        page = staff.get(HOME)
        content = page.content.decode().partition('class="report"')[2]
        assert ' style="' not in content
        assert "<script" not in content.partition("</main>")[0]
        receivables = tables(page)[0]
        assert receivables == [
            ["Current", "1–30 days", "31–60 days", "61–90 days", "Over 90 days"],
            ["$39.40", "$0.00", "$0.00", "$0.00", "$0.00"],
        ]
        assert tables(page)[1][-1] == ["September 2025", "$39.40", "$0.00"]
        assert tables(page)[2][1] == ["Globex ACC-2025-000001", "$39.40"]
        assert "Days sales outstanding: 90 days" in plain(content)
        svg = re.findall(r'aria-label="([^"]+: [^"]+)"', content)
        assert svg == ["Current: $39.40", "Sep, invoiced: $39.40"]

    def test_same_number_of_statements_whatever_the_data(self, staff, account):
        def statements() -> int:
            with CaptureQueriesContext(connection) as queries:
                staff.get(HOME)
            return len(queries)

        one_of_each(1)
        one_of_each(2)
        statements()
        with_two = statements()
        for number in range(3, 21):
            one_of_each(number)
        assert (statements(), with_two <= 15) == (with_two, True)

    def test_a_clerk_s_page_needs_no_more(self, client, account):
        client.force_login(a_clerk("payments.view_payment", "invoices.view_invoice"))
        client.get(HOME)
        with CaptureQueriesContext(connection) as queries:
            client.get(HOME)
        assert len(queries) <= 15
