"""What all examples of a machine share: two companies, three regions, two members of staff, the sandbox, and
the ear that hears what the site logs instead of raising."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import pytest
from django.db import connection
from moneyed import Money

from accounts.models import Account, Region, User
from core.errors import Refusal
from core.money import places
from payments.models import Comparison
from payments.operations.events import NoSessionYet
from payments.operations.reconciling import StillLive
from payments.providers import PROVIDERS
from payments.providers.base import ProviderRefused, ProviderUnavailable
from payments.sandbox.server import Sandbox
from tests import factories
from tests.model.books import worth

RATES = {"USD": Decimal(1), "EUR": Decimal("1.0837"), "JPY": Decimal("0.0067")}
CALLS = ("open", "capture", "lookup", "cancel", "refund", "refunds", "transactions")
EXPECTED = (Refusal, ProviderRefused, ProviderUnavailable, NoSessionYet, StillLive)
COMPARISON = Comparison._meta.db_table  # each comparison is noted, though it changes nothing
Hook = Callable[[str, str, str], None]


class Clock(Protocol):
    """That of the whole process, the providers' included."""

    def move_to(self, destination: datetime, /) -> None: ...


def nothing(*told: str) -> None:
    """Nobody is following."""


class Watched:
    """A provider as it is, which tells before and after each call to the outside."""

    def __init__(self, provider: Any, tell: Hook) -> None:
        self.provider, self.tell = provider, tell

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.provider, name)
        if name not in CALLS or self.provider.is_promise:
            return real

        def call(**asked: Any) -> Any:
            reference = asked.get("reference", "")
            self.tell(name, reference, "before")
            answer = real(**asked)
            if name == "transactions":  # which asks only when it is read
                answer = list(answer)
            self.tell(name, reference, "after")
            return answer

        return call


def own_transactions() -> list[Any]:
    """Those that the site opened, around which no test's is counted."""
    return [block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)]


class Ear(logging.Handler):
    """Keeps what was logged with an exception that is a bug: the outbox and reconciliation go on after it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.bugs: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, EXPECTED):
            self.bugs.append(error)


@dataclass
class World:
    sandbox: Sandbox
    regions: list[Region]
    accounts: list[Account]
    staff: list[User]
    clerk: User  # who works here, but may move no money
    ear: Ear
    clock: Clock
    hook: Hook = field(default=nothing)
    committed: Callable[[], None] = field(default=nothing)  # a transaction of the site's has just ended
    changes: int = 0  # rows that were written, of all examples

    def begin(self, hook: Hook) -> None:
        """Another example: nothing that moved before it is in its books."""
        self.hook, self.committed, self.sandbox.faults = hook, nothing, None
        self.sandbox.store.clear()
        self.ear.bugs.clear()

    def tell(self, kind: str, reference: str, moment: str) -> None:
        self.hook(kind, reference, moment)

    def execute(self, execute: Any, sql: str, params: Any, many: bool, context: dict) -> Any:
        is_change = sql.startswith(("INSERT", "UPDATE", "DELETE")) and COMPARISON not in sql[:50]
        self.changes += is_change
        answer = execute(sql, params, many, context)
        if sql.startswith("RELEASE SAVEPOINT") and not own_transactions():
            self.committed()
        return answer

    @staticmethod
    def worth(region: Region, amount: int) -> int:
        """Cents of a charge in this region."""
        return worth(amount, places(region.currency), RATES[region.currency])


def a_world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> World:
    """Companies of $300.00 and $5,000.00 of credit; every call to a provider is watched."""
    regions = [
        factories.a_region(name, code)
        for name, code in (("North America", "USD"), ("Europe", "EUR"), ("Japan", "JPY"))
    ]
    for code, rate in RATES.items():
        if code != "USD":
            factories.a_rate(code, "USD", str(rate))
    accounts = [
        factories.an_account("Globex", Money(300, "USD")),
        factories.an_account("Initech", Money(5000, "USD")),
    ]
    staff = [
        User.objects.create_superuser(f"{name}@example.com", "correct horse", name=name)
        for name in ("stella", "theo")
    ]
    clerk = User.objects.create_user("clara@example.com", "correct horse", name="clara", is_staff=True)
    world = World(sandbox, regions, accounts, staff, clerk, Ear(), clock)
    for code, provider in list(PROVIDERS.items()):
        monkeypatch.setitem(PROVIDERS, code, Watched(provider, world.tell))
    return world
