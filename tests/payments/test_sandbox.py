"""The sandbox as a whole: signed events, restarts, what it serves, and where it refuses to run."""

import ast
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

from payments.sandbox import webhooks
from payments.sandbox.guard import OutsideSandbox, refuse_outside_sandbox
from payments.sandbox.server import DEFAULT_KEYS, Sandbox
from tests.payments.callers import PayPal, a_held_intent, stripe_client

FOLDER = Path(webhooks.__file__).parent
FOREIGN = ("django", "core", "accounts", "orders", "invoices", "invoicing_site")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox().start()
    yield running
    running.stop()


@pytest.fixture
def paypal(sandbox: Sandbox) -> PayPal:
    return PayPal(sandbox)


# Webhooks


class Shop:
    """Somebody who receives events and answers with the given statuses, then with 200."""

    def __init__(self, *statuses: int) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        pending = list(statuses)
        shop = self

        class Inbox(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                shop.received.append((self.path, dict(self.headers), body))
                self.send_response(pending.pop(0) if pending else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Inbox)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def shop() -> Iterator[Shop]:
    listening = Shop()
    yield listening
    listening.close()


def test_events_are_signed_as_stripe_signs_them(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base = shop.url
    intent = a_held_intent(sandbox)
    stripe_client(sandbox).payment_intents.capture(intent.id)
    stripe_client(sandbox).refunds.create({"payment_intent": intent.id})
    sandbox.flush_webhooks()
    seen = []
    for path, headers, body in shop.received:
        assert path == "/webhooks/stripe"
        secret = DEFAULT_KEYS.stripe_webhook_secret
        seen.append(stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret).type)
        changed = body.replace(b"3940", b"3941", 1)
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(changed, headers["Stripe-Signature"], secret)
    assert seen == ["payment_intent.amount_capturable_updated", "payment_intent.succeeded", "charge.refunded"]
    assert {event.state for event in sandbox.events()} == {"delivered"}


def test_events_nobody_listens_to_are_kept_unsent(sandbox: Sandbox, shop: Shop) -> None:
    a_held_intent(sandbox)
    sandbox.webhook_base = shop.url
    sandbox.flush_webhooks()
    assert ([event.state for event in sandbox.events()], shop.received) == (["unsent"], [])
    [event] = sandbox.events(type="payment_intent.amount_capturable_updated")
    delivery = sandbox.signed_event(event.id)
    requests.post(shop.url + delivery.path, data=delivery.body, headers=delivery.headers)
    assert [body for _, _, body in shop.received] == [delivery.body]


def test_a_refused_event_is_sent_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "RETRY_AFTER", (0, 0))
    for statuses, state, attempts in [((500, 302), "delivered", 3), ((500, 500, 500), "abandoned", 3)]:
        shop = Shop(*statuses)
        sandbox.webhook_base = shop.url
        a_held_intent(sandbox)
        sandbox.flush_webhooks()
        event = sandbox.events()[-1]
        assert (event.state, event.attempts, len(shop.received)) == (state, attempts, 3)
        shop.close()


def claim_of(sandbox: Sandbox, event_id: str) -> dict[str, Any]:
    delivery = sandbox.signed_event(event_id)
    names = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time")
    claim = {name: delivery.headers[f"PAYPAL-{name.upper().replace('_', '-')}"] for name in names}
    return {**claim, "webhook_id": DEFAULT_KEYS.paypal_webhook_id, "webhook_event": json.loads(delivery.body)}


def test_paypal_verifies_only_what_it_signed(sandbox: Sandbox, paypal: PayPal) -> None:
    order = paypal.order(description="Chäirs – 3 pieces\n").json()
    sandbox.approve_paypal(order["id"])
    claim = claim_of(sandbox, sandbox.events(provider="paypal")[0].id)

    def verdict(**changes: Any) -> str:
        answer = paypal.post("/v1/notifications/verify-webhook-signature", {**claim, **changes})
        return answer.json()["verification_status"]

    assert verdict() == "SUCCESS"
    assert verdict(webhook_id="WH-OTHER") == "FAILURE"
    assert verdict(transmission_time="2026-01-01T00:00:00Z") == "FAILURE"
    assert verdict(auth_algo="none") == "FAILURE"
    incomplete = {name: value for name, value in claim.items() if name != "transmission_sig"}
    assert paypal.post("/v1/notifications/verify-webhook-signature", incomplete).status_code == 400


