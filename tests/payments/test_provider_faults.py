"""A bad line to a provider: what moved no money is refused, and what nobody knows is said to be unknown."""

import json
from time import monotonic
from uuid import uuid4

import pytest

from payments.providers import PROVIDERS
from payments.providers.base import ProviderForgot, ProviderRefused, ProviderUnavailable, State
from tests.factories import PAYPAL, STRIPE
from tests.payments.faults import BROKEN, LOST_ANSWER, LOST_QUESTION, TOO_SLOW, Fault, refused
from tests.payments.test_providers import PRICE, authorized, captures, opened, outside

pytestmark = pytest.mark.django_db
PATHS = {STRIPE: "/v1/payment_intents", PAYPAL: "/v2/checkout/orders"}
NOBODY_KNOWS = {
    "the question was lost": LOST_QUESTION,
    "the answer was lost": LOST_ANSWER,
    "500": refused(500),
    "502": refused(502),
    "503": refused(503),
    "401": refused(401),
    "409": refused(409),
    "429": refused(429),
    "broken JSON": BROKEN,
    "no JSON at all": Fault(200, ""),
    "a list": Fault(200, "[]"),
    "null": Fault(200, "null"),
    "an empty object": Fault(200, "{}"),
    "another object": Fault(200, json.dumps({"id": "x", "object": "payment_intent", "status": "succeeded"})),
    "a number for a name": Fault(200, json.dumps({"id": 7, "status": ["COMPLETED"], "purchase_units": 3})),
    "nested too deep": Fault(200, "[" * 100_000 + "]" * 100_000),
    "an amount that is none": Fault(
        200,
        json.dumps(
            {
                **{"id": "x", "object": "payment_intent", "status": "succeeded", "livemode": False},
                **{"amount": "many", "amount_received": "many", "currency": "usd"},
                "purchase_units": [{"amount": {"value": "many", "currency_code": "USD"}}],
            }
        ),
    ),
}


@outside
@pytest.mark.parametrize("fault", NOBODY_KNOWS.values(), ids=NOBODY_KNOWS)
def test_nobody_knows(code, fault, line):
    provider, reference = PROVIDERS[code], opened(code).reference
    line.always = [(PATHS[code], fault)]
    for act in (
        lambda: provider.lookup(reference=reference),
        lambda: provider.capture(reference=reference, amount=PRICE, key=str(uuid4())),
        lambda: provider.cancel(reference=reference, key=str(uuid4())),
    ):
        with pytest.raises(ProviderUnavailable):
            act()


@outside
@pytest.mark.parametrize("fault", [LOST_QUESTION, LOST_ANSWER, refused(500), refused(429), BROKEN])
def test_an_opening_of_which_nobody_knows(code, fault, line):
    line.always = [(PATHS[code], fault)]
    with pytest.raises(ProviderUnavailable):
        opened(code)


@outside
def test_a_provider_that_takes_too_long(code, line, settings):
    reference = opened(code).reference
    settings.PROVIDER_TIMEOUT = 0.2
    line.always = [(PATHS[code], TOO_SLOW)]
    begun = monotonic()
    with pytest.raises(ProviderUnavailable):
        PROVIDERS[code].lookup(reference=reference)
    assert 0.2 <= monotonic() - begun < 10


@outside
def test_nobody_answers_at_all(code, settings):
    settings.STRIPE_API_BASE = settings.PAYPAL_API_BASE = "http://127.0.0.1:9"
    with pytest.raises(ProviderUnavailable):
        PROVIDERS[code].lookup(reference="x")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        (STRIPE, 400, ProviderRefused),
        (STRIPE, 402, ProviderRefused),
        (STRIPE, 403, ProviderUnavailable),  # about our key, not about this payment
        (STRIPE, 404, ProviderForgot),
        (PAYPAL, 400, ProviderRefused),
        (PAYPAL, 403, ProviderRefused),
        (PAYPAL, 404, ProviderForgot),
        (PAYPAL, 422, ProviderRefused),
    ],
)
def test_a_refusal_means_that_nothing_happened(code, status, error, line):
    reference = opened(code).reference
    line.always = [(PATHS[code], refused(status))]
    for act in (lambda: PROVIDERS[code].lookup(reference=reference), lambda: opened(code)):
        with pytest.raises(error) as caught:
            act()
        assert type(caught.value) is error


