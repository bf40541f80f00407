"""Callers of the sandbox: Stripe's own client, and PayPal as our provider speaks to it."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
import stripe

from payments.sandbox.server import DEFAULT_KEYS, Sandbox

GOOD_CARD, CHALLENGED_CARD = "4242424242424242", "4000002500003155"


def stripe_client(sandbox: Sandbox, key: str = DEFAULT_KEYS.stripe_secret) -> Any:
    return stripe.StripeClient(key, base_addresses={"api": sandbox.url}, max_network_retries=0).v1


def an_intent(sandbox: Sandbox, **changes: Any) -> Any:
    """A card payment of 39.40 USD that is held first and captured by us."""
    wanted = {
        "amount": 3940,
        "currency": "usd",
        "automatic_payment_methods": {"enabled": True},
        "payment_method_options": {"card": {"capture_method": "manual"}},
        "metadata": {"session": "7"},
    }
    return stripe_client(sandbox).payment_intents.create({**wanted, **changes})


def a_held_intent(sandbox: Sandbox) -> Any:
    intent = an_intent(sandbox)
    sandbox.confirm_card(intent.id, GOOD_CARD)
    return intent


def refusal(act: Callable[[], Any]) -> Any:
    """The error Stripe's client raised."""
    with pytest.raises(stripe.StripeError) as caught:
        act()
    return caught.value


class PayPal:
    """Signed in with a token."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url, self.session = sandbox.url, requests.Session()
        login = (DEFAULT_KEYS.paypal_client_id, DEFAULT_KEYS.paypal_client_secret)
        grant = {"grant_type": "client_credentials"}
        token = self.session.post(f"{self.url}/v1/oauth2/token", auth=login, data=grant).json()
        self.session.headers["Authorization"] = f"Bearer {token['access_token']}"

    def post(self, path: str, content: Any, key: str = "") -> requests.Response:
        return self.session.post(
            self.url + path, json=content, headers={"PayPal-Request-Id": key} if key else {}
        )

    def get(self, path: str, **query: str) -> requests.Response:
        return self.session.get(self.url + path, params=query)

    def order(self, value: str = "39.40", currency: str = "USD", key: str = "order", **unit: Any) -> Any:
        amount = {"currency_code": currency, "value": value}
        context = {"return_url": "http://shop.test/back?a=1", "cancel_url": "http://shop.test/off"}
        content = {
            "intent": "CAPTURE",
            "purchase_units": [{"amount": amount, "custom_id": "7", **unit}],
            "payment_source": {"paypal": {"experience_context": context}},
        }
        return self.post("/v2/checkout/orders", content, key)

    def capture(self, order_id: str, key: str = "") -> requests.Response:
        return self.post(f"/v2/checkout/orders/{order_id}/capture", {}, key)


def issue(response: requests.Response) -> tuple[int, str, str]:
    content = response.json()
    assert content["debug_id"] == response.headers["Paypal-Debug-Id"]
    return response.status_code, content["name"], content["details"][0]["issue"]
