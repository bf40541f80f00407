"""What makes a race, and what takes its protections away."""

import time
from typing import Any

from accounts.querysets import AccountQuerySet
from core.audit import record

SLOWNESS = 0.004  # seconds for each write, so that whoever is not kept out gets in between


def slowly(execute: Any, sql: str, params: Any, many: bool, context: dict) -> Any:
    if sql.startswith(("INSERT", "UPDATE")):
        time.sleep(SLOWNESS)
    return execute(sql, params, many, context)


def unlocked(queryset: AccountQuerySet, **_: Any) -> AccountQuerySet:
    return queryset.all()


def reckless(obj: Any, to: str, /, *, at: Any, by: Any, reason: str = "", **fields: Any) -> None:
    type(obj)._default_manager.filter(pk=obj.pk).update(status=to, **fields)
    obj.status = to
    for name, value in fields.items():
        setattr(obj, name, value)
    record(obj, f"{obj._meta.model_name}.{to}", at=at, by=by, after={"status": str(to)}, reason=reason)
