"""The outbox: what must happen after a commit, written in the same transaction as its cause.

The worker delivers each row at least once; a consumer makes its visible effect once. A row is claimed by a
conditional UPDATE and worked outside any transaction; a claim that its worker did not live to finish is
taken again after `CLAIM_LASTS`.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django_q.tasks import async_task

from core.errors import Conflict

logger = logging.getLogger(__name__)

CLAIM_LASTS = timedelta(minutes=5)
BACK_OFF = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
ATTEMPTS = 12
REGRET = timedelta(seconds=30)  # for so long can be stopped what staff send out of the house

Consumer = Callable[[dict[str, Any], datetime], None]
CONSUMERS: dict[str, Consumer] = {}


class OutboxMessage(models.Model):
    """One thing to do after a commit: a mail to send, a provider's object to cancel."""

    class Status(models.TextChoices):
        WAITING = "waiting"
        WORKING = "working"
        DONE = "done"
        FAILED = "failed"
        STOPPED = "stopped"

    kind = models.CharField(max_length=80)
    payload = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(
                fields=["not_before", "id"],
                name="outbox_due",
                condition=models.Q(status__in=["waiting", "working"]),
            ),
            models.Index(fields=["created_at"], name="outbox_failed", condition=models.Q(status="failed")),
        )

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


def consumer(kind: str) -> Callable[[Consumer], Consumer]:
    """Register the function that delivers messages of one kind: `f(payload, at)`."""

    def register(function: Consumer) -> Consumer:
        CONSUMERS[kind] = function
        return function

    return register


def enqueue(
    kind: str, payload: dict[str, Any], *, at: datetime, delay: timedelta = timedelta()
) -> OutboxMessage:
    """Write a message in the caller's transaction and wake the worker when that commits."""
    message = OutboxMessage.objects.create(kind=kind, payload=payload, created_at=at, not_before=at + delay)
    connection = transaction.get_connection()
    if not any(function is wake for _, function, _ in connection.run_on_commit):
        transaction.on_commit(wake, robust=True)
    return message


def waiting(kind: str, **payload: Any) -> OutboxMessage | None:
    """A message with this in its payload that no worker has taken."""
    rows = OutboxMessage.objects.filter(status=OutboxMessage.Status.WAITING, kind=kind)
    return rows.filter(**{f"payload__{name}": value for name, value in payload.items()}).first()


def stop(message: OutboxMessage, *, at: datetime) -> None:
    """Keep back a message that no worker has taken; refused once one has."""
    untaken = OutboxMessage.objects.filter(pk=message.pk, status=OutboxMessage.Status.WAITING)
    if not untaken.update(status=OutboxMessage.Status.STOPPED, done_at=at):
        raise Conflict("It has left already")


def wake() -> None:
    """Ask the worker to drain the outbox now; a schedule every minute is the net below this."""
    async_task("core.outbox.drain_now")


def drain_now() -> int:
    """The worker's door: deliver what is due."""
    return drain(at=timezone.now())


def drain(*, at: datetime, limit: int = 500, begun: float | None = None) -> int:
    """Deliver what is due at `at`, oldest first; returns how many messages were delivered. Ends while its
    claims, which count from `at`, still hold: what is left is taken by the next drain. `begun` is when it was
    `at` on the monotonic clock, where that is not now."""
    delivered, begun = 0, monotonic() if begun is None else begun
    due = OutboxMessage.objects.filter(status__in=["waiting", "working"], not_before__lte=at)
    for pk in list(due.order_by("id").values_list("pk", flat=True)[:limit]):
        if monotonic() - begun > CLAIM_LASTS.total_seconds() / 2:
            break
        claimed = due.filter(pk=pk).update(
            status=OutboxMessage.Status.WORKING,
            not_before=at + CLAIM_LASTS,
            attempts=models.F("attempts") + 1,
        )
        if claimed:
            delivered += _deliver(OutboxMessage.objects.get(pk=pk), at)
    return delivered


def _deliver(message: OutboxMessage, at: datetime) -> int:
    this_claim = OutboxMessage.objects.filter(pk=message.pk, attempts=message.attempts)
    try:
        CONSUMERS[message.kind](message.payload, at)
    except Exception as error:
        logger.exception("outbox.failed", extra={"kind": message.kind, "message_id": message.pk})
        given_up = message.attempts >= ATTEMPTS
        this_claim.update(
            status=OutboxMessage.Status.FAILED if given_up else OutboxMessage.Status.WAITING,
            not_before=at + BACK_OFF[min(message.attempts, len(BACK_OFF)) - 1],
            last_error=type(error).__name__,
        )
        return 0
    this_claim.update(status=OutboxMessage.Status.DONE, done_at=at, last_error="")
    return 1
