"""The sandbox itself: one HTTP server that is Stripe, PayPal and the pages both show to customers."""

import logging
import math
import select
import socket
import struct
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from payments.sandbox import intents, orders, paypal_objects, stripe_objects
from payments.sandbox.browser import Browser
from payments.sandbox.cards import card_numbered, payment_method
from payments.sandbox.dashboard import Dashboard
from payments.sandbox.faults import BrokenOff, Schedule, WebhookFaults
from payments.sandbox.paypal import PayPal
from payments.sandbox.pending import Pending
from payments.sandbox.store import LedgerEntry, Store, StoredEvent
from payments.sandbox.stripe import Stripe
from payments.sandbox.webhooks import Courier, Delivery, signed
from payments.sandbox.wire import Answer, Call, Keys, in_json

log = logging.getLogger(__name__)
LARGEST_BODY = 1_000_000
IDLE_SECONDS = 60
GLANCE = 0.05  # seconds between two looks whether a caller who gets no answer has hung up

DEFAULT_KEYS = Keys(
    stripe_secret="sk_test_sandbox",  # noqa: S106 - made up, as are the others
    stripe_publishable="pk_test_sandbox",
    stripe_webhook_secret="whsec_sandbox",  # noqa: S106
    paypal_client_id="sandbox-client",
    paypal_client_secret="sandbox-secret",  # noqa: S106
    paypal_webhook_id="WH-SANDBOX",
)


class ReceivedCall(NamedTuple):
    """One API request, for tests to count. Requests of browsers are not listed: they carry card numbers."""

    provider: str
    method: str
    path: str
    query: str
    idempotency_key: str
    body: str


class Sandbox:
    """Start it, point the Stripe and PayPal clients at `url`, stop it.

    `webhook_base` is where events go and may change at any time; None delivers nothing. `database` may be a
    file: another sandbox on the same file goes on where this one stopped. It behaves until `faults` or
    `webhook_faults` is set.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        database: str | Path = ":memory:",
        keys: Keys = DEFAULT_KEYS,
        webhook_base: str | None = None,
    ) -> None:
        self.keys, self.webhook_base = keys, webhook_base
        self.calls: deque[ReceivedCall] = deque(maxlen=100_000)
        self.faults: Schedule | None = None
        self.webhook_faults: WebhookFaults | None = None
        self.store = Store(database)
        self.stripe, self.paypal = Stripe(self.store, keys), PayPal(self.store, keys)
        self.browser = Browser(self.store, keys)
        self.pending, self.dashboard = Pending(self.store), Dashboard(self.store)
        self.courier = Courier(
            self.store, self.signed_event, lambda: self.webhook_base, lambda: self.webhook_faults
        )
        self.server = Server((host, port), self)
        self.url = f"http://{host}:{self.server.server_address[1]}"
        self._thread = threading.Thread(
            target=self.server.serve_forever, args=(0.05,), name="sandbox", daemon=True
        )

    def start(self) -> "Sandbox":
        self.courier.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        self.server.over.set()
        self.server.shutdown()
        self.server.hang_up()
        self.courier.stop()
        self.store.close()

    def answer(self, call: Call) -> Answer:
        """The one way in. Raises BrokenOff where `faults` leave a call without an answer."""
        if not call.is_paypal and not call.path.startswith("/v1/"):
            return self.browser.answer(call)
        provider, faults = self.paypal if call.is_paypal else self.stripe, self.faults
        if _is_from_browser(call):
            return provider.answer(call)
        self.calls.append(_received(call, "paypal" if call.is_paypal else "stripe"))
        if call.method == "GET" and self.pending.is_waiting():
            self.pending.looked_up(call.path, call.query, origin=self.url)
        return faults.answer(call, provider, self) if faults is not None else provider.answer(call)

    def expire_unpaid(self, reference: str) -> bool:
        """Let an intent or order run out unless money moved on it, or will; whether it did."""
        with self.store.transaction():
            intent = self.store.get("payment_intent", reference)
            thing = intent or self.store.get("order", reference)
            is_unpaid = thing is not None and thing["status"] in (
                intents.CANCELLABLE if intent else orders.UNPAID
            )
            if is_unpaid:
                self.expire(reference)
            return is_unpaid

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than the sandbox runs."""
        self.server.over.wait(seconds)

    # What a test or script may do in the customer's or the provider's place

    def confirm_card(self, intent: str, number: str) -> dict[str, Any]:
        """Pay an intent (id or client secret) with a card, as Stripe.js would. Answers the intent."""
        intent_id = intent.partition("_secret_")[0]
        at = time()
        with self.store.transaction():
            secret = (self.store.get("payment_intent", intent_id) or {}).get("client_secret")
            method = payment_method(card_numbered(number), id=stripe_objects.new_id("pm"), at=int(at))
            self.store.put("payment_method", method, at=at)
            values = {"client_secret": secret, "payment_method": method["id"], "use_stripe_sdk": True}
            request = stripe_objects.Request(self.store, values, int(at), self.url, shopper=True)
            intents.confirm(request, intent_id)
        return self.intent(intent_id)

    def authenticate(self, intent_id: str, *, passed: bool) -> dict[str, Any]:
        """Answer the 3-D Secure challenge of an intent."""
        with self.store.transaction():
            request = stripe_objects.Request(self.store, {}, int(time()), self.url, shopper=True)
            intent = stripe_objects.found(request, "payment_intent", intent_id)
            attempt = stripe_objects.found(request, "challenge", intent["_challenge"])
            intents.finish_challenge(request, attempt, passed=passed)
        return self.intent(intent_id)

    def intent(self, intent_id: str) -> dict[str, Any]:
        return stripe_objects.public(self.store.get("payment_intent", intent_id) or {})

    def approve_paypal(self, order_id: str, *, funding: str = "balance") -> dict[str, Any]:
        """Agree to an order as its buyer; `funding="declined"` makes the capture fail."""
        request = paypal_objects.Request(self.store, {}, time(), self.url)
        with self.store.transaction():
            return orders.shown(request, orders.approve(request, order_id, funding=funding))

    def expire(self, reference: str) -> None:
        """Let an unpaid intent or order run out: Stripe shows it canceled, PayPal knows it no more."""
        with self.store.transaction():
            if self.store.get("payment_intent", reference):
                request = stripe_objects.Request(
                    self.store, {"cancellation_reason": "abandoned"}, int(time()), self.url, shopper=False
                )
                intents.cancel(request, reference)
            else:
                self.store.forget("order", reference)

    def complete_pending(self) -> int:
        """Do what was accepted and left pending; answers how much there was."""
        return self.pending.complete(self.url)

    def refund_at_dashboard(self, reference: str, amount: int | None = None) -> dict[str, Any]:
        """Give back `amount` in minor units, or all that is left, of an intent, an order or its capture,
        without the shop's doing. Answers the refund."""
        return self.dashboard.refund(reference, amount, origin=self.url)

    def capture_at_dashboard(self, reference: str) -> dict[str, Any]:
        """Take what was authorized on an intent or order, without the shop's doing. Answers it."""
        return self.dashboard.capture(reference, origin=self.url)

    def dispute_at_bank(self, reference: str, amount: int | None = None) -> str:
        """Take back `amount` in minor units, or all that was not refunded, of an intent, an order or its
        capture, as the payer's bank. Answers the dispute's id."""
        return self.dashboard.dispute(reference, amount, origin=self.url)

    def win_dispute(self, dispute_id: str) -> None:
        """Decide a dispute for the shop: what was taken back comes again."""
        self.dashboard.win(dispute_id, origin=self.url)

    def ledger(self) -> list[LedgerEntry]:
        """All that moved, oldest first."""
        return self.store.ledger()

    def events(self, *, provider: str = "", type: str = "") -> list[StoredEvent]:
        """Every event, oldest first, delivered or not."""
        return [e for e in self.store.events() if provider in ("", e.provider) and type in ("", e.type)]

    def signed_event(self, event: str | StoredEvent, *, at: float | None = None) -> Delivery:
        """An event as it would be delivered now (or at `at`): path, headers, body."""
        stored = self.store.event(event) if isinstance(event, str) else event
        return signed(stored, self.keys, at=time() if at is None else at, origin=self.url)

    def flush_webhooks(self, timeout: float = 10) -> None:
        """Wait until every event has been delivered or given up."""
        self.courier.flush(timeout)


