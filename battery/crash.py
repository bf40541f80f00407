"""Servers killed at every point of a payment, with providers that fail; one reconciliation finds every cent.

A customer completes a card or PayPal session and its webhook comes; somewhere the server is killed. The
customer, who saw an error, then tries the other method. What the providers captured must be booked after one
pass of `manage.py reconcile --all`, once, and every invoice paid once.
"""

import http.client
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import StringIO
from random import Random
from typing import Any
from unittest.mock import patch

from django.core.management import call_command

from battery.ground import PRICE, Company, Ground, Told
from battery.points import (
    ANSWER_LOST,
    BOOKING_OPEN,
    CAPTURED,
    DELIVERED,
    DELIVERING,
    POINTS,
    QUESTION_LOST,
    Trap,
)
from battery.server import DRAIN, LOCK_ERRORS, Site
from invoices.models import Invoice
from payments.models import Payment, PaymentSession
from payments.sandbox.faults import Schedule
from payments.sandbox.server import Sandbox
from payments.sandbox.webhooks import Delivery
from payments.sandbox.wire import Answer, Call, in_json
from tests import factories
from tests.books import everything
from tests.documents import COMPLETE
from tests.factories import PAYPAL, STRIPE

BATCH = 25  # kills between two reconciliations
TRIES = 40  # a fault may keep a payment from the point that is armed
PASSES = 4  # a key that was answered with an error is given up in one pass, and another is used in the next
SHARE = 0.3
KINDS = (
    *("timeout_before", "timeout_after", "error_before", "error_after", "stored_error"),
    *("rate_limited", "unauthorized", "broken_json", "slow", "reset"),
)
PATIENCE = 0.5  # seconds for which the servers wait for a provider
HARMFUL = (ANSWER_LOST, CAPTURED, BOOKING_OPEN)  # money moved that only the claim knows of
GONE = (OSError, http.client.HTTPException)


@contextmanager
def deadly(sandbox: Sandbox, trap: Trap) -> Iterator[None]:
    """Where a question or an answer is lost, its caller dies while it waits."""
    real = sandbox.answer

    def answer(call: Call) -> Answer:
        if call.method != "POST" or not call.path.endswith("/capture"):
            return real(call)
        if trap.is_armed(QUESTION_LOST):
            trap.kill_caller()
            return in_json(503, {})
        given = real(call)
        if trap.is_armed(ANSWER_LOST):
            trap.kill_caller()
        return given

    with patch.object(sandbox, "answer", answer):
        yield


@dataclass(frozen=True)
class Attempt:
    """An invoice with two sessions that its payer agreed to, and the webhook of the first."""

    invoice: Invoice
    first: PaymentSession
    hint: Delivery
    second: PaymentSession


