"""The month's books as files, which reconcile to the aging; PDFs of chosen invoices as one file."""

import csv
import zipfile
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from zoneinfo import ZoneInfo

import pytest
import time_machine

from accounts.models import Export
from accounts.operations import file_of
from accounts.operations.zipping import ZIPS
from core.audit import AuditEntry
from core.outbox import drain
from invoices.models import Invoice, InvoiceDocument
from invoicing_site.demo.scale import write_books
from payments import operations, reporting
from payments.models import Allocation, Refund
from tests import factories
from tests.back_office import a_clerk, list_of, plain
from tests.factories import NOW
from tests.payments.test_dashboard import tables

PAGE = "/admin/reports/accounting/"
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    """The browser of Stella, who may do everything."""
    client.force_login(stella)
    return client


def files_of(answer) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(b"".join(answer.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def few_at_once(monkeypatch, kind: str) -> None:
    """As if one row were many."""
    monkeypatch.setitem(ZIPS, kind, replace(ZIPS[kind], at_once=1))


def in_background(staff, answer) -> dict[str, bytes]:
    """The files that the worker puts together, after a page that says how far it is."""
    assert answer.status_code == 302
    export = Export.objects.first()
    assert answer["Location"] == f"/admin/exports/{export.uuid}/"
    assert "0 of 2 rows are written." in plain(staff.get(answer["Location"]).content.decode())
    drain(at=NOW)
    page = staff.get(answer["Location"]).content.decode()
    assert f"/admin/exports/{export.uuid}/file/" in page
    return files_of(staff.get(f"/admin/exports/{export.uuid}/file/"))


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(content.decode())))


