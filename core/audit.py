"""The audit trail: who changed what, when and why. Rows are added, never changed or deleted.

`core` knows no user: actor and object are kept as kind and id, so that the trail outlives both.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models

request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(frozen=True)
class Actor:
    """Who acts: a `user` (session), a `token`, `staff`, a provider `event`, or the `system` itself."""

    kind: str
    id: str = ""
    label: str = ""
    user_id: int | None = None


SYSTEM = Actor(kind="system", label="Invoicing Site")


class AuditEntry(models.Model):
    """One change: written in the transaction of the change it tells of."""

    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=80)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=64, blank=True)
    actor_label = models.CharField(max_length=254, blank=True)
    object_kind = models.CharField(max_length=80)
    object_id = models.BigIntegerField()
    account_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = (models.Index(fields=["object_kind", "object_id"], name="audit_object"),)

    def __str__(self) -> str:
        return f"{self.action} {self.object_kind} {self.object_id}"


def record(
    obj: models.Model,
    action: str,
    *,
    at: datetime,
    by: Actor,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> AuditEntry:
    """Write one entry about `obj`. Values must be plain JSON; never a secret, a token or card data."""
    account_id = obj.pk if obj._meta.label_lower == "accounts.account" else getattr(obj, "account_id", None)
    return AuditEntry.objects.create(
        at=at,
        action=action,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_label=by.label,
        object_kind=obj._meta.label_lower,
        object_id=obj.pk,
        account_id=account_id,
        before=before or {},
        after=after or {},
        reason=reason,
        request_id=request_id.get(),
    )
