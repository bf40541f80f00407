"""The sandbox as an adversary: every fault does what its name says."""

from collections.abc import Iterator
from itertools import count
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest
import requests
import stripe

from payments.sandbox.faults import ALL, Chances, Schedule
from payments.sandbox.server import DEFAULT_KEYS, Sandbox
from tests.payments.callers import PayPal, a_held_intent, issue, refusal, stripe_client
from tests.payments.test_sandbox import Shop

CAPTURE = "POST .+/capture"
BOTH = pytest.mark.parametrize("provider", ["stripe", "paypal"])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox().start()
    yield running
    running.stop()


@pytest.fixture
def paypal(sandbox: Sandbox) -> PayPal:
    return PayPal(sandbox)


@pytest.fixture
def shop() -> Iterator[Shop]:
    listening = Shop()
    yield listening
    listening.close()


def seed_of(kind: str, *, after: bool) -> int:
    """A seed by which the first call gets this kind, before or after what it asked for was done."""
    return next(seed for seed in count() if Chances(seed, 1, [kind], ALL).next().after is after)


def only(kind: str, *, after: bool = False, on: str = "", **options: Any) -> Schedule:
    """Every call that `on` names gets this fault."""
    seed = seed_of(kind, after=after) if not kind.endswith(("_before", "_after")) else 1
    return Schedule(seed, 1, [kind], on=on, **options)


class Payment:
    """An authorized payment of 39.40 USD at one of the two, asked over plain HTTP."""

    def __init__(self, sandbox: Sandbox, provider: str) -> None:
        self.sandbox, self.provider = sandbox, provider
        if provider == "stripe":
            self.reference = a_held_intent(sandbox).id
            self.path = f"/v1/payment_intents/{self.reference}"
            self.headers = {"Authorization": f"Bearer {DEFAULT_KEYS.stripe_secret}"}
        else:
            caller = PayPal(sandbox)
            self.reference = caller.order(key=str(uuid4())).json()["id"]
            sandbox.approve_paypal(self.reference)
            self.path = f"/v2/checkout/orders/{self.reference}"
            self.headers = {"Authorization": str(caller.session.headers["Authorization"])}

    def capture(self, key: str = "", *, timeout: float = 5) -> requests.Response:
        name = "Idempotency-Key" if self.provider == "stripe" else "PayPal-Request-Id"
        kind = "application/x-www-form-urlencoded" if self.provider == "stripe" else "application/json"
        headers = {**self.headers, name: key or f"c-{self.reference}", "Content-Type": kind}
        return requests.post(f"{self.sandbox.url}{self.path}/capture", headers=headers, timeout=timeout)

    def look(self) -> requests.Response:
        return requests.get(self.sandbox.url + self.path, headers=self.headers, timeout=5)

    @property
    def taken(self) -> list[int]:
        return [entry.amount for entry in self.sandbox.ledger() if entry.reference == self.reference]

    @property
    def shown(self) -> tuple[str, Any, str]:
        """What a lookup says: status, amount, currency."""
        return _shown(self.look().json())


def _shown(content: dict[str, Any]) -> tuple[str, Any, str]:
    if "purchase_units" not in content:
        return content["status"], content["amount_received"] or content["amount"], content["currency"]
    unit = content["purchase_units"][0]
    [capture] = unit.get("payments", {}).get("captures", [{"amount": unit["amount"]}])
    amount = capture["amount"]
    return capture.get("status") or content["status"], amount["value"], amount["currency_code"]


# Each kind


@BOTH
@pytest.mark.parametrize(
    ("kind", "after"),
    [("timeout_before", False), ("timeout_after", True), ("reset", False), ("reset", True)],
)
def test_no_answer(sandbox: Sandbox, provider: str, kind: str, after: bool) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only(kind, after=after, on=CAPTURE)
    error = requests.ConnectionError if kind == "reset" else requests.ReadTimeout
    with pytest.raises(error):
        payment.capture(timeout=1)
    assert [dealt.kind for dealt in sandbox.faults.dealt] == [kind]
    assert payment.taken == ([3940] if after else [])
    sandbox.faults = None
    assert payment.capture().ok  # the same key takes the money once
    assert payment.taken == [3940]


