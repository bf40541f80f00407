"""Issues, invoices and the trail in the back office."""

from datetime import timedelta

import pytest
import time_machine

from core.audit import AuditEntry
from core.outbox import drain
from invoices.models import Invoice
from payments import operations
from payments.models import (
    Comparison,
    Payment,
    PaymentCollection,
    PaymentProvider,
    ProviderCall,
    ProviderEvent,
    ReconciliationIssue,
)
from payments.operations.issues import open_issue
from tests import factories
from tests.back_office import a_clerk, button, facts, list_of, page_of, question, refusal, rows, told
from tests.factories import NOW

NO_PERMISSION = "Your role does not allow this. Ask an administrator of this site."


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
def promise(account, alice):
    """Alice promised $39.40 on her invoice."""
    invoice = factories.an_open_invoice(account, account.line_items.get())
    return factories.a_promised_payment(invoice, by=alice.user)


class TestIssues:
    @pytest.fixture
    def issue(self, promise):
        return open_issue(
            ReconciliationIssue.Kind.UNDECIDED, "Nobody knows.", session=promise.session, amount=3940, at=NOW
        )

    def test_list(self, staff, issue, clock):
        clock.shift(timedelta(hours=2))
        assert rows(staff.get(list_of(ReconciliationIssue))) == [
            ["2 hours", "Undecided for too long", "Nobody knows.", "$39.40", "Globex", "–"]
        ]
        assert rows(staff.get(list_of(ReconciliationIssue, show="resolved"))) == []

    def test_close_with_reason(self, staff, stella, issue):
        page = staff.get(page_of(issue, "resolve"))
        assert (question(page), button(page)) == ("Close this issue?", "Close issue")
        assert facts(page) == {
            "What is known": "Nobody knows.",
            "Amount": "$39.40",
            "Account": "ACC-2025-000001 Globex",
            "Payment": "–",
        }
        issue.refresh_from_db()
        assert issue.resolved_at is None
        answer = staff.post(page_of(issue, "resolve"), {"reason": "Refunded there"})
        assert told(answer) == ["The issue is closed."]
        issue.refresh_from_db()
        assert (issue.resolved_at, issue.resolved_by, issue.resolution) == (NOW, stella, "Refunded there")
        entry = AuditEntry.objects.get(action="reconciliationissue.resolved")
        assert (entry.reason, entry.actor_label, entry.account_id) == (
            "Refunded there",
            "stella@example.com",
            issue.account_id,
        )

    def test_twice(self, staff, issue):
        staff.post(page_of(issue, "resolve"), {"reason": "Refunded there"})
        answer = staff.post(page_of(issue, "resolve"), {"reason": "Once more"})
        assert told(answer)[-1] == "This issue is already resolved"
        issue.refresh_from_db()
        assert issue.resolution == "Refunded there"

    def test_without_reason_or_permission(self, client, staff, issue):
        assert staff.post(page_of(issue, "resolve"), {"reason": ""}).status_code == 422
        client.force_login(a_clerk("payments.view_reconciliationissue"))
        assert refusal(client.get(page_of(issue, "resolve"))) == NO_PERMISSION
        client.post(page_of(issue, "resolve"), {"reason": "Let me"})
        issue.refresh_from_db()
        assert (issue.resolved_at, issue.resolution) == (None, "")


