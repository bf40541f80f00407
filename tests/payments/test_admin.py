"""Payments in the back office: to read, to verify, to reject."""

from decimal import Decimal

import pytest
import time_machine
from django.test import Client

from accounts.models import Account, User
from core.audit import AuditEntry
from core.models import OutboxMessage
from invoices.models import Invoice
from orders import operations as orders
from payments import operations
from payments.models import (
    Allocation,
    Payment,
)
from tests import factories
from tests.back_office import a_clerk, button, facts, list_of, page_of, question, refusal, rows, told
from tests.factories import NOW

PAYER = "You recorded this payment yourself: somebody else must verify it"
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


def written() -> tuple:
    """Everything that a decision writes."""
    return (
        list(Payment.objects.values_list("status", "verified_by", "reason")),
        list(Invoice.objects.values_list("status", "paid_amount", "reserved_amount")),
        list(Account.objects.values_list("paid_amount", "credit_limit")),
        Allocation.objects.count(),
        AuditEntry.objects.count(),
        OutboxMessage.objects.count(),
    )


class TestPayments:
    def test_list_opens_with_what_is_to_be_verified(self, staff, account, stella, promise):
        factories.a_paid_invoice(account, stella)
        assert rows(staff.get(list_of(Payment))) == [
            [
                "3 Sep 2025, 05:21",
                "Globex",
                "Bank transfer",
                promise.reference,
                "$39.40",
                "$0.00",
                "Awaiting verification",
                "–",
                f"Verify {promise.reference}",
            ]
        ]
        collected = rows(staff.get(list_of(Payment, show="collected")))
        assert [row[4:8] for row in collected] == [["$39.40", "$39.40", "Completed", "Stella Staff"]]
        assert [
            len(rows(staff.get(list_of(Payment, show=tab)))) for tab in ("pending", "refunded", "all")
        ] == [
            1,
            0,
            2,
        ]

    def test_search_looks_through_all(self, staff, account, stella):
        invoice = factories.a_paid_invoice(account, stella)
        assert len(rows(staff.get(list_of(Payment, q=invoice.number)))) == 1
        nothing = staff.get(list_of(Payment, q="nobody"))
        assert "No payments match." in nothing.content.decode()

    def test_empty_list_says_so(self, staff, account):
        assert "Nothing to verify." in staff.get(list_of(Payment)).content.decode()

    def test_times_are_the_organization_s(self, staff, promise):
        factories.an_organization(time_zone="Europe/Berlin")
        assert rows(staff.get(list_of(Payment)))[0][0] == "3 Sep 2025, 07:21"
        staff.post(page_of(promise, "verify"))
        told_on_page = facts(staff.get(page_of(promise, "verify")))
        assert told_on_page["Promised"] == "3 Sep 2025, 07:21"
        assert told_on_page["Decision"] == (
            "Verified by Stella Staff (stella@example.com) on 3 Sep 2025, 07:21 CEST"
        )

    def test_detail_says_who_decided_and_when(self, staff, stella, promise):
        operations.verify_manual_payment(payment=promise, at=NOW, staff=stella, reason="Statement 17")
        shown = staff.get(page_of(promise)).content.decode()
        assert "Verified by Stella Staff (stella@example.com) on 3 Sep 2025, 05:21 UTC" in shown
        assert "Statement 17" in shown
        assert page_of(promise, "verify") not in shown

    def test_history_is_the_trail(self, staff, stella, promise):
        operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
        trail = rows(staff.get(page_of(promise, "history"), follow=True))
        where = f"payment {promise.pk}"
        assert [row[:4] for row in trail] == [
            ["3 Sep 2025, 05:21", "stella@example.com", "payment.captured", where],
            ["3 Sep 2025, 05:21", "alice@example.com", "payment.pending", where],
        ]
        # Which change stands first is the database's choice: PostgreSQL sorts the keys of JSON.
        captured, pending = (row[4] for row in trail)
        assert sorted(captured.split()) == sorted(
            "status pending → captured captured_at – → 2025-09-03T05:21:07.596000+00:00".split()
        )
        assert sorted(pending.split()) == sorted(
            "status – → pending amount – → 3940 currency – → USD".split()
        )


