"""The stand-in must decline, repeat and race as Stripe does, or the tests built on it prove nothing."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
import stripe

from payments.sandbox.server import DEFAULT_KEYS, Sandbox
from tests.payments.callers import (
    CHALLENGED_CARD,
    GOOD_CARD,
    a_held_intent,
    an_intent,
    refusal,
    stripe_client,
)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox().start()
    yield running
    running.stop()


def test_a_card_is_held_then_captured(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), an_intent(sandbox)
    assert (intent.status, intent.livemode, intent.metadata["session"]) == (
        "requires_payment_method",
        False,
        "7",
    )
    held = sandbox.confirm_card(intent.client_secret, GOOD_CARD)
    assert (held["status"], held["amount_capturable"], held["amount_received"]) == (
        "requires_capture",
        3940,
        0,
    )
    assert sandbox.ledger() == []
    paid = api.payment_intents.capture(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.amount_capturable, paid.amount_received) == ("succeeded", 0, 3940)
    card = paid.latest_charge.payment_method_details.card
    assert (card.brand, card.last4, paid.latest_charge.amount_captured) == ("visa", "4242", 3940)
    [entry] = sandbox.ledger()
    assert entry[:-1] == ("stripe", "capture", intent.id, paid.latest_charge.id, 3940, "USD")
    assert paid.last_response.headers["Request-Id"].startswith("req_")


def test_automatic_capture_takes_the_money_at_once(sandbox: Sandbox) -> None:
    intent = an_intent(sandbox, payment_method_options={}, currency="jpy", amount=4000)
    assert sandbox.confirm_card(intent.id, GOOD_CARD)["status"] == "succeeded"
    assert [(entry.amount, entry.currency) for entry in sandbox.ledger()] == [(4000, "JPY")]


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", None),
        ("4000000000000127", "incorrect_cvc", None),
        ("4111111111111111", "card_declined", "test_mode_live_card"),
        ("4111111111111112", "incorrect_number", None),
    ],
)
def test_a_declined_card_can_be_replaced(sandbox: Sandbox, number: str, code: str, decline_code: str) -> None:
    intent = an_intent(sandbox)
    declined = sandbox.confirm_card(intent.id, number)
    error = declined["last_payment_error"]
    assert (declined["status"], declined["payment_method"]) == ("requires_payment_method", None)
    assert (error["type"], error["code"], error.get("decline_code")) == ("card_error", code, decline_code)
    assert error["payment_method"]["card"]["last4"] == number[-4:]
    again = sandbox.confirm_card(intent.id, GOOD_CARD)
    assert (again["status"], again["last_payment_error"]) == ("requires_capture", None)


def test_a_decline_is_a_card_error_to_the_caller(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), an_intent(sandbox)
    given = {"payment_method": "pm_card_visa_chargeDeclined"}
    error = refusal(lambda: api.payment_intents.confirm(intent.id, given))
    assert (type(error), error.http_status, error.code) == (stripe.CardError, 402, "card_declined")
    assert error.error.payment_intent.status == "requires_payment_method"


@pytest.mark.parametrize(
    ("passed", "status"), [(True, "requires_capture"), (False, "requires_payment_method")]
)
def test_three_d_secure(sandbox: Sandbox, passed: bool, status: str) -> None:
    intent = an_intent(sandbox)
    asked = sandbox.confirm_card(intent.id, CHALLENGED_CARD)
    assert (asked["status"], asked["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    answered = sandbox.authenticate(intent.id, passed=passed)
    assert (answered["status"], answered["next_action"]) == (status, None)
    code = (answered["last_payment_error"] or {}).get("code")
    assert code == (None if passed else "payment_intent_authentication_failure")


def test_three_d_secure_by_redirect_works_without_a_script(sandbox: Sandbox) -> None:
    api = stripe_client(sandbox)
    intent = an_intent(sandbox, return_url="http://shop.test/back?a=1")
    asked = api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_authenticationRequired"})
    page = asked.next_action.redirect_to_url.url
    assert "Complete authentication" in requests.get(page).text
    back = requests.post(page, data={"outcome": "complete"}, allow_redirects=False)
    assert back.status_code == 303
    assert back.headers["Location"] == (
        f"http://shop.test/back?a=1&payment_intent={intent.id}"
        f"&payment_intent_client_secret={intent.client_secret}&redirect_status=succeeded"
    )
    assert requests.get(page).status_code == 410
    requests.post(page, data={"outcome": "fail"}, allow_redirects=False)
    assert sandbox.intent(intent.id)["status"] == "requires_capture"


def test_what_is_over_cannot_be_moved(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), a_held_intent(sandbox)
    cancelled = api.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    captured_late = refusal(lambda: api.payment_intents.capture(intent.id))
    cancelled_twice = refusal(lambda: api.payment_intents.cancel(intent.id))
    for error in (captured_late, cancelled_twice):
        assert (error.http_status, error.code) == (400, "payment_intent_unexpected_state")
        assert error.error.payment_intent.status == "canceled"
    assert sandbox.ledger() == []


def test_refunds_never_exceed_the_capture(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), a_held_intent(sandbox)
    everything = {"payment_intent": intent.id}
    assert refusal(lambda: api.refunds.create(everything)).http_status == 400
    api.payment_intents.capture(intent.id)
    first = api.refunds.create({"payment_intent": intent.id, "amount": 940, "metadata": {"refund": "1"}})
    assert (first.status, first.amount, first.metadata["refund"]) == ("succeeded", 940, "1")
    assert (
        refusal(lambda: api.refunds.create({"payment_intent": intent.id, "amount": 3001})).http_status == 400
    )
    rest = api.refunds.create({"payment_intent": intent.id})
    assert rest.amount == 3000
    assert (
        refusal(lambda: api.refunds.create({"payment_intent": intent.id})).code == "charge_already_refunded"
    )
    listed = api.refunds.list({"payment_intent": intent.id})
    assert [refund.id for refund in listed.data] == [rest.id, first.id]
    assert [(entry.kind, entry.amount) for entry in sandbox.ledger()] == [
        ("capture", 3940),
        ("refund", 940),
        ("refund", 3000),
    ]
    moves = api.balance_transactions.list({"created": {"gte": intent.created}})
    assert [(move.type, move.amount) for move in moves.data] == [
        ("refund", -3000),
        ("refund", -940),
        ("charge", 3940),
    ]


def test_lists_are_paged_newest_first(sandbox: Sandbox) -> None:
    api = stripe_client(sandbox)
    ids = [an_intent(sandbox).id for _ in range(5)]
    page = api.payment_intents.list({"limit": 2, "created": {"gte": 0}})
    assert ([intent.id for intent in page.data], page.has_more) == ([ids[4], ids[3]], True)
    assert [intent.id for intent in page.auto_paging_iter()] == list(reversed(ids))
    future = api.payment_intents.list({"created": {"gt": page.data[0].created}})
    assert future.data == []


def test_update_merges_metadata(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), an_intent(sandbox)
    updated = api.payment_intents.update(intent.id, {"metadata": {"session": "", "invoice": "INV-1"}})
    assert updated.metadata.to_dict() == {"invoice": "INV-1"}


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amuont": 1}, "parameter_unknown", "amuont"),
        (
            {"payment_method_options": {"card": {"nonsense": "1"}}},
            "parameter_unknown",
            "payment_method_options[card][nonsense]",
        ),
        ({"amount": "12.5"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0}, "parameter_invalid_integer", "amount"),
        ({"amount": 49}, "amount_too_small", "amount"),
        ({"currency": "bhd", "amount": 1001}, None, "amount"),
        ({"customer": "cus_1"}, None, "customer"),
    ],
)
def test_wrong_parameters_are_refused(sandbox: Sandbox, changes: Any, code: str | None, param: str) -> None:
    error = refusal(lambda: an_intent(sandbox, **changes))
    assert (type(error), error.http_status) == (stripe.InvalidRequestError, 400)
    assert (error.code, error.param) == (code, param)
    assert stripe_client(sandbox).payment_intents.list().data == []


def test_missing_and_unknown_things(sandbox: Sandbox) -> None:
    api = stripe_client(sandbox)
    assert refusal(lambda: api.payment_intents.create({"amount": 100})).code == "parameter_missing"
    error = refusal(lambda: api.payment_intents.retrieve("pi_unknown"))
    assert (error.http_status, error.code) == (404, "resource_missing")
    assert refusal(lambda: an_intent(sandbox, expand=["nothing"])).param == "expand"
    assert api.payment_intents.list().data == []


def test_only_the_secret_key_opens_the_api(sandbox: Sandbox) -> None:
    intent = a_held_intent(sandbox)
    stranger = stripe_client(sandbox, "sk_test_wrong")
    error = refusal(lambda: stranger.payment_intents.retrieve(intent.id))
    assert (type(error), error.http_status) == (stripe.AuthenticationError, 401)
    shopper = stripe_client(sandbox, DEFAULT_KEYS.stripe_publishable)
    assert refusal(lambda: shopper.payment_intents.capture(intent.id)).http_status == 403
    wrong = {"client_secret": f"{intent.id}_secret_wrong"}
    assert refusal(lambda: shopper.payment_intents.retrieve(intent.id, wrong)).http_status == 400
    seen = shopper.payment_intents.retrieve(intent.id, {"client_secret": intent.client_secret})
    assert seen.status == "requires_capture"
    assert "metadata" not in seen
    assert "latest_charge" not in seen
    basic = requests.get(
        f"{sandbox.url}/v1/payment_intents/{intent.id}", auth=(DEFAULT_KEYS.stripe_secret, "")
    )
    assert basic.json()["metadata"] == {"session": "7"}


def test_the_browser_confirms_with_card_data_that_is_not_kept(sandbox: Sandbox) -> None:
    intent = an_intent(sandbox)
    answer = requests.post(
        f"{sandbox.url}/v1/payment_intents/{intent.id}/confirm",
        data={
            "key": DEFAULT_KEYS.stripe_publishable,
            "client_secret": intent.client_secret,
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": "4111 1111 1111 1111",
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": "2034",
            "payment_method_data[card][cvc]": "123",
        },
        headers={"Origin": "http://shop.test"},
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "card_declined")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "4111" not in "".join(call.body for call in sandbox.calls)
    rows = sandbox.store._rows("SELECT body FROM objects UNION ALL SELECT body FROM events")
    assert "411111" not in "".join(row[0] for row in rows)


def test_the_same_key_gets_the_same_answer(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), a_held_intent(sandbox)
    first = api.payment_intents.capture(intent.id, options={"idempotency_key": "c1"})
    again = api.payment_intents.capture(intent.id, options={"idempotency_key": "c1"})
    assert again.last_response.body == first.last_response.body
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert len(sandbox.ledger()) == 1
    assert [call.idempotency_key for call in sandbox.calls if call.path.endswith("/capture")] == ["c1", "c1"]


def test_a_stored_error_is_replayed_and_other_parameters_are_refused(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), an_intent(sandbox)
    key = {"idempotency_key": "c2"}
    first = refusal(lambda: api.payment_intents.capture(intent.id, options=key))
    sandbox.confirm_card(intent.id, GOOD_CARD)
    again = refusal(lambda: api.payment_intents.capture(intent.id, options=key))
    assert again.http_body == first.http_body
    assert again.headers["Idempotent-Replayed"] == "true"
    other = refusal(lambda: api.payment_intents.capture(intent.id, {"amount_to_capture": 1}, options=key))
    assert (type(other), other.http_status) == (stripe.IdempotencyError, 400)
    assert sandbox.ledger() == []


class Announced(set[str]):
    """A set that says when something was put into it."""

    def __init__(self) -> None:
        self.told = threading.Event()

    def add(self, item: str) -> None:
        super().add(item)
        self.told.set()


def test_a_key_in_use_is_refused(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), a_held_intent(sandbox)
    under_way = sandbox.stripe.replays._under_way = Announced()
    key = {"idempotency_key": "c3"}
    with ThreadPoolExecutor(1) as pool:
        with sandbox.store.lock:  # the first call has taken the key and cannot go on
            first = pool.submit(api.payment_intents.capture, intent.id, options=key)
            assert under_way.told.wait(10)
            error = refusal(lambda: api.payment_intents.capture(intent.id, options=key))
        assert first.result().status == "succeeded"
    assert (error.http_status, error.error.code) == (409, "idempotency_key_in_use")


@pytest.mark.parametrize("same_key", [False, True])
def test_of_many_captures_one_takes_the_money(sandbox: Sandbox, same_key: bool) -> None:
    intent = a_held_intent(sandbox)

    def capture(number: int) -> str:
        key = "one" if same_key else f"key {number}"
        try:
            stripe_client(sandbox).payment_intents.capture(intent.id, options={"idempotency_key": key})
        except stripe.StripeError as error:
            return error.error.code
        return "ok"

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(capture, range(16)))
    if same_key:
        assert "ok" in outcomes
        assert set(outcomes) <= {"ok", "idempotency_key_in_use"}
    else:
        assert sorted(outcomes) == ["ok"] + ["payment_intent_unexpected_state"] * 15
    assert [entry.amount for entry in sandbox.ledger()] == [3940]


def test_objects_have_only_fields_the_sdk_knows(sandbox: Sandbox) -> None:
    api, intent = stripe_client(sandbox), an_intent(sandbox)
    sandbox.confirm_card(intent.id, "4000000000000002")
    method = sandbox.intent(intent.id)["last_payment_error"]["payment_method"]
    sandbox.confirm_card(intent.id, GOOD_CARD)
    paid = api.payment_intents.capture(intent.id, {"expand": ["latest_charge.balance_transaction"]}).to_dict()
    charge = paid["latest_charge"]
    refund = api.refunds.create({"payment_intent": intent.id}).to_dict()
    event = json.loads(sandbox.events()[0].body)
    disputed = a_held_intent(sandbox)
    sandbox.capture_at_dashboard(disputed.id)
    dispute = sandbox.store.get("dispute", sandbox.dispute_at_bank(disputed.id)) or {}
    known = {
        stripe.PaymentIntent: paid,
        stripe.Charge: charge,
        stripe.Charge.Outcome: charge["outcome"],
        stripe.Charge.PaymentMethodDetails: {"type": "card"},
        stripe.Charge.PaymentMethodDetails.Card: charge["payment_method_details"]["card"],
        stripe.BalanceTransaction: charge["balance_transaction"],
        stripe.PaymentMethod: method,
        stripe.PaymentMethod.Card: method["card"],
        stripe.Refund: refund,
        stripe.Dispute: dispute,
        stripe.Dispute.EvidenceDetails: dispute["evidence_details"],
        stripe.Event: event,
    }
    strange = {kind.__name__: set(thing) - set(kind.__annotations__) for kind, thing in known.items()}
    assert strange == {kind.__name__: set() for kind in known}