class TestMonth:
    @pytest.fixture
    def books(self, stella):
        """Three years of invoices, and one of July whose payment went back in part in August."""
        factories.an_organization(time_zone="Europe/Berlin")
        factories.a_region()
        factories.a_region("Europe", "EUR")
        write_books(invoices=150, lines=2, staff=stella, at=NOW - timedelta(days=1))
        invoice = factories.an_open_invoice(factories.an_account("Globex"), at=NOW - timedelta(days=50))
        payment = factories.a_promised_payment(invoice, at=NOW - timedelta(days=40))
        operations.verify_manual_payment(payment=payment, at=NOW - timedelta(days=40), staff=stella)
        operations.refund_payment(
            payment=payment, amount=1000, reason="Broken", at=NOW - timedelta(days=20), staff=stella
        )

    @pytest.mark.parametrize("month", ["2025-08", "2025-07", "2024-02", "2022-12"])
    def test_the_files_reconcile_to_the_aging_of_the_last_day(self, staff, books, month):
        first, last = reporting.period_of(date.fromisoformat(f"{month}-01"), "month")
        page = staff.get(PAGE, {"month": month})
        assert (page.context["first"], page.context["is_reconciled"]) == (first, True)
        assert "It reconciles:" in page.content.decode()
        answer = staff.post(f"{PAGE}?month={month}")
        assert answer["Content-Disposition"] == f'attachment; filename="accounting-{month}.zip"'
        files = {name: rows_of(content) for name, content in files_of(answer).items()}
        assert [*files] == ["summary.csv", "invoices.csv", "payments.csv", "allocations.csv"]
        today = date(2025, 9, 3)
        aged = {row.currency: row.total for row in reporting.aged_by_currency(last, today=today, zone=BERLIN)}
        assert files["summary.csv"]
        for row in files["summary.csv"]:
            currency, closing = row["currency"], Decimal(row["opening"])
            for name, column in (("invoices.csv", "gross"), ("allocations.csv", "amount")):
                total = sum(Decimal(one[column]) for one in files[name] if one["currency"] == currency)
                closing += total if name == "invoices.csv" else -total
            assert closing == Decimal(row["closing"]) == Decimal(aged.get(currency, 0)) / 100
            assert Decimal(row["difference"]) == 0
        for one in files["invoices.csv"]:
            assert Decimal(one["net"]) + Decimal(one["tax"]) == Decimal(one["gross"])

    def test_what_went_back_and_what_was_cancelled_is_negative(self, staff, books, account):
        bill = factories.an_open_invoice(account, account.line_items.get(), at=NOW - timedelta(days=60))
        at = NOW - timedelta(days=10)
        factories.invoices.cancel_invoice(invoice=bill, at=at, staff=None, reason="Wrong")
        files = files_of(staff.post(f"{PAGE}?month=2025-08"))
        (cancelled,) = [row for row in rows_of(files["invoices.csv"]) if row["what"] == "cancelled"]
        assert (cancelled["number"], cancelled["gross"]) == (bill.number, "-39.40")
        (refund,) = [row for row in rows_of(files["payments.csv"]) if row["what"] == "refund"]
        assert (refund["company"], refund["amount"]) == ("Globex", "-10.00")
        (back,) = [row for row in rows_of(files["allocations.csv"]) if row["what"] == "taken back"]
        assert back["amount"] == "-10.00"

    def test_corrections_stand_where_they_belong(self, staff, account, stella):
        began, at = NOW - timedelta(days=25), NOW - timedelta(days=20)
        noted, lost, kept, wrong = (factories.an_open_invoice(account, at=began) for _ in range(4))
        by = {"at": at, "staff": stella}
        operations.credit_invoice(
            invoice=noted, amounts={noted.line_items.get().pk: 940}, reason="Scratched", **by
        )
        given_up = operations.write_off(invoice=lost, amount=3940, reason="Lost", **by)
        operations.undo_write_off(row=given_up, reason="Paid", **by)
        received = operations.Received("cash", at.date(), "USD", 500)
        payment = operations.record_payment(account=account, received=received, **by)
        operations.apply_credit(invoice=kept, amount=500, **by)
        factories.invoices.cancel_invoice(invoice=wrong, reason="Wrong", **by)
        failed = {"status": "failed", "created_at": at, "ended_at": at, "staff": stella, "currency": "USD"}
        Refund.objects.create(payment=payment, provider=payment.provider, amount=500, **failed)
        files = files_of(staff.post(f"{PAGE}?month=2025-08"))
        rows = {name: rows_of(content) for name, content in files.items()}
        assert [(row["what"], row["of invoice"], row["gross"]) for row in rows["invoices.csv"]] == [
            *[("invoice", "", "39.40")] * 4,
            ("credit note", noted.number, "-9.40"),
            ("cancelled", "", "-39.40"),
        ]
        assert [(row["what"], row["invoice"], row["amount"]) for row in rows["allocations.csv"]] == [
            ("credit note", noted.number, "9.40"),
            ("write-off", lost.number, "39.40"),
            ("taken back", lost.number, "-39.40"),
            ("account credit", kept.number, "5.00"),
        ]
        assert [(row["what"], row["amount"]) for row in rows["payments.csv"]] == [("payment", "5.00")]
        (summary,) = rows["summary.csv"]
        assert [*summary.values()] == [
            *("USD", "0.00", "157.60", "-39.40", "0.00", "-5.00", "-9.40"),
            *("-39.40", "39.40", "103.80", "0.00"),
        ]

    def test_it_is_told_in_the_trail(self, staff, stella, account):
        factories.an_open_invoice(account, account.line_items.get(), at=NOW - timedelta(days=20))
        files_of(staff.post(PAGE))
        export, entry = Export.objects.get(), AuditEntry.objects.get(action="export.made")
        assert (export.kind, export.staff, export.rows) == ("reports.accounting", stella, 2)
        assert entry.after["filters"] == "month=2025-08"

    def test_a_large_month_is_written_in_the_background(self, staff, account, monkeypatch):
        factories.an_open_invoice(account, account.line_items.get(), at=NOW - timedelta(days=20))
        at_once = files_of(staff.post(PAGE))
        few_at_once(monkeypatch, "reports.accounting")
        assert in_background(staff, staff.post(PAGE)) == at_once
        assert [one.rows for one in Export.objects.all()] == [2, 2]

    def test_last_month_in_three_clicks_from_the_first_page(self, staff, account):
        factories.an_open_invoice(account, account.line_items.get(), at=NOW - timedelta(days=20))
        assert (
            'href="/admin/reports/accounting/">Export last month</a>' in staff.get("/admin/").content.decode()
        )
        page = staff.get(PAGE)
        assert "Download August 2025" in page.content.decode()
        assert tables(page)[0][1] == [*("USD", "$0.00", "+ $39.40", *["− $0.00"] * 5, "+ $0.00", "$39.40")]
        assert Export.objects.count() == 0

    def test_books_that_do_not_add_up_are_told(self, staff, account, stella):
        factories.a_paid_invoice(account, stella, at=NOW - timedelta(days=20))
        Allocation.objects.all().delete()
        page = plain(staff.get(PAGE, {"month": "2025-08"}).content.decode())
        assert "The movements give $39.40 , but $0.00 were open." in page
        assert "It reconciles" not in page
        (summary,) = rows_of(files_of(staff.post(f"{PAGE}?month=2025-08"))["summary.csv"])
        assert summary["difference"] == "-39.40"

    def test_a_wrong_month(self, staff, account):
        assert staff.get(PAGE, {"month": "soon"}).status_code == 422
        assert staff.get(PAGE, {"month": "9999-12"}).context["first"] == date(2025, 9, 1)
        assert staff.put(PAGE).status_code == 405

    @pytest.mark.parametrize("right", ["payments.view_payment", "invoices.view_invoice"])
    def test_only_who_may_view_invoices_and_payments(self, client, account, right):
        factories.an_open_invoice(account, account.line_items.get())
        client.force_login(a_clerk(right))
        assert (client.get(PAGE).status_code, client.post(PAGE).status_code) == (403, 403)
        assert Export.objects.count() == 0
        assert PAGE not in client.get("/admin/").content.decode()