@outside
def test_a_refused_capture_is_looked_at(code, line, sandbox):
    reference = authorized(code, sandbox)
    line.next_calls = [("capture", refused(400))]
    seen = PROVIDERS[code].capture(reference=reference, amount=PRICE, key=str(uuid4()))
    assert seen.state is State.CAPTURABLE
    assert captures(sandbox, reference) == []


@outside
def test_a_capture_whose_answer_was_lost_is_not_made_again_by_the_same_key(code, line, sandbox):
    reference, key = authorized(code, sandbox), str(uuid4())
    line.next_calls = [("capture", LOST_ANSWER)]
    with pytest.raises(ProviderUnavailable):
        PROVIDERS[code].capture(reference=reference, amount=PRICE, key=key)
    assert captures(sandbox, reference) == [3940]
    assert PROVIDERS[code].capture(reference=reference, amount=PRICE, key=key).state is State.CAPTURED
    assert captures(sandbox, reference) == [3940]


@outside
def test_an_error_tells_no_secret(code, line, settings):
    line.always = [(PATHS[code], refused(401))]
    with pytest.raises(ProviderUnavailable) as caught:
        opened(code)
    for secret in (settings.STRIPE_SECRET_KEY, settings.PAYPAL_CLIENT_SECRET):
        assert secret not in str(caught.value)


# PayPal's access token


def test_paypal_is_asked_for_one_access_token(line):
    reference = opened(PAYPAL).reference
    PROVIDERS[PAYPAL].lookup(reference=reference)
    assert line.calls("/v1/oauth2/token") == 1


def test_a_revoked_access_token_is_renewed_and_the_call_repeated_with_its_key(line, sandbox):
    opened(PAYPAL)
    line.next_calls = [("/v2/checkout/orders", refused(401))]
    made = opened(PAYPAL, "key-of-this-opening")
    assert made.reference
    assert line.calls("/v1/oauth2/token") == 2
    keys = [headers.get("PayPal-Request-Id") for _, path, _, headers in line.seen if path.startswith("/v2")]
    assert keys[1:] == ["key-of-this-opening"] * 2
    tokens = [headers["Authorization"] for _, path, _, headers in line.seen if path.startswith("/v2")]
    assert all(token.startswith("Bearer A21AA.") for token in tokens)
    PROVIDERS[PAYPAL].lookup(reference=made.reference)
    assert line.calls("/v1/oauth2/token") == 2


def test_an_access_token_that_is_refused_twice_is_kept_by_nobody(line):
    line.always = [("/v2/checkout/orders", refused(401))]
    with pytest.raises(ProviderUnavailable):
        opened(PAYPAL)
    assert (line.calls("/v2/checkout/orders"), line.calls("/v1/oauth2/token")) == (2, 2)
    line.always = []
    assert opened(PAYPAL).reference


@pytest.mark.parametrize("fault", [LOST_QUESTION, refused(401), refused(500), BROKEN, Fault(200, "{}")])
def test_without_an_access_token_nobody_knows(line, fault):
    line.always = [("/v1/oauth2/token", fault)]
    with pytest.raises(ProviderUnavailable):
        opened(PAYPAL)
    assert line.calls("/v2/checkout/orders") == 0


def test_an_access_token_is_renewed_before_it_ends(line, monkeypatch):
    line.next_calls = [("token", Fault(200, json.dumps({"access_token": "old", "expires_in": 60})))]
    line.always = [("/v2/checkout/orders", refused(422))]
    for _ in range(2):
        with pytest.raises(ProviderRefused):
            opened(PAYPAL)
    tokens = [headers["Authorization"] for _, path, _, headers in line.seen if path.startswith("/v2")]
    assert tokens[0] == "Bearer old"
    assert tokens[1].startswith("Bearer A21AA.")


def test_an_amount_of_an_unknown_currency_is_unknown(line):
    reference = opened(PAYPAL).reference
    order = {"id": reference, "status": "COMPLETED", "purchase_units": []}
    order["purchase_units"] = [{"amount": {"value": "1.00", "currency_code": "XQQ"}}]
    line.always = [("/v2/checkout/orders", Fault(200, json.dumps(order)))]
    with pytest.raises(ProviderUnavailable):
        PROVIDERS[PAYPAL].lookup(reference=reference)
