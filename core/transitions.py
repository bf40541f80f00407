"""One way to move a status: along the model's own table, in one conditional UPDATE, with an audit row."""

from datetime import date, datetime
from typing import Any

from django.db import models

from core.audit import Actor, record
from core.errors import Conflict


def move(obj: Any, to: str, /, *, at: datetime, by: Actor, reason: str = "", **fields: Any) -> None:
    """Move obj.status along its own TRANSITIONS, setting fields in the same UPDATE and writing the audit row.

    The UPDATE names the old status, so of two callers racing for one row, one is refused. Documents (JSON
    objects and lists) among the fields are stored but not repeated in the trail.
    """
    old = obj.status
    if to not in type(obj).TRANSITIONS[old]:
        raise Conflict(f"{obj._meta.verbose_name} cannot go from {old} to {to}".capitalize())
    model: type[models.Model] = type(obj)
    moved = model._default_manager.filter(pk=obj.pk, status=old).update(status=to, **fields)
    if not moved:
        raise Conflict(f"{obj._meta.verbose_name} is no longer {old}".capitalize())
    told = [name for name, value in fields.items() if not isinstance(value, dict | list)]
    before = {"status": str(old), **{name: _plain(getattr(obj, name)) for name in told}}
    obj.status = to
    for name, value in fields.items():
        setattr(obj, name, value)
    after = {"status": str(to), **{name: _plain(fields[name]) for name in told}}
    record(obj, f"{obj._meta.model_name}.{to}", at=at, by=by, before=before, after=after, reason=reason)


def _plain(value: Any) -> Any:
    """A field's value as plain JSON."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, models.Model):
        return value.pk
    if value is None or isinstance(value, int | bool):
        return value
    return str(value)
