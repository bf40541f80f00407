"""What staff edit by hand: master data, and the one figure of an account that is theirs to set."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import models, transaction
from moneyed import Money

from accounts.models import Account
from accounts.operations.locking import locked_account
from accounts.operations.rights import required
from core.audit import Actor, record
from core.errors import Conflict, Forbidden, Invalid
from core.money import format_minor, to_minor


def change_credit_limit(
    *, account: Account, credit_limit: Money, at: datetime, by: Actor, reason: str
) -> None:
    """Let an account owe more or less, in its own currency; a limit below its balance stops new charges.

    Refuses anybody but staff, a missing reason, another currency, a negative limit, the limit it has, and a
    closed account.
    """
    if by.kind not in ("staff", "system"):
        raise Forbidden("Only staff can change a credit limit")
    reason = required(reason)
    if credit_limit.currency.code != account.currency:
        raise Invalid(f"The limit of account {account.number} is in {account.currency}", field="credit_limit")
    minor = to_minor(credit_limit)
    if minor < 0:
        raise Invalid("A credit limit cannot be negative", field="credit_limit")
    with locked_account(account.pk) as current:
        if current.status == Account.Status.CLOSED:
            raise Conflict(f"Account {current.number} is closed")
        if current.credit_limit == minor:
            raise Conflict(
                f"The limit of account {current.number} is {format_minor(minor, current.currency)} already"
            )
        before = current.credit_limit
        current.credit_limit = minor
        current.save(update_fields=["credit_limit"])
        record(
            current,
            "account.limit_changed",
            at=at,
            by=by,
            before={"credit_limit": before},
            after={"credit_limit": minor},
            reason=reason,
        )


def save_master_data(
    *, row: models.Model, before: dict[str, Any], after: dict[str, Any], at: datetime, by: Actor
) -> None:
    """Save a row that staff edited, with what changed in the audit trail. Not for rows that carry money."""
    action = "added" if row.pk is None or row._state.adding else "changed"
    with transaction.atomic():
        if action == "added":
            row.save()
        else:  # only what was edited: the rest of the row is as old as the form, and may have moved since
            columns = {field.name for field in row._meta.concrete_fields}
            row.save(update_fields=sorted(columns & set(after)))
        record(
            row, f"{row._meta.model_name}.{action}", at=at, by=by, before=_plain(before), after=_plain(after)
        )


def remove_master_data(*, row: models.Model, at: datetime, by: Actor) -> None:
    """Delete a row that nothing needs any more; the trail keeps what it said."""
    before = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    with transaction.atomic():
        record(row, f"{row._meta.model_name}.removed", at=at, by=by, before=_plain(before))
        row.delete()


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in values.items()}


def _plain_value(value: Any) -> Any:
    """A form's value as plain JSON; rows as their ids."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, models.Model):
        return value.pk
    if value is None or isinstance(value, int | bool | str | dict):
        return value
    if isinstance(value, Iterable):
        return [_plain_value(one) for one in value]
    return str(value)
