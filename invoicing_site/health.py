"""Whether this installation can do its work: what /health/ready asks. Each check says in a few words what is
wrong, and never an address, a name or a password."""

import dataclasses
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache

from asgiref.sync import async_to_sync
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django_q.models import Success
from health_check.base import HealthCheck
from health_check.checks import Cache, Database
from health_check.exceptions import HealthCheckException, ServiceUnavailable

from core.outbox import OutboxMessage

logger = logging.getLogger(__name__)
OK = "ok"
BROKEN = "cannot be checked"
WORKER_SILENT = timedelta(minutes=5)  # it delivers the outbox every minute
OUTBOX_LATE = timedelta(minutes=10)
Status = OutboxMessage.Status


@cache
def newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of each app, as this code has them."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


@dataclasses.dataclass
class Migrations(HealthCheck):
    """The tables are those of this code."""

    def run(self) -> None:
        missing = newest_migrations() - set(MigrationRecorder(connection).applied_migrations())
        if missing:
            raise ServiceUnavailable(f"{len(missing)} apps have migrations that are not applied")


@dataclasses.dataclass
class Worker(HealthCheck):
    """The worker did what it does every minute."""

    at: datetime

    def run(self) -> None:
        done = Success.objects.filter(func="core.outbox.drain_now").order_by("-stopped")
        last = done.values_list("stopped", flat=True).first()
        if last is None:
            raise ServiceUnavailable("no sign of life yet")
        silent = self.at - last
        if silent > WORKER_SILENT:
            raise ServiceUnavailable(f"no sign of life for {int(silent.total_seconds())} seconds")


@dataclasses.dataclass
class Outbox(HealthCheck):
    """Nothing that is due has waited for long."""

    at: datetime

    def run(self) -> None:
        late = OutboxMessage.objects.filter(
            status__in=[Status.WAITING, Status.WORKING], not_before__lt=self.at - OUTBOX_LATE
        ).count()
        if late:
            raise ServiceUnavailable(f"{late} messages are late")


def readiness(at: datetime) -> dict[str, str]:
    """Each part with `ok` or what is wrong with it."""
    checks: dict[str, Callable[[], None]] = {
        "database": Database().run,
        "migrations": Migrations().run,
        "cache": async_to_sync(Cache().run),
        "worker": Worker(at).run,
        "outbox": Outbox(at).run,
    }
    return {name: _answer(name, check) for name, check in checks.items()}


def _answer(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except HealthCheckException as error:
        logger.warning("health.failed", extra={"check": name, "reason": str(error.message)})
        return str(error.message)
    except Exception:
        logger.exception("health.failed", extra={"check": name})
        return BROKEN
    return OK
