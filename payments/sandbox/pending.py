"""Captures and refunds that were accepted and are not done yet."""

from collections.abc import Callable
from time import time

from payments.sandbox import captures, charges, intents, orders, paypal_objects, stripe_objects
from payments.sandbox.store import Store

KINDS: dict[str, tuple[Callable[..., None], str]] = {
    "payment_intent": (intents.finish, "stripe"),
    "refund": (charges.finish_refund, "stripe"),
    "order": (orders.finish, "paypal"),
    "refund_of_capture": (captures.finish_refund, "paypal"),
}


class Pending:
    """They are in the store with the number of lookups after which they are done, so a restart keeps them."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def is_waiting(self) -> bool:
        return bool(self.store.newest("deferral"))

    def looked_up(self, path: str, query: str, *, origin: str) -> None:
        """A lookup of the object that shows it: the last one that it waits for finds it done."""
        with self.store.transaction():
            for waiting in reversed(self.store.newest("deferral")):
                if waiting["shown_by"] not in (path.rpartition("/")[2], *query.replace("&", "=").split("=")):
                    continue
                waiting["lookups"] -= 1
                if waiting["lookups"] > 0:
                    self.store.put("deferral", waiting, at=time())
                else:
                    self._finish(waiting, origin)

    def complete(self, origin: str) -> int:
        """Do all of it now; answers how much there was."""
        with self.store.transaction():
            waiting = list(reversed(self.store.newest("deferral")))
            for one in waiting:
                self._finish(one, origin)
        return len(waiting)

    def _finish(self, waiting: dict[str, str], origin: str) -> None:
        finish, provider = KINDS[waiting["kind"]]
        if provider == "stripe":
            finish(stripe_objects.Request(self.store, {}, int(time()), origin, shopper=False), waiting["of"])
        else:
            finish(paypal_objects.Request(self.store, {}, time(), origin), waiting["of"])
        self.store.forget("deferral", waiting["id"])
