"""PayPal orders: created, approved by the buyer, captured."""

from decimal import Decimal
from typing import Any

from payments.sandbox.paypal_objects import (
    Request,
    checked_amount,
    found,
    invalid,
    link,
    minor_units,
    money,
    new_id,
    stamp,
    tell,
    unprocessable,
)
from payments.sandbox.store import LedgerEntry
from payments.sandbox.wire import Answer, in_json

Thing = dict[str, Any]
WAITING = ("CREATED", "PAYER_ACTION_REQUIRED")
UNPAID = (*WAITING, "APPROVED")
UNIT_TEXTS = {
    "reference_id": 256,
    "custom_id": 255,
    "invoice_id": 127,
    "description": 127,
    "soft_descriptor": 22,
}
CONTEXT_FIELDS = (
    "return_url cancel_url user_action brand_name landing_page locale shipping_preference "
    "payment_method_preference payment_method"
)
PAYER_ID = "SANDBOXBUYER1"
PAYER: Thing = {
    "name": {"given_name": "Sandra", "surname": "Box"},
    "email_address": "buyer@example.com",
    "payer_id": PAYER_ID,
    "address": {"country_code": "US"},
}
SOURCE = {
    "paypal": {
        "email_address": PAYER["email_address"],
        "account_id": PAYER_ID,
        "account_status": "VERIFIED",
        "name": PAYER["name"],
        "address": PAYER["address"],
    }
}


def _allow(given: Thing, names: set[str], path: str) -> None:
    for name in sorted(set(given) - names):
        raise invalid("NOT_IN_SANDBOX", "The sandbox does not support this field.", f"{path}/{name}")


def _text(given: Thing, name: str, limit: int, path: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not 1 <= len(value) <= limit):
        raise invalid(
            "INVALID_STRING_LENGTH", "The value of a field is too short or too long.", f"{path}/{name}"
        )
    return value


def create(request: Request) -> Answer:
    given = request.given
    _allow(given, {"intent", "purchase_units", "payment_source", "application_context"}, "")
    if given.get("intent") != "CAPTURE":
        raise invalid("INVALID_PARAMETER_VALUE", "The sandbox knows only the intent CAPTURE.", "/intent")
    units = given.get("purchase_units")
    if not isinstance(units, list) or len(units) != 1 or not isinstance(units[0], dict):
        raise invalid(
            "INVALID_ARRAY_LENGTH", "The sandbox knows orders of one purchase unit.", "/purchase_units"
        )
    context, asked = _context(request)
    order: Thing = {
        "id": new_id(),
        "intent": "CAPTURE",
        "status": "PAYER_ACTION_REQUIRED" if asked else "CREATED",
        "purchase_units": [_unit(units[0])],
        "create_time": stamp(request.at),
        **({"payment_source": {"paypal": {}}} if asked else {}),
        "_context": context,
        "_funding": None,
    }
    request.store.put("order", order, at=request.at)
    return in_json(200 if asked else 201, shown(request, order))


def _context(request: Request) -> tuple[Thing, bool]:
    """Where the buyer goes afterwards, and whether the newer payment_source form was used."""
    source = request.given.get("payment_source")
    if source is None:
        context, path = request.given.get("application_context") or {}, "/application_context"
    else:
        path = "/payment_source/paypal/experience_context"
        if not isinstance(source, dict) or not isinstance(source.get("paypal"), dict):
            raise invalid(
                "MISSING_REQUIRED_PARAMETER", "The sandbox knows only PayPal.", "/payment_source/paypal"
            )
        _allow(source, {"paypal"}, "/payment_source")
        _allow(source["paypal"], {"experience_context", "email_address"}, "/payment_source/paypal")
        if not request.request_id:
            text = "A PayPal-Request-Id is required if you are trying to process payment for an Order."
            raise invalid("PAYPAL_REQUEST_ID_REQUIRED", text, "PayPal-Request-Id")
        context = source["paypal"].get("experience_context") or {}
    if not isinstance(context, dict):
        raise invalid("INVALID_PARAMETER_SYNTAX", "Not an object.", path)
    _allow(context, set(CONTEXT_FIELDS.split()), path)
    _text(context, "brand_name", 127, path)
    for name in ("return_url", "cancel_url"):
        url = _text(context, name, 4000, path)
        if url is not None and not url.startswith(("http://", "https://")):
            raise invalid("INVALID_PARAMETER_SYNTAX", "Not a web address.", f"{path}/{name}")
    return context, source is not None


def _unit(given: Thing) -> Thing:
    path = "/purchase_units/@reference_id=='default'"
    _allow(given, {"amount", *UNIT_TEXTS}, path)
    texts = {name: _text(given, name, limit, path) for name, limit in UNIT_TEXTS.items()}
    texts["reference_id"] = texts["reference_id"] or "default"
    amount = checked_amount(given.get("amount"), f"{path}/amount")
    return {**{name: value for name, value in texts.items() if value}, "amount": amount}


def shown(request: Request, order: Thing) -> Thing:
    links = [link(request, f"/v2/checkout/orders/{order['id']}", "self")]
    if order["status"] in WAITING:
        rel = "payer-action" if "payment_source" in order else "approve"
        links.append(link(request, f"/checkoutnow?token={order['id']}", rel))
    if order["status"] in ("CREATED", "APPROVED"):
        links.append(link(request, f"/v2/checkout/orders/{order['id']}/capture", "capture", "POST"))
    public = {name: value for name, value in order.items() if not name.startswith("_")}
    if not request.full:
        public = {name: public[name] for name in ("id", "status", "payment_source") if name in public}
    return {**public, "links": links}


