"""The main job over real HTTP, as reference document 000 prints it: from step 1 to a balance of $0.00."""

import json
from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from accounts import operations as accounts
from core import outbox
from core.audit import SYSTEM
from payments import operations
from payments.models import Payment, PaymentSession, ProviderEvent
from tests import cast, factories
from tests.documents import COMPLETE, CREATE_INVOICE, CREATE_SESSIONS, GET_ACCOUNTS, INITIATE
from tests.factories import MANUAL, PAYPAL, STRIPE

pytestmark = pytest.mark.django_db(transaction=True)


class Shop:
    """A program of a customer's, over HTTP."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = f"{url}/api/graphql"
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def raw(self, query: str, **variables) -> bytes:
        body = {"query": query, "variables": variables}
        answer = requests.post(self.url, json=body, headers=self.headers, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.content

    def answer(self, query: str, **variables) -> dict:
        return json.loads(self.raw(query, **variables))

    def __call__(self, query: str, **variables):
        answer = self.answer(query, **variables)
        assert "errors" not in answer, answer
        (data,) = answer["data"].values()
        return data

    def refused(self, query: str, **variables) -> str:
        (error,) = self.answer(query, **variables)["errors"]
        return error["message"]


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    """The day of the document; it goes on, for the provider's signatures."""
    time_machine.move_to(factories.NOW)


@pytest.fixture
def shop(live_server, alice, sandbox):
    return Shop(live_server.url, alice.token)


@pytest.fixture
def ready(shop):
    """Steps 1, 3 and 4: the account was read, the invoice made, and its sessions."""
    (account,) = shop(GET_ACCOUNTS)
    assert account["formattedBalance"] == "$39.40"
    (place,) = account["unpaidLineItemsByRegion"]["regions"]
    made = shop(
        CREATE_INVOICE,
        accountId=account["id"],
        regionId=place["region"]["id"],
        lineItemIds=[item["id"] for item in place["lineItems"]],
    )
    assert made["success"] is True
    assert made["invoice"]["invoiceNumber"] == "INV-2025-001"
    sessions = shop(CREATE_SESSIONS, invoiceId=made["invoice"]["id"])["paymentCollection"]["paymentSessions"]
    assert [one["paymentProvider"]["code"] for one in sessions] == [STRIPE, PAYPAL, MANUAL]
    return made["invoice"]


def paid(shop: Shop, invoice: dict, status: str = "paid") -> None:
    """The end of every journey: nothing is owed, the credit is back, and the books are right."""
    (account,) = shop(GET_ACCOUNTS)
    assert (account["formattedBalance"], account["formattedAvailableCredit"]) == ("$0.00", "$1,000.00")
    assert [line["paymentStatus"] for line in account["lineItems"]] == ["paid"]
    payment = Payment.objects.get()
    assert (payment.status, payment.amount, payment.currency) == ("captured", 3940, "USD")
    outbox.drain(at=timezone.now() + timedelta(seconds=1))
    assert operations.broken_invariants(at=timezone.now()) == []


def succeeded(invoice: dict) -> dict:
    return {
        "id": invoice["id"],
        "status": "succeeded",
        "success": True,
        "message": f"Invoice {invoice['invoiceNumber']} paid successfully",
        "error": None,
    }


def initiated(shop: Shop, invoice: dict, provider: str) -> tuple[str, dict]:
    """Step 5."""
    session = shop(INITIATE, invoiceId=invoice["id"], paymentProviderId=provider)
    assert (session["amount"], session["isInitiated"]) == (3940, True)
    return session["id"], session["data"]


def test_by_card(shop, ready, sandbox):
    session, data = initiated(shop, ready, STRIPE)
    sandbox.confirm_card(data["clientSecret"], "4242424242424242")
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    paid(shop, ready)


def test_invariant_23_a_step_that_is_repeated_is_answered_as_before(shop, ready, sandbox):
    """The storefront has no idempotency keys: the session itself makes a repeat harmless."""
    begun = len(sandbox.ledger())
    session, data = initiated(shop, ready, STRIPE)
    assert initiated(shop, ready, STRIPE) == (session, data)
    sandbox.confirm_card(data["clientSecret"], "4242424242424242")
    answers = {shop.raw(COMPLETE, paymentSessionId=session) for _ in range(3)}
    assert len(answers) == 1, answers
    assert [entry.kind for entry in sandbox.ledger()[begun:]] == ["capture"]
    paid(shop, ready)