class TestInvoices:
    def test_tabs(self, staff, stella, account, clock):
        factories.an_open_invoice(account, account.line_items.get())
        factories.a_paid_invoice(account, stella)
        clock.shift(timedelta(days=42))
        staff.force_login(stella)
        assert rows(staff.get(list_of(Invoice))) == [
            [
                *("INV-2025-001", "Globex", "Overdue 12 days", "3 Sep 2025", "3 Oct 2025"),
                *("$39.40", "$39.40", "–"),
            ]
        ]
        assert len(rows(staff.get(list_of(Invoice, show="overdue")))) == 1
        paid = rows(staff.get(list_of(Invoice, show="paid")))
        assert [row[2:] for row in paid] == [["Paid", "3 Sep 2025", "3 Oct 2025", "$39.40", "$0.00", "–"]]
        assert len(rows(staff.get(list_of(Invoice, show="all")))) == 2

    def test_two_words_where_two_things_are_true(self, staff, stella, promise, clock):
        clock.shift(timedelta(days=31))
        staff.force_login(stella)
        assert rows(staff.get(list_of(Invoice)))[0][2] == "Overdue 1 day Payment pending"

    def test_detail(self, staff, stella, account):
        invoice = factories.a_paid_invoice(account, stella)
        shown = staff.get(page_of(invoice)).content.decode()
        assert "Northwind Supply GmbH, Hafenstr. 1, 10115 Berlin, DE, DE123456789" in shown
        assert page_of(Payment.objects.get()) in shown
        assert page_of(PaymentCollection.objects.get()) in shown
        assert page_of(invoice, "history") in shown

    def test_a_pdf_that_is_being_made(self, staff, stella, account):
        invoice = factories.an_open_invoice(account, account.line_items.get())
        note = operations.credit_invoice(
            invoice=invoice,
            amounts={invoice.line_items.get().pk: 3940},
            reason="Returned",
            at=NOW,
            staff=stella,
        )
        for paper in (invoice, note):
            assert page_of(paper, "download_pdf") in staff.get(page_of(paper)).content.decode()
            answer = staff.get(page_of(paper, "download_pdf"))
            assert (answer.status_code, answer.url) == (302, page_of(paper))
            assert told(answer) == ["The PDF is being made. Try again in a moment"]

    def test_its_pdf_once_it_is_made(self, staff, account):
        invoice = factories.an_open_invoice(account, account.line_items.get(), is_drawn=True)
        download = page_of(invoice, "download_pdf")
        drain(at=NOW)
        plain = invoice.documents.get(kind="plain")
        shown = staff.get(page_of(invoice)).content.decode()
        assert "Download PDF" in shown
        assert plain.sha256 in shown
        answer = staff.get(download)
        assert (answer["Content-Type"], answer.content) == ("application/pdf", bytes(plain.content))
        assert answer["Content-Disposition"] == f'attachment; filename="{invoice.number}.pdf"'

    def test_a_payment_names_its_receipt(self, staff, account, stella):
        factories.a_paid_invoice(account, stella)
        payment = Payment.objects.get()
        assert payment.receipt.number in staff.get(page_of(payment)).content.decode()
        assert len(rows(staff.get(list_of(Payment, show="all", q=payment.receipt.number)))) == 1


class TestTrail:
    def test_search_and_filter(self, staff, stella, promise):
        operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
        by_person = rows(staff.get(list_of(AuditEntry, q="stella@example.com")))
        assert {row[1] for row in by_person} == {"stella@example.com"}
        assert AuditEntry.objects.filter(actor_label="stella@example.com").count() == len(by_person)
        by_kind = rows(staff.get(list_of(AuditEntry, object_kind="payments.payment")))
        assert [row[2] for row in by_kind] == ["payment.captured", "payment.pending"]
        by_id = rows(
            staff.get(list_of(AuditEntry, q=str(promise.account_id), object_kind="accounts.account"))
        )
        assert [row[3] for row in by_id] == [f"account {promise.account_id}"] * len(by_id)
        assert by_id

    def test_amounts_are_told_before_and_after(self, staff, account):
        entry = AuditEntry.objects.get(action="account.charged")
        line = account.line_items.get()
        shown = " ".join(staff.get(page_of(entry)).content.decode().split())
        assert f"<li><b>line_item</b> – → {line.pk}</li><li><b>total_amount</b> 0 → 3940</li>" in shown


class TestProviders:
    def test_how_each_of_them_is(self, staff, promise):
        provider = promise.provider
        session = promise.session
        ProviderCall.objects.create(session=session, kind="capture", created_at=NOW, answered_at=NOW)
        ProviderEvent.objects.create(provider=provider, event_id="evt_1", kind="paid", received_at=NOW)
        Comparison.objects.create(
            provider=provider, since=NOW, until=NOW, compared=3, differing=1, made_at=NOW
        )
        told = {row[0]: row[3:] for row in rows(staff.get(list_of(PaymentProvider)))}
        at = "3 Sep 2025, 05:21"
        assert told["Bank transfer"] == ["Needs none", at, at, f"{at}: 1 differ"]
        assert told["PayPal"][1:] == ["–", "–", "–"]