class TestVerify:
    def test_page_says_what_would_happen_and_does_nothing(self, staff, promise):
        before = written()
        page = staff.get(page_of(promise, "verify"))
        assert question(page) == "Verify bank transfer of $39.40?"
        assert facts(page) == {
            "Account": "ACC-2025-000001 Globex",
            "Amount": "$39.40",
            "Reference": promise.reference,
            "Promised by": "Alice Example",
            "Promised": "3 Sep 2025, 05:21",
            "Account balance": "$39.40 → then $0.00",
            "Invoice INV-2025-001": "Payment pending → then Paid",
        }
        assert button(page) == "Verify $39.40"
        assert written() == before

    def test_verifies(self, staff, stella, promise):
        answer = staff.post(page_of(promise, "verify"), {"reason": "Statement 17"})
        assert (answer.status_code, answer["Location"]) == (302, page_of(promise))
        assert told(answer) == ["$39.40 from ACC-2025-000001 Globex is verified. The receipt is on its way."]
        promise.refresh_from_db()
        assert (promise.status, promise.verified_by, promise.verified_at, promise.reason) == (
            "captured",
            stella,
            NOW,
            "Statement 17",
        )
        invoice, account = Invoice.objects.get(), Account.objects.get(pk=promise.account_id)
        assert (invoice.status, invoice.paid_amount, invoice.reserved_amount) == ("paid", 3940, 0)
        assert account.balance_due == 0
        entry = AuditEntry.objects.get(action="payment.captured")
        assert (entry.actor_kind, entry.actor_label) == ("staff", "stella@example.com")

    def test_second_press_is_told_that_it_is_done(self, staff, promise):
        staff.post(page_of(promise, "verify"))
        before = written()
        for action in ("verify", "reject"):
            answer = staff.post(page_of(promise, action), {"reason": "Again"})
            assert (answer.status_code, answer["Location"]) == (302, page_of(promise))
            assert told(answer)[-1] == f"Payment {promise.reference} is already completed"
            page = staff.get(page_of(promise, action))
            assert (button(page), refusal(page)) == (
                None,
                f"Payment {promise.reference} is already completed",
            )
        assert written() == before

    def test_payer_cannot(self, client, account):
        boss = User.objects.create_superuser("boss@example.com", "correct horse", name="Boss")
        invoice = factories.an_open_invoice(account, account.line_items.get())
        promise = factories.a_promised_payment(invoice, by=boss)
        client.force_login(boss)
        before = written()
        for action in ("verify", "reject"):
            page = client.get(page_of(promise, action))
            assert (button(page), refusal(page)) == (None, PAYER)
            answer = client.post(page_of(promise, action), {"reason": "Mine"})
            assert told(answer)[-1] == PAYER
        assert written() == before

    def test_staff_without_the_permission_cannot(self, client, promise):
        client.force_login(a_clerk("payments.view_payment"))
        before = written()
        for action in ("verify", "reject"):
            page = client.get(page_of(promise, action))
            assert (button(page), refusal(page)) == (None, NO_PERMISSION)
            answer = client.post(page_of(promise, action), {"reason": "Let me"})
            assert told(answer)[-1] == NO_PERMISSION
        assert written() == before

    def test_staff_who_may_not_see_payments_cannot(self, client, promise):
        client.force_login(a_clerk("payments.verify_payment"))
        before = written()
        assert client.get(page_of(promise, "verify")).status_code == 403
        assert client.post(page_of(promise, "verify")).status_code == 403
        assert written() == before

    def test_bookkeeper_can(self, client, promise):
        client.force_login(a_clerk("payments.view_payment", "payments.verify_payment"))
        client.post(page_of(promise, "verify"))
        promise.refresh_from_db()
        assert (promise.status, promise.verified_by.email) == ("captured", "ben@example.com")

    def test_needs_the_form_s_token(self, stella, promise):
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(stella)
        before = written()
        assert browser.post(page_of(promise, "verify")).status_code == 403
        assert written() == before

    def test_unknown_payment(self, staff, account):
        answer = staff.get("/admin/payments/payment/999/verify/")
        assert (answer.status_code, answer["Location"]) == (302, "/admin/")

    def test_forecast_is_what_happens(self, staff, stella, account, alice):
        """In another currency, with two orders on the invoice."""
        factories.a_rate("JPY", "USD", "0.0068")
        japan = factories.a_region("Japan", "JPY")
        lines = []
        for number, price in enumerate(("1183", "777")):
            order = orders.place_order(
                account=account,
                region=japan,
                display_id=f"J{number}",
                positions=[orders.Position("Tea", Decimal(1), Decimal(price))],
                at=NOW,
                by=alice.actor,
            )
            lines.append(order.account_line_item)
        invoice = factories.an_open_invoice(account, *lines)
        promise = factories.a_promised_payment(invoice, by=alice.user)
        effect = operations.effect_of_verifying(promise)
        page = staff.get(page_of(promise, "verify"))
        assert facts(page)["Account balance"] == "$52.72 → then $39.40"
        operations.verify_manual_payment(payment=promise, at=NOW, staff=stella)
        account.refresh_from_db()
        invoice.refresh_from_db()
        assert (account.balance_due, effect.balance_after) == (3940, 3940)
        assert (effect.invoices[0].becomes_paid, invoice.status, effect.credit) == (True, "paid", 0)


class TestReject:
    def test_page_says_what_would_happen(self, staff, promise):
        before = written()
        page = staff.get(page_of(promise, "reject"))
        assert question(page) == "Reject bank transfer of $39.40?"
        assert facts(page)["Account balance"] == "$39.40 as before"
        assert facts(page)["Invoice INV-2025-001"] == (
            "Payment pending → then Open Open balance $0.00 → then $39.40"
        )
        assert button(page) == "Reject $39.40"
        assert written() == before

    def test_rejects(self, staff, stella, promise):
        answer = staff.post(page_of(promise, "reject"), {"reason": "No such transfer"})
        assert told(answer) == ["$39.40 from ACC-2025-000001 Globex is rejected. The payer is told why."]
        promise.refresh_from_db()
        assert (promise.status, promise.verified_by, promise.rejected_at, promise.reason) == (
            "failed",
            stella,
            NOW,
            "No such transfer",
        )
        invoice = Invoice.objects.get()
        assert (invoice.status, invoice.open_balance) == ("sent", 3940)
        assert "Rejected by Stella Staff" in staff.get(page_of(promise)).content.decode()

    @pytest.mark.parametrize("reason", ["", "   "])
    def test_needs_a_reason(self, staff, promise, reason):
        before = written()
        answer = staff.post(page_of(promise, "reject"), {"reason": reason})
        assert answer.status_code == 422
        assert "Reason: This field is required." in answer.content.decode()
        assert written() == before
