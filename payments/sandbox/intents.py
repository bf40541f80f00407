"""Stripe PaymentIntents: the status machine and its refusals."""

import secrets
from typing import Any

from payments.sandbox import charges
from payments.sandbox.cards import BY_TOKEN, Card, Decline, card_numbered, card_of, payment_method
from payments.sandbox.parameters import refuse, stripe_error
from payments.sandbox.stripe_objects import Request, answered, found, listed, new_id, public, shown, tell
from payments.sandbox.wire import Answer, Refused

Thing = dict[str, Any]
CANCELLABLE = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")
CHANGEABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
THREE_DECIMALS = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_HUNDREDS = frozenset({"isk", "ugx"})  # no minor unit, but Stripe counts them in hundredths
SMALLEST = {
    "usd": 50,
    "eur": 50,
    "gbp": 30,
    "jpy": 50,
    "chf": 50,
    "cad": 50,
    "aud": 50,
    "sek": 300,
    "nok": 300,
}
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again."
)


def create(request: Request) -> Answer:
    params = request.params
    _check_amount(params["amount"], params["currency"].lower())
    intent = _new(request)
    if "payment_method" in params:
        intent["payment_method"] = _method(request, params)["id"]
        intent["status"] = "requires_confirmation"
    _save(request, intent)
    return confirm(request, intent["id"]) if params.get("confirm") else answered(request, intent)


def _check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise refuse(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount"
        )
    if amount > 99_999_999:
        raise refuse("Amount must be no more than 99999999", code="amount_too_large", param="amount")
    if not (len(currency) == 3 and currency.isalpha()):
        raise refuse(f"Invalid currency: {currency}.", param="currency")
    if (currency in THREE_DECIMALS and amount % 10) or (currency in WHOLE_HUNDREDS and amount % 100):
        raise refuse(f"Invalid amount for {currency}: it must be rounded.", param="amount")
    if amount < SMALLEST.get(currency, 1):
        raise refuse("Amount is below the smallest charge.", code="amount_too_small", param="amount")


def _new(request: Request) -> Thing:
    params, intent_id = request.params, new_id("pi")
    types, automatic = params.get("payment_method_types"), params.get("automatic_payment_methods")
    if types and automatic:
        raise refuse("You may only specify one of these: automatic_payment_methods, payment_method_types.")
    if types and types != ["card"]:
        raise refuse("The sandbox knows only the payment method type card.", param="payment_method_types")
    if params.get("capture_method", "automatic") not in ("automatic", "automatic_async", "manual"):
        raise refuse("Invalid capture_method.", param="capture_method")
    if not types:
        automatic = {"allow_redirects": "always", "enabled": True, **(automatic or {})}
    absent = (
        "application application_fee_amount canceled_at cancellation_reason customer last_payment_error "
        "latest_charge next_action on_behalf_of payment_method payment_method_configuration_details "
        "processing review setup_future_usage shipping source transfer_data transfer_group"
    )
    given = ("description", "receipt_email", "statement_descriptor", "statement_descriptor_suffix")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": params["amount"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "automatic_payment_methods": automatic,
        "capture_method": params.get("capture_method", "automatic_async"),
        "client_secret": f"{intent_id}_secret_{secrets.token_hex(12)}",
        "confirmation_method": "automatic",
        "created": request.at,
        "currency": params["currency"].lower(),
        "livemode": False,
        "metadata": _metadata({}, params.get("metadata")),
        "payment_method_options": params.get("payment_method_options") or {"card": {}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **dict.fromkeys(absent.split()),
        **{name: params.get(name) for name in given},
        "_authenticated": False,
        "_challenge": None,
        "_return_url": params.get("return_url"),
    }


def _metadata(old: dict[str, str], new: Any) -> dict[str, str]:
    """An empty value removes its key; the empty string removes all."""
    if new == "":
        return {}
    if new is not None and not isinstance(new, dict):
        raise refuse("Invalid object", param="metadata")
    merged = {key: value for key, value in {**old, **(new or {})}.items() if value != ""}
    for key, value in merged.items():
        if len(key) > 40 or len(str(value)) > 500 or len(merged) > 50:
            raise refuse(
                "Metadata: at most 50 keys of 40 and values of 500 characters.", param=f"metadata[{key}]"
            )
    return merged


