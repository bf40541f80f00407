"""Recording what came in, undoing it, and account credit, in the back office."""

import re
from datetime import timedelta
from html import unescape

import pytest
import time_machine

from invoices.models import Invoice
from payments import operations
from payments.models import AccountCredit, Payment
from payments.operations import Received
from tests import factories
from tests.back_office import a_clerk, button, facts, list_of, page_of, plain, question, refusal, told
from tests.books import assert_sound, unchanged
from tests.factories import NOW

PAGE = f"{list_of(Payment)}record/"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def staff(client, stella):
    client.force_login(stella)
    return client


@pytest.fixture
def pair(account):
    """Two invoices of $39.40."""
    return [factories.an_open_invoice(account), factories.an_open_invoice(account)]


def hidden(response) -> dict[str, str]:
    """What the buttons of a page send along."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', response.content.decode())
    return {name: unescape(value) for name, value in fields if name != "csrfmiddlewaretoken"}


def cheque(account, **more) -> dict[str, str]:
    fields = {"account": account.number, "method": "check", "received_date": "2025-09-02", "currency": "USD"}
    return fields | {"reference": "1007", "step": "check"} | more


class TestRecord:
    def test_the_account_s_currency_stands_first_where_it_owes_in_it(self, staff, account):
        """Also when what is due first is in another one."""
        factories.a_rate("EUR", "USD", "1.1")
        europe = factories.a_region(name="Europe", currency="EUR")
        due_first = factories.an_unpaid_order(account, display_id="E1", region=europe)
        factories.an_open_invoice(account, due_first, at=NOW - timedelta(days=9))
        factories.an_open_invoice(account)
        shown = staff.get(page_of(account, "record_payment"), follow=True).content.decode()
        assert re.findall(r'<option value="([A-Z]{3})"', shown) == ["USD", "EUR"]

    def test_a_cheque_over_two_invoices_in_seven_clicks(self, staff, account, pair):
        """Accounts, the account, Record payment, two boxes, See what it does, Record: amounts are typed."""
        shown = staff.get(page_of(account))
        assert page_of(account, "record_payment") in shown.content.decode()
        form = staff.get(page_of(account, "record_payment"), follow=True)
        assert f"full_{pair[0].pk}" in form.content.decode()
        first, second = pair
        with unchanged():
            asks = staff.post(PAGE, cheque(account, **{f"full_{first.pk}": "on", f"part_{second.pk}": "10"}))
        assert question(asks) == "Record a payment of $49.40?"
        assert facts(asks) == {
            "Account": "ACC-2025-000001 Globex",
            "Method": "Check",
            "Came in on": "2 Sep 2025",
            "Reference": "1007",
            "Amount": "$49.40",
            "Account balance": "$118.20 → then $68.80",
            "Invoice INV-2025-001": "Open → then Paid Open balance $39.40 → then $0.00",
            "Invoice INV-2025-002": "Open → then Partly paid Open balance $39.40 → then $29.40",
            "Together": "1 invoice becomes paid. The receipt goes to nobody: the account has no e-mail "
            "address.",
        }
        answer = staff.post(PAGE, hidden(asks) | {"step": "book"})
        payment = Payment.objects.get()
        assert answer["Location"] == page_of(payment)
        (said,) = told(answer)
        assert "$49.40 from ACC-2025-000001 Globex is recorded." in said
        assert page_of(payment, "undo_recording") in said
        assert (payment.amount, payment.payer_reference, str(payment.received_date)) == (
            4940,
            "1007",
            "2025-09-02",
        )
        assert list(Invoice.objects.order_by("pk").values_list("paid_amount", flat=True)) == [3940, 1000]
        assert_sound()
        page = plain(staff.get(page_of(payment)).content.decode())
        assert "Recorded by Stella Staff" in page
        assert "1007" in page

    def test_from_an_invoice_its_amount_is_filled_in(self, staff, pair):
        form = staff.get(page_of(pair[0], "record_payment"), follow=True).content.decode()
        assert re.search(rf'name="part_{pair[0].pk}" value="39.40"', form)

    def test_in_full_is_what_was_shown_when_it_was_asked(self, staff, account, pair, stella):
        asks = staff.post(PAGE, cheque(account, **{f"full_{pair[0].pk}": "on"}))
        received = Received("cash", NOW.date(), "USD", 40, [operations.Share(pair[0], 40)])
        operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        with unchanged():
            late = staff.post(PAGE, hidden(asks) | {"step": "book"})
        assert late.status_code == 422
        message = "Invoice INV-2025-001: Payment amount cannot exceed outstanding balance of $39.00"
        assert message in plain(late.content.decode())

    def test_an_invoice_that_was_paid_meanwhile_is_told(self, staff, account, pair, stella):
        asks = staff.post(PAGE, cheque(account, **{f"full_{pair[0].pk}": "on"}))
        received = Received("cash", NOW.date(), "USD", 3940, [operations.Share(pair[0], 3940)])
        operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        with unchanged():
            late = staff.post(PAGE, hidden(asks) | {"step": "book"})
        assert "Invoice INV-2025-001 is already paid" in plain(late.content.decode())

    def test_pressed_twice_is_booked_once(self, staff, account, pair):
        key = "00000000-0000-4000-8000-000000000001"
        asks = staff.post(PAGE, cheque(account, form_key=key, **{f"full_{pair[0].pk}": "on"}))
        first, second = (staff.post(PAGE, hidden(asks) | {"step": "book"}) for _ in range(2))
        assert first["Location"] == second["Location"]
        assert Payment.objects.count() == 1

    @pytest.mark.parametrize(
        ("sent", "message"),
        [
            ({"amount": "abc"}, "Amount: Enter an amount"),
            ({"amount": ""}, "Amount: Payment amount must be positive"),
            ({"amount": "5", "received_date": "2025-09-04"}, "Date: The date cannot be in the future"),
            ({"amount": "5", "method": "barter"}, "Select a valid choice"),
        ],
    )
    def test_wrong_input_is_told_beside_its_field(self, staff, account, pair, sent, message):
        with unchanged():
            answer = staff.post(PAGE, cheque(account, **sent))
        assert answer.status_code == 422
        assert message in plain(answer.content.decode())

    def test_who_may_not_is_told_so(self, client, account, pair):
        client.force_login(a_clerk("payments.view_payment"))
        with unchanged():
            answer = client.post(PAGE, cheque(account, amount="5", step="book"))
        assert refusal(answer) == "Your role does not allow this. Ask an administrator of this site."

    def test_without_an_account_it_asks_for_one(self, staff, account):
        assert 'name="account"' in staff.get(PAGE).content.decode()
        chosen = staff.get(PAGE, {"account": account.pk}).content.decode()
        assert "No invoice of this account is open" in chosen


class TestUndo:
    def test_says_what_it_does_and_does_it(self, staff, account, pair, stella):
        received = Received("check", NOW.date(), "USD", 3940, [operations.Share(pair[0], 3940)])
        payment = operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        asks = staff.get(page_of(payment, "undo_recording"))
        assert question(asks) == "Undo the recording of $39.40?"
        assert facts(asks)["Account balance"] == "$78.80 → then $118.20"
        done = staff.post(page_of(payment, "undo_recording"), {"reason": "Another Globex"}, follow=True)
        text = plain(done.content.decode())
        assert "The recording of $39.40 is undone. Nothing was sent back to anybody." in text
        assert "Recording undone" in text
        assert_sound()

    def test_is_refused_to_who_may_not(self, client, account, pair, stella):
        received = Received("check", NOW.date(), "USD", 5)
        payment = operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        client.force_login(a_clerk("payments.view_payment", "payments.refund_payment"))
        with unchanged():
            client.post(page_of(payment, "undo_recording"), {"reason": "x"})


class TestApplyCredit:
    def test_puts_it_on_the_invoice(self, staff, account, pair, stella):
        received = Received("check", NOW.date(), "USD", 2000)
        operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        asks = staff.get(page_of(pair[0], "apply_credit"))
        assert button(asks) == "Apply credit of up to $20.00"
        assert facts(asks)["Open balance, if all of it is used"] == "$39.40 → then $19.40"
        answer = staff.post(page_of(pair[0], "apply_credit"), {"amount": "20.00"})
        assert told(answer) == ["$20.00 of account credit is on invoice INV-2025-001."]
        assert [one.left for one in AccountCredit.objects.with_left()] == [0]

    def test_pressed_twice_it_is_put_there_once(self, staff, account, pair, stella):
        received = Received("check", NOW.date(), "USD", 2000)
        operations.record_payment(account=account, received=received, at=NOW, staff=stella)
        asks = staff.get(page_of(pair[0], "apply_credit"))
        sent = {"amount": "5.00", "known_open": asks.context["form"]["known_open"].value()}
        staff.post(page_of(pair[0], "apply_credit"), sent)
        again = staff.post(page_of(pair[0], "apply_credit"), sent)
        assert told(again)[-1] == "The open balance of invoice INV-2025-001 has changed"
        assert [one.left for one in AccountCredit.objects.with_left()] == [1500]

    def test_without_credit_it_says_so(self, staff, pair):
        assert refusal(staff.get(page_of(pair[0], "apply_credit"))) == "The account has no credit in USD"
