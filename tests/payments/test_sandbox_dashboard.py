"""What the merchant does at the provider's own dashboard moves money there; the shop only hears of it."""

from collections.abc import Iterator
from functools import partial

import pytest

from payments.sandbox.faults import Schedule
from payments.sandbox.server import Sandbox
from payments.sandbox.wire import Refused
from tests.payments.callers import PayPal, an_intent, issue, refusal, stripe_client
from tests.payments.test_sandbox import Shop
from tests.payments.test_sandbox_faults import BOTH, Payment

CAPTURED = {"stripe": "payment_intent.succeeded", "paypal": "PAYMENT.CAPTURE.COMPLETED"}
REFUNDED = {"stripe": "charge.refunded", "paypal": "PAYMENT.CAPTURE.REFUNDED"}
DONE = {"stripe": "succeeded", "paypal": "COMPLETED"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox().start()
    yield running
    running.stop()


@BOTH
def test_a_capture_at_the_dashboard(sandbox: Sandbox, provider: str) -> None:
    payment = Payment(sandbox, provider)
    assert sandbox.capture_at_dashboard(payment.reference)["status"] == DONE[provider]
    assert payment.taken == [3940]
    assert payment.shown[0] == DONE[provider]
    assert sandbox.events()[-1].type == CAPTURED[provider]
    assert payment.capture().ok is False
    with pytest.raises(Refused):
        sandbox.capture_at_dashboard(payment.reference)
    assert payment.taken == [3940]


@BOTH
def test_refunds_at_the_dashboard(sandbox: Sandbox, provider: str) -> None:
    payment = Payment(sandbox, provider)
    with pytest.raises(Refused):
        sandbox.refund_at_dashboard(payment.reference)
    sandbox.capture_at_dashboard(payment.reference)
    assert sandbox.refund_at_dashboard(payment.reference, 940)["status"] == DONE[provider]
    with pytest.raises(Refused):
        sandbox.refund_at_dashboard(payment.reference, 3001)
    sandbox.refund_at_dashboard(payment.reference)
    with pytest.raises(Refused):
        sandbox.refund_at_dashboard(payment.reference)
    assert [(entry.kind, entry.amount) for entry in sandbox.ledger()] == [
        ("capture", 3940),
        ("refund", 940),
        ("refund", 3000),
    ]
    assert [event.type for event in sandbox.events()][-2:] == [REFUNDED[provider]] * 2


def test_a_paypal_capture_is_refunded_by_its_own_name_and_in_its_units(sandbox: Sandbox) -> None:
    paypal = PayPal(sandbox)
    for currency, value, units, told in [("USD", "39.40", 940, "9.40"), ("JPY", "4000", 940, "940")]:
        order = paypal.order(value=value, currency=currency, key=currency).json()["id"]
        sandbox.approve_paypal(order)
        unit = sandbox.capture_at_dashboard(order)["purchase_units"][0]
        made = sandbox.refund_at_dashboard(unit["payments"]["captures"][0]["id"], units)
        assert made["amount"] == {"currency_code": currency, "value": told}


@BOTH
def test_the_shop_hears_of_it(sandbox: Sandbox, provider: str) -> None:
    shop = Shop()
    payment = Payment(sandbox, provider)
    sandbox.flush_webhooks()
    sandbox.webhook_base, sandbox.faults = shop.url, Schedule(1, 1, ["error_before"])
    sandbox.capture_at_dashboard(payment.reference)
    sandbox.refund_at_dashboard(payment.reference, 940)
    sandbox.flush_webhooks()
    assert [path for path, _, _ in shop.received] == [f"/webhooks/{provider}"] * 2
    shop.close()


def test_what_is_pending_is_not_refunded(sandbox: Sandbox) -> None:
    sandbox.faults = Schedule(1, 1, ["pending"], lookups=100)
    order, intent = Payment(sandbox, "paypal"), Payment(sandbox, "stripe")
    for payment in (order, intent):
        assert payment.capture().ok
        with pytest.raises(Refused):
            sandbox.refund_at_dashboard(payment.reference)
    sandbox.faults = None
    capture = order.look().json()["purchase_units"][0]["payments"]["captures"][0]["id"]
    answer = PayPal(sandbox).post(f"/v2/payments/captures/{capture}/refund", {})
    assert issue(answer)[2] == "PENDING_CAPTURE"
    assert sandbox.complete_pending() == 2
    for payment in (order, intent):
        sandbox.refund_at_dashboard(payment.reference)
        assert payment.taken == [3940, 3940]


def test_refunds_of_what_does_not_exist_are_not_listed(sandbox: Sandbox) -> None:
    api = stripe_client(sandbox)
    for name in ("payment_intent", "charge"):
        error = refusal(partial(api.refunds.list, {name: "nothing"}))
        assert (error.http_status, error.code) == (404, "resource_missing")
    assert api.refunds.list({"payment_intent": an_intent(sandbox).id}).data == []


DISPUTED = {
    "stripe": ["charge.dispute.created", "charge.dispute.funds_withdrawn"],
    "paypal": ["CUSTOMER.DISPUTE.CREATED", "PAYMENT.CAPTURE.REVERSED"],
}
WON = {
    "stripe": ["charge.dispute.funds_reinstated", "charge.dispute.closed"],
    "paypal": ["CUSTOMER.DISPUTE.RESOLVED"],
}


@BOTH
@pytest.mark.parametrize(("amount", "taken"), [(None, 3000), (940, 940), (3940, 3940)])
def test_a_payer_s_bank_takes_money_back_and_gives_it_again(
    sandbox: Sandbox, provider: str, amount: int | None, taken: int
) -> None:
    """All that was not refunded, a part, or more than was left."""
    payment = Payment(sandbox, provider)
    with pytest.raises(Refused):
        sandbox.dispute_at_bank(payment.reference)
    sandbox.capture_at_dashboard(payment.reference)
    sandbox.refund_at_dashboard(payment.reference, 940)
    before = len(sandbox.events())
    dispute = sandbox.dispute_at_bank(payment.reference, amount)
    assert [event.type for event in sandbox.events()][before:] == DISPUTED[provider]
    for refused in (sandbox.dispute_at_bank, sandbox.refund_at_dashboard):
        with pytest.raises(Refused):
            refused(payment.reference)
    sandbox.win_dispute(dispute)
    assert [event.type for event in sandbox.events()][before:] == DISPUTED[provider] + WON[provider]
    with pytest.raises(Refused):
        sandbox.win_dispute(dispute)
    sandbox.refund_at_dashboard(payment.reference, 1000)
    assert [(entry.reference, entry.kind, entry.amount) for entry in sandbox.ledger()] == [
        (payment.reference, "capture", 3940),
        (payment.reference, "refund", 940),
        (payment.reference, "chargeback", taken),
        (payment.reference, "reinstated", taken),
        (payment.reference, "refund", 1000),
    ]
