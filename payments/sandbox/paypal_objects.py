"""PayPal's shapes: errors, amounts, links and events."""

import re
import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from payments.sandbox.store import Store
from payments.sandbox.wire import Answer, Refused, in_json

CURRENCIES = "AUD BRL CAD CNY CZK DKK EUR HKD HUF ILS JPY MYR MXN TWD NZD NOK PHP PLN GBP SGD SEK CHF THB USD"
WITHOUT_DECIMALS = frozenset({"HUF", "JPY", "TWD"})
ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True)
class Request:
    """One authenticated request."""

    store: Store
    given: dict[str, Any]
    at: float
    origin: str
    full: bool = True  # the whole object, not only its id, status and links
    request_id: str = ""
    defer: int = 0


def new_id(length: int = 17) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def paypal_error(status: int, name: str, message: str, *details: dict[str, Any], **extra: Any) -> Answer:
    debug_id = secrets.token_hex(7)
    links = [
        {
            "href": f"https://developer.paypal.com/api/rest/reference/orders/v2/errors/#{name}",
            "rel": "information_link",
        }
    ]
    content = {
        "name": name,
        "message": message,
        "debug_id": debug_id,
        "details": list(details),
        "links": links,
    }
    return in_json(status, {**content, **extra}).having(Paypal_Debug_Id=debug_id)


def unprocessable(issue: str, description: str, field: str = "", **extra: Any) -> Refused:
    message = (
        "The requested action could not be performed, semantically incorrect, or failed business validation."
    )
    detail = {"issue": issue, "description": description, **({"field": field} if field else {})}
    return Refused(paypal_error(422, "UNPROCESSABLE_ENTITY", message, detail, **extra))


def invalid(issue: str, description: str, field: str) -> Refused:
    message = "Request is not well-formed, syntactically incorrect, or violates schema."
    detail = {"field": field, "issue": issue, "description": description, "location": "body"}
    return Refused(paypal_error(400, "INVALID_REQUEST", message, detail))


def found(request: Request, kind: str, object_id: str) -> dict[str, Any]:
    thing = request.store.get(kind, object_id)
    if thing is None:
        detail = {
            "issue": "INVALID_RESOURCE_ID",
            "description": "Specified resource ID does not exist. Check the resource ID and try again.",
        }
        raise Refused(
            paypal_error(404, "RESOURCE_NOT_FOUND", "The specified resource does not exist.", detail)
        )
    return thing


def checked_amount(given: Any, field: str) -> dict[str, str]:
    """`{"currency_code": "USD", "value": "39.40"}`, as PayPal accepts it."""
    if not isinstance(given, dict):
        raise invalid("MISSING_REQUIRED_PARAMETER", "A required field is missing.", field)
    currency, value = given.get("currency_code"), given.get("value")
    for name in sorted(set(given) - {"currency_code", "value"}):
        raise invalid("NOT_IN_SANDBOX", "The sandbox does not support this field.", f"{field}/{name}")
    if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
        raise invalid("INVALID_PARAMETER_SYNTAX", "Not a currency code.", f"{field}/currency_code")
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,20}(\.\d{1,10})?", value) or len(value) > 32:
        raise invalid("INVALID_PARAMETER_SYNTAX", "Not an amount.", f"{field}/value")
    if currency not in CURRENCIES.split():
        raise unprocessable(
            "CURRENCY_NOT_SUPPORTED", "Currency code is not supported.", f"{field}/currency_code"
        )
    if currency in WITHOUT_DECIMALS and "." in value:
        raise unprocessable("DECIMALS_NOT_SUPPORTED", "Currency does not support decimals.", f"{field}/value")
    if len(value.partition(".")[2]) > 2:
        raise unprocessable("DECIMAL_PRECISION", "At most two decimal places are allowed.", f"{field}/value")
    if Decimal(value) <= 0:
        raise unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE", "Must be greater than zero.", f"{field}/value")
    if Decimal(value) > Decimal("9999999.99"):
        raise unprocessable(
            "MAX_VALUE_EXCEEDED", "Should be less than or equal to 9999999.99.", f"{field}/value"
        )
    return money(Decimal(value), currency)


def money(value: Decimal, currency: str) -> dict[str, str]:
    places = Decimal(1) if currency in WITHOUT_DECIMALS else Decimal("0.01")
    return {"currency_code": currency, "value": str(value.quantize(places))}


def minor_units(amount: dict[str, str]) -> int:
    """In the currency's ISO minor unit: only the yen has none."""
    return int(Decimal(amount["value"]) * (1 if amount["currency_code"] == "JPY" else 100))


def link(request: Request, path: str, rel: str, method: str = "GET") -> dict[str, str]:
    return {"href": request.origin + path, "rel": rel, "method": method}


def tell(request: Request, type: str, resource: dict[str, Any], *, resource_type: str, summary: str) -> None:
    """Record a webhook event with the object as it stands now."""
    event_id = f"WH-{new_id()}-{new_id()}"
    event = {
        "id": event_id,
        "event_version": "1.0",
        "create_time": stamp(request.at),
        "resource_type": resource_type,
        "resource_version": "2.0",
        "event_type": type,
        "summary": summary,
        "resource": resource,
        "links": [link(request, f"/v1/notifications/webhooks-events/{event_id}", "self")],
    }
    request.store.record_event("paypal", event, type=type, at=request.at)
