"""Triggers: what the database refuses to everybody, `QuerySet.update` and plain SQL included.

Each app lists those of its own tables in its AppConfig (`triggers`). They are installed after every
migration, and taken away before one that changes anything: rebuilding a table would stumble over them, or
lose them silently. `check_invariants` names those that are missing.
"""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

PREFIX = "guard_"  # of every name, so that one that is listed no more is found and removed


@dataclass(frozen=True)
class Trigger:
    """Refuses an event on the rows of a table, with an IntegrityError that says why.

    `event` is INSERT, UPDATE, DELETE or TRUNCATE (which SQLite does not have). An update is refused where one
    of `columns` would change, or always when none is named. `when` is a condition on OLD and NEW that both
    databases read alike. `invariant` is the number in docs/invariants.md.
    """

    name: str
    invariant: int
    table: str
    event: str
    refusal: str
    columns: tuple[str, ...] = ()
    when: str = ""

    def __str__(self) -> str:
        return f"trigger {self.name}"

    def condition(self, vendor: str) -> str:
        """In which case the event is refused; empty: in every case."""
        differs = "IS NOT" if vendor == "sqlite" else "IS DISTINCT FROM"
        changed = " OR ".join(f"NEW.{column} {differs} OLD.{column}" for column in self.columns)
        return " AND ".join(f"({part})" for part in (changed, self.when) if part)


AUDIT_TRAIL = tuple(
    Trigger(f"{PREFIX}audit_{event.lower()}", 27, "core_auditentry", event, "The audit trail only grows")
    for event in ("UPDATE", "DELETE", "TRUNCATE")
)


def listed(vendor: str) -> list[Trigger]:
    """The triggers of all apps that this kind of database can have."""
    every = [trigger for config in apps.get_app_configs() for trigger in getattr(config, "triggers", ())]
    return [trigger for trigger in every if vendor != "sqlite" or trigger.event != "TRUNCATE"]


def missing(using: str = DEFAULT_DB_ALIAS) -> list[Trigger]:
    """The listed triggers that the database does not have, has switched off, or has with another text."""
    connection = connections[using]
    there = _installed(connection)
    return [
        trigger
        for trigger in listed(connection.vendor)
        if there.get(trigger.name) != _text(connection, trigger)
    ]


def install(*, using: str = DEFAULT_DB_ALIAS, **migrated: Any) -> None:
    """Bring the database's triggers to what is listed, for the tables that it has. Changes nothing when they
    are in place."""
    connection = connections[using]
    tables = connection.introspection.table_names()
    known = {trigger.name for trigger in listed(connection.vendor)}
    with transaction.atomic(using=using):
        _drop(connection, {name for name in _installed(connection) if name not in known})
        wanted = [trigger for trigger in missing(using) if trigger.table in tables]
        _drop(connection, {trigger.name for trigger in wanted})
        for trigger in wanted:
            _execute(connection, *_creation(connection, trigger))


def remove(*, using: str = DEFAULT_DB_ALIAS) -> None:
    """Take all of them away. Whoever does this installs them again."""
    connection = connections[using]
    with transaction.atomic(using=using):
        _drop(connection, set(_installed(connection)))


def make_way(*, using: str = DEFAULT_DB_ALIAS, plan: Any = (), **migrating: Any) -> None:
    """Before a migration that has something to do."""
    if plan:
        remove(using=using)


# On SQLite a trigger is one statement that the database keeps as it was given. On PostgreSQL it is a function
# of the same name and a line that ties it to the table, which the database tells in its own words.

ON_SQLITE = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
ON_POSTGRES = """
    SELECT tgname,
        pg_get_triggerdef(pg_trigger.oid) || CASE tgenabled WHEN 'O' THEN '' ELSE ' (off)' END || prosrc
    FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid
    JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE NOT tgisinternal AND relnamespace = current_schema()::regnamespace"""


def _installed(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """Name and text of what is there."""
    with connection.cursor() as cursor:
        cursor.execute(ON_SQLITE if connection.vendor == "sqlite" else ON_POSTGRES)
        return {name: text for name, text in cursor.fetchall() if name.startswith(PREFIX)}


def _text(connection: BaseDatabaseWrapper, trigger: Trigger) -> str:
    """What `_installed` answers for a trigger that is in place."""
    if connection.vendor == "sqlite":
        return _on_sqlite(trigger)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        (schema,) = cursor.fetchone()
    return _tie(trigger, f"{schema}.{trigger.table}") + _body(trigger)


def _creation(connection: BaseDatabaseWrapper, trigger: Trigger) -> list[str]:
    if connection.vendor == "sqlite":
        return [_on_sqlite(trigger)]
    function = f"CREATE FUNCTION {trigger.name}() RETURNS trigger LANGUAGE plpgsql AS $${_body(trigger)}$$"
    return [function, _tie(trigger, trigger.table)]


def _on_sqlite(trigger: Trigger) -> str:
    condition = trigger.condition("sqlite")
    return (
        f"CREATE TRIGGER {trigger.name} BEFORE {trigger.event} ON {trigger.table} FOR EACH ROW"
        f"{f' WHEN {condition}' if condition else ''}"
        f" BEGIN SELECT RAISE(ABORT, '{trigger.refusal}'); END"
    )


def _tie(trigger: Trigger, table: str) -> str:
    each = "STATEMENT" if trigger.event == "TRUNCATE" else "ROW"
    return (
        f"CREATE TRIGGER {trigger.name} BEFORE {trigger.event} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION {trigger.name}()"
    )


def _body(trigger: Trigger) -> str:
    condition = trigger.condition("postgresql") or "TRUE"
    kept = "OLD" if trigger.event == "DELETE" else "NEW"
    return (
        f"BEGIN IF {condition} "
        f"THEN RAISE integrity_constraint_violation USING MESSAGE = '{trigger.refusal}'; END IF; "
        f"RETURN {kept}; END"
    )


def _drop(connection: BaseDatabaseWrapper, names: set[str]) -> None:
    for name in sorted(names):
        if connection.vendor == "sqlite":
            _execute(connection, f"DROP TRIGGER IF EXISTS {name}")
        else:
            _execute(connection, f"DROP FUNCTION IF EXISTS {name}() CASCADE")


def _execute(connection: BaseDatabaseWrapper, *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
