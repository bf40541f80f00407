"""Stripe PaymentIntents: cards are authorized by the payer and captured by us."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

import stripe
from django.conf import settings
from moneyed import Money
from stripe.params import BalanceTransactionListParams, PaymentIntentCreateParams, RefundListParams

from core.errors import Invalid
from payments.providers.base import (
    MALFORMED,
    BadSignature,
    CspOrigins,
    Movement,
    Observation,
    Opened,
    ProviderEvent,
    ProviderForgot,
    ProviderRefused,
    ProviderUnavailable,
    Refunded,
    State,
    Transaction,
    origin_of,
    outside_transactions,
    timeouts,
    whole_second,
)

# docs.stripe.com/currencies: not ISO 4217's list. UGX and ISK are written with two decimals here.
ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THREE_DECIMAL = frozenset("BHD JOD KWD OMR TND".split())

STATES = {
    "requires_payment_method": State.AWAITING_PAYER,
    "requires_confirmation": State.AWAITING_PAYER,
    "requires_action": State.AWAITING_PAYER,
    "requires_capture": State.CAPTURABLE,
    "processing": State.PENDING,
    "succeeded": State.CAPTURED,
    "canceled": State.FAILED,
}
REFUND_STATES: dict[str, Literal["done", "pending", "failed"]] = {
    "succeeded": "done",
    "pending": "pending",
    "requires_action": "pending",
    "failed": "failed",
    "canceled": "failed",
}
# docs.stripe.com/reports/balance-transaction-types: cards, and methods that are no cards. Of adjustments
# docs.stripe.com/reports/reporting-categories tells those of disputes from others.
MOVED: dict[str, Movement] = {
    "charge": "capture",
    "payment": "capture",
    "refund": "refund",
    "payment_refund": "refund",
    "adjustment dispute": "chargeback",
    "adjustment dispute_reversal": "reinstated",
}
PAGE = 100
NO_EVENT = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
# docs.stripe.com/declines/codes, in our words; every other code is told as no reason at all.
REASONS = {
    "insufficient_funds": "insufficient_funds",
    "expired_card": "expired_card",
    "incorrect_cvc": "incorrect_cvc",
    "invalid_cvc": "incorrect_cvc",
    "card_velocity_exceeded": "limit_exceeded",
    "withdrawal_count_limit_exceeded": "limit_exceeded",
    "card_not_supported": "not_supported",
    "currency_not_supported": "not_supported",
    "payment_intent_authentication_failure": "authentication_failure",
    "authentication_required": "authentication_failure",
}


class Stripe:
    """Cards and what else the merchant's Stripe account offers."""

    code = "pp_stripe_stripe"
    label = "Card"
    hint = "Your bank may ask you to confirm"
    is_promise = False

    def is_configured(self) -> bool:
        return bool(settings.STRIPE_SECRET_KEY and settings.STRIPE_PUBLISHABLE_KEY)

    def is_live(self) -> bool:
        return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))

    def csp_origins(self) -> CspOrigins:
        script = origin_of(settings.STRIPE_JS_URL)
        own = (script, *settings.STRIPE_EXTRA_ORIGINS)
        return CspOrigins(script=own, frame=own, connect=(*own, origin_of(settings.STRIPE_API_BASE)))

    def script_url(self, *, currency: str) -> str:
        """Stripe.js, which draws the card fields in Stripe's own frame."""
        return settings.STRIPE_JS_URL

    def open(self, *, amount: Money, key: str, metadata: dict[str, str], return_url: str) -> Opened:
        """Create the PaymentIntent; the same key answers the same intent."""
        params: PaymentIntentCreateParams = {
            "amount": stripe_amount(amount),
            "currency": amount.currency.code.lower(),
            "automatic_payment_methods": {"enabled": True},
            "payment_method_options": {"card": {"capture_method": "manual"}},
            "description": metadata["description"],
            "metadata": {"session": metadata["session"], "account": metadata["account"]},
        }
        with _errors():
            intent = _client().v1.payment_intents.create(params=params, options={"idempotency_key": key})
            data = {"clientSecret": intent.client_secret, "publishableKey": settings.STRIPE_PUBLISHABLE_KEY}
            return Opened(reference=intent.id, data=data)

    def capture(self, *, reference: str, amount: Money, key: str) -> Observation:
        """Take the authorized money; an intent in another state is looked at instead."""
        try:
            with _errors():
                intent = _client().v1.payment_intents.capture(
                    reference,
                    params={"amount_to_capture": stripe_amount(amount), "expand": ["latest_charge"]},
                    options={"idempotency_key": key},
                )
                return _observed(intent)
        except ProviderRefused:
            return self.lookup(reference=reference)

    def lookup(self, *, reference: str) -> Observation:
        with _errors():
            intent = _client().v1.payment_intents.retrieve(reference, params={"expand": ["latest_charge"]})
            return _observed(intent)

    def cancel(self, *, reference: str, key: str) -> Observation:
        """Make sure that it cannot be paid any more; one that was paid already is answered as it is."""
        try:
            with _errors():
                intent = _client().v1.payment_intents.cancel(reference, options={"idempotency_key": key})
                return _observed(intent)
        except ProviderRefused:
            return self.lookup(reference=reference)

    def refund(self, *, reference: str, amount: Money, key: str) -> Refunded:
        """Send money back on a captured intent; the same key sends it once."""
        with _errors():
            made = _client().v1.refunds.create(
                params={
                    "payment_intent": reference,
                    "amount": stripe_amount(amount),
                    "metadata": {"refund": key},
                },
                options={"idempotency_key": key},
            )
            return _refunded(made.to_dict())

    def refunds(self, *, reference: str) -> list[Refunded]:
        params: RefundListParams = {"payment_intent": reference, "limit": PAGE}
        found: list[Refunded] = []
        while True:
            with _errors():
                page = _client().v1.refunds.list(params=params)
                found += [_refunded(made.to_dict()) for made in page.data]
                if not page.has_more:
                    return found
                params["starting_after"] = page.data[-1].id

    def transactions(self, *, since: datetime, until: datetime) -> Iterator[Transaction]:
        """From the balance, whose dates are those of the money and not of the authorization; amounts are the
        payer's, not those that Stripe changed into our own currency."""
        period = (int(whole_second(since).timestamp()), int(whole_second(until).timestamp()))
        params: BalanceTransactionListParams = {
            "created": {"gte": period[0], "lt": period[1]},
            "expand": ["data.source"],
            "limit": PAGE,
        }
        has_more = True
        while has_more:
            with _errors():
                page = _client().v1.balance_transactions.list(params=params)
                moved = [_moved(entry.to_dict()) for entry in page.data]
                has_more = page.has_more
                if has_more:
                    params["starting_after"] = page.data[-1].id
            yield from (one for one in moved if one is not None)

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """Verify `Stripe-Signature` on the raw bytes, at most five minutes old."""
        signature = headers.get("Stripe-Signature", "")
        if not settings.STRIPE_WEBHOOK_SECRET:
            raise BadSignature("No webhook secret is set")
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, stripe.Webhook.DEFAULT_TOLERANCE
            )
            event = json.loads(body)
            thing = event["data"]["object"]
            about = thing.get("payment_intent") or ""
            return ProviderEvent(
                event_id=event["id"],
                kind=event["type"],
                reference=thing["id"] if thing["object"] == "payment_intent" else about,
                capture_reference=about,
            )
        except (stripe.SignatureVerificationError, *NO_EVENT) as error:
            raise BadSignature("Not signed by Stripe") from error


