"""The sandbox as an adversary: calls that fail, lie or take their time; by a seed, hence the same again.

Only calls of the shop's server are hit; what a person's browser asks for always works.
"""

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple, Protocol

from payments.sandbox.parameters import stripe_error
from payments.sandbox.paypal_objects import paypal_error
from payments.sandbox.replays import Replays
from payments.sandbox.wire import Answer, Call, in_json

ALL = (
    "timeout_before",  # no answer, and nothing was done
    "timeout_after",  # no answer, though it was done
    "error_before",  # a 500, and nothing was done
    "error_after",  # a 500, though it was done
    "stored_error",  # a 500 that the same idempotency key gets again, whether it was done or not
    "rate_limited",
    "unauthorized",
    "broken_json",  # half an answer, whether it was done or not
    "slow",
    "reset",  # the connection breaks, whether it was done or not
    "wrong_amount",  # in the answer of a capture or lookup; the ledger stays right
    "wrong_currency",
    "expired",  # what nobody paid yet is over before the call
    "pending",  # a capture or refund is accepted and done later
)
WEBHOOKS = ("late", "doubled", "shuffled", "lost")
HOLD = 21.0  # seconds: a bit above the twenty for which the shop waits by default
PAID_ON = re.compile(r"/v1/payment_intents/(\w+)|/v2/checkout/orders/(\w+)")
SHOWS_AMOUNTS = re.compile(
    r"(GET /v1/payment_intents/\w+|POST /v1/payment_intents/\w+/capture"
    r"|GET /v2/checkout/orders/\w+|POST /v2/checkout/orders/\w+/capture|GET /v2/payments/captures/\w+)"
)
MOVES_MONEY = re.compile(r"POST (/v1/payment_intents/\w+/capture|/v1/refunds|/v2/.+/(capture|refund))")


