"""PayPal captures, their refunds, and the report of both."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from payments.sandbox.orders import within_order
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
REPORT_DAYS = 31
# How the report calls what the ledger tells of, and where the object behind it is kept.
REPORTED = {
    "capture": ("T0006", "capture"),
    "refund": ("T1107", "refund_of_capture"),
    "chargeback": ("T1201", "reversal"),
    "reinstated": ("T1202", "reversal"),
}


def retrieve(request: Request, capture_id: str) -> Answer:
    return in_json(200, found(request, "capture", capture_id))


def retrieve_refund(request: Request, refund_id: str) -> Answer:
    return in_json(200, found(request, "refund_of_capture", refund_id))


def refund(request: Request, capture_id: str) -> Answer:
    """All that is left, or the given amount of it."""
    given, capture = request.given, found(request, "capture", capture_id)
    for name in sorted(set(given) - {"amount", "custom_id", "invoice_id", "note_to_payer"}):
        raise invalid("NOT_IN_SANDBOX", "The sandbox does not support this field.", f"/{name}")
    if capture["status"] == "PENDING":
        raise unprocessable("PENDING_CAPTURE", "Cannot initiate a refund as the capture is pending.")
    if any(dispute["status"] != "RESOLVED" for dispute in request.store.children("dispute", capture_id)):
        text = "Refunds not allowed on this capture due to a chargeback on the card or bank."
        raise unprocessable("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", text)
    earlier = request.store.children("refund_of_capture", capture_id)
    currency = capture["amount"]["currency_code"]
    rest = Decimal(capture["amount"]["value"]) - sum(Decimal(made["amount"]["value"]) for made in earlier)
    if rest == 0:
        raise unprocessable("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded.")
    amount = checked_amount(given["amount"], "/amount") if given.get("amount") else money(rest, currency)
    if amount["currency_code"] != currency:
        text = "Refund must be in the same currency as the capture."
        raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", text, "/amount/currency_code")
    if Decimal(amount["value"]) > rest:
        text = "The refund amount must not exceed the capture amount that has not yet been refunded."
        raise unprocessable("REFUND_AMOUNT_EXCEEDED", text, "/amount/value")
    made = _give_back(request, capture, amount, is_last=Decimal(amount["value"]) == rest)
    brief = {name: made[name] for name in ("id", "status", "links")}
    return in_json(201, made if request.full else brief)


def _give_back(request: Request, capture: Thing, amount: dict[str, str], *, is_last: bool) -> Thing:
    refund_id, order_id = new_id(), capture["supplementary_data"]["related_ids"]["order_id"]
    made: Thing = {
        "id": refund_id,
        "status": "PENDING" if request.defer else "COMPLETED",
        "amount": amount,
        **{
            name: request.given[name]
            for name in ("custom_id", "invoice_id", "note_to_payer")
            if name in request.given
        },
        "create_time": stamp(request.at),
        "update_time": stamp(request.at),
        "links": [
            link(request, f"/v2/payments/refunds/{refund_id}", "self"),
            link(request, f"/v2/payments/captures/{capture['id']}", "up"),
        ],
    }
    request.store.put("refund_of_capture", made, at=request.at, parent=capture["id"])
    capture.update(status="REFUNDED" if is_last else "PARTIALLY_REFUNDED", update_time=stamp(request.at))
    request.store.put("capture", capture, at=request.at)
    order = found(request, "order", order_id)
    payments = order["purchase_units"][0]["payments"]
    payments["captures"] = [within_order(capture)]
    payments.setdefault("refunds", []).append(made)
    request.store.put("order", order, at=request.at)
    if request.defer:
        request.store.defer(
            "refund_of_capture", refund_id, shown_by=order_id, lookups=request.defer, at=request.at
        )
    else:
        _move_back(request, made, order_id)
    return made


def _move_back(request: Request, made: Thing, order_id: str) -> None:
    amount, currency = made["amount"], made["amount"]["currency_code"]
    units = minor_units(amount)
    request.store.book(LedgerEntry("paypal", "refund", order_id, made["id"], units, currency, request.at))
    summary = f"A {currency} {amount['value']} capture payment was refunded"
    tell(request, "PAYMENT.CAPTURE.REFUNDED", made, resource_type="refund", summary=summary)


def finish_refund(request: Request, refund_id: str) -> None:
    """A refund that was pending is done."""
    made = found(request, "refund_of_capture", refund_id)
    made.update(status="COMPLETED", update_time=stamp(request.at))
    request.store.put("refund_of_capture", made, at=request.at)
    capture = found(request, "capture", made["links"][1]["href"].rpartition("/")[2])
    order = found(request, "order", capture["supplementary_data"]["related_ids"]["order_id"])
    payments = order["purchase_units"][0]["payments"]
    payments["refunds"] = [made if one["id"] == refund_id else one for one in payments["refunds"]]
    request.store.put("order", order, at=request.at)
    _move_back(request, made, order["id"])


def report(request: Request) -> Answer:
    """GET /v1/reporting/transactions: what moved in at most 31 days, oldest first, by page."""
    since, until = _instant(request, "start_date"), _instant(request, "end_date")
    if not 0 <= (until - since).total_seconds() <= REPORT_DAYS * 24 * 3600:
        raise invalid("INVALID_DATE_RANGE", f"Date range is greater than {REPORT_DAYS} days.", "end_date")
    size, page = _count(request, "page_size", 100, 500), _count(request, "page", 1, 2**31)
    entries = [
        entry
        for entry in request.store.ledger()
        if entry.provider == "paypal" and since.timestamp() <= entry.at <= until.timestamp()
    ]
    rows = [_row(request, entry) for entry in entries[(page - 1) * size : page * size]]
    return in_json(
        200,
        {
            "transaction_details": rows,
            "account_number": "SANDBOXSELLER",
            "start_date": stamp(since.timestamp()),
            "end_date": stamp(until.timestamp()),
            "last_refreshed_datetime": stamp(request.at),
            "page": page,
            "total_items": len(entries),
            "total_pages": -(-len(entries) // size),
            "links": [],
        },
    )


def _instant(request: Request, name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(request.given.get(name, "").replace("Z", "+00:00"))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise invalid("INVALID_PARAMETER_SYNTAX", "Not an instant with its zone.", name)
    return instant


def _count(request: Request, name: str, default: int, most: int) -> int:
    text = request.given.get(name, str(default))
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise invalid("INVALID_PARAMETER_VALUE", f"Must be from 1 to {most}.", name)
    return int(text)


def _row(request: Request, entry: LedgerEntry) -> Thing:
    code, kept_as = REPORTED[entry.kind]
    thing = found(request, kept_as, entry.transaction)
    amount, went_back = thing["amount"], entry.kind in ("refund", "chargeback")
    info = {
        "transaction_id": entry.transaction,
        "transaction_event_code": code,
        "transaction_initiation_date": thing["create_time"],
        "transaction_updated_date": thing["create_time"],
        "transaction_amount": {**amount, "value": f"-{amount['value']}"} if went_back else amount,
        "fee_amount": money(Decimal(0), amount["currency_code"]),
        "transaction_status": "S",
        **({"invoice_id": thing["invoice_id"]} if "invoice_id" in thing else {}),
        **({"custom_field": thing["custom_id"]} if "custom_id" in thing else {}),
    }
    if entry.kind != "capture":
        capture_id = thing["links"][1]["href"].rpartition("/")[2]
        info |= {"paypal_reference_id": capture_id, "paypal_reference_id_type": "TXN"}
    else:
        info |= {"paypal_reference_id": entry.reference, "paypal_reference_id_type": "ODR"}
    return {"transaction_info": info}
