"""The same session, completed by many: over real HTTP, by browsers, webhooks and reconciliation together."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from django.utils import timezone

from battery.ground import PRICE, Company, Ground, Told
from battery.server import Site
from core.outbox import drain
from payments import operations
from payments.models import Payment, PaymentSession
from payments.sandbox.server import Sandbox
from payments.sandbox.wire import Answer, Call
from tests import factories
from tests.documents import COMPLETE
from tests.factories import MANUAL, PAYPAL, STRIPE

CALLERS = {"smoke": 16, "gate": 16, "long": 32}
WEBHOOKS, PASSES = 4, 2  # of them
TRAVEL = 0.1  # seconds
FINAL = {STRIPE: "succeeded", PAYPAL: "succeeded", MANUAL: "manual_pending"}


@contextmanager
def far_away(sandbox: Sandbox) -> Iterator[None]:
    """Its answer to a lookup travels so long that every other caller could get past the claim meanwhile."""
    real = sandbox.answer

    def answer(call: Call) -> Answer:
        given = real(call)
        if call.method == "GET":
            time.sleep(TRAVEL)
        return given

    with patch.object(sandbox, "answer", answer):
        yield


def attack(ground: Ground, rounds: range) -> Told:
    told = Told()
    company = ground.company()
    with ground.serve() as site, far_away(ground.sandbox):
        for number in ground.each(rounds):
            told.runs += 1
            told.violations += _completed_by_many(ground, site, company, number)
        told.violations += site.complaints()
    told.violations += ground.unsound()
    return told


def _completed_by_many(ground: Ground, site: Site, company: Company, number: int) -> Iterator[str]:
    random = ground.random("same session", number)
    code = random.choices([STRIPE, PAYPAL, MANUAL], [5, 4, 1])[0]
    session = ground.agreed(factories.an_open_invoice(company.account), code)

    def complete() -> tuple[int, Any]:
        return site.graphql(company.token, COMPLETE, paymentSessionId=session.pk)

    acts = [complete] * CALLERS[ground.size]
    if code != MANUAL:
        acts[: WEBHOOKS + PASSES] = [_webhook(ground, site)] * WEBHOOKS + [_reconcile] * PASSES
    random.shuffle(acts)
    for answer in ground.at_once(*acts):
        yield from _wrong(answer, FINAL[code])
    yield from _wrong(complete(), FINAL[code], finally_=True)
    money = [] if code == MANUAL else [PRICE]
    booked = list(Payment.objects.filter(session=session).values_list("amount", flat=True))
    if (ground.captured(session), booked) != (money, [PRICE]):
        yield f"{session}: captured {ground.captured(session)}, booked {booked}"
    status = PaymentSession.objects.get(pk=session.pk).status
    if status != ("pending_verification" if code == MANUAL else "succeeded"):
        yield f"{session} is {status}"


def _webhook(ground: Ground, site: Site) -> Callable[[], tuple[int, Any]]:
    """The newest event is delivered, and the worker looks at once."""
    hint = ground.sandbox.signed_event(ground.sandbox.events()[-1])

    def act() -> tuple[int, Any]:
        answer = site.post(hint.path, hint.body, **hint.headers)
        drain(at=timezone.now())
        return answer

    return act


def _reconcile() -> tuple[int, Any]:
    done = operations.reconcile(at=timezone.now(), everything=True)
    return 200, {"errors": f"{done}"} if done.unreachable else {}


def _wrong(answer: Any, final: str, *, finally_: bool = False) -> Iterator[str]:
    """Every caller is told that it was paid, or that it is being paid; afterwards only the former."""
    if isinstance(answer, Exception) or answer[0] != 200 or "errors" in answer[1]:
        yield f"told {answer!r}"
    elif "data" in answer[1]:
        said = answer[1]["data"]["completeInvoicePayment"]
        right = (final,) if finally_ else (final, "processing")
        if said["status"] not in right or said["success"] is not True:
            yield f"told {said!r}"