@dataclass
class Crash:
    """The site that is killed, and what came of it so far."""

    ground: Ground
    site: Site
    company: Company
    trap: Trap
    told: Told = field(default_factory=lambda: Told(figures=Counter()))

    def kill_once(self, number: int) -> None:
        """Let a server die at a point that follows from the number; the customer then tries another way."""
        points = HARMFUL if self.ground.without else POINTS
        random, point = self.ground.random("crash", number), points[number % len(points)]
        for _ in range(TRIES):
            attempt = self._attempt(random)
            with self._faulty(random.random()):
                died = self._dies(point, attempt)
            if died:
                break
            self.told.figures["payments without a kill"] += 1
        else:
            self.told.violations.append(f"Nothing died at: {point}")
            return
        self.told.runs += 1
        captured, booked = self.ground.captured(attempt.first), Payment.objects.filter(session=attempt.first)
        self.told.figures["captured and not booked at death"] += bool(captured) and not booked.exists()
        self.site.wait()
        with self._faulty(random.random()):
            self._complete(attempt.second)

    def _attempt(self, random: Random) -> Attempt:
        invoice, codes = factories.an_open_invoice(self.company.account), [STRIPE, PAYPAL]
        random.shuffle(codes)
        first = self.ground.agreed(invoice, codes[0])
        hint = self.ground.sandbox.signed_event(self.ground.sandbox.events()[-1])
        return Attempt(invoice, first, hint, self.ground.agreed(invoice, codes[1]))

    @contextmanager
    def _faulty(self, seed: float) -> Iterator[None]:
        sandbox = self.ground.sandbox
        sandbox.faults = Schedule(int(seed * 2**32), SHARE, KINDS, hold=2 * PATIENCE)
        try:
            yield
        finally:
            self.told.figures["faults"] += len(sandbox.faults.dealt)
            sandbox.faults = None

    def _dies(self, point: str, attempt: Attempt) -> bool:
        """Browser and webhook at once; the worker comes late, unless it is to die itself."""
        self.trap.arm(point)
        path, headers, body = attempt.hint
        self.ground.at_once(
            partial(self._complete, attempt.first),
            partial(self._send, path, body, **headers),
        )
        if point in (DELIVERING, DELIVERED):
            self._send(DRAIN, {})
        return self.trap.disarm()

    def _complete(self, session: PaymentSession) -> None:
        """A proper answer, whatever it is, or none at all."""
        try:
            status, answer = self.site.graphql(self.company.token, COMPLETE, paymentSessionId=session.pk)
        except GONE:
            return
        codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
        if status != 200 or codes - {"CONFLICT"}:
            self.told.violations.append(f"told {status} {answer!r}")

    def _send(self, path: str, content: Any, **headers: str) -> None:
        """From somebody who comes again later when nobody answers, or nobody could verify it."""
        try:
            status, answer = self.site.post(path, content, **headers)
        except GONE:
            return
        if status not in (200, 503):
            self.told.violations.append(f"{path} answered {status} {answer!r}")

    def reconcile(self) -> None:
        """After one pass the providers' books are ours; when all is at its end, another changes nothing."""
        _reconcile()
        self.told.violations += list(_differences(self.ground, self.told))
        self.ground.deliver()
        unfinished = PaymentSession.objects.unfinished_at_provider()
        for _ in range(PASSES):
            if not unfinished.exists():
                break
            self.told.figures["further passes"] += 1
            _reconcile()
            self.ground.deliver()
        before = everything()
        _reconcile()
        after = everything()
        changed = [name for name in before if before[name] != after[name]]
        if changed:
            self.told.violations.append(f"One more pass changed {', '.join(changed)}")
        self.told.violations += list(_differences(self.ground, self.told))
        self.told.violations += list(_not_paid_once())


def attack(ground: Ground, rounds: range) -> Told:
    trap = Trap(ground.folder)
    with ground.serve(workers=1, trap=str(ground.folder), patience=PATIENCE) as site:
        crash = Crash(ground, site, ground.company(), trap)
        with deadly(ground.sandbox, trap):
            for number in ground.each(rounds):
                crash.kill_once(number)
                if (number + 1) % BATCH == 0:
                    crash.reconcile()
            crash.reconcile()
        crash.told.violations += site.complaints(LOCK_ERRORS)
    crash.told.violations += ground.unsound()
    return crash.told


def _reconcile() -> None:
    call_command("reconcile", "--all", stdout=StringIO())


def _differences(ground: Ground, told: Told) -> Iterator[str]:
    """Captures at the providers and captured payments here, by what both call them."""
    ours = PaymentSession.objects.values_list("reference", flat=True)
    known = set(ours)
    theirs = {
        (entry.reference if entry.provider == "stripe" else entry.transaction): entry.amount
        for entry in ground.sandbox.ledger()
        if entry.kind == "capture" and entry.reference in known
    }
    booked = dict(Payment.objects.filter(status="captured").values_list("reference", "amount"))
    told.figures["captures compared"] = len(theirs)
    for reference in sorted(theirs.items() ^ booked.items()):
        yield f"captured and booked differ: {reference}"


def _not_paid_once() -> Iterator[str]:
    captured: dict[int, list[int]] = defaultdict(list)
    of_invoice = "session__collection__covered__invoice"
    for invoice, amount in Payment.objects.filter(status="captured").values_list(of_invoice, "amount"):
        captured[invoice].append(amount)
    for invoice in Invoice.objects.order_by("pk"):
        if (invoice.status, captured[invoice.pk]) != ("paid", [PRICE]):
            yield f"{invoice} is {invoice.status}, captured {captured[invoice.pk]}"