def stripe_amount(amount: Money) -> int:
    """The amount in Stripe's smallest unit. Refuses what Stripe cannot express exactly."""
    scaled = amount.amount.scaleb(_places(amount.currency.code))
    if scaled != scaled.to_integral_value() or (amount.currency.code in THREE_DECIMAL and scaled % 10):
        raise Invalid(f"{amount} cannot be paid by card: too many decimal places", field="amount")
    return int(scaled)


def _places(currency: str) -> int:
    return 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2


def _money(units: int, currency: str) -> Money:
    code = currency.upper()
    return Money(Decimal(units).scaleb(-_places(code)), code)


@lru_cache(maxsize=4)
def _connected(key: str, base: str, timeout: tuple[float, float]) -> stripe.StripeClient:
    client = stripe.RequestsClient(timeout=timeout)
    return stripe.StripeClient(key, base_addresses={"api": base}, http_client=client, max_network_retries=0)


def _client() -> stripe.StripeClient:
    outside_transactions()
    return _connected(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE, timeouts())


@contextmanager
def _errors() -> Iterator[None]:
    """A 4xx about the request means nothing happened; everything else, an answer of another shape than
    Stripe's own included, means that nobody knows."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        if error.http_status == 409:  # another request is at work on it
            raise ProviderUnavailable("Stripe: 409") from error
        if error.http_status == 404:
            raise ProviderForgot("Stripe: resource_missing") from error
        raise ProviderRefused(f"Stripe: {error.code or error.http_status}") from error
    except stripe.StripeError as error:
        raise ProviderUnavailable(f"Stripe: {type(error).__name__}") from error
    except MALFORMED as error:
        raise ProviderUnavailable("Stripe: an answer that is none of Stripe's") from error


def _observed(intent: stripe.PaymentIntent) -> Observation:
    seen: dict[str, Any] = intent.to_dict()
    state = STATES.get(seen["status"], State.UNKNOWN)
    units = seen["amount_received"] if state is State.CAPTURED else seen["amount"]
    charge = seen.get("latest_charge")
    details = (charge.get("payment_method_details") if isinstance(charge, dict) else None) or {}
    card = details.get("card") or {}
    return Observation(
        state=state,
        reference=seen["id"],
        status=seen["status"],
        capture_reference=seen["id"],
        amount=_money(units, seen["currency"]),
        session=(seen.get("metadata") or {}).get("session", ""),
        is_live=seen["livemode"],
        reason=_reason(seen.get("last_payment_error") or {}),
        method=details.get("type") or "",
        method_details={name: card[name] for name in ("brand", "last4") if card.get(name)},
    )


def _refunded(refund: dict[str, Any]) -> Refunded:
    return Refunded(
        reference=refund["id"],
        amount=_money(refund["amount"], refund["currency"]),
        state=REFUND_STATES[refund["status"]],
        key=(refund.get("metadata") or {}).get("refund", ""),
    )


def _kind(entry: dict[str, Any]) -> Movement | None:
    word = entry["type"]
    return MOVED.get(f"{word} {entry.get('reporting_category')}" if word == "adjustment" else word)


def _moved(entry: dict[str, Any]) -> Transaction | None:
    """What an entry of the balance tells of; None for a refund that came back, and for what is neither a
    capture nor its way back."""
    kind, source = _kind(entry), entry["source"]
    if (
        kind is None
        or not entry["amount"]
        or (kind == "refund" and REFUND_STATES[source["status"]] == "failed")
    ):
        return None
    payment = source.get("payment_intent") or source.get("charge") or source["id"]
    if kind == "capture":
        reference, units = payment, source["amount_captured"]
    elif kind == "refund":
        reference, units = source["id"], source["amount"]
    else:  # both ways of one dispute, each known by its entry, which tells how much of it moved
        is_payers = entry["currency"] == source["currency"]
        reference, units = entry["id"], abs(entry["amount"]) if is_payers else source["amount"]
    return Transaction(
        kind=kind,
        reference=reference,
        amount=_money(units, source["currency"]),
        at=datetime.fromtimestamp(entry["created"], UTC),
        capture_reference=payment,
    )


def _reason(error: dict[str, Any]) -> str:
    codes = [code for code in (error.get("decline_code"), error.get("code")) if code]
    return next((REASONS[code] for code in codes if code in REASONS), codes[0] if codes else "")