class TestPdfs:
    @pytest.fixture
    def invoices(self, account):
        """Two with a PDF, one without."""
        made = [factories.an_open_invoice(account, is_drawn=True) for _ in range(2)]
        drain(at=NOW)
        return [*made, factories.an_open_invoice(account)]

    def test_chosen_in_the_list(self, staff, invoices):
        ids = [one.pk for one in invoices]
        chosen = staff.post(list_of(Invoice), {"action": "zip_many", "_selected_action": ids})
        assert chosen["Location"] == "/admin/invoices/invoice/zip_many/"
        page = staff.get(chosen["Location"])
        shown = plain(page.content.decode())
        assert "Download 2 PDFs?" in shown
        assert "INV-2025-003 It has no PDF yet." in shown
        answer = staff.post(chosen["Location"], {"ids": ",".join(map(str, ids))})
        assert answer["Content-Disposition"] == 'attachment; filename="invoices-2025-09-03.zip"'
        plain_ones = InvoiceDocument.objects.filter(kind="plain").order_by("pk")
        assert files_of(answer) == {f"{one.invoice}.pdf": bytes(one.content) for one in plain_ones}
        entry = AuditEntry.objects.get(action="export.made")
        assert entry.after["filters"] == f"id__in={invoices[1].pk},{invoices[0].pk}"

    def test_many_are_put_together_in_the_background(self, staff, invoices, monkeypatch):
        few_at_once(monkeypatch, "invoices.papers")
        ids = ",".join(str(one.pk) for one in invoices)
        files = in_background(staff, staff.post("/admin/invoices/invoice/zip_many/", {"ids": ids}))
        assert sorted(files) == ["INV-2025-001.pdf", "INV-2025-002.pdf"]

    def test_a_right_that_was_taken_away_meanwhile(self, client, invoices, monkeypatch):
        few_at_once(monkeypatch, "invoices.papers")
        clerk = a_clerk("invoices.view_invoice")
        client.force_login(clerk)
        client.post("/admin/invoices/invoice/zip_many/", {"ids": ",".join(str(one.pk) for one in invoices)})
        clerk.user_permissions.clear()
        drain(at=NOW)
        export = Export.objects.get()
        assert (export.status, file_of(export).exists()) == ("failed", False)

    def test_none_of_them_has_one(self, staff, invoices):
        answer = staff.post("/admin/invoices/invoice/zip_many/", {"ids": str(invoices[2].pk)})
        assert "None of the chosen rows can go." in answer.content.decode()
        assert Export.objects.count() == 0

    def test_only_who_may_view_invoices(self, client, invoices):
        client.force_login(a_clerk("payments.view_payment"))
        answer = client.post("/admin/invoices/invoice/zip_many/", {"ids": str(invoices[0].pk)})
        assert answer.status_code == 403