def test_no_byte_of_a_paypal_event_can_be_changed(sandbox: Sandbox, paypal: PayPal) -> None:
    sandbox.approve_paypal(paypal.order(description="Chäirs").json()["id"])
    stored = sandbox.events()[0]
    claim = claim_of(sandbox, stored.id)
    body = stored.body.encode()
    for place in range(len(body)):
        try:
            changed = json.loads(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
        except ValueError:
            continue  # no JSON any more
        assert not webhooks.is_paypal_signed(changed, DEFAULT_KEYS, claim), place


# The sandbox itself


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    database = tmp_path / "var" / "sandbox.sqlite3"
    before = Sandbox(database=database).start()
    intent, key = a_held_intent(before), {"idempotency_key": "c1"}
    paid = stripe_client(before).payment_intents.capture(intent.id, options=key)
    token = PayPal(before).session.headers["Authorization"]
    order_id = PayPal(before).order().json()["id"]
    before.stop()
    after = Sandbox(database=database).start()
    again = stripe_client(after).payment_intents.capture(intent.id, options=key)
    assert again.last_response.body == paid.last_response.body
    found = requests.get(f"{after.url}/v2/checkout/orders/{order_id}", headers={"Authorization": token})
    assert found.json()["status"] == "PAYER_ACTION_REQUIRED"
    assert [entry.amount for entry in after.ledger()] == [3940]
    assert len(after.events()) == 2
    after.stop()


def test_an_event_cut_off_by_a_restart_is_delivered_afterwards(tmp_path: Path, shop: Shop) -> None:
    database = tmp_path / "sandbox.sqlite3"
    closed = "http://127.0.0.1:9"
    before = Sandbox(database=database, webhook_base=closed).start()
    a_held_intent(before)
    before.stop()
    after = Sandbox(database=database, webhook_base=shop.url).start()
    after.flush_webhooks()
    assert [path for path, _, _ in shop.received] == ["/webhooks/stripe"]
    after.stop()


@pytest.mark.parametrize(
    "path", ["/v3/", "/sdk/js?client-id=sandbox-client", "/elements/payment", "/static/element.js"]
)
def test_scripts_and_pages_are_served(sandbox: Sandbox, path: str) -> None:
    assert requests.get(sandbox.url + path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/static/../server.py", "/static/..%2fserver.py", "/static/x", "/sdk/js?client-id=x"]
)
def test_other_files_are_not(sandbox: Sandbox, path: str) -> None:
    assert requests.get(sandbox.url + path).status_code in (400, 404)


def test_the_sandbox_imports_nothing_of_ours() -> None:
    for file in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                first = name.partition(".")[0]
                assert first not in ("django", "core", "accounts", "orders", "invoices", "invoicing_site"), (
                    file
                )
                assert first != "payments" or name.startswith("payments.sandbox"), file


SAFE: dict[str, Any] = {
    "secret_key": "sk_test_1",
    "payments": "sandbox",
    "allowed_hosts": ["localhost", "[::1]"],
}


def test_the_guard_lets_a_sandbox_pass() -> None:
    refuse_outside_sandbox(**SAFE)


@pytest.mark.parametrize(
    "change",
    [
        {"secret_key": "sk_live_1"},
        {"secret_key": " rk_live_1"},
        {"payments": "live"},
        {"payments": ""},
        {"allowed_hosts": ["localhost", "shop.example.com"]},
        {"allowed_hosts": ["*"]},
        {"allowed_hosts": [".localhost"]},
    ],
)
def test_the_guard_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(OutsideSandbox):
        refuse_outside_sandbox(**{**SAFE, **change})
