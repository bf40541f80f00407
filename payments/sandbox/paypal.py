"""PayPal's API: tokens, routes, request ids, and the check of webhook signatures."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import parse_qsl

from payments.sandbox import captures, orders
from payments.sandbox.paypal_objects import Request, invalid, paypal_error
from payments.sandbox.replays import KeyInUse, KeyMisused, Replays
from payments.sandbox.store import Store
from payments.sandbox.webhooks import is_paypal_signed
from payments.sandbox.wire import Answer, Call, Keys, Refused, Route, find_route, in_json

REQUEST_ID_LIFETIME = 6 * 3600
TOKEN_LIFETIME = 9 * 3600
CLAIM = ("auth_algo", "cert_url", "transmission_id", "transmission_sig", "transmission_time", "webhook_id")
ROUTES = (
    Route("POST", "/v2/checkout/orders", orders.create),
    Route("GET", "/v2/checkout/orders/{}", orders.retrieve),
    Route("POST", "/v2/checkout/orders/{}/capture", orders.capture),
    Route("GET", "/v2/payments/captures/{}", captures.retrieve),
    Route("POST", "/v2/payments/captures/{}/refund", captures.refund),
    Route("GET", "/v2/payments/refunds/{}", captures.retrieve_refund),
    Route("GET", "/v1/reporting/transactions", captures.report),
)


def _is_success(answer: Answer) -> bool:
    return answer.status < 300


class PayPal:
    """Answers everything under /v2/ and the three PayPal corners of /v1/."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self.store, self.keys = store, keys
        self.replays = Replays(store, "paypal", lifetime=REQUEST_ID_LIFETIME, keeps=_is_success)

    def answer(self, call: Call) -> Answer:
        try:
            answer = self._answer(call)
        except Refused as refusal:
            answer = refusal.answer
        if "Paypal-Debug-Id" not in answer.headers:
            answer = answer.having(Paypal_Debug_Id=secrets.token_hex(7))
        return answer

    def _answer(self, call: Call) -> Answer:
        if (call.method, call.path) == ("POST", "/v1/oauth2/token"):
            return self._token(call)
        kind, _, token = call.header("Authorization").partition(" ")
        if kind != "Bearer" or not self._is_token(token, call.at):
            text = "Token signature verification failed"
            return in_json(401, {"error": "invalid_token", "error_description": text})
        if (call.method, call.path) == ("POST", "/v1/notifications/verify-webhook-signature"):
            return self._verify(_json(call))
        wanted = find_route(ROUTES, call)
        if wanted is None:
            return paypal_error(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.")
        return self._once(call, *wanted)

    def _once(self, call: Call, route: Route, ids: tuple[str, ...]) -> Answer:
        given = _json(call) if call.method == "POST" else dict(parse_qsl(call.query, keep_blank_values=True))
        key = call.header("PayPal-Request-Id") if call.method == "POST" else ""
        full = call.method == "GET" or "return=representation" in call.header("Prefer")
        # A capture's short answer still holds the capture, hence always whole.
        full = full or route.act is orders.capture
        request = Request(self.store, given, call.at, call.origin, full, key, call.defer)
        try:
            return self.replays.once(key, call, lambda: route.act(request, *ids))[0]
        except KeyMisused:
            detail = {
                "issue": "PAYPAL_REQUEST_ID_PREVIOUSLY_USED",
                "description": "The value of PayPal-Request-Id header has already been used.",
            }
            return paypal_error(
                422, "UNPROCESSABLE_ENTITY", "The request id was used for another request.", detail
            )
        except KeyInUse:
            detail = {
                "issue": "PREVIOUS_REQUEST_IN_PROGRESS",
                "description": "A previous request on this resource is currently in progress.",
            }
            return paypal_error(409, "RESOURCE_CONFLICT", "The server has detected a conflict.", detail)

    # Tokens carry their own end and signature, so a restart forgets none.

    def _token(self, call: Call) -> Answer:
        kind, _, value = call.header("Authorization").partition(" ")
        expected = f"{self.keys.paypal_client_id}:{self.keys.paypal_client_secret}".encode()
        if kind != "Basic" or not hmac.compare_digest(_from_base64(value), expected):
            text = "Client Authentication failed"
            return in_json(401, {"error": "invalid_client", "error_description": text})
        if dict(parse_qsl(call.body.decode(errors="replace"))).get("grant_type") != "client_credentials":
            text = "Grant type must be client_credentials"
            return in_json(400, {"error": "unsupported_grant_type", "error_description": text})
        end = str(int(call.at) + TOKEN_LIFETIME)
        return in_json(
            200,
            {
                "scope": "https://uri.paypal.com/services/payments/payment",
                "access_token": f"A21AA.{end}.{self._token_signature(end)}",
                "token_type": "Bearer",
                "app_id": "APP-SANDBOX",
                "expires_in": TOKEN_LIFETIME,
                "nonce": secrets.token_hex(16),
            },
        )

    def _token_signature(self, end: str) -> str:
        secret = self.keys.paypal_client_secret.encode()
        return hmac.new(secret, f"token|{end}".encode(), hashlib.sha256).hexdigest()

    def _is_token(self, token: str, at: float) -> bool:
        _, _, rest = token.partition(".")
        end, _, signature = rest.partition(".")
        right = self._token_signature(end)
        return hmac.compare_digest(signature.encode(), right.encode()) and int(end) > at

    def _verify(self, given: dict[str, Any]) -> Answer:
        for name in CLAIM:
            if not isinstance(given.get(name), str) or not given[name]:
                raise invalid("MISSING_REQUIRED_PARAMETER", "A required field is missing.", f"/{name}")
        if not isinstance(given.get("webhook_event"), dict):
            raise invalid("MISSING_REQUIRED_PARAMETER", "A required field is missing.", "/webhook_event")
        is_right = is_paypal_signed(given["webhook_event"], self.keys, given)
        return in_json(200, {"verification_status": "SUCCESS" if is_right else "FAILURE"})


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _json(call: Call) -> dict[str, Any]:
    try:
        given = json.loads(call.body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise invalid("MALFORMED_REQUEST_JSON", "The request JSON is not well formed.", "")
    if not call.header("Content-Type").startswith("application/json"):
        message = "The server does not support the request payload's media type."
        raise Refused(paypal_error(415, "UNSUPPORTED_MEDIA_TYPE", message))
    return given
