"""When the sandbox misbehaves: by its seed, to the shop alone, never for longer than it is told. And events
that come late, twice, in another order or not at all."""

import threading
from collections.abc import Iterator
from time import monotonic, sleep

import pytest
import requests

from payments.sandbox.faults import ALL, WEBHOOKS, Schedule, WebhookFaults
from payments.sandbox.server import DEFAULT_KEYS, Sandbox
from tests.payments.callers import GOOD_CARD, PayPal, a_held_intent, an_intent, stripe_client
from tests.payments.test_sandbox import Shop
from tests.payments.test_sandbox_faults import BOTH, CAPTURE, Payment, only


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


# The schedule


def dealt_in(sandbox: Sandbox, schedule: Schedule, calls: int = 60) -> list[tuple[int, str]]:
    sandbox.faults = schedule
    for _ in range(calls):
        requests.get(f"{sandbox.url}/v1/charges", timeout=5)
    sandbox.faults = None
    return [(dealt.number, dealt.kind) for dealt in schedule.dealt]


def test_the_same_seed_deals_the_same(sandbox: Sandbox) -> None:
    kinds = ["error_before", "rate_limited", "unauthorized"]
    first = dealt_in(sandbox, Schedule(7, 0.4, kinds))
    assert dealt_in(sandbox, Schedule(7, 0.4, kinds)) == first
    assert dealt_in(sandbox, Schedule(8, 0.4, kinds)) != first
    assert 12 <= len(first) <= 36
    assert {kind for _, kind in first} == set(kinds)
    assert dealt_in(sandbox, Schedule(7, 0, kinds)) == []
    assert len(dealt_in(sandbox, Schedule(7, 1, kinds))) == 60


@pytest.mark.parametrize("wrong", [(1.5, ALL), (-0.1, ALL), (0.5, []), (0.5, ["unheard_of"])])
def test_a_schedule_that_makes_no_sense(wrong: tuple[float, list[str]]) -> None:
    for kind in (Schedule, WebhookFaults):
        with pytest.raises(ValueError, match=r"No such faults|A share is"):
            kind(1, *wrong)


def test_browsers_are_never_hit(sandbox: Sandbox, paypal: PayPal) -> None:
    intent, order = an_intent(sandbox), paypal.order().json()["id"]
    sandbox.faults = only("error_before")
    query = {"client_secret": intent.client_secret, "key": DEFAULT_KEYS.stripe_publishable}
    for headers in ({"Origin": "http://shop.test"}, {"Sec-Fetch-Mode": "cors"}):
        url = f"{sandbox.url}/v1/payment_intents/{intent.id}"
        assert requests.get(url, params=query, headers=headers, timeout=5).ok
    for path in ("/v3/", f"/checkoutnow?token={order}", "/sdk/js?client-id=sandbox-client"):
        assert requests.get(sandbox.url + path, timeout=5).ok
    assert sandbox.confirm_card(intent.id, GOOD_CARD)["status"] == "requires_capture"
    assert not sandbox.faults.dealt


@BOTH
def test_without_a_schedule_nothing_is_different(sandbox: Sandbox, provider: str) -> None:
    """Neither before one was set, nor with one that never strikes, nor after it was taken away."""
    told = []
    for schedule in (None, Schedule(1, 0), only("error_before", on="PUT .*"), None):
        sandbox.faults = schedule
        payment = Payment(sandbox, provider)
        told.append((payment.shown, payment.capture().status_code, payment.shown, payment.taken))
        assert schedule is None or not schedule.dealt
    assert told[1:] == told[:1] * 3


# Calls that are kept waiting


def test_the_end_of_the_sandbox_waits_for_nobody() -> None:
    running = Sandbox().start()
    payment = Payment(running, "stripe")
    running.faults = only("timeout_before", hold=600)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            payment.capture(timeout=60)
        except requests.ConnectionError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not running.faults.dealt:
        sleep(0.01)
    begun = monotonic()
    running.stop()
    asking.join(5)
    assert monotonic() - begun < 3
    assert [type(error) for error in errors] == [requests.ConnectionError]