def _save(request: Request, intent: Thing) -> None:
    request.store.put("payment_intent", intent, at=request.at)


def load(request: Request, intent_id: str) -> Thing:
    """The intent; a shopper must also know its client secret, and learns nothing otherwise."""
    intent = found(request, "payment_intent", intent_id, param="intent")
    if request.shopper and not secrets.compare_digest(
        intent["client_secret"].encode(), str(request.params.get("client_secret", "")).encode()
    ):
        raise refuse(
            "The client_secret provided does not match any associated PaymentIntent on this account.",
            code="payment_intent_invalid_parameter",
            param="client_secret",
        )
    return intent


def retrieve(request: Request, intent_id: str) -> Answer:
    return answered(request, load(request, intent_id))


def list_intents(request: Request) -> Answer:
    return listed(request, "payment_intent", "/v1/payment_intents")


def _require(request: Request, intent: Thing, verb: str, allowed: tuple[str, ...]) -> None:
    if intent["status"] not in allowed:
        raise Refused(
            stripe_error(
                400,
                f"This PaymentIntent could not be {verb} because it has a status of {intent['status']}. Only "
                f"a PaymentIntent with one of the following statuses may be {verb}: {', '.join(allowed)}.",
                code="payment_intent_unexpected_state",
                payment_intent=shown(request, intent),
            )
        )


def update(request: Request, intent_id: str) -> Answer:
    intent, params = load(request, intent_id), request.params
    if "amount" in params:
        _require(request, intent, "updated", CHANGEABLE)
        _check_amount(params["amount"], intent["currency"])
        intent["amount"] = params["amount"]
    intent["metadata"] = _metadata(intent["metadata"], params.get("metadata"))
    for name in ("description", "receipt_email"):
        if name in params:
            intent[name] = params[name] or None
    _save(request, intent)
    return answered(request, intent)


def confirm(request: Request, intent_id: str) -> Answer:
    """Try the card: paid, held for capture, challenged by the bank, or declined (402, and it is written)."""
    intent, params = load(request, intent_id), request.params
    _require(request, intent, "confirmed", CHANGEABLE)
    if "payment_method" in params or "payment_method_data" in params:
        method = _method(request, params)
    elif intent["payment_method"]:
        method = found(request, "payment_method", intent["payment_method"])
    else:
        raise refuse("You cannot confirm this PaymentIntent because it's missing a payment method.")
    intent.update(payment_method=method["id"], last_payment_error=None, _authenticated=False)
    if params.get("return_url"):
        intent["_return_url"] = params["return_url"]
    card = card_of(method)
    if card.challenge:
        _challenge(request, intent)
        return answered(request, intent)
    return _charge(request, intent, method, card)


def _method(request: Request, params: Thing) -> Thing:
    """The payment method: card data from the browser, a ready-made test method, or one made earlier."""
    data = params.get("payment_method_data")
    if data is None and params["payment_method"] not in BY_TOKEN:
        return found(request, "payment_method", params["payment_method"], param="payment_method")
    expiry = {}
    if data is None:
        card = BY_TOKEN[params["payment_method"]]
    else:
        card = card_numbered(str(data["card"]["number"]))
        expiry = {"exp_month": int(data["card"]["exp_month"]), "exp_year": int(data["card"]["exp_year"])}
    method = payment_method(card, id=new_id("pm"), at=request.at, **expiry)
    request.store.put("payment_method", method, at=request.at)
    return method


def _challenge(request: Request, intent: Thing) -> None:
    attempt = {"id": new_id("payatt"), "payment_intent": intent["id"]}
    request.store.put("challenge", attempt, at=request.at)
    url = f"{request.origin}/3ds/{attempt['id']}"
    intent.update(status="requires_action", _challenge=attempt["id"])
    if request.params.get("use_stripe_sdk"):
        sdk = {"type": "three_d_secure_redirect", "stripe_js": url}
        intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}
    else:
        redirect = {"return_url": intent["_return_url"], "url": url}
        intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": redirect}
    _save(request, intent)


