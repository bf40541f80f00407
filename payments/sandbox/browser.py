"""What the customer's browser loads: the two scripts, the card fields, the bank's page and PayPal's page."""

import html
import json
from decimal import Decimal
from pathlib import Path
from string import Template
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from payments.sandbox import intents, orders, paypal_objects, stripe_objects
from payments.sandbox.store import Store
from payments.sandbox.wire import Answer, Call, Keys, Refused, Route, find_route, in_html, in_json, see_other

WITHOUT_CENTS = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf"
FOLDER = Path(__file__).parent
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
SCRIPTS = {"/v3": "stripe.js", "/v3/": "stripe.js", "/v3/stripe.js": "stripe.js", "/sdk/js": "paypal.js"}


def amount_text(amount: int, currency: str) -> str:
    """From Stripe's smallest unit."""
    places = 0 if currency in WITHOUT_CENTS.split() else 2
    return f"{Decimal(amount).scaleb(-places):,} {currency.upper()}"


def page(name: str, status: int = 200, **values: str) -> Answer:
    """A page from disk, its `$names` replaced by escaped values."""
    template = Template((FOLDER / "pages" / name).read_text())
    return in_html(status, template.substitute({key: html.escape(value) for key, value in values.items()}))


def gone(text: str, status: int = 404) -> Answer:
    return page("gone.html", status, text=text)


def with_query(url: str, **values: str) -> str:
    """The address with further query parameters; its own stay."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True) + list(values.items())
    return urlunsplit(parts._replace(query=urlencode(query)))


class Browser:
    """Answers everything a person's browser asks for."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self.store, self.keys = store, keys
        self.routes = (
            Route("GET", "/elements/payment", self._element),
            Route("GET", "/3ds/{}", self._challenge),
            Route("POST", "/3ds/{}", self._finish_challenge),
            Route("GET", "/checkoutnow", self._approval),
            Route("POST", "/checkoutnow", self._decide),
            Route("GET", "/sdk/wait", self._wait),
            Route("GET", "/sdk/orders/{}", self._order_status),
        )

    def answer(self, call: Call) -> Answer:
        if call.path == "/sdk/js":
            return self._paypal_script(call)
        if call.path in SCRIPTS or call.path.startswith("/static/"):
            return self._file(call)
        wanted = find_route(self.routes, call)
        if wanted is None:
            return gone("There is no such page here.")
        route, ids = wanted
        try:
            return route.act(call, *ids)
        except Refused:
            return gone("This payment does not exist.")

    def _file(self, call: Call) -> Answer:
        name = SCRIPTS.get(call.path) or call.path.removeprefix("/static/")
        path = FOLDER / "static" / name
        if "/" in name or path.suffix not in TYPES or not path.is_file():
            return gone("There is no such file here.")
        headers = {"Content-Type": TYPES[path.suffix], "Cache-Control": "no-cache"}
        return Answer(200, path.read_bytes(), {**headers, "Access-Control-Allow-Origin": "*"})

    def _paypal_script(self, call: Call) -> Answer:
        given = dict(parse_qsl(call.query))
        if given.get("client-id") != self.keys.paypal_client_id:
            text = "throw new Error('SDK Validation error: client-id not recognized');"
            return Answer(400, text.encode(), {"Content-Type": TYPES[".js"]})
        return self._file(call)

    # Stripe

    def _element(self, call: Call) -> Answer:
        return page("element.html")

    def _shopper(self, call: Call) -> stripe_objects.Request:
        return stripe_objects.Request(self.store, {}, int(call.at), call.origin, True)

    def _challenge(self, call: Call, attempt_id: str) -> Answer:
        request = self._shopper(call)
        attempt = stripe_objects.found(request, "challenge", attempt_id)
        intent = stripe_objects.found(request, "payment_intent", attempt["payment_intent"])
        if not intents.is_open(intent, attempt):
            return gone("This confirmation is over. Go back to the shop.", 410)
        framed = dict(parse_qsl(call.query)).get("framed", "")
        amount = amount_text(intent["amount"], intent["currency"])
        return page("challenge.html", attempt=attempt_id, amount=amount, framed=framed)

    def _finish_challenge(self, call: Call, attempt_id: str) -> Answer:
        given, request = dict(parse_qsl(call.body.decode(errors="replace"))), self._shopper(call)
        with self.store.transaction():
            attempt = stripe_objects.found(request, "challenge", attempt_id)
            passed = given.get("outcome") == "complete"
            intent = intents.finish_challenge(request, attempt, passed=passed)
        if given.get("framed") or not intent["_return_url"]:
            message = json.dumps({"source": "stripe", "intent": intent["id"]})
            return page("challenge_done.html", message=message)
        is_paid = intent["status"] in ("succeeded", "requires_capture", "processing")
        return see_other(
            with_query(
                intent["_return_url"],
                payment_intent=intent["id"],
                payment_intent_client_secret=intent["client_secret"],
                redirect_status="succeeded" if is_paid else "failed",
            )
        )

    # PayPal

    def _buyer(self, call: Call) -> paypal_objects.Request:
        return paypal_objects.Request(self.store, {}, call.at, call.origin)

    def _order_status(self, call: Call, order_id: str) -> Answer:
        order = paypal_objects.found(self._buyer(call), "order", order_id)
        payer = (order.get("payer") or {}).get("payer_id")
        status = {"id": order_id, "status": order["status"], "payerID": payer}
        return in_json(200, status).having(Access_Control_Allow_Origin="*")

    def _wait(self, call: Call) -> Answer:
        return page("wait.html")

    def _approval(self, call: Call) -> Answer:
        given = dict(parse_qsl(call.query))
        order = paypal_objects.found(self._buyer(call), "order", given.get("token", ""))
        if order["status"] == "COMPLETED":
            return gone("This payment is already complete. Go back to the shop.", 410)
        unit, context = order["purchase_units"][0], order["_context"]
        return page(
            "approval.html",
            token=order["id"],
            opener=given.get("opener", ""),
            payee=context.get("brand_name") or "Test merchant",
            amount=f"{Decimal(unit['amount']['value']):,} {unit['amount']['currency_code']}",
            description=unit.get("description") or unit.get("invoice_id") or "",
        ).having(X_Frame_Options="DENY")

    def _decide(self, call: Call) -> Answer:
        given, request = dict(parse_qsl(call.body.decode(errors="replace"))), self._buyer(call)
        order = paypal_objects.found(request, "order", given.get("token", ""))
        agreed = given.get("decision") == "pay"
        if agreed:
            with self.store.transaction():
                order = orders.approve(request, order["id"], funding=given.get("funding", "balance"))
        payer_id = orders.PAYER_ID
        if agreed:
            back = with_query(order["_context"].get("return_url", ""), token=order["id"], PayerID=payer_id)
        else:
            back = with_query(order["_context"].get("cancel_url", ""), token=order["id"])
        if given.get("opener"):
            message = {"source": "paypal", "approved": agreed, "orderID": order["id"], "payerID": payer_id}
            return page("approval_done.html", opener=given["opener"], message=json.dumps(message), back=back)
        return gone("Done. Go back to the shop.", 200) if back.startswith("?") else see_other(back)
