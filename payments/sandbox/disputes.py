"""Disputes: the payer's bank takes money back, and gives it again when the merchant wins."""

from decimal import Decimal
from typing import Any

from payments.sandbox import paypal_objects, stripe_objects
from payments.sandbox.charges import balance
from payments.sandbox.parameters import refuse
from payments.sandbox.store import LedgerEntry

Thing = dict[str, Any]
ANSWER_WITHIN = 9 * 24 * 3600


def open_at_stripe(request: stripe_objects.Request, intent_id: str, amount: int | None) -> str:
    """Without an amount all that was not refunded; a payer may dispute more than that. One at a time."""
    intent = stripe_objects.found(request, "payment_intent", intent_id)
    charge = request.store.get("charge", intent["latest_charge"] or "")
    if charge is None or not charge["captured"] or charge["disputed"]:
        raise refuse("There is nothing to dispute.")
    amount = charge["amount_captured"] - charge["amount_refunded"] if amount is None else amount
    made: Thing = {
        "id": stripe_objects.new_id("dp"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": request.at,
        "currency": charge["currency"],
        "evidence_details": {
            "due_by": request.at + ANSWER_WITHIN,
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": intent_id,
        "reason": "fraudulent",
        "status": "needs_response",
    }
    charge["disputed"] = True
    request.store.put("charge", charge, at=request.at)
    _move_at_stripe(request, charge, made, "chargeback")
    stripe_objects.tell(request, "charge.dispute.created", made)
    stripe_objects.tell(request, "charge.dispute.funds_withdrawn", made)
    return made["id"]


def win_at_stripe(request: stripe_objects.Request, dispute_id: str) -> None:
    dispute = stripe_objects.found(request, "dispute", dispute_id)
    if dispute["status"] == "won":
        raise refuse("This dispute is already closed.")
    dispute["status"] = "won"
    charge = stripe_objects.found(request, "charge", dispute["charge"])
    _move_at_stripe(request, charge, dispute, "reinstated")
    stripe_objects.tell(request, "charge.dispute.funds_reinstated", dispute)
    stripe_objects.tell(request, "charge.dispute.closed", dispute)


def _move_at_stripe(request: stripe_objects.Request, charge: Thing, dispute: Thing, kind: str) -> None:
    amount, went_back = dispute["amount"], kind == "chargeback"
    entry = balance(
        request,
        charge,
        -amount if went_back else amount,
        type="adjustment",
        source=dispute["id"],
        category="dispute" if went_back else "dispute_reversal",
    )
    dispute["balance_transactions"].append(request.store.get("balance_transaction", entry))
    request.store.put("dispute", dispute, at=request.at, parent=charge["id"])
    currency, intent_id = charge["currency"].upper(), charge["payment_intent"]
    request.store.book(LedgerEntry("stripe", kind, intent_id, entry, amount, currency, request.at))


def open_at_paypal(request: paypal_objects.Request, capture: Thing, amount: dict[str, str] | None) -> str:
    """Without an amount all that was not refunded; a payer may dispute more than that. One at a time."""
    if capture["status"] == "PENDING" or request.store.children("dispute", capture["id"]):
        raise paypal_objects.unprocessable("NOT_IN_SANDBOX", "There is nothing to dispute.")
    refunds = request.store.children("refund_of_capture", capture["id"])
    rest = Decimal(capture["amount"]["value"]) - sum(Decimal(made["amount"]["value"]) for made in refunds)
    dispute_id = f"PP-D-{paypal_objects.new_id(8)}"
    stamp = paypal_objects.stamp(request.at)
    made: Thing = {
        "dispute_id": dispute_id,
        "create_time": stamp,
        "update_time": stamp,
        "disputed_transactions": [{"seller_transaction_id": capture["id"]}],
        "reason": "UNAUTHORISED",
        "status": "WAITING_FOR_SELLER_RESPONSE",
        "dispute_amount": amount or paypal_objects.money(rest, capture["amount"]["currency_code"]),
        "dispute_life_cycle_stage": "CHARGEBACK",
        "dispute_channel": "EXTERNAL",
        "seller_response_due_date": paypal_objects.stamp(request.at + ANSWER_WITHIN),
        "links": [paypal_objects.link(request, f"/v1/customer/disputes/{dispute_id}", "self")],
    }
    request.store.put("dispute", {**made, "id": dispute_id}, at=request.at, parent=capture["id"])
    summary = f"A new dispute opened with Case # {dispute_id}"
    paypal_objects.tell(request, "CUSTOMER.DISPUTE.CREATED", made, resource_type="dispute", summary=summary)
    reversal = _move_at_paypal(request, capture, made["dispute_amount"], "chargeback")
    summary = "A capture payment was reversed"
    paypal_objects.tell(
        request, "PAYMENT.CAPTURE.REVERSED", reversal, resource_type="refund", summary=summary
    )
    return dispute_id


def win_at_paypal(request: paypal_objects.Request, dispute_id: str) -> None:
    dispute = paypal_objects.found(request, "dispute", dispute_id)
    if dispute["status"] == "RESOLVED":
        raise paypal_objects.unprocessable("DISPUTE_RESOLVED", "The dispute is already resolved.")
    dispute.update(
        status="RESOLVED",
        update_time=paypal_objects.stamp(request.at),
        dispute_outcome={"outcome_code": "RESOLVED_SELLER_FAVOUR"},
    )
    request.store.put("dispute", dispute, at=request.at)
    [disputed] = dispute["disputed_transactions"]
    capture = paypal_objects.found(request, "capture", disputed["seller_transaction_id"])
    _move_at_paypal(request, capture, dispute["dispute_amount"], "reinstated")
    told = {name: value for name, value in dispute.items() if name != "id"}
    summary = f"A dispute was resolved with case # {dispute_id}"
    paypal_objects.tell(request, "CUSTOMER.DISPUTE.RESOLVED", told, resource_type="dispute", summary=summary)


def _move_at_paypal(
    request: paypal_objects.Request, capture: Thing, amount: dict[str, str], kind: str
) -> Thing:
    stamp, reversal_id = paypal_objects.stamp(request.at), paypal_objects.new_id()
    made = {
        "id": reversal_id,
        "status": "COMPLETED",
        "amount": amount,
        "create_time": stamp,
        "update_time": stamp,
        "links": [
            paypal_objects.link(request, f"/v2/payments/refunds/{reversal_id}", "self"),
            paypal_objects.link(request, f"/v2/payments/captures/{capture['id']}", "up"),
        ],
    }
    request.store.put("reversal", made, at=request.at, parent=capture["id"])
    order_id = capture["supplementary_data"]["related_ids"]["order_id"]
    units, currency = paypal_objects.minor_units(amount), amount["currency_code"]
    request.store.book(LedgerEntry("paypal", kind, order_id, reversal_id, units, currency, request.at))
    return made