def retrieve(request: Request, order_id: str) -> Answer:
    return in_json(200, shown(request, found(request, "order", order_id)))


def approve(request: Request, order_id: str, *, funding: str = "balance") -> Thing:
    """The buyer agrees; `funding` is `balance`, or `declined` for a card that will not pay."""
    order = found(request, "order", order_id)
    if order["status"] in UNPAID:
        is_first = order["status"] != "APPROVED"
        order.update(status="APPROVED", payer=PAYER, payment_source=SOURCE, _funding=funding)
        request.store.put("order", order, at=request.at)
        if is_first:
            resource = shown(request, order)
            summary = "An order has been approved by buyer"
            tell(
                request, "CHECKOUT.ORDER.APPROVED", resource, resource_type="checkout-order", summary=summary
            )
    return order


def capture(request: Request, order_id: str) -> Answer:
    order = found(request, "order", order_id)
    _allow(request.given, set(), "")
    if order["status"] == "COMPLETED":
        text = "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed."
        raise unprocessable("ORDER_ALREADY_CAPTURED", text)
    if order["status"] != "APPROVED":
        again = link(request, f"/checkoutnow?token={order_id}", "payer-action")
        raise unprocessable(
            "ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.", links=[again]
        )
    unit = order["purchase_units"][0]
    invoice = unit.get("invoice_id")
    if invoice and any(made.get("invoice_id") == invoice for made in request.store.newest("capture")):
        text = "Duplicate Invoice ID detected. Each Invoice ID may be paid only once."
        raise unprocessable("DUPLICATE_INVOICE_ID", text, "/purchase_units/invoice_id")
    if order["_funding"] == "declined":
        return _declined(request, order)
    made = _captured(request, order, status="PENDING")
    order.update(status="COMPLETED", update_time=stamp(request.at))
    if request.defer:
        made["status_details"] = {"reason": "PENDING_REVIEW"}
        _save_capture(request, order, made)
        request.store.defer("order", order_id, shown_by=order_id, lookups=request.defer, at=request.at)
        tell(request, "PAYMENT.CAPTURE.PENDING", made, resource_type="capture", summary="Payment pending")
    else:
        _take(request, order, made)
    return in_json(201, shown(request, order))


def _save_capture(request: Request, order: Thing, made: Thing) -> None:
    request.store.put("capture", made, at=request.at, parent=order["id"])
    order["purchase_units"][0]["payments"] = {"captures": [within_order(made)]}
    request.store.put("order", order, at=request.at)


def _take(request: Request, order: Thing, made: Thing) -> None:
    made.pop("status_details", None)
    made.update(status="COMPLETED", update_time=stamp(request.at))
    _save_capture(request, order, made)
    amount, currency = made["amount"], made["amount"]["currency_code"]
    units = minor_units(amount)
    request.store.book(LedgerEntry("paypal", "capture", order["id"], made["id"], units, currency, request.at))
    summary = f"Payment completed for {currency} {amount['value']}"
    tell(request, "PAYMENT.CAPTURE.COMPLETED", made, resource_type="capture", summary=summary)


def finish(request: Request, order_id: str) -> None:
    """A capture that was pending is done."""
    [made] = request.store.children("capture", order_id)
    _take(request, found(request, "order", order_id), made)


def within_order(made: Thing) -> Thing:
    """A capture as it stands in its order, which needs no pointer to itself."""
    return {name: value for name, value in made.items() if name != "supplementary_data"}


def _captured(request: Request, order: Thing, *, status: str) -> Thing:
    unit, capture_id = order["purchase_units"][0], new_id()
    amount = unit["amount"]
    free = money(Decimal(0), amount["currency_code"])
    return {
        "id": capture_id,
        "status": status,
        "amount": amount,
        "final_capture": True,
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "seller_receivable_breakdown": {"gross_amount": amount, "paypal_fee": free, "net_amount": amount},
        **{name: unit[name] for name in ("custom_id", "invoice_id") if name in unit},
        "create_time": stamp(request.at),
        "update_time": stamp(request.at),
        "supplementary_data": {"related_ids": {"order_id": order["id"]}},
        "links": [
            link(request, f"/v2/payments/captures/{capture_id}", "self"),
            link(request, f"/v2/payments/captures/{capture_id}/refund", "refund", "POST"),
            link(request, f"/v2/checkout/orders/{order['id']}", "up"),
        ],
    }


def _declined(request: Request, order: Thing) -> Answer:
    """The buyer's card does not pay: the order waits for another choice. Not a refusal, for it is written."""
    order.update(status="PAYER_ACTION_REQUIRED", _funding=None)
    request.store.put("order", order, at=request.at)
    denied = _captured(request, order, status="DECLINED")
    tell(request, "PAYMENT.CAPTURE.DENIED", denied, resource_type="capture", summary="Payment denied")
    text = (
        "The instrument presented was either declined by the processor or bank, "
        "or it can't be used for this payment."
    )
    again = link(request, f"/checkoutnow?token={order['id']}", "redirect")
    return unprocessable("INSTRUMENT_DECLINED", text, links=[again]).answer
