"""Events on their way to the shop: signed as the providers sign, tried again when nobody answers."""

import base64
import hashlib
import hmac
import http.client
import json
import queue
import threading
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from payments.sandbox.faults import WebhookFaults
from payments.sandbox.store import Store, StoredEvent
from payments.sandbox.wire import Keys

RETRY_AFTER = (0.5, 2, 10, 60, 300)  # seconds; then the event is given up
TIMEOUT = 20
AUTH_ALGORITHM = "HMAC-SHA256"


class Delivery(NamedTuple):
    """One signed message: where under the shop's address, and what."""

    path: str
    headers: dict[str, str]
    body: bytes


def sign_stripe(body: bytes, secret: str, at: int) -> str:
    signature = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signature}"


def canonical(event: Any) -> bytes:
    """The one spelling of an event that is sent and signed: sorted keys, no spaces, UTF-8."""
    return json.dumps(event, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def sign_paypal(event: Any, keys: Keys, *, transmission_id: str, transmission_time: str) -> str:
    """Over id, time, webhook and CRC 32 of the body, as PayPal does; an HMAC where PayPal has RSA."""
    message = f"{transmission_id}|{transmission_time}|{keys.paypal_webhook_id}|{zlib.crc32(canonical(event))}"
    digest = hmac.new(keys.paypal_client_secret.encode(), message.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def is_paypal_signed(event: Any, keys: Keys, claim: Mapping[str, str]) -> bool:
    """Whether the claimed signature is the one we would give."""
    right = sign_paypal(
        event,
        keys,
        transmission_id=claim["transmission_id"],
        transmission_time=claim["transmission_time"],
    )
    return (
        hmac.compare_digest(right.encode(), claim["transmission_sig"].encode())
        and claim["webhook_id"] == keys.paypal_webhook_id
        and claim["auth_algo"] == AUTH_ALGORITHM
    )


def signed(event: StoredEvent, keys: Keys, *, at: float, origin: str) -> Delivery:
    body = event.body.encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "*/*"}
    if event.provider == "stripe":
        signature = sign_stripe(body, keys.stripe_webhook_secret, int(at))
        return Delivery("/webhooks/stripe", {**headers, "Stripe-Signature": signature}, body)
    sent = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    transmission = hashlib.sha256(f"{event.id} {sent}".encode()).hexdigest()[:32]
    signature = sign_paypal(json.loads(body), keys, transmission_id=transmission, transmission_time=sent)
    return Delivery(
        "/webhooks/paypal",
        {
            **headers,
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": sent,
            "PAYPAL-TRANSMISSION-SIG": signature,
            "PAYPAL-CERT-URL": f"{origin}/v1/notifications/certs/CERT-SANDBOX",
            "PAYPAL-AUTH-ALGO": AUTH_ALGORITHM,
        },
        body,
    )


class Courier:
    """One thread that delivers events in the order they happened, and failed ones again later."""

    def __init__(
        self,
        store: Store,
        sign: Callable[[StoredEvent], Delivery],
        base: Callable[[], str | None],
        faults: Callable[[], WebhookFaults | None] = lambda: None,
    ) -> None:
        self.store, self.sign, self.base, self.faults = store, sign, base, faults
        self._fated: set[str] = set()  # whose fault was decided, though they are not delivered yet
        self._behind: list[str] = []  # that wait for another to go first
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._open: set[str] = set()
        self._settled = threading.Condition()
        self._timers: set[threading.Timer] = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sandbox-courier", daemon=True)

    def start(self) -> None:
        """Begin with what an earlier run left undelivered."""
        self._enqueue([event.id for event in self.store.events(state="queued")])
        self.store.is_heard = lambda: self.base() is not None
        self.store.on_events = self._enqueue
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        for timer in list(self._timers):
            timer.cancel()
        self._queue.put(None)
        self._thread.join(TIMEOUT + 5)

    def flush(self, timeout: float) -> None:
        """Wait until nothing is under way. Raises TimeoutError naming what still is."""
        with self._settled:
            if not self._settled.wait_for(lambda: not self._open, timeout):
                raise TimeoutError(f"Undelivered after {timeout} s: {', '.join(sorted(self._open))}")

    def _enqueue(self, event_ids: list[str]) -> None:
        with self._settled:
            self._open.update(event_ids)
        for event_id in event_ids:
            self._queue.put(event_id)

    def _run(self) -> None:
        while (event_id := self._queue.get()) is not None and not self._stopping:
            if event_id in self._open:
                self._take_on(event_id)

    def _take_on(self, event_id: str) -> None:
        """Deliver it, unless a fault has it wait or lose its way."""
        faults = self.faults()
        is_new = event_id not in self._fated and self.store.event(event_id).attempts == 0
        stroke = faults.next() if faults is not None and is_new else None
        kind = stroke.kind if stroke else ""
        self._fated.add(event_id)
        if kind == "lost":
            return self._settle(event_id, "abandoned")
        if kind in ("late", "shuffled"):
            if kind == "shuffled":
                self._behind.append(event_id)
            return self._again(event_id, faults.delay)
        self._deliver(event_id, is_doubled=kind == "doubled")
        waiting, self._behind = self._behind, []
        for other in waiting:
            self._queue.put(other)

    def _again(self, event_id: str, seconds: float) -> None:
        timer = threading.Timer(seconds, self._queue.put, [event_id])
        timer.daemon = True
        self._timers = {waiting for waiting in self._timers if waiting.is_alive()} | {timer}
        timer.start()

    def _deliver(self, event_id: str, *, is_doubled: bool) -> None:
        event, base = self.store.event(event_id), self.base()
        if base is None:
            return self._settle(event_id, "unsent")
        twin = threading.Thread(target=self._post, args=(base, self.sign(event)), daemon=True)
        if is_doubled:
            twin.start()
        was_taken = self._post(base, self.sign(event))
        if is_doubled:
            twin.join()
        if was_taken:
            return self._settle(event_id, "delivered")
        if event.attempts >= len(RETRY_AFTER):
            return self._settle(event_id, "abandoned")
        self.store.mark_event(event_id, "queued", attempted=1)
        self._again(event_id, RETRY_AFTER[event.attempts])

    def _settle(self, event_id: str, state: str) -> None:
        self.store.mark_event(event_id, state, attempted=state != "unsent")
        self._fated.discard(event_id)
        with self._settled:
            self._open.discard(event_id)
            self._settled.notify_all()

    def _post(self, base: str, delivery: Delivery) -> bool:
        """Whether the shop took it. A redirect is no receipt."""
        connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=TIMEOUT)
        try:
            connection.request("POST", delivery.path, delivery.body, delivery.headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
