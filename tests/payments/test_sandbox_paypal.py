"""The stand-in must approve, refuse and report as PayPal does, or the tests built on it prove nothing."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from payments.sandbox.server import Sandbox
from tests.payments.callers import PayPal, issue


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox().start()
    yield running
    running.stop()


@pytest.fixture
def paypal(sandbox: Sandbox) -> PayPal:
    return PayPal(sandbox)


def test_an_order_is_approved_then_captured(sandbox: Sandbox, paypal: PayPal) -> None:
    created = paypal.order()
    order = created.json()
    assert (created.status_code, order["status"]) == (200, "PAYER_ACTION_REQUIRED")
    links = {link["rel"]: link["href"] for link in order["links"]}
    assert links == {
        "self": f"{sandbox.url}/v2/checkout/orders/{order['id']}",
        "payer-action": f"{sandbox.url}/checkoutnow?token={order['id']}",
    }
    assert issue(paypal.capture(order["id"])) == (422, "UNPROCESSABLE_ENTITY", "ORDER_NOT_APPROVED")
    assert sandbox.approve_paypal(order["id"])["status"] == "APPROVED"
    captured = paypal.capture(order["id"])
    assert (captured.status_code, captured.json()["status"]) == (201, "COMPLETED")
    [capture] = captured.json()["purchase_units"][0]["payments"]["captures"]
    amount = {"currency_code": "USD", "value": "39.40"}
    assert (capture["status"], capture["amount"], capture["custom_id"]) == ("COMPLETED", amount, "7")
    assert issue(paypal.capture(order["id"])) == (422, "UNPROCESSABLE_ENTITY", "ORDER_ALREADY_CAPTURED")
    assert paypal.get(f"/v2/checkout/orders/{order['id']}").json()["status"] == "COMPLETED"
    found = paypal.get(f"/v2/payments/captures/{capture['id']}").json()
    assert found["supplementary_data"] == {"related_ids": {"order_id": order["id"]}}
    [entry] = sandbox.ledger()
    assert entry[:-1] == ("paypal", "capture", order["id"], capture["id"], 3940, "USD")
    assert [event.type for event in sandbox.events()] == [
        "CHECKOUT.ORDER.APPROVED",
        "PAYMENT.CAPTURE.COMPLETED",
    ]


def test_the_approval_page_works_without_a_script(sandbox: Sandbox, paypal: PayPal) -> None:
    order = paypal.order(value="1239.40").json()
    page = requests.get(f"{sandbox.url}/checkoutnow", params={"token": order["id"]})
    assert (page.status_code, "1,239.40 USD" in page.text) == (200, True)
    form = {"token": order["id"], "decision": "cancel"}
    off = requests.post(f"{sandbox.url}/checkoutnow", data=form, allow_redirects=False)
    assert (off.status_code, off.headers["Location"]) == (303, f"http://shop.test/off?token={order['id']}")
    form["decision"] = "pay"
    back = requests.post(f"{sandbox.url}/checkoutnow", data=form, allow_redirects=False)
    assert back.headers["Location"] == f"http://shop.test/back?a=1&token={order['id']}&PayerID=SANDBOXBUYER1"
    assert paypal.capture(order["id"]).status_code == 201
    assert requests.get(f"{sandbox.url}/checkoutnow", params={"token": order["id"]}).status_code == 410
    assert requests.get(f"{sandbox.url}/checkoutnow", params={"token": "UNKNOWN"}).status_code == 404


def test_names_on_pages_are_text(sandbox: Sandbox, paypal: PayPal) -> None:
    order = paypal.order(description="<script>alert(1)</script>").json()
    page = requests.get(f"{sandbox.url}/checkoutnow", params={"token": order["id"], "opener": '"><b>'}).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>" not in page


def test_a_declined_instrument_asks_the_buyer_again(sandbox: Sandbox, paypal: PayPal) -> None:
    order_id = paypal.order().json()["id"]
    sandbox.approve_paypal(order_id, funding="declined")
    declined = paypal.capture(order_id, "c1")
    assert issue(declined) == (422, "UNPROCESSABLE_ENTITY", "INSTRUMENT_DECLINED")
    assert [link["rel"] for link in declined.json()["links"]] == ["redirect"]
    assert sandbox.events()[-1].type == "PAYMENT.CAPTURE.DENIED"
    assert sandbox.ledger() == []
    sandbox.approve_paypal(order_id)
    assert paypal.capture(order_id, "c1").status_code == 201


def test_paypal_refunds_and_report(sandbox: Sandbox, paypal: PayPal) -> None:
    order_id = paypal.order().json()["id"]
    sandbox.approve_paypal(order_id)
    capture = paypal.capture(order_id).json()["purchase_units"][0]["payments"]["captures"][0]
    path = f"/v2/payments/captures/{capture['id']}/refund"
    part = {"amount": {"currency_code": "USD", "value": "9.40"}, "custom_id": "refund 1"}
    assert paypal.post(path, part).json()["status"] == "COMPLETED"
    assert paypal.get(f"/v2/payments/captures/{capture['id']}").json()["status"] == "PARTIALLY_REFUNDED"
    too_much = {"amount": {"currency_code": "USD", "value": "30.01"}}
    assert issue(paypal.post(path, too_much))[2] == "REFUND_AMOUNT_EXCEEDED"
    foreign = {"amount": {"currency_code": "EUR", "value": "1.00"}}
    assert issue(paypal.post(path, foreign))[2] == "REFUND_CAPTURE_CURRENCY_MISMATCH"
    assert paypal.post(path, {}).status_code == 201
    assert issue(paypal.post(path, {}))[2] == "CAPTURE_FULLY_REFUNDED"
    payments = paypal.get(f"/v2/checkout/orders/{order_id}").json()["purchase_units"][0]["payments"]
    assert payments["captures"][0]["status"] == "REFUNDED"
    refunds = [(refund["amount"]["value"], refund.get("custom_id")) for refund in payments["refunds"]]
    assert refunds == [("9.40", "refund 1"), ("30.00", None)]
    day = capture["create_time"][:10]
    path = "/v1/reporting/transactions"
    period = {"start_date": f"{day}T00:00:00Z", "end_date": f"{day}T23:59:59Z", "page_size": "2"}
    pages = [paypal.get(path, page=page, **period).json() for page in ("1", "2")]
    assert [(page["total_items"], page["total_pages"]) for page in pages] == [(3, 2), (3, 2)]
    rows = [row["transaction_info"] for page in pages for row in page["transaction_details"]]
    seen = [(row["transaction_event_code"], row["transaction_amount"]["value"]) for row in rows]
    assert seen == [("T0006", "39.40"), ("T1107", "-9.40"), ("T1107", "-30.00")]
    assert [row["paypal_reference_id"] for row in rows] == [order_id, capture["id"], capture["id"]]
    too_long = paypal.get(path, start_date="2026-01-01T00:00:00Z", end_date="2026-03-01T00:00:00Z")
    assert too_long.status_code == 400


@pytest.mark.parametrize(
    ("value", "currency", "answer"),
    [
        ("4000", "JPY", None),
        ("4000.00", "JPY", (422, "UNPROCESSABLE_ENTITY", "DECIMALS_NOT_SUPPORTED")),
        ("39.401", "USD", (422, "UNPROCESSABLE_ENTITY", "DECIMAL_PRECISION")),
        ("0.00", "USD", (422, "UNPROCESSABLE_ENTITY", "CANNOT_BE_ZERO_OR_NEGATIVE")),
        ("39.40", "XXX", (422, "UNPROCESSABLE_ENTITY", "CURRENCY_NOT_SUPPORTED")),
        ("39,40", "USD", (400, "INVALID_REQUEST", "INVALID_PARAMETER_SYNTAX")),
    ],
)
def test_amounts_of_orders(paypal: PayPal, value: str, currency: str, answer: Any) -> None:
    response = paypal.order(value=value, currency=currency)
    assert (None if response.ok else issue(response)) == answer


def test_paypal_knows_its_callers_and_its_orders(sandbox: Sandbox, paypal: PayPal) -> None:
    assert issue(paypal.get("/v2/checkout/orders/UNKNOWN")) == (
        404,
        "RESOURCE_NOT_FOUND",
        "INVALID_RESOURCE_ID",
    )
    assert issue(paypal.order(key=""))[2] == "PAYPAL_REQUEST_ID_REQUIRED"
    assert issue(paypal.order(items=[]))[2] == "NOT_IN_SANDBOX"
    path = f"{sandbox.url}/v2/checkout/orders/UNKNOWN"
    for token in ("", "A21AA.99999999999.00"):
        assert requests.get(path, headers={"Authorization": f"Bearer {token}"}).status_code == 401
    grant = {"grant_type": "client_credentials"}
    wrong = requests.post(f"{sandbox.url}/v1/oauth2/token", auth=("sandbox-client", "wrong"), data=grant)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


def test_the_same_request_id_gets_the_same_order(sandbox: Sandbox, paypal: PayPal) -> None:
    first, again = paypal.order(key="o1"), paypal.order(key="o1")
    assert again.content == first.content
    other = paypal.order(key="o1", value="1.00")
    assert issue(other) == (422, "UNPROCESSABLE_ENTITY", "PAYPAL_REQUEST_ID_PREVIOUSLY_USED")
    sandbox.approve_paypal(first.json()["id"])
    captured = paypal.capture(first.json()["id"], "c1")
    assert paypal.capture(first.json()["id"], "c1").content == captured.content
    assert len(sandbox.ledger()) == 1


def test_an_invoice_is_paid_once(sandbox: Sandbox, paypal: PayPal) -> None:
    ids = [paypal.order(key=key, invoice_id="INV-1").json()["id"] for key in ("a", "b")]
    for order_id in ids:
        sandbox.approve_paypal(order_id)
    assert paypal.capture(ids[0]).status_code == 201
    assert issue(paypal.capture(ids[1]))[2] == "DUPLICATE_INVOICE_ID"


def test_of_many_paypal_captures_one_takes_the_money(sandbox: Sandbox, paypal: PayPal) -> None:
    order_id = paypal.order().json()["id"]
    sandbox.approve_paypal(order_id)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: PayPal(sandbox).capture(order_id).status_code, range(16)))
    assert sorted(answers) == [201] + [422] * 15
    assert [entry.amount for entry in sandbox.ledger()] == [3940]