def _is_from_browser(call: Call) -> bool:
    return bool(call.header("Origin") or call.header("Sec-Fetch-Mode"))


def _received(call: Call, provider: str) -> ReceivedCall:
    key = call.header("Idempotency-Key") or call.header("PayPal-Request-Id")
    return ReceivedCall(provider, call.method, call.path, call.query, key, call.body.decode(errors="replace"))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self.over = threading.Event()
        super().__init__(address, Door)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the listening socket and every connection kept alive."""
        self.server_close()
        for connection in list(self._open):
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("A connection broke.")


class Door(BaseHTTPRequestHandler):
    """Bytes to Call, Answer to bytes."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if "Transfer-Encoding" in self.headers or not 0 <= length <= LARGEST_BODY:
            self.close_connection = True
            return self._send(in_json(413, {"error": {"message": "Too large, or of unknown length."}}))
        body, parts = self.rfile.read(length), urlsplit(self.path)
        origin = f"http://{self.headers.get('Host') or self.server.sandbox.url.removeprefix('http://')}"
        call = Call(self.command, parts.path, parts.query, self.headers, body, origin, time())
        try:
            answer = self.server.sandbox.answer(call)
        except BrokenOff as fault:
            return self._break_off(fault.seconds)
        except Exception:
            log.exception("The sandbox failed at %s %s", call.method, call.path)
            error = {"type": "api_error", "message": "The sandbox failed. See its log."}
            answer = in_json(500, {"error": error})
        self._send(answer)

    do_POST = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = do_GET

    def _break_off(self, seconds: float) -> None:
        """Keep the caller waiting until they hang up, but not longer than this, then reset the connection."""
        for _ in range(math.ceil(seconds / GLANCE)):
            if self.server.over.wait(GLANCE) or select.select([self.connection], [], [], 0)[0]:
                break
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        pass