def test_nobody_is_kept_longer_than_the_hold(sandbox: Sandbox) -> None:
    payment = Payment(sandbox, "stripe")
    sandbox.faults = only("timeout_before", hold=0.3)
    begun = monotonic()
    with pytest.raises(requests.ConnectionError) as caught:
        payment.capture(timeout=20)
    assert not isinstance(caught.value, requests.Timeout)
    assert 0.3 <= monotonic() - begun < 5


def test_who_gives_up_is_let_go(sandbox: Sandbox) -> None:
    payment = Payment(sandbox, "stripe")
    sandbox.faults = only("timeout_after", on=CAPTURE, hold=600)
    before = set(sandbox.server._open)
    with pytest.raises(requests.ReadTimeout):
        payment.capture(timeout=0.5)
    assert sandbox.faults.dealt
    begun = monotonic()
    while sandbox.server._open - before and monotonic() - begun < 10:
        sleep(0.01)
    assert sandbox.server._open <= before


# Webhooks


def webhook_faults(*kinds: str, share: float = 1, delay: float = 0.1) -> WebhookFaults:
    return WebhookFaults(1, share, kinds, delay=delay)


def types(shop: Shop) -> list[str]:
    kinds = ("payment_intent.amount_capturable_updated", "payment_intent.succeeded", "charge.refunded")
    return [
        next(kind for kind in kinds if f'"type":"{kind}"'.encode() in body) for _, _, body in shop.received
    ]


HELD, PAID = "payment_intent.amount_capturable_updated", "payment_intent.succeeded"


def test_a_lost_event_never_comes(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base, sandbox.webhook_faults = shop.url, webhook_faults("lost")
    intent = a_held_intent(sandbox)
    sandbox.flush_webhooks()
    assert (shop.received, [event.state for event in sandbox.events()]) == ([], ["abandoned"])
    sandbox.webhook_faults = None
    stripe_client(sandbox).payment_intents.capture(intent.id)
    sandbox.flush_webhooks()
    assert types(shop) == [PAID]


def test_a_doubled_event_comes_twice(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base, sandbox.webhook_faults = shop.url, webhook_faults("doubled")
    a_held_intent(sandbox)
    sandbox.flush_webhooks()
    assert types(shop) == [HELD, HELD]
    assert shop.received[0][2] == shop.received[1][2]
    assert [(event.state, event.attempts) for event in sandbox.events()] == [("delivered", 1)]


def test_a_late_event_comes_after_its_delay(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base, sandbox.webhook_faults = shop.url, webhook_faults("late", delay=0.5)
    begun = monotonic()
    a_held_intent(sandbox)
    sandbox.flush_webhooks()
    assert monotonic() - begun >= 0.5
    assert types(shop) == [HELD]


def test_a_shuffled_event_comes_behind_the_next(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base, sandbox.webhook_faults = shop.url, webhook_faults("shuffled", delay=30)
    intent = a_held_intent(sandbox)
    while not sandbox.courier._behind:
        sleep(0.01)
    sandbox.webhook_faults = None
    stripe_client(sandbox).payment_intents.capture(intent.id)
    sandbox.flush_webhooks()
    assert types(shop) == [PAID, HELD]
    sandbox.courier._queue.put(sandbox.events()[0].id)  # as when its delay is over
    stripe_client(sandbox).refunds.create({"payment_intent": intent.id})
    sandbox.flush_webhooks()
    assert types(shop) == [PAID, HELD, "charge.refunded"]


def test_a_shuffled_event_that_nothing_follows_comes_all_the_same(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base, sandbox.webhook_faults = shop.url, webhook_faults("shuffled")
    a_held_intent(sandbox)
    sandbox.flush_webhooks()
    assert types(shop) == [HELD]


def test_events_come_once_and_in_order_without_faults(sandbox: Sandbox, shop: Shop) -> None:
    sandbox.webhook_base, sandbox.webhook_faults = shop.url, webhook_faults(*WEBHOOKS, share=0)
    intent = a_held_intent(sandbox)
    stripe_client(sandbox).payment_intents.capture(intent.id)
    sandbox.flush_webhooks()
    assert types(shop) == [HELD, PAID]