@BOTH
@pytest.mark.parametrize(("kind", "after"), [("error_before", False), ("error_after", True)])
def test_a_failure_that_is_not_kept(sandbox: Sandbox, provider: str, kind: str, after: bool) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only(kind, on=CAPTURE)
    assert (payment.capture().status_code, payment.taken) == (500, [3940] if after else [])
    sandbox.faults = None
    assert payment.capture().ok
    assert payment.taken == [3940]


@BOTH
@pytest.mark.parametrize("after", [False, True])
def test_a_failure_that_its_key_gets_again(sandbox: Sandbox, provider: str, after: bool) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only("stored_error", after=after, on=CAPTURE)
    first = payment.capture()
    assert (first.status_code, payment.taken) == (500, [3940] if after else [])
    sandbox.faults = None
    again = payment.capture()
    assert (again.status_code, again.content) == (500, first.content)
    assert payment.capture("another key").ok is not after  # what was captured is not captured again
    assert payment.taken == [3940]


@BOTH
def test_an_answer_that_was_given_is_not_made_a_failure(sandbox: Sandbox, provider: str) -> None:
    payment = Payment(sandbox, provider)
    assert payment.capture().ok
    sandbox.faults = only("stored_error")
    assert payment.capture().ok
    assert payment.look().ok  # a call without a key
    assert not sandbox.faults.dealt


@BOTH
@pytest.mark.parametrize(("kind", "status"), [("rate_limited", 429), ("unauthorized", 401)])
def test_a_call_that_is_turned_away(sandbox: Sandbox, provider: str, kind: str, status: int) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only(kind)
    answer = payment.capture()
    assert (answer.status_code, answer.headers.get("Retry-After")) == (status, "1" if status == 429 else None)
    assert payment.look().status_code == status
    sandbox.faults = None
    assert payment.taken == []
    assert payment.capture().ok


def test_stripe_s_client_knows_its_failures(sandbox: Sandbox) -> None:
    intent = a_held_intent(sandbox)
    for kind, error in [
        ("rate_limited", stripe.RateLimitError),
        ("unauthorized", stripe.AuthenticationError),
        ("error_before", stripe.APIError),
        ("reset", stripe.APIConnectionError),
    ]:
        sandbox.faults = only(kind)
        caught = refusal(lambda: stripe_client(sandbox).payment_intents.capture(intent.id))
        assert type(caught) is error


def test_paypal_names_its_failures(sandbox: Sandbox, paypal: PayPal) -> None:
    sandbox.faults = only("rate_limited")
    answer = paypal.order()
    assert (answer.status_code, answer.json()["name"]) == (429, "RATE_LIMIT_REACHED")
    sandbox.faults = only("unauthorized")
    assert paypal.order().json()["error"] == "invalid_token"


@BOTH
@pytest.mark.parametrize("after", [False, True])
def test_half_an_answer(sandbox: Sandbox, provider: str, after: bool) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only("broken_json", after=after, on=CAPTURE)
    answer = payment.capture()
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert payment.taken == ([3940] if after else [])


@BOTH
def test_a_slow_answer_is_right(sandbox: Sandbox, provider: str) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only("slow", on=CAPTURE, delay=0.4)
    begun = monotonic()
    assert payment.capture().ok
    assert monotonic() - begun >= 0.4
    assert payment.taken == [3940]