def test_by_card_and_the_browser_is_gone(shop, ready, sandbox, live_server):
    """The provider's webhook alone brings the payment to its end."""
    session, data = initiated(shop, ready, STRIPE)
    sandbox.webhook_base = live_server.url
    sandbox.confirm_card(data["clientSecret"], "4242424242424242")
    sandbox.flush_webhooks()
    assert ProviderEvent.objects.filter(kind="payment_intent.amount_capturable_updated").count() == 1
    outbox.drain(at=timezone.now() + timedelta(seconds=1))
    assert PaymentSession.objects.get(pk=session).status == "succeeded"
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    sandbox.flush_webhooks()
    paid(shop, ready)


def test_by_card_with_the_bank_s_challenge(shop, ready, sandbox):
    session, data = initiated(shop, ready, STRIPE)
    intent = sandbox.confirm_card(data["clientSecret"], "4000002500003155")
    waiting = shop(COMPLETE, paymentSessionId=session)
    assert (waiting["success"], waiting["error"]) == (False, "Payment status: requires_action")
    sandbox.authenticate(intent["id"], passed=True)
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    paid(shop, ready)


def test_a_decline_and_then_another_card(shop, ready, sandbox):
    session, data = initiated(shop, ready, STRIPE)
    for number in ("4000000000000002", "4000000000009995"):
        sandbox.confirm_card(data["clientSecret"], number)
        assert shop(COMPLETE, paymentSessionId=session) == {
            "id": ready["id"],
            "status": "requires_payment_method",
            "success": False,
            "message": None,
            "error": "Payment status: requires_payment_method",
        }
    assert not Payment.objects.exists()
    sandbox.confirm_card(data["clientSecret"], "4242424242424242")
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    paid(shop, ready)


def test_by_paypal(shop, ready, sandbox):
    session, data = initiated(shop, ready, PAYPAL)
    sandbox.approve_paypal(data["orderId"])
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    paid(shop, ready)


def test_by_paypal_and_the_browser_is_gone(shop, ready, sandbox, live_server):
    session, data = initiated(shop, ready, PAYPAL)
    sandbox.webhook_base = live_server.url
    sandbox.approve_paypal(data["orderId"])
    sandbox.flush_webhooks()
    outbox.drain(at=timezone.now() + timedelta(seconds=1))
    assert shop(COMPLETE, paymentSessionId=session) == succeeded(ready)
    sandbox.flush_webhooks()
    paid(shop, ready)


def test_by_bank_transfer_and_verification(shop, ready, stella):
    session, data = initiated(shop, ready, MANUAL)
    assert data["reference"] == f"{ready['invoiceNumber']}-{session}"
    promised = shop(COMPLETE, paymentSessionId=session)
    assert promised["status"] == "manual_pending"
    assert promised["success"] is True
    (account,) = shop(GET_ACCOUNTS)
    assert account["formattedBalance"] == "$39.40"
    operations.verify_manual_payment(payment=Payment.objects.get(), at=timezone.now(), staff=stella)
    paid(shop, ready)


def test_every_error_of_the_document(shop, ready, account, live_server, alice):
    nobody = Shop(live_server.url, None)
    assert nobody.refused(GET_ACCOUNTS) == "Authentication required"
    _, old = accounts.create_token(
        user=alice.user, name="old", at=timezone.now() - timedelta(days=91), by=SYSTEM
    )
    assert Shop(live_server.url, old).refused(GET_ACCOUNTS) == "Authentication required"
    stranger = Shop(live_server.url, cast.mallory().token)
    line = account.line_items.get()
    asked = {"accountId": account.pk, "regionId": line.region_id, "lineItemIds": [line.pk]}
    assert stranger.refused(CREATE_INVOICE, **asked) == "Account not found"
    assert stranger.refused(CREATE_SESSIONS, invoiceId=ready["id"]) == "Invoice not found"
    assert shop.refused(CREATE_INVOICE, **asked | {"accountId": 987654}) == "Account not found"
    assert shop.refused(CREATE_INVOICE, **asked) == (
        "Some line items were not found, are already paid, or are not from North America region"
    )
    session, _ = initiated(shop, ready, STRIPE)
    assert shop(COMPLETE, paymentSessionId=session)["error"] == "Payment status: requires_payment_method"
    assert stranger.refused(COMPLETE, paymentSessionId=session) == "Payment session not found"
    assert not Payment.objects.exists()
    assert timezone.now() > factories.NOW
