"""What the merchant does at the provider's own dashboard, without the shop, and payers at their bank."""

import json
from decimal import Decimal
from time import time
from typing import Any

from payments.sandbox import captures, charges, disputes, intents, orders, paypal_objects, stripe_objects
from payments.sandbox.store import Store


class Dashboard:
    """Raises Refused where the provider's API would refuse it too."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def capture(self, reference: str, *, origin: str) -> dict[str, Any]:
        """Take what was authorized on an intent or order. Answers it."""
        with self.store.transaction():
            if self.store.get("payment_intent", reference):
                answer = intents.capture(self._stripe({}, origin), reference)
            else:
                answer = orders.capture(self._paypal({}, origin), reference)
        return json.loads(answer.body)

    def refund(self, reference: str, amount: int | None, *, origin: str) -> dict[str, Any]:
        """Give back `amount` in minor units, or all that is left, of an intent, an order or its capture.
        Answers the refund."""
        with self.store.transaction():
            if self.store.get("payment_intent", reference):
                given = {"payment_intent": reference, **({} if amount is None else {"amount": amount})}
                answer = charges.create_refund(self._stripe(given, origin))
            else:
                capture = self._captured(reference, origin)
                given = {} if amount is None else {"amount": _value(capture, amount)}
                answer = captures.refund(self._paypal(given, origin), capture["id"])
        return json.loads(answer.body)

    def dispute(self, reference: str, amount: int | None, *, origin: str) -> str:
        """Take back `amount` in minor units, or all that is left, of an intent, an order or its capture.
        Answers the dispute's id."""
        with self.store.transaction():
            if self.store.get("payment_intent", reference):
                return disputes.open_at_stripe(self._stripe({}, origin), reference, amount)
            capture = self._captured(reference, origin)
            value = None if amount is None else _value(capture, amount)
            return disputes.open_at_paypal(self._paypal({}, origin), capture, value)

    def win(self, dispute_id: str, *, origin: str) -> None:
        with self.store.transaction():
            if dispute_id.startswith("dp_"):
                disputes.win_at_stripe(self._stripe({}, origin), dispute_id)
            else:
                disputes.win_at_paypal(self._paypal({}, origin), dispute_id)

    def _captured(self, reference: str, origin: str) -> dict[str, Any]:
        made = next(iter(self.store.children("capture", reference)), {"id": reference})
        return paypal_objects.found(self._paypal({}, origin), "capture", made["id"])

    def _stripe(self, given: dict[str, Any], origin: str) -> stripe_objects.Request:
        return stripe_objects.Request(self.store, given, int(time()), origin, shopper=False)

    def _paypal(self, given: dict[str, Any], origin: str) -> paypal_objects.Request:
        return paypal_objects.Request(self.store, given, time(), origin)


def _value(capture: dict[str, Any], amount: int) -> dict[str, str]:
    currency = capture["amount"]["currency_code"]
    return paypal_objects.money(Decimal(amount) / (1 if currency == "JPY" else 100), currency)
