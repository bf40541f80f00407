"""Reports as pages and as CSV, and the search."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.urls import reverse
from moneyed import Money

from accounts.models import Export
from core.audit import AuditEntry
from invoices import operations as invoices
from invoices.models import Invoice
from invoices.operations import Draft, FreeLine
from orders.models import Order
from payments import operations
from payments.models import Payment
from tests import factories
from tests.back_office import a_clerk, page_of, plain
from tests.factories import NOW
from tests.payments.test_dashboard import tables

AGING, REVENUE, TAXES = (f"/admin/reports/{name}/" for name in ("aging", "revenue", "taxes"))
FIND = "/admin/find/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    """The browser of Stella, who may do everything."""
    client.force_login(stella)
    return client


@pytest.fixture
def invoice(account, stella):
    """Globex owes $39.40 since 3 July, which it paid on 20 August."""
    old = NOW - timedelta(days=62)
    invoice = factories.an_open_invoice(account, account.line_items.get(), at=old)
    payment = factories.a_promised_payment(invoice, at=NOW - timedelta(days=14))
    operations.verify_manual_payment(payment=payment, at=NOW - timedelta(days=14), staff=stella)
    return invoice


def lines(answer) -> list[str]:
    return b"".join(answer.streaming_content).decode().splitlines()


@pytest.mark.parametrize(
    ("address", "days"),
    [
        (AGING, ["2025-09-03"]),
        (REVENUE, ["2024-10-01", "2025-09-03"]),
        (TAXES, ["2025-08-01", "2025-08-31"]),
        ("/admin/reports/accounting/", ["2025-08"]),
    ],
)
def test_the_form_says_which_days_are_shown(staff, account, address, days):
    form = staff.get(address).context["form"]
    assert [field.value() and field.field.widget.format_value(field.value()) for field in form][
        : len(days)
    ] == days


class TestAging:
    def test_as_of_a_past_day(self, staff, invoice):
        page = staff.get(AGING, {"on": "2025-08-19"})
        assert tables(page) == [
            [
                ["Account", "Current", "1–30 days", "31–60 days", "61–90 days", "Over 90 days", "Total"],
                ["Globex ACC-2025-000001", "–", "$39.40", "–", "–", "–", "$39.40"],
                ["Together", "$0.00", "$39.40", "$0.00", "$0.00", "$0.00", "$39.40"],
            ]
        ]
        ((_, (((row, address),)), _, _),) = page.context["groups"]
        assert row.total == 3940
        rows = staff.get(address)
        assert tables(rows)[0][1] == ["INV-2025-001", "3 Jul 2025", "2 Aug 2025", "17", "$39.40"]
        assert page_of(invoice) in rows.content.decode()
        assert lines(staff.post(address)) == [
            "as of,currency,invoice,issued,due,open",
            "2025-08-19,USD,INV-2025-001,2025-07-03,2025-08-02,39.40",
        ]

    def test_today_nothing_is_open(self, staff, invoice):
        assert "Nothing was open." in staff.get(AGING).content.decode()
        assert staff.get(AGING, {"account": "x", "currency": "USD"}).status_code == 200

    def test_csv(self, staff, invoice, account):
        type(account).objects.update(company_name="=1+1")
        answer = staff.post(f"{AGING}?on=2025-08-19")
        assert answer["Content-Disposition"] == 'attachment; filename="aging-2025-08-19.csv"'
        assert lines(answer) == [
            "as of,currency,account,company,Current,1–30 days,31–60 days,61–90 days,Over 90 days,total",
            "2025-08-19,USD,ACC-2025-000001,'=1+1,0.00,39.40,0.00,0.00,0.00,39.40",
        ]

    @pytest.mark.parametrize(
        ("address", "told"),
        [
            (f"{AGING}?on=2025-08-19", {"list": "reports.aging", "filters": "on=2025-08-19", "rows": 1}),
            (
                f"{AGING}?on=2025-08-19&account=0&currency=USD",
                {"list": "reports.aging", "filters": "on=2025-08-19&account=0&currency=USD", "rows": 0},
            ),
            (
                REVENUE,
                {
                    "list": "reports.revenue",
                    "filters": "from=2024-10-01&to=2025-09-03&by=month",
                    "rows": 1,
                },
            ),
            (TAXES, {"list": "reports.taxes", "filters": "from=2025-08-01&to=2025-08-31", "rows": 0}),
        ],
    )
    def test_a_file_is_told_in_the_audit_trail(self, staff, invoice, stella, address, told):
        assert staff.get(address).status_code == 200
        assert not AuditEntry.objects.filter(action="export.made").exists()
        staff.post(address)
        entry = AuditEntry.objects.get(action="export.made")
        assert (entry.after, entry.actor_id) == ({**told, "form": "csv"}, str(stella.pk))
        export = Export.objects.get()
        assert (export.rows, export.status) == (told["rows"], "done")
        assert staff.get(reverse("admin:export_file", args=[export.uuid])).status_code == 302
        assert staff.put(address).status_code == 405

    def test_who_may_not_see_a_report_gets_no_file(self, client, invoice):
        client.force_login(a_clerk("payments.view_payment"))
        assert client.post(AGING).status_code == 403
        assert not Export.objects.exists()

    def test_a_day_that_is_none_is_told(self, staff, invoice):
        page = staff.get(AGING, {"on": "tomorrow"})
        assert (page.status_code, "Enter a valid date" in page.content.decode()) == (422, True)
        assert staff.get(AGING, {"on": "0001-01-01"}).status_code == 200
        assert staff.get(AGING, {"on": "9999-12-31"}).status_code == 200

    @pytest.mark.parametrize("address", ["/admin/reports/revenue/", "/admin/reports/taxes/"])
    def test_the_ends_of_the_calendar(self, staff, account, address):
        factories.an_open_invoice(account, account.line_items.get())
        assert staff.get(address, {"from": "0001-01-01", "to": "9999-12-31"}).status_code == 200


class TestRevenueAndTaxes:
    def test_revenue_with_its_rows(self, staff, invoice):
        page = staff.get(REVENUE, {"from": "2025-07-01", "to": "2025-09-30", "by": "quarter"})
        ((row, issued, _, _),) = page.context["rows"]
        assert (row.currency, row.first, row.gross) == ("USD", date(2025, 7, 1), 3940)
        assert staff.get(issued).context["cl"].result_count == 1
        assert lines(staff.post(f"{REVENUE}?from=2025-07-01&to=2025-09-30")) == [
            "period,currency,invoices,net,tax,gross,taken back,revenue net,revenue",
            "2025-07-01,USD,1,39.40,0.00,39.40,0.00,39.40,39.40",
        ]

    def test_cancelled_leads_to_what_was_cancelled(self, staff, account):
        bill = factories.an_open_invoice(account, account.line_items.get(), at=NOW - timedelta(days=40))
        factories.invoices.cancel_invoice(invoice=bill, at=NOW, staff=None, reason="Wrong")
        rows = staff.get(REVENUE).context["rows"]
        assert [(row.first.month, row.gross) for row, *_ in rows] == [(7, 3940), (9, -3940)]
        found = staff.get(rows[1][2]).context["cl"]
        assert [one.pk for one in found.queryset] == [bill.pk]

    def test_taxes(self, staff, invoice):
        page = staff.get(TAXES, {"from": "2025-07-01", "to": "2025-07-31"})
        assert tables(page)[0][1] == ["USD", "0 %", "$39.40", "–", "–", "$39.40", "$0.00", "$39.40"]
        assert lines(staff.post(f"{TAXES}?from=2025-07-01&to=2025-07-31"))[1:] == [
            "2025-07-01,2025-07-31,USD,0,39.40,0.00,39.40"
        ]
        assert "Nothing was invoiced in this time." in staff.get(TAXES).content.decode()

    def test_a_round_rate_is_a_plain_number_in_the_file(self, staff, account):
        region = account.line_items.get().region
        draft = Draft(lines=[FreeLine("Chairs", Decimal(1), Decimal(10), Decimal(20))])
        made = invoices.create_draft(account=account, region=region, draft=draft, at=NOW, staff=None)
        invoices.issue_draft(invoice=made, at=NOW, staff=None)
        assert lines(staff.post(f"{TAXES}?from=2025-09-01&to=2025-09-30"))[1:] == [
            "2025-09-01,2025-09-30,USD,20,10.00,2.00,12.00"
        ]

    def test_taxes_lead_to_exactly_the_papers_they_sum(self, staff, account, stella):
        def issued(*rates: int) -> Invoice:
            lines = [FreeLine("Chairs", Decimal(1), Decimal(10), Decimal(rate)) for rate in rates]
            region = account.line_items.first().region
            draft = Draft(lines=lines)
            made = invoices.create_draft(account=account, region=region, draft=draft, at=NOW, staff=None)
            return invoices.issue_draft(invoice=made, at=NOW, staff=None)

        full, reduced, both, cancelled = issued(19), issued(7), issued(7, 19), issued(19)
        invoices.cancel_invoice(invoice=cancelled, at=NOW, staff=None, reason="Wrong")
        for invoice in (full, reduced):
            amounts = {invoice.line_items.get().pk: 107}
            operations.credit_invoice(invoice=invoice, amounts=amounts, reason="x", at=NOW, staff=stella)
        page = staff.get(TAXES, {"from": "2025-09-01", "to": "2025-09-30"})
        assert tables(page)[0][1:] == [
            ["USD", "7 %", "$21.40", "–", "$1.07", "$19.00", "$1.33", "$20.33"],
            ["USD", "19 %", "$35.70", "$11.90", "$1.07", "$19.10", "$3.63", "$22.73"],
        ]
        found = [
            [{str(one) for one in staff.get(address).context["cl"].queryset} for address in addresses]
            for _, _, *addresses in page.context["rows"]
        ]
        assert found == [
            [{str(reduced), str(both)}, set(), {"CN-2025-002"}],
            [{str(full), str(both), str(cancelled)}, {str(cancelled)}, {"CN-2025-001"}],
        ]

    @pytest.mark.parametrize("rate", ["soon", "-1", "1e9", "1.23456", "٣"])
    def test_a_rate_that_is_none(self, staff, account, rate):
        assert staff.get("/admin/invoices/invoice/", {"show": "all", "rate": rate}).status_code in (200, 302)

    def test_days_in_the_wrong_order(self, staff, invoice):
        page = staff.get(REVENUE, {"from": "2025-09-01", "to": "2025-08-01"})
        assert page.status_code == 422
        assert "The last day is before the first" in page.content.decode()


@pytest.mark.parametrize("address", [AGING, REVENUE, TAXES])
def test_reports_are_for_who_may_view_invoices(client, account, address):
    client.force_login(a_clerk("payments.view_payment"))
    assert client.get(address).status_code == 403
    client.force_login(a_clerk("invoices.view_invoice", email="ina@example.com"))
    assert client.get(address).status_code == 200


class TestSearch:
    @pytest.fixture
    def rows(self, account, stella):
        """Two companies with an invoice each."""
        factories.a_paid_invoice(account, stella)
        other = factories.an_account("Initech", limit=Money(5000, "USD"))
        factories.an_open_invoice(other, factories.an_unpaid_order(other, "51.20", display_id="I7"))

    @pytest.mark.parametrize("text", ["INV-2025-002", " inv-2025-002", "51.2"])
    def test_a_single_hit_opens_directly(self, client, rows, text):
        client.force_login(a_clerk("invoices.view_invoice"))
        answer = client.get(FIND, {"q": text})
        opened = page_of(Invoice.objects.get(number="INV-2025-002"))
        assert (answer.status_code, answer["Location"]) == (302, opened)

    def test_a_number_without_its_year(self, staff, rows):
        answer = staff.get(FIND, {"q": "inv-02"})
        assert answer["Location"] == page_of(Invoice.objects.get(number="INV-2025-002"))

    def test_a_credit_note_by_number_and_amount(self, staff, rows, stella):
        invoice = Invoice.objects.get(number="INV-2025-002")
        (line,) = invoice.line_items.all()
        note = operations.credit_invoice(
            invoice=invoice, amounts={line.pk: 1001}, reason="Broken", at=NOW, staff=stella
        )
        assert staff.get(FIND, {"q": note.number})["Location"] == page_of(note)
        assert staff.get(FIND, {"q": "10.01"})["Location"] == page_of(note)

    def test_an_amount_is_one_of_a_currency(self, client, account):
        """Nobody who looks for $51.20 or 51.20 means 5,120 yen."""
        factories.a_rate("JPY", "USD", "0.0067")
        japan = factories.a_region("Japan", "JPY")
        yen = factories.an_open_invoice(
            account, factories.an_unpaid_order(account, "5120", display_id="J1", region=japan)
        )
        client.force_login(a_clerk("invoices.view_invoice"))
        assert client.get(FIND, {"q": "5120"})["Location"] == page_of(yen)
        assert client.get(FIND, {"q": "51.20"}).context["groups"] == []

    def test_an_exact_name_wins_over_what_only_contains_it(self, staff, rows):
        answer = staff.get(FIND, {"q": "INV-2025-001"})  # a payment's reference contains it
        assert answer["Location"] == page_of(Invoice.objects.get(number="INV-2025-001"))

    def test_each_kind_by_what_it_is_known_by(self, staff, rows):
        payment = Payment.objects.get()

        def kinds(text: str) -> list[str]:
            return [name for name, _, _ in staff.get(FIND, {"q": text}).context["groups"]]

        assert kinds("39.40") == ["invoices", "payments"]
        assert kinds("39,40") == kinds("$39.40") == ["invoices", "payments"]
        assert kinds(payment.reference) == ["payments", "payment sessions"]
        assert staff.get(FIND, {"q": "i7"})["Location"] == page_of(Order.objects.get(display_id="I7"))
        assert kinds("INV-2025") == ["invoices", "payments"]
        assert kinds("x" * 300) == kinds("1") == kinds("") == []
        receipt = staff.get(FIND, {"q": payment.receipt.number})
        assert receipt["Location"] == page_of(payment)
        assert staff.get(FIND, {"q": "globe"})["Location"] == page_of(payment.account)

    def test_only_what_its_reader_may_see(self, client, rows):
        client.force_login(a_clerk("orders.view_order"))
        assert client.get(FIND, {"q": "globex"}).context["groups"] == []
        assert client.get(FIND, {"q": "INV-2025-002"}).context["groups"] == []

    def test_more_than_ten_lead_to_the_list(self, staff, account):
        for number in range(12):
            factories.an_account(f"Branch {number}")
        ((name, found, more),) = staff.get(FIND, {"q": "Branch"}).context["groups"]
        assert (name, len(found), more) == ("accounts", 10, "/admin/accounts/account/?q=Branch")

    def test_by_the_theme_s_own_search(self, staff, rows):
        answer = staff.get("/admin/search/", {"s": "INV-2025-002", "extended": "1"})
        assert page_of(Invoice.objects.get(number="INV-2025-002")) in answer.content.decode()

    def test_the_field_stands_on_the_first_page(self, staff, account):
        page = staff.get("/admin/").content.decode()
        assert 'action="/admin/find/"' in page
        assert "Search number, amount, customer, reference" in plain(page)
