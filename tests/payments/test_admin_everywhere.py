"""Every page of the back office: it opens, quickly, for staff, and nothing about money can be edited."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import operations as accounts
from accounts.admin.base import ReadOnlyAdmin
from accounts.models import Account, BankAccountChange, CustomerToken, Membership, User
from core.audit import AuditEntry
from core.models import OutboxMessage
from invoices import operations as invoices
from invoices.models import Invoice, ReminderLevel
from payments import operations
from payments.models import (
    AccountCredit,
    Allocation,
    BankMapping,
    Payment,
    PaymentSession,
    ProviderCall,
    ProviderEvent,
)
from payments.operations.issues import open_issue
from tests import cast, factories
from tests.back_office import a_clerk, list_of, page_of
from tests.factories import NOW

READ_ONLY = [model for model, page in admin.site._registry.items() if isinstance(page, ReadOnlyAdmin)]


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


def one_of_each(number: int) -> None:
    """A company with a member, a token, a paid order, and what can go wrong with one."""
    account = factories.an_account(f"Company {number}")
    person = cast.member(f"Person{number} Example", account, Membership.Role.ADMIN)
    line = factories.an_unpaid_order(account, display_id=f"N{number}")
    invoice = factories.an_open_invoice(account, line)
    payment = factories.a_promised_payment(invoice, by=person.user)
    stella = User.objects.get(email="stella@example.com")
    operations.verify_manual_payment(payment=payment, at=NOW, staff=stella)
    session = payment.session
    open_issue("undecided", "Nobody knows.", session=session, payment=payment, amount=3940, at=NOW)
    AccountCredit.objects.create(
        account=account, payment=payment, currency="USD", amount=5, reason="Too much", created_at=NOW
    )
    ProviderCall.objects.create(session=session, kind="capture", created_at=NOW)
    operations.refund_payment(payment=payment, amount=5, reason="Too much", at=NOW, staff=stella)
    ProviderEvent.objects.create(
        provider=session.provider, event_id=f"evt_{number}", kind="paid", received_at=NOW
    )
    factories.a_rate("EUR", "USD", "1.1", NOW - timedelta(days=number))
    factories.a_region(f"Region {number}")
    Group.objects.create(name=f"Role {number}")
    dunned(account, number, person, stella)


def dunned(account: Account, number: int, person: cast.Member, stella: User) -> None:
    """An invitation, a credit note, a write-off, a level with a reminder, a promise."""
    accounts.invite_member(
        account=account,
        email=f"new{number}@example.com",
        role=Membership.Role.SENIOR_BUYER,
        permissions={},
        at=NOW,
        by=person.customer,
    )
    opened = factories.an_open_invoice(account)
    line = opened.line_items.get()
    operations.credit_invoice(invoice=opened, amounts={line.pk: 5}, reason="Scratched", at=NOW, staff=stella)
    operations.write_off(invoice=opened, amount=5, reason="Trifle", at=NOW, staff=stella)
    level = ReminderLevel.objects.create(name=f"Level {number}", days=number)
    later = NOW + timedelta(days=60)
    invoices.send_reminder(invoice=opened, level=level, at=later, staff=stella)
    invoices.promise_to_pay(account=account, promised_date=later.date(), at=NOW, staff=stella)
    factories.a_recurring_invoice(account, stella)
    BankAccountChange.objects.create(
        bank_account_holder="Northwind",
        iban=f"DE{number}",
        reason="Moved",
        status="rejected",
        asked_by=stella,
        asked_at=NOW,
        decided_by=stella,
        decided_at=NOW,
    )
    mapping = BankMapping.objects.create(
        name=f"Bank {number}", bank_account="DE89", currency="USD", date_column="day", amount_column="amount"
    )
    operations.import_statement(
        content=f"day;amount\n2025-09-01;{number}.00".encode(),
        file_name="september.csv",
        mapping=mapping,
        at=NOW,
        staff=stella,
    )


class TestEveryPage:
    def test_every_list_and_page_opens(self, staff):
        one_of_each(1)
        opened = []
        for model in admin.site._registry:
            row = model._default_manager.first()
            addresses = (list_of(model), list_of(model, show="all"), page_of(row))
            opened += [(address, staff.get(address).status_code) for address in addresses]
        assert [one for one in opened if one[1] != 200] == []
        assert len(opened) == 3 * 34

    def test_lists_ask_the_database_equally_often_for_2_and_for_20_rows(self, staff):
        def counted() -> dict[str, int]:
            found = {}
            for model in admin.site._registry:
                with CaptureQueriesContext(
                    connection,
                ) as queries:
                    staff.get(list_of(model, show="all"))
                found[model._meta.label] = len(queries)
            return found

        one_of_each(1)
        one_of_each(2)
        counted()
        with_two = counted()
        for number in range(3, 21):
            one_of_each(number)
        assert counted() == with_two

    @pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
    def test_money_and_traces_are_only_read(self, staff, model):
        one_of_each(1)
        row = model._default_manager.first()
        before = list(model._default_manager.values().order_by("pk"))
        add = list_of(model) + "add/"
        answers = [
            staff.get(add),
            staff.post(add, {"amount": "1"}),
            staff.post(page_of(row), {"amount": "1", "status": "captured"}),
            staff.get(page_of(row, "delete")),
            staff.post(page_of(row, "delete"), {"post": "yes"}),
            staff.post(list_of(model), {"action": "delete_selected", "_selected_action": row.pk}),
        ]
        assert [answer.status_code for answer in answers[:5]] == [403] * 5
        assert list(model._default_manager.values().order_by("pk")) == before

    def test_all_that_carries_money_is_among_them(self):
        assert {model.__name__ for model in READ_ONLY} == {
            "AccountCredit",
            "Refund",
            "AccountLineItem",
            "Allocation",
            "AuditEntry",
            "BankAccountChange",
            "BankLine",
            "BankStatement",
            "CustomerToken",
            "Invoice",
            "CreditNote",
            "Invitation",
            "Order",
            "PaymentPromise",
            "Reminder",
            "OutboxMessage",
            "Payment",
            "PaymentCollection",
            "PaymentSession",
            "ProviderCall",
            "ProviderEvent",
            "ReconciliationIssue",
            "WriteOff",
        }

    def test_secrets_are_on_no_page(self, staff, promise):
        PaymentSession.objects.update(
            data={"clientSecret": "pi_1_secret_abc"}, redirect_url="https://provider.example/?token=EC-123"
        )
        ProviderCall.objects.create(
            session=promise.session, kind="open", parameters={"return_url": "EC-123"}, created_at=NOW
        )
        token = CustomerToken.objects.first()
        for model in admin.site._registry:
            for row in model._default_manager.all()[:50]:
                shown = staff.get(page_of(row)).content.decode() + staff.get(list_of(model)).content.decode()
                assert "secret_abc" not in shown
                assert "EC-123" not in shown
                assert token.token_hash not in shown

    @pytest.mark.parametrize("who", [None, "alice@example.com"])
    def test_others_are_sent_to_sign_in(self, client, promise, who):
        if who:
            client.force_login(User.objects.get(email=who))
        before = written()
        for address in (list_of(Payment), page_of(promise), page_of(promise, "verify")):
            answer = client.get(address)
            assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={address}")
        answer = client.post(page_of(promise, "verify"))
        assert answer.status_code == 302
        assert written() == before

    def test_frame(self, staff, promise):
        page = staff.get(list_of(Payment))
        assert "Test mode" in page.content.decode()
        assert "Northwind Supply" in page.content.decode()
        policy = "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
        assert page["Content-Security-Policy"].startswith(policy)

    def test_sidebar_has_what_the_reader_may_see(self, client, promise):
        client.force_login(a_clerk("payments.view_payment", "core.view_auditentry"))
        groups = client.get(list_of(Payment)).context["sidebar_navigation"]
        seen = {group["title"]: [page["title"] for page in group["items"]] for group in groups}
        assert seen == {
            "Today": ["What needs doing"],
            "Sales": [],
            "Money": ["Payments"],
            "Reports": [],
            "Setup": [],
            "Audit": ["Audit trail"],
        }
        assert groups[2]["items"][0]["badge"] == 1
        assert client.get(list_of(Invoice)).status_code == 403