def _charge(request: Request, intent: Thing, method: Thing, card: Card) -> Answer:
    card_options = intent["payment_method_options"].get("card") or {}
    manual = "manual" in (intent["capture_method"], card_options.get("capture_method"))
    charge = charges.charge(request, intent, method, card.decline, captured=not manual)
    intent.update(latest_charge=charge["id"], next_action=None)
    if card.decline:
        return _declined(request, intent, method, card.decline)
    if manual:
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
    else:
        intent.update(status="succeeded", amount_received=intent["amount"])
    _save(request, intent)
    tell(
        request, "payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", intent
    )
    return answered(request, intent)


def _declined(request: Request, intent: Thing, method: Thing, decline: Decline) -> Answer:
    error = {
        "charge": intent["latest_charge"],
        "code": decline.code,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "payment_method": public(method),
        "type": "card_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    _back_to_payer(request, intent, error)
    details = {key: value for key, value in error.items() if key != "message"}
    return stripe_error(402, decline.message, **details, payment_intent=shown(request, intent))


def _back_to_payer(request: Request, intent: Thing, error: Thing) -> None:
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error
    )
    _save(request, intent)
    tell(request, "payment_intent.payment_failed", intent)


def is_open(intent: Thing, attempt: Thing) -> bool:
    """Whether this challenge still waits for the customer; a later attempt to pay replaces it."""
    return intent["status"] == "requires_action" and intent["_challenge"] == attempt["id"]


def finish_challenge(request: Request, attempt: Thing, *, passed: bool) -> Thing:
    """The bank's page was answered. Answers the intent as it stands afterwards."""
    intent = found(request, "payment_intent", attempt["payment_intent"])
    if not is_open(intent, attempt):
        return intent
    method = found(request, "payment_method", intent["payment_method"])
    if passed:
        intent["_authenticated"] = True
        _charge(request, intent, method, card_of(method))
    else:
        code = "payment_intent_authentication_failure"
        error = {"code": code, "message": AUTHENTICATION_FAILED, "type": "invalid_request_error"}
        _back_to_payer(request, intent, {**error, "payment_method": public(method)})
    return found(request, "payment_intent", intent["id"])


def capture(request: Request, intent_id: str) -> Answer:
    intent = load(request, intent_id)
    _require(request, intent, "captured", ("requires_capture",))
    amount = int(request.params.get("amount_to_capture", intent["amount_capturable"]))
    if not 1 <= amount <= intent["amount_capturable"]:
        raise refuse(
            f"The amount to capture must be between 1 and {intent['amount_capturable']}.",
            **{
                "code": "amount_too_large" if amount > 0 else "amount_too_small",
                "param": "amount_to_capture",
            },
        )
    intent["metadata"] = _metadata(intent["metadata"], request.params.get("metadata"))
    if request.defer:
        intent.update(status="processing", amount_capturable=0, _to_capture=amount)
        _save(request, intent)
        request.store.defer(
            "payment_intent", intent_id, shown_by=intent_id, lookups=request.defer, at=request.at
        )
        tell(request, "payment_intent.processing", intent)
    else:
        _take(request, intent, amount)
    return answered(request, intent)


def _take(request: Request, intent: Thing, amount: int) -> None:
    charges.take(request, found(request, "charge", intent["latest_charge"]), amount)
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    _save(request, intent)
    tell(request, "payment_intent.succeeded", intent)


def finish(request: Request, intent_id: str) -> None:
    """A capture that was pending is done."""
    intent = found(request, "payment_intent", intent_id)
    _take(request, intent, intent.pop("_to_capture"))


def cancel(request: Request, intent_id: str) -> Answer:
    intent = load(request, intent_id)
    _require(request, intent, "canceled", CANCELLABLE)
    if intent["status"] == "requires_capture":
        charges.release(request, intent["latest_charge"])
    intent.update(
        status="canceled",
        canceled_at=request.at,
        cancellation_reason=request.params.get("cancellation_reason"),
        amount_capturable=0,
        next_action=None,
    )
    _save(request, intent)
    tell(request, "payment_intent.canceled", intent)
    return answered(request, intent)
