"""What all examples of a machine share: two companies, three regions, two members of staff, the sandbox, and
the ear that hears what the site logs instead of raising."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from moneyed import Money

from accounts.models import Account, Region, User
from core.errors import Refusal
from core.money import places
from payments.operations.events import NoSessionYet
from payments.operations.reconciling import StillLive
from payments.providers import PROVIDERS
from payments.providers.base import ProviderRefused, ProviderUnavailable
from payments.sandbox.server import Sandbox
from tests import factories
from tests.model.books import worth

RATES = {"USD": Decimal(1), "EUR": Decimal("1.0837"), "JPY": Decimal("0.0067")}
EXPECTED = (Refusal, ProviderRefused, ProviderUnavailable, NoSessionYet, StillLive)
Hook = Callable[[str, str, str], None]


def nothing(kind: str, reference: str, moment: str) -> None:
    """Nobody is following."""


class Watched:
    """A provider as it is, which tells before and after each call to the outside."""

    def __init__(self, provider: Any, tell: Hook) -> None:
        self.provider, self.tell = provider, tell

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.provider, name)
        if name not in ("open", "capture", "lookup", "cancel") or self.provider.is_promise:
            return real

        def call(**asked: Any) -> Any:
            reference = asked.get("reference", "")
            self.tell(name, reference, "before")
            answer = real(**asked)
            self.tell(name, reference, "after")
            return answer

        return call


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
    ear: Ear
    hook: Hook = field(default=nothing)
    has_written: bool = True  # since this was last set to False

    def begin(self, hook: Hook) -> None:
        """Another example."""
        self.hook, self.has_written, self.sandbox.faults = hook, True, None
        self.ear.bugs.clear()

    def tell(self, kind: str, reference: str, moment: str) -> None:
        self.hook(kind, reference, moment)

    def execute(self, execute: Any, sql: str, params: Any, many: bool, context: dict) -> Any:
        self.has_written = self.has_written or sql.startswith(("INSERT", "UPDATE", "DELETE"))
        return execute(sql, params, many, context)

    @staticmethod
    def worth(region: Region, amount: int) -> int:
        """Cents of a charge in this region."""
        return worth(amount, places(region.currency), RATES[region.currency])


def a_world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> World:
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
    world = World(sandbox, regions, accounts, staff, Ear())
    for code, provider in list(PROVIDERS.items()):
        monkeypatch.setitem(PROVIDERS, code, Watched(provider, world.tell))
    return world
