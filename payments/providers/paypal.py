"""PayPal Orders v2: the payer approves, we capture. An approved order is not paid."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlencode

from django.conf import settings
from moneyed import Money

from core.errors import Invalid
from payments.providers.base import (
    INSTRUMENT_DECLINED,
    BadSignature,
    CspOrigins,
    Movement,
    Observation,
    Opened,
    ProviderEvent,
    ProviderRefused,
    Refunded,
    State,
    Transaction,
    origin_of,
    whole_second,
)
from payments.providers.paypal_http import as_documented, call

# developer.paypal.com/api/rest/reference/currency-codes: written without decimals.
ZERO_DECIMAL = frozenset({"HUF", "JPY", "TWD"})
THREE_DECIMAL_UNSUPPORTED = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

ORDER_STATES = {
    "CREATED": State.AWAITING_PAYER,
    "SAVED": State.AWAITING_PAYER,
    "PAYER_ACTION_REQUIRED": State.AWAITING_PAYER,
    "APPROVED": State.CAPTURABLE,
    "VOIDED": State.FAILED,
}
CAPTURE_STATES = {
    "COMPLETED": State.CAPTURED,
    "PARTIALLY_REFUNDED": State.CAPTURED,
    "REFUNDED": State.CAPTURED,
    "PENDING": State.PENDING,
    "DECLINED": State.FAILED,  # the order is completed: it cannot be approved again
    "FAILED": State.FAILED,
}
REFUND_STATES: dict[str, Literal["done", "pending", "failed"]] = {
    "COMPLETED": "done",
    "PENDING": "pending",
    "FAILED": "failed",
    "CANCELLED": "failed",
}
# developer.paypal.com/docs/transaction-search/transaction-event-codes
PAYMENTS, REFUND = "T00", "T1107"
CHARGEBACKS = ("T1106", "T1201", "T1202")  # taken back by PayPal, taken back by the bank, and the way back
MOVED = ("S", "V")  # done, and done but sent back later
REVERSED = "PAYMENT.CAPTURE.REVERSED"
REPORT_LASTS = timedelta(days=31)
TOO_MANY = "RESULTSET_TOO_LARGE"
PAGE = 500
SIGNED_BY = {
    "auth_algo": "Paypal-Auth-Algo",
    "cert_url": "Paypal-Cert-Url",
    "transmission_id": "Paypal-Transmission-Id",
    "transmission_sig": "Paypal-Transmission-Sig",
    "transmission_time": "Paypal-Transmission-Time",
}


class PayPal:
    """PayPal's own wallet."""

    code = "pp_paypal_paypal"
    label = "PayPal"
    hint = "You confirm at PayPal and come back"
    is_promise = False

    def is_configured(self) -> bool:
        return bool(settings.PAYPAL_CLIENT_ID and settings.PAYPAL_CLIENT_SECRET)

    def is_live(self) -> bool:
        return settings.PAYMENTS == "live" and "sandbox" not in settings.PAYPAL_API_BASE

    def csp_origins(self) -> CspOrigins:
        own = (origin_of(settings.PAYPAL_JS_URL), *settings.PAYPAL_EXTRA_ORIGINS)
        return CspOrigins(script=own, frame=own, connect=own, form_action=own)

    def script_url(self, *, currency: str) -> str:
        """PayPal's button; its script is made for one currency."""
        query = {"client-id": settings.PAYPAL_CLIENT_ID, "currency": currency, "intent": "capture"}
        return f"{settings.PAYPAL_JS_URL}?{urlencode(query)}"

    def open(self, *, amount: Money, key: str, metadata: dict[str, str], return_url: str) -> Opened:
        """Create the order; the same key answers the same order."""
        experience = {
            "brand_name": metadata["payee"][:127],
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
            "return_url": return_url,
            "cancel_url": f"{return_url}?cancelled=1",
        }
        order = {
            "intent": "CAPTURE",
            "purchase_units": [
                {
                    "custom_id": metadata["session"],
                    "description": metadata["description"][:127],
                    "amount": {"currency_code": amount.currency.code, "value": paypal_amount(amount)},
                }
            ],
            "payment_source": {"paypal": {"experience_context": experience}},
        }
        made = call("POST", "/v2/checkout/orders", key=key, body=order)
        with as_documented():
            links = {link["rel"]: link["href"] for link in made.get("links", [])}
            return Opened(
                reference=made["id"],
                data={"orderId": made["id"], "clientId": settings.PAYPAL_CLIENT_ID},
                redirect_url=links.get("payer-action") or links.get("approve") or "",
            )

    def capture(self, *, reference: str, amount: Money, key: str) -> Observation:
        """Take the approved money; a refusal (declined, captured before) is looked at instead."""
        try:
            call("POST", f"/v2/checkout/orders/{reference}/capture", key=key, body={})
        except ProviderRefused as refused:
            seen = self.lookup(reference=reference)
            if INSTRUMENT_DECLINED not in str(refused):
                return seen
            if seen.state is State.CAPTURABLE:
                seen = replace(seen, state=State.AWAITING_PAYER, status=INSTRUMENT_DECLINED)
            return replace(seen, reason="declined") if seen.state is State.AWAITING_PAYER else seen
        return self.lookup(reference=reference)

    def lookup(self, *, reference: str) -> Observation:
        order = call("GET", f"/v2/checkout/orders/{reference}")
        with as_documented():
            return _observed(order, is_live=self.is_live())

    def cancel(self, *, reference: str, key: str) -> Observation:
        """PayPal has no way to cancel an order: one that nobody approved is left to expire, and since only
        we capture, it takes no money. An order that was captured already is answered as it is."""
        seen = self.lookup(reference=reference)
        if seen.state in (State.AWAITING_PAYER, State.CAPTURABLE):
            return Observation(
                state=State.FAILED, reference=reference, status="canceled", session=seen.session
            )
        return seen

    def refund(self, *, reference: str, amount: Money, key: str) -> Refunded:
        """Send money back on a capture; the same key sends it once, within the hours that PayPal keeps it."""
        value = {"currency_code": amount.currency.code, "value": paypal_amount(amount)}
        wanted = {"amount": value, "custom_id": key}
        made = call("POST", f"/v2/payments/captures/{reference}/refund", key=key, body=wanted)
        with as_documented():
            return _refunded(made)

    def refunds(self, *, reference: str) -> list[Refunded]:
        """PayPal lists refunds with the order that was captured. Money that came by no order has no list."""
        capture = call("GET", f"/v2/payments/captures/{reference}")
        with as_documented():
            related = capture.get("supplementary_data", {}).get("related_ids", {})
            order_id = related.get("order_id")
            if capture["id"] == reference and not order_id:
                raise ProviderRefused("PayPal: captured without an order")
        order = call("GET", f"/v2/checkout/orders/{order_id}")
        with as_documented():
            payments = order["purchase_units"][0]["payments"]
            return [
                _refunded(made)
                for made in payments.get("refunds", [])
                if (_linked(made, "up") or reference).endswith(reference)
            ]

    def transactions(self, *, since: datetime, until: datetime) -> Iterator[Transaction]:
        """From PayPal's report, which shows what moved after some hours. It covers 31 days a call and takes
        its end as part of them."""
        begin, end, days = whole_second(since), whole_second(until), REPORT_LASTS
        while begin < end:
            stop = min(begin + days, end)
            try:
                for page in _report_pages(begin, stop):
                    with as_documented():
                        found = [_moved(row["transaction_info"]) for row in page]
                        moved = [one for one in found if one is not None and begin <= one.at < stop]
                    yield from moved
            except ProviderRefused as refused:  # more than 10,000 rows, which the first page tells
                if TOO_MANY not in str(refused) or stop - begin <= timedelta(seconds=1):
                    raise
                days = max((stop - begin) // 2 // timedelta(seconds=1), 1) * timedelta(seconds=1)
                continue
            begin = stop

    def parse_webhook(self, *, headers: Mapping[str, str], body: bytes) -> ProviderEvent:
        """Have PayPal check its signature over the event, which goes back byte for byte as it came: written
        anew, a correct one could fail."""
        given = {name: headers.get(header, "") for name, header in SIGNED_BY.items()}
        if not all(given.values()) or not settings.PAYPAL_WEBHOOK_ID:
            raise BadSignature("Not signed by PayPal")
        try:
            text = body.decode()
            event = json.loads(text)
            resource = event["resource"]
            related = resource.get("supplementary_data", {}).get("related_ids", {})
            reference = (
                resource["id"] if event["resource_type"] == "checkout-order" else related.get("order_id")
            )
            parsed = ProviderEvent(
                event_id=event["id"],
                kind=event["event_type"],
                reference=reference or "",
                capture_reference=_capture_of(event),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise BadSignature("Not an event of PayPal's") from error
        claim = json.dumps({**given, "webhook_id": settings.PAYPAL_WEBHOOK_ID}).removesuffix("}")
        question = f'{claim}, "webhook_event": {text}}}'
        try:
            answer = call("POST", "/v1/notifications/verify-webhook-signature", body=question)
        except ProviderRefused as error:
            raise BadSignature("PayPal cannot read the signature") from error
        if answer.get("verification_status") != "SUCCESS":
            raise BadSignature("Not signed by PayPal")
        return parsed


def paypal_amount(amount: Money) -> str:
    """The amount as PayPal writes it. Refuses a currency or precision that PayPal does not have."""
    code = amount.currency.code
    places = 0 if code in ZERO_DECIMAL else 2
    text = f"{amount.amount:.{places}f}"
    if code in THREE_DECIMAL_UNSUPPORTED or amount.amount != Money(text, code).amount:
        raise Invalid(f"{amount} cannot be paid with PayPal", field="amount")
    return text


def _observed(order: dict[str, Any], *, is_live: bool) -> Observation:
    unit = order["purchase_units"][0]
    captures = unit.get("payments", {}).get("captures", [])
    capture = next((made for made in captures if made["status"] == "COMPLETED"), (captures or [None])[-1])
    if capture is None:
        state, amount, status = (
            ORDER_STATES.get(order["status"], State.UNKNOWN),
            unit["amount"],
            order["status"],
        )
    else:
        state = CAPTURE_STATES.get(capture["status"], State.UNKNOWN)
        amount, status = capture["amount"], capture["status"]
    return Observation(
        state=state,
        reference=order["id"],
        status=status,
        capture_reference=capture["id"] if capture else "",
        amount=Money(amount["value"], amount["currency_code"]),
        session=unit.get("custom_id", ""),
        is_live=is_live,
        reason="declined" if status in ("DECLINED", "FAILED") else "",
        method="paypal",
    )


def _linked(thing: dict[str, Any], rel: str) -> str:
    return next((link["href"] for link in thing.get("links", []) if link["rel"] == rel), "")


def _capture_of(event: dict[str, Any]) -> str:
    """The capture of an event about money that went back, or that the payer wants back."""
    resource, about = event["resource"], event["resource_type"]
    if about == "refund":
        return _linked(resource, "up").rpartition("/")[2]
    if about == "dispute":
        disputed = [one.get("seller_transaction_id") for one in resource.get("disputed_transactions", ())]
        return next((one for one in disputed if one), "")
    return resource["id"] if event["event_type"] == REVERSED else ""


def _refunded(refund: dict[str, Any]) -> Refunded:
    amount = refund["amount"]
    return Refunded(
        reference=refund["id"],
        amount=Money(amount["value"], amount["currency_code"]),
        state=REFUND_STATES[refund["status"]],
        key=refund.get("custom_id", ""),
    )


def _report_pages(begin: datetime, end: datetime) -> Iterator[list[dict[str, Any]]]:
    page, pages = 1, 1
    period = {"start_date": f"{begin:%Y-%m-%dT%H:%M:%SZ}", "end_date": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
    while page <= pages:
        query = urlencode({**period, "page_size": PAGE, "page": page})
        told = call("GET", f"/v1/reporting/transactions?{query}")
        with as_documented():
            pages, rows = int(told["total_pages"]), list(told["transaction_details"])
        yield rows
        page += 1


def _moved(row: dict[str, Any]) -> Transaction | None:
    """What a row of the report tells of; None for what moved no money, and for what is neither a capture nor
    its way back."""
    given = row["transaction_amount"]
    value = Decimal(given["value"])
    kind = _kind(row["transaction_event_code"], value)
    if kind is None or row["transaction_status"] not in MOVED:
        return None
    about = row.get("paypal_reference_id") or ""
    return Transaction(
        kind=kind,
        reference=row["transaction_id"],
        amount=Money(abs(value), given["currency_code"]),
        at=datetime.fromisoformat(row["transaction_initiation_date"]),
        capture_reference=row["transaction_id"] if kind == "capture" else about,
        opened_reference=about if row.get("paypal_reference_id_type") == "ODR" else "",
    )


def _kind(code: str, value: Decimal) -> Movement | None:
    """By PayPal's event code; of a chargeback the sign says which way the money went."""
    if code == REFUND:
        return "refund"
    if code in CHARGEBACKS and value:
        return "chargeback" if value < 0 else "reinstated"
    return "capture" if code.startswith(PAYMENTS) and value > 0 else None
