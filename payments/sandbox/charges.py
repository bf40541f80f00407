"""Stripe charges, refunds and balance transactions: where the money is."""

from typing import Any

from payments.sandbox.cards import Decline
from payments.sandbox.parameters import refuse
from payments.sandbox.store import LedgerEntry
from payments.sandbox.stripe_objects import Request, answered, found, listed, new_id, tell
from payments.sandbox.wire import Answer

Thing = dict[str, Any]
AUTHORIZATION_LASTS = 7 * 24 * 3600


def charge(
    request: Request, intent: Thing, method: Thing, decline: Decline | None, *, captured: bool
) -> Thing:
    """One attempt on a card: failed when the bank declined, else paid, and captured or only held."""
    failed = decline is not None
    made: Thing = {
        "id": new_id("ch"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": method["billing_details"],
        "captured": False,
        "created": request.at,
        "currency": intent["currency"],
        "customer": None,
        "description": intent["description"],
        "disputed": False,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            "network_status": "declined_by_network" if failed else "approved_by_network",
            "reason": (decline.decline_code or decline.code) if decline else None,
            "risk_level": "normal",
            "seller_message": "The bank declined the payment." if failed else "Payment complete.",
            "type": "issuer_declined" if failed else "authorized",
        },
        "paid": not failed,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": _card_details(request, intent, method, decline, captured=captured),
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "status": "failed" if failed else "succeeded",
    }
    _save(request, made)
    if captured and not failed:
        take(request, made, intent["amount"])
    return made


def _card_details(
    request: Request, intent: Thing, method: Thing, decline: Decline | None, *, captured: bool
) -> Thing:
    card, authenticated = method["card"], {"result": "authenticated", "version": "2.2.0"}
    return {
        "amount_authorized": None if decline else intent["amount"],
        "brand": card["brand"],
        "capture_before": None if decline or captured else request.at + AUTHORIZATION_LASTS,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "fail" if decline and decline.code == "incorrect_cvc" else "pass",
        },
        **{name: card[name] for name in ("country", "exp_month", "exp_year", "funding", "last4", "wallet")},
        "network": card["brand"],
        "three_d_secure": authenticated if intent["_authenticated"] else None,
    }


def take(request: Request, charge: Thing, amount: int) -> None:
    """Capture: the money moves."""
    entry = balance(request, charge, amount, type="charge", source=charge["id"])
    charge.update(amount_captured=amount, captured=True, balance_transaction=entry)
    _save(request, charge)
    currency = charge["currency"].upper()
    request.store.book(
        LedgerEntry("stripe", "capture", charge["payment_intent"], charge["id"], amount, currency, request.at)
    )


def release(request: Request, charge_id: str) -> None:
    """An authorization that was cancelled shows at Stripe as refunded, though nothing was ever captured."""
    charge = found(request, "charge", charge_id)
    charge.update(amount_refunded=charge["amount"], refunded=True)
    _save(request, charge)


def _save(request: Request, charge: Thing) -> None:
    request.store.put("charge", charge, at=request.at, parent=charge["payment_intent"])


def balance(
    request: Request, charge: Thing, amount: int, *, type: str, source: str, category: str = ""
) -> str:
    """Enter what moved, and answer the entry's id."""
    entry = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": request.at,
        "created": request.at,
        "currency": charge["currency"],
        "description": charge["description"],
        "exchange_rate": None,
        "fee": 0,
        "fee_details": [],
        "net": amount,
        "reporting_category": category or type,
        "source": source,
        "status": "available",
        "type": type,
    }
    request.store.put("balance_transaction", entry, at=request.at, parent=source)
    return entry["id"]


def create_refund(request: Request) -> Answer:
    params = request.params
    if ("payment_intent" in params) == ("charge" in params):
        raise refuse("Exactly one of payment_intent and charge must be given.", param="payment_intent")
    if "payment_intent" in params:
        intent = found(request, "payment_intent", params["payment_intent"], param="payment_intent")
        charge_id = intent["latest_charge"]
    else:
        charge_id = params["charge"]
    charge = request.store.get("charge", charge_id) if charge_id else None
    if charge is None or not charge["captured"]:
        raise refuse("There is no captured charge to refund.", param="payment_intent")
    if any(dispute["status"] != "won" for dispute in request.store.children("dispute", charge["id"])):
        text = f"Charge {charge_id} has been charged back; cannot issue a refund."
        raise refuse(text, code="charge_disputed")
    rest = charge["amount_captured"] - charge["amount_refunded"]
    if rest == 0:
        raise refuse(f"Charge {charge_id} has already been refunded.", code="charge_already_refunded")
    amount = params.get("amount", rest)
    if amount < 1:
        raise refuse("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if amount > rest:
        raise refuse(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({rest})", param="amount"
        )
    return answered(request, give_back(request, charge, amount))


def give_back(request: Request, charge: Thing, amount: int) -> Thing:
    """Refund: the money moves back, or will."""
    refund = {
        "id": new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": request.at,
        "currency": charge["currency"],
        "metadata": request.params.get("metadata") or {},
        "payment_intent": charge["payment_intent"],
        "reason": request.params.get("reason"),
        "status": "pending" if request.defer else "succeeded",
    }
    if request.defer:
        request.store.put("refund", refund, at=request.at, parent=charge["id"])
        request.store.defer(
            "refund", refund["id"], shown_by=refund["payment_intent"], lookups=request.defer, at=request.at
        )
    else:
        _move_back(request, charge, refund)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    _save(request, charge)
    tell(request, "charge.refunded", charge)
    return refund


def _move_back(request: Request, charge: Thing, refund: Thing) -> None:
    amount, intent_id = refund["amount"], charge["payment_intent"]
    refund["balance_transaction"] = balance(request, charge, -amount, type="refund", source=refund["id"])
    refund["status"] = "succeeded"
    request.store.put("refund", refund, at=request.at, parent=charge["id"])
    currency = charge["currency"].upper()
    request.store.book(LedgerEntry("stripe", "refund", intent_id, refund["id"], amount, currency, request.at))


def finish_refund(request: Request, refund_id: str) -> None:
    """A refund that was pending is done."""
    refund = found(request, "refund", refund_id)
    _move_back(request, found(request, "charge", refund["charge"]), refund)
    tell(request, "refund.updated", refund)


def _wanted(request: Request, *names: str) -> dict[str, Any]:
    return {name: request.params[name] for name in names if name in request.params}


def list_refunds(request: Request) -> Answer:
    for name in ("payment_intent", "charge"):
        if name in request.params:
            found(request, name, request.params[name], param=name)
    return listed(request, "refund", "/v1/refunds", **_wanted(request, "payment_intent", "charge"))


def retrieve_refund(request: Request, refund_id: str) -> Answer:
    return answered(request, found(request, "refund", refund_id))


def list_charges(request: Request) -> Answer:
    return listed(request, "charge", "/v1/charges", **_wanted(request, "payment_intent"))


def retrieve_charge(request: Request, charge_id: str) -> Answer:
    return answered(request, found(request, "charge", charge_id))


def list_balance_transactions(request: Request) -> Answer:
    wanted = _wanted(request, "type", "source", "currency")
    return listed(request, "balance_transaction", "/v1/balance_transactions", **wanted)
