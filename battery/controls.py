"""What makes a race, and what takes its protections away for a negative control."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from django.db import connection, connections
from django.db.models import Max

from accounts.operations import numbering
from accounts.querysets import AccountQuerySet
from core import transitions
from core.audit import record
from invoices.models import Invoice
from payments.models import PaymentSession, ProviderCall
from payments.operations import completing
from payments.operations.claiming import reload
from payments.operations.outcomes import outcome_of

# Seconds for each write, so that whoever is not kept out gets in between. On SQLite everybody else just waits
# in no order: too long, and somebody's turn does not come within the twenty seconds of the settings.
SLOWNESS = {"postgresql": 0.004, "sqlite": 0.0005}


def slowly(execute: Any, sql: str, params: Any, many: bool, context: dict) -> Any:
    if sql.startswith(("INSERT", "UPDATE")):
        time.sleep(SLOWNESS[connection.vendor])
    return execute(sql, params, many, context)


def with_slow_writes(act: Callable[[], Any]) -> Callable[[], Any]:
    def slow() -> Any:
        with connection.execute_wrapper(slowly):
            return act()

    return slow


def unlocked(queryset: AccountQuerySet, **_: Any) -> AccountQuerySet:
    return queryset.all()


def reckless(obj: Any, to: str, /, *, at: Any, by: Any, reason: str = "", **fields: Any) -> None:
    """A status moves whatever it has become meanwhile."""
    type(obj)._default_manager.filter(pk=obj.pk).update(status=to, **fields)
    vars(obj).update(status=to, **fields)
    record(obj, f"{obj._meta.model_name}.{to}", at=at, by=by, after={"status": str(to)}, reason=reason)


def unclaimed(session: PaymentSession, *, at: Any, by: Any) -> Any:
    """A capture that is written down nowhere before it is asked for."""
    session, covered = reload(session)
    if session.provider.is_installed and session.status == PaymentSession.Status.INITIATED:
        return ProviderCall(session=session, kind=ProviderCall.Kind.CAPTURE, created_at=at)
    return outcome_of(session, [item.invoice for item in covered])


def highest_and_one(code: str, *, year: int) -> int:
    numbered = Invoice.objects.filter(number_year=year)
    return (numbered.aggregate(last=Max("number_sequence"))["last"] or 0) + 1


@contextmanager
def everywhere(home: ModuleType, name: str, other: Any) -> Iterator[None]:
    """Put another in the place of a module's function, wherever it was imported under its own name."""
    real = getattr(home, name)
    with ExitStack() as stack:
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is real:
                stack.enter_context(patch.object(module, name, other))
        yield


@contextmanager
def lock_off() -> Iterator[None]:
    """PostgreSQL: the account's row is read without its lock. SQLite, where the one writer is the lock: a
    transaction begins as a reader."""
    if connection.vendor == "sqlite":
        with patch.dict(connections.settings["default"]["OPTIONS"], transaction_mode="DEFERRED"):
            yield
    else:
        with patch.object(AccountQuerySet, "select_for_update", unlocked):
            yield


OFF: dict[str, Callable[[], Any]] = {
    "lock": lock_off,
    "move": lambda: everywhere(transitions, "move", reckless),
    "claim": lambda: everywhere(completing, "_claim", unclaimed),
    "series": lambda: everywhere(numbering, "allot_number", highest_and_one),
}


@contextmanager
def without(words: str) -> Iterator[None]:
    """This process without the protections that `words` name."""
    with ExitStack() as stack:
        for word in words.split():
            stack.enter_context(OFF[word]())
        yield


def drop_index(name: str) -> None:
    """For the life of a throw-away database."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