@BOTH
@pytest.mark.parametrize("kind", ["wrong_amount", "wrong_currency"])
def test_another_amount_in_the_answer_alone(sandbox: Sandbox, provider: str, kind: str) -> None:
    payment = Payment(sandbox, provider)
    right = {"stripe": (3940, "usd"), "paypal": ("39.40", "USD")}[provider]
    wrong = {"stripe": (4040, "eur"), "paypal": ("40.40", "EUR")}[provider]
    told = (wrong[0], right[1]) if kind == "wrong_amount" else (right[0], wrong[1])
    sandbox.faults = only(kind)
    assert payment.shown[1:] == told
    assert _shown(payment.capture().json())[1:] == told
    assert payment.shown[1:] == told
    assert [(entry.amount, entry.currency) for entry in sandbox.ledger()] == [(3940, "USD")]
    sandbox.faults = None
    assert payment.shown[1:] == right


@BOTH
def test_only_captures_and_lookups_show_another_amount(sandbox: Sandbox, provider: str) -> None:
    sandbox.faults = only("wrong_amount")
    payment = Payment(sandbox, provider)
    payment.capture()
    dealt = {dealt.call for dealt in sandbox.faults.dealt}
    assert dealt == {f"POST {payment.path}/capture"}


@BOTH
def test_what_nobody_paid_is_over_before_the_call(sandbox: Sandbox, provider: str) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only("expired", on=CAPTURE)
    assert payment.capture().status_code == (400 if provider == "stripe" else 404)
    sandbox.faults = None
    if provider == "stripe":
        assert payment.shown[0] == "canceled"
    else:
        assert issue(payment.look()) == (404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
    assert payment.taken == []


@BOTH
@pytest.mark.parametrize("defer", [False, True])
def test_what_was_paid_never_expires(sandbox: Sandbox, provider: str, defer: bool) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only("pending", lookups=100) if defer else None
    payment.capture()
    before = payment.shown
    sandbox.faults = only("expired")
    assert payment.shown == before
    assert not sandbox.faults.dealt


UNDER_WAY = {"stripe": "processing", "paypal": "PENDING"}
DONE = {"stripe": "succeeded", "paypal": "COMPLETED"}
TOLD = {
    "stripe": ["payment_intent.processing", "payment_intent.succeeded"],
    "paypal": ["PAYMENT.CAPTURE.PENDING", "PAYMENT.CAPTURE.COMPLETED"],
}


@BOTH
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_capture_that_is_done_later(sandbox: Sandbox, provider: str, by_hand: bool) -> None:
    payment = Payment(sandbox, provider)
    sandbox.faults = only("pending", lookups=1000 if by_hand else 3)
    first = payment.capture()
    assert (first.ok, _shown(first.json())[0]) == (True, UNDER_WAY[provider])
    sandbox.faults = None
    assert [payment.shown[0] for _ in range(2)] == [UNDER_WAY[provider]] * 2
    assert payment.capture("c2").ok is False
    assert payment.taken == []
    if by_hand:
        assert sandbox.complete_pending() == 1
    assert (payment.shown[0], payment.taken) == (DONE[provider], [3940])
    assert sandbox.complete_pending() == 0
    assert [event.type for event in sandbox.events()][-2:] == TOLD[provider]


@BOTH
def test_a_refund_that_is_done_later(sandbox: Sandbox, provider: str) -> None:
    payment = Payment(sandbox, provider)
    payment.capture()
    sandbox.faults = only("pending", on="POST .*refunds?")
    if provider == "stripe":
        api = stripe_client(sandbox)
        api.refunds.create({"payment_intent": payment.reference, "amount": 940})
        found = [lambda: api.refunds.list({"payment_intent": payment.reference}).data[0].status]
    else:
        capture = payment.look().json()["purchase_units"][0]["payments"]["captures"][0]["id"]
        amount = {"amount": {"currency_code": "USD", "value": "9.40"}}
        assert PayPal(sandbox).post(f"/v2/payments/captures/{capture}/refund", amount).ok
        found = [lambda: payment.look().json()["purchase_units"][0]["payments"]["refunds"][0]["status"]]
    assert found[0]().lower() == "pending"
    assert payment.taken == [3940]
    assert found[0]().lower() == {"stripe": "succeeded", "paypal": "completed"}[provider]
    assert payment.taken == [3940, 940]