class BrokenOff(Exception):
    """The connection ends without an answer, after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Dealt(NamedTuple):
    """A fault that a call really had: the how-manieth call it was, and which."""

    number: int
    kind: str
    call: str  # method and path


@dataclass(frozen=True)
class Stroke:
    """The fault that is meant for a call; `after`: what was asked is done before it goes wrong."""

    number: int
    kind: str
    after: bool


class Provider(Protocol):
    replays: Replays

    def answer(self, call: Call) -> Answer: ...


class Place(Protocol):
    """What a fault can do to the sandbox."""

    def expire_unpaid(self, reference: str) -> bool: ...
    def pause(self, seconds: float) -> None: ...


class Chances:
    """Which kind the next one gets: by the seed and by how many came before, so that it is the same again."""

    def __init__(self, seed: int, share: float, kinds: Sequence[str], known: Sequence[str]) -> None:
        strange = sorted(set(kinds) - set(known))
        if strange or not kinds or not 0 <= share <= 1:
            raise ValueError(f"No such faults: {strange}" if strange else "A share is from 0 to 1, of a kind")
        self.seed, self.share, self.kinds = seed, share, tuple(kinds)
        self._count, self._lock = 0, threading.Lock()

    def next(self) -> Stroke | None:
        with self._lock:
            self._count += 1
            number = self._count
        chance = Random(f"{self.seed}:{number}")  # noqa: S311 - to be repeated, not to be a secret
        if chance.random() >= self.share:
            return None
        kind = chance.choice(self.kinds)
        after = chance.random() < 0.5 if not kind.endswith(("_before", "_after")) else kind.endswith("_after")
        return Stroke(number, kind, after)


class Schedule:
    """Faults for a share (0 to 1) of the API calls, each of one of `kinds`.

    `on` narrows it to calls whose "METHOD /path" this expression matches in full. `hold` is for how many
    seconds a call that times out is kept at most, `delay` for how many a slow one is; after so many `lookups`
    what was left pending is done. A kind that does not concern a call leaves it alone; `dealt` has those that
    did.
    """

    def __init__(
        self,
        seed: int,
        share: float,
        kinds: Sequence[str] = ALL,
        *,
        on: str = "",
        hold: float = HOLD,
        delay: float = 0.2,
        lookups: int = 2,
    ) -> None:
        self.hold, self.delay, self.lookups = hold, delay, lookups
        self.dealt: deque[Dealt] = deque(maxlen=100_000)
        self._chances, self._on = Chances(seed, share, kinds, ALL), re.compile(on or ".*")

    def answer(self, call: Call, provider: Provider, place: Place) -> Answer:
        """The provider's answer, or what became of it. Raises BrokenOff where there is none."""
        name = f"{call.method} {call.path}"
        stroke = self._chances.next() if self._on.fullmatch(name) else None
        if stroke is None or not _concerns(stroke, call, provider, place):
            return provider.answer(call)
        self.dealt.append(Dealt(stroke.number, stroke.kind, name))
        return self._struck(stroke, call, provider, place)

    def _struck(self, stroke: Stroke, call: Call, provider: Provider, place: Place) -> Answer:
        kind = stroke.kind
        if kind == "rate_limited":
            return failed(call, 429).having(Retry_After="1")
        if kind == "unauthorized":
            return failed(call, 401)
        if kind == "expired":
            return provider.answer(call)
        if kind == "pending":
            return provider.answer(replace(call, defer=self.lookups))
        if kind == "slow":
            place.pause(self.delay)
            return provider.answer(call)
        if kind in ("wrong_amount", "wrong_currency"):
            return distorted(provider.answer(call), _CHANGES[kind])
        done = provider.answer(call) if stroke.after else None
        error = failed(call, 500)
        if kind == "stored_error":
            provider.replays.keep(_key(call), call, error)
        if kind == "broken_json":
            whole = done or error
            return Answer(200, whole.body[: len(whole.body) // 2], whole.headers)
        if kind in ("timeout_before", "timeout_after", "reset"):
            raise BrokenOff(0 if kind == "reset" else self.hold)
        return error


class WebhookFaults(Chances):
    """Faults for a share of the events: `late` by `delay` seconds, `doubled` at the same moment, `shuffled`
    behind the next one, or `lost`."""

    def __init__(
        self, seed: int, share: float, kinds: Sequence[str] = WEBHOOKS, *, delay: float = 0.2
    ) -> None:
        super().__init__(seed, share, kinds, WEBHOOKS)
        self.delay = delay


def _key(call: Call) -> str:
    """The call's idempotency key, where it can have one."""
    if call.method != "POST":
        return ""
    return call.header("Idempotency-Key") or call.header("PayPal-Request-Id")


def _concerns(stroke: Stroke, call: Call, provider: Provider, place: Place) -> bool:
    name = f"{call.method} {call.path}"
    if stroke.kind == "stored_error":
        return bool(_key(call)) and not provider.replays.knows(_key(call))
    if stroke.kind in ("wrong_amount", "wrong_currency"):
        return SHOWS_AMOUNTS.fullmatch(name) is not None
    if stroke.kind == "pending":
        return MOVES_MONEY.fullmatch(name) is not None
    if stroke.kind == "expired":
        found = PAID_ON.match(call.path)
        return found is not None and place.expire_unpaid(found[1] or found[2])
    return True


def failed(call: Call, status: int) -> Answer:
    """A failure in the words of the provider that was called."""
    if call.is_paypal:
        if status == 401:
            return in_json(401, {"error": "invalid_token", "error_description": "Token was revoked"})
        name = "RATE_LIMIT_REACHED" if status == 429 else "INTERNAL_SERVER_ERROR"
        return paypal_error(status, name, "The sandbox was told to fail.")
    type = {401: "invalid_request_error", 429: "rate_limit_error"}.get(status, "api_error")
    return stripe_error(status, "The sandbox was told to fail.", type=type)


def distorted(answer: Answer, change: Callable[[dict[str, Any]], None]) -> Answer:
    """The answer with every amount in it changed; a refusal has none."""
    if answer.status >= 300:
        return answer
    content = json.loads(answer.body)
    _walk(content, change)
    return Answer(answer.status, json.dumps(content).encode(), answer.headers)


def _walk(thing: Any, change: Callable[[dict[str, Any]], None]) -> None:
    if isinstance(thing, dict):
        change(thing)
    for part in thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list) else ():
        _walk(part, change)


def _another_amount(thing: dict[str, Any]) -> None:
    """One more in whole units at PayPal, a hundred more of the smallest at Stripe."""
    if isinstance(thing.get("value"), str) and "currency_code" in thing:
        thing["value"] = str(Decimal(thing["value"]) + 1)
    for name in ("amount", "amount_received", "amount_capturable", "amount_captured"):
        if isinstance(thing.get(name), int) and thing[name]:
            thing[name] += 100


def _another_currency(thing: dict[str, Any]) -> None:
    for name in ("currency", "currency_code"):
        if name in thing:
            code = "EUR" if thing[name].upper() != "EUR" else "USD"
            thing[name] = code.lower() if name == "currency" else code


_CHANGES = {"wrong_amount": _another_amount, "wrong_currency": _another_currency}
