"""Stripe's API: who calls, what is asked, and whether it was asked before."""

import base64
import secrets
from collections.abc import Callable
from typing import Any

from stripe import params

from payments.sandbox import charges, intents
from payments.sandbox.parameters import checked, decode, refuse, stripe_error
from payments.sandbox.replays import KeyInUse, KeyMisused, Replays
from payments.sandbox.store import Store
from payments.sandbox.stripe_objects import Request, new_id
from payments.sandbox.wire import Answer, Call, Keys, Refused, Route, find_route

KEY_LIFETIME = 24 * 3600


INTENTS = "/v1/payment_intents"
BALANCES = "/v1/balance_transactions"
INTENT = "/v1/payment_intents/{}"
PAGE = {"created", "limit", "starting_after"}
CREATE = {
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "currency",
    "description",
    "metadata",
    "payment_method",
    "payment_method_options.card.capture_method",
    "payment_method_types",
    "receipt_email",
    "return_url",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "use_stripe_sdk",
}
UPDATE = {"amount", "description", "metadata", "receipt_email"}
CONFIRM = {"payment_method", "return_url", "use_stripe_sdk"}
CAPTURE = {"amount_to_capture", "metadata"}
CANCEL = {"cancellation_reason"}
REFUNDS = PAGE | {"charge", "payment_intent"}
BALANCE = PAGE | {"currency", "source", "type"}
REFUND = {"amount", "charge", "metadata", "payment_intent", "reason"}


def route(method: str, path: str, act: Callable[..., Answer], shape: Any, supported: set[str]) -> Route:
    return Route(method, path, act, shape, frozenset({"expand", *supported}))


ROUTES = (
    route("POST", INTENTS, intents.create, params.PaymentIntentCreateParams, CREATE),
    route("GET", INTENTS, intents.list_intents, params.PaymentIntentListParams, PAGE),
    route("GET", INTENT, intents.retrieve, params.PaymentIntentRetrieveParams, {"client_secret"}),
    route("POST", INTENT, intents.update, params.PaymentIntentUpdateParams, UPDATE),
    route("POST", f"{INTENT}/confirm", intents.confirm, params.PaymentIntentConfirmParams, CONFIRM),
    route("POST", f"{INTENT}/capture", intents.capture, params.PaymentIntentCaptureParams, CAPTURE),
    route("POST", f"{INTENT}/cancel", intents.cancel, params.PaymentIntentCancelParams, CANCEL),
    route("POST", "/v1/refunds", charges.create_refund, params.RefundCreateParams, REFUND),
    route("GET", "/v1/refunds", charges.list_refunds, params.RefundListParams, REFUNDS),
    route("GET", "/v1/refunds/{}", charges.retrieve_refund, params.RefundRetrieveParams, set()),
    route("GET", "/v1/charges", charges.list_charges, params.ChargeListParams, PAGE | {"payment_intent"}),
    route("GET", "/v1/charges/{}", charges.retrieve_charge, params.ChargeRetrieveParams, set()),
    route("GET", BALANCES, charges.list_balance_transactions, params.BalanceTransactionListParams, BALANCE),
)
SHOPPER_MAY = {
    intents.retrieve: {"client_secret"},
    intents.confirm: {"client_secret", "payment_method_data", "return_url", "use_stripe_sdk"},
}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, Stripe-Version",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Max-Age": "600",
}


class Stripe:
    """Answers everything under /v1/ that is Stripe's."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self.store, self.keys = store, keys
        self.replays = Replays(store, "stripe", lifetime=KEY_LIFETIME, keeps=lambda answer: True)

    def answer(self, call: Call) -> Answer:
        request_id = new_id("req")
        if call.method == "OPTIONS":
            return Answer(204, b"", dict(CORS))
        try:
            answer = self._answer(call, request_id)
        except Refused as refusal:
            answer = refusal.answer
        answer = Answer(answer.status, answer.body, {**answer.headers, **CORS})
        return answer.having(Request_Id=request_id)

    def _answer(self, call: Call, request_id: str) -> Answer:
        given = decode(call.body.decode(errors="replace") if call.method == "POST" else call.query)
        shopper = self._is_shopper(call, given)
        wanted = find_route(ROUTES, call)
        if wanted is None:
            return stripe_error(404, f"Unrecognized request URL ({call.method}: {call.path}).")
        route, arguments = wanted
        values = (
            self._shopper_values(given, route.act)
            if shopper
            else checked(given, route.shape, route.supported)
        )
        key = call.header("Idempotency-Key") if call.method == "POST" else ""
        at = int(call.at)
        request = Request(self.store, values, at, call.origin, shopper, request_id, key, call.defer)
        return self._once(key, call, lambda: route.act(request, *arguments))

    def _once(self, key: str, call: Call, act: Callable[[], Answer]) -> Answer:
        try:
            answer, replayed = self.replays.once(key, call, act)
        except KeyMisused:
            return stripe_error(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used "
                f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                type="idempotency_error",
            )
        except KeyInUse:
            return stripe_error(
                409,
                f"There is currently another in-progress request using this Idempotent Key: {key}",
                type="idempotency_error",
                code="idempotency_key_in_use",
            )
        if key:
            answer = answer.having(Idempotency_Key=key)
        return answer.having(Idempotent_Replayed="true") if replayed else answer

    def _is_shopper(self, call: Call, given: dict[str, Any]) -> bool:
        """True for the publishable key, False for the secret one; anybody else is refused."""
        key = _key_of(call) or str(given.pop("key", ""))
        if not key:
            raise Refused(stripe_error(401, "You did not provide an API key."))
        if secrets.compare_digest(key.encode(), self.keys.stripe_secret.encode()):
            return False
        if secrets.compare_digest(key.encode(), self.keys.stripe_publishable.encode()):
            return True
        raise Refused(stripe_error(401, f"Invalid API Key provided: {key[:7]}***"))

    def _shopper_values(self, given: dict[str, Any], act: Callable[..., Answer]) -> dict[str, Any]:
        if act not in SHOPPER_MAY:
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            raise Refused(stripe_error(403, message, code="secret_key_required"))
        for name in sorted(set(given) - SHOPPER_MAY[act]):
            raise refuse(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        if act is intents.confirm:
            _check_card(given.get("payment_method_data"))
        return {**given, "use_stripe_sdk": given.get("use_stripe_sdk") == "true"}


def _key_of(call: Call) -> str:
    kind, _, value = call.header("Authorization").partition(" ")
    if kind == "Bearer":
        return value
    if kind == "Basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except ValueError:
            return ""
    return ""


def _check_card(data: Any) -> None:
    card = data.get("card") if isinstance(data, dict) and data.get("type") == "card" else None
    if not isinstance(card, dict):
        raise refuse("Missing required param: payment_method_data[card].", code="parameter_missing")
    for name, code in (
        ("number", "number"),
        ("exp_month", "expiry_month"),
        ("exp_year", "expiry_year"),
        ("cvc", "cvc"),
    ):
        value = card.get(name)
        if not isinstance(value, str) or not value.isascii() or not value.replace(" ", "").isdigit():
            param = f"payment_method_data[card][{name}]"
            raise refuse(
                f"Your card's {name} is invalid.", code=f"invalid_{code}", param=param, type="card_error"
            )
    if not 1 <= int(card["exp_month"]) <= 12:
        raise refuse(
            "Your card's expiration month is invalid.", code="invalid_expiry_month", type="card_error"
        )
