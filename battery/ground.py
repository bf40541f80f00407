"""What an attack stands on: an empty copy of the database, the sandbox, servers, and companies that pay."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

from django.db import connection
from django.utils import timezone
from moneyed import Money

from accounts import operations as accounts
from accounts.models import Account, Membership, User
from battery.controls import without
from battery.databases import copied
from battery.server import Site, at_once, serving
from core.audit import SYSTEM
from core.errors import Refusal
from core.outbox import OutboxMessage, drain
from invoices.models import Invoice
from payments import operations
from payments.models import PaymentSession
from payments.operations.collecting import END_SESSION
from payments.providers.base import ProviderUnavailable
from payments.sandbox.server import Sandbox
from tests import factories
from tests.factories import PAYPAL, STRIPE

TOLD_EVERY = 50  # rounds
PRICE = 3940  # minor units of each order and invoice
CARD = "4242424242424242"
ENDING = Event()  # Ctrl-C: the round that is fought is the last
SWALLOW = ("core.outbox", "payments.operations.reconciling")  # they log an error, and go on
LATER = timedelta(hours=2)  # every claim and back-off of the outbox is over by then


class Listener(logging.Handler):
    """Keeps the errors that are logged and not raised, but for refusals and silent providers."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, Refusal | ProviderUnavailable):
            self.heard.append(f"{record.getMessage()}: {error!r}")


@contextmanager
def listening() -> Iterator[list[str]]:
    listener = Listener()
    for name in SWALLOW:
        logging.getLogger(name).addHandler(listener)
    try:
        yield listener.heard
    finally:
        for name in SWALLOW:
            logging.getLogger(name).removeHandler(listener)


@dataclass
class Company:
    """An account that buys, and the token of a member who may pay."""

    account: Account
    token: str


@dataclass
class Ground:
    """One attack's own; `without` names the protections that are off in its fights and its servers."""

    url: str
    sandbox: Sandbox
    folder: Path
    seed: int = 1
    size: str = "gate"
    without: str = ""
    heard: list[str] = field(default_factory=list)

    def at_once(self, *acts: Callable[[], Any]) -> list[Any]:
        """All of this at the same moment, without the protections that are off."""
        with without(self.without):
            return at_once(*acts)

    def each(self, rounds: range) -> Iterator[int]:
        """The rounds, until somebody ends it; now and then it says on standard error how far it is."""
        for number in rounds:
            if ENDING.is_set():
                return
            if number % TOLD_EVERY == 0 and number > rounds.start:
                print(f"   round {number} of {rounds.stop}", file=sys.stderr, flush=True)
            yield number

    def random(self, *names: object) -> Random:
        """The same for the same seed and names, wherever a run begins."""
        return Random(f"{self.seed} {names}")

    def serve(self, **more: Any) -> AbstractContextManager[Site]:
        """SQLite lets one write at a time, and script/serve.py gives it one process."""
        workers = 1 if connection.vendor == "sqlite" else 2
        return serving(self.url, self.folder, **{"workers": workers, "without": self.without, **more})

    def company(self) -> Company:
        account = factories.an_account(limit=Money(10**9, "USD"))
        user = User.objects.create_user(f"buyer-{account.pk}@example.com")
        Membership.objects.create(user=user, account=account, role=Membership.Role.ADMIN)
        token = accounts.create_token(user=user, name="battery", at=timezone.now(), by=SYSTEM)[1]
        return Company(account, token)

    def agreed(self, invoice: Invoice, code: str) -> PaymentSession:
        """A session that the payer has agreed to at its provider."""
        session = factories.an_initiated_session(invoice, code)
        if code == STRIPE:
            self.sandbox.confirm_card(session.reference, CARD)
        elif code == PAYPAL:
            self.sandbox.approve_paypal(session.reference)
        return session

    def captured(self, *sessions: PaymentSession) -> list[int]:
        """What the providers' books say was captured of these."""
        references = {session.reference for session in sessions}
        return [entry.amount for entry in self.sandbox.ledger() if entry.reference in references]

    def deliver(self) -> None:
        """What waits in the outbox, whatever it waits for."""
        for _ in range(3):  # a delivery may cause another
            drain(at=timezone.now() + LATER)

    def unsound(self) -> list[str]:
        """After everything that waits was delivered: what is broken in our books, and what was logged."""
        self.deliver()
        left = OutboxMessage.objects.exclude(status="done").exclude(kind=END_SESSION)
        stuck = [f"{one.kind} was not delivered: {one.last_error}" for one in left]
        broken = operations.broken_invariants(at=timezone.now())
        return [*map(str, broken), *stuck, *self.heard]


@contextmanager
def ground(sandbox: Sandbox, folder: Path, **more: Any) -> Iterator[Ground]:
    with copied() as url, listening() as heard:
        yield Ground(url, sandbox, folder, heard=heard, **more)


Attack = Callable[[Ground, range], "Told"]


@dataclass
class Told:
    """What came of an attack: how often it was tried, and each thing that was not as it must be."""

    runs: int = 0
    violations: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)
