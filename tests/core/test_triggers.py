"""Triggers: what they refuse, and that a migration neither stumbles over them nor loses them."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from core import triggers
from core.audit import SYSTEM, AuditEntry, record
from invoices.models import Invoice
from tests import factories
from tests.books import unchanged
from tests.factories import NOW
from tests.past_the_guards import without_triggers

pytestmark = pytest.mark.django_db


def plain(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


REPLACED = """
    INSERT OR REPLACE INTO core_auditentry
    SELECT id, at, 'nothing.happened', actor_kind, actor_id, actor_label, object_kind, object_id, account_id,
        before, after, reason, request_id FROM core_auditentry"""
CHANGES = {
    "update": lambda: AuditEntry.objects.update(reason="It was not me"),
    "update of nothing": lambda: AuditEntry.objects.update(action=models.F("action")),
    "save": lambda: AuditEntry.objects.first().save(),
    "bulk_update": lambda: AuditEntry.objects.bulk_update(AuditEntry.objects.all(), ["reason"]),
    "delete": lambda: AuditEntry.objects.all().delete(),
    "delete of one": lambda: AuditEntry.objects.first().delete(),
    "sql update": lambda: plain("UPDATE core_auditentry SET at = '2001-01-01 00:00:00'"),
    "sql delete": lambda: plain("DELETE FROM core_auditentry"),
    "emptied": lambda: plain(
        "DELETE FROM core_auditentry" if connection.vendor == "sqlite" else "TRUNCATE core_auditentry"
    ),
    "upsert": lambda: AuditEntry.objects.bulk_create(
        AuditEntry.objects.all(), update_conflicts=True, unique_fields=["id"], update_fields=["reason"]
    ),
}
if connection.vendor == "sqlite":
    CHANGES["replace"] = lambda: plain(REPLACED)  # which deletes the old rows
every = pytest.mark.parametrize("act", CHANGES.values(), ids=CHANGES)


@every
def test_invariant_27_the_audit_trail_only_grows(account, act):
    with unchanged(), pytest.raises(IntegrityError, match="The audit trail only grows"), transaction.atomic():
        act()
    before = AuditEntry.objects.count()
    record(account, "account.greeted", at=NOW, by=SYSTEM)
    assert AuditEntry.objects.count() == before + 1


@every
def test_control_without_the_triggers_it_changes(account, act):
    without_triggers()
    act()


def names():
    return {trigger.name for trigger in triggers.listed(connection.vendor)}


NAME, TABLE = "guard_audit_delete", "core_auditentry"
IDLE = f"CREATE OR REPLACE FUNCTION {NAME}() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN OLD; END$$"
ELSEWHERE = f"CREATE TRIGGER {NAME} BEFORE UPDATE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION {NAME}()"
NEVER = f"CREATE TRIGGER {NAME} BEFORE DELETE ON {TABLE} WHEN FALSE BEGIN SELECT 1; END"
SPOILED = {
    "sqlite": {"never": [f"DROP TRIGGER {NAME}", NEVER]},
    "postgresql": {
        "switched off": [f"ALTER TABLE {TABLE} DISABLE TRIGGER {NAME}"],
        "idle": [IDLE],
        "at another event": [f"DROP TRIGGER {NAME} ON {TABLE}", ELSEWHERE],
    },
}[connection.vendor]


def test_a_fresh_database_has_all_that_are_listed():
    assert triggers.missing() == []
    assert len(names()) == (18 if connection.vendor == "sqlite" else 26)


def test_what_was_lost_is_missed_and_comes_back():
    without_triggers()
    assert {trigger.name for trigger in triggers.missing()} == names()
    triggers.install()
    assert triggers.missing() == []


@pytest.mark.parametrize("statements", SPOILED.values(), ids=SPOILED)
def test_one_that_was_spoiled_or_switched_off_is_missed_and_comes_back(statements):
    """The same name on the same table, and nothing is refused."""
    for one in statements:
        plain(one)
    assert [str(trigger) for trigger in triggers.missing()] == ["trigger guard_audit_delete"]
    triggers.install()
    assert triggers.missing() == []


def test_what_is_in_place_is_not_made_again():
    made = []

    def watch(execute, sql, params, many, context):
        made.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        triggers.install()
    assert [sql for sql in made if sql.startswith(("CREATE", "DROP"))] == []


def test_one_that_is_listed_no_more_is_removed(monkeypatch):
    kept = [trigger for trigger in triggers.AUDIT_TRAIL if trigger.event != "DELETE"]
    config = next(one for one in triggers.apps.get_app_configs() if one.name == "core")
    monkeypatch.setattr(config, "triggers", tuple(kept))
    triggers.install()
    assert "guard_audit_delete" not in triggers._installed(connection)
    assert triggers.missing() == []


# Migrations


def longer_titles():
    """A migration's operation that makes SQLite build the table anew."""
    old = Invoice._meta.get_field("title")
    new = models.CharField(max_length=301)
    new.set_attributes_from_name("title")
    with connection.schema_editor() as editor:
        editor.alter_field(Invoice, old, new)
        editor.alter_field(Invoice, new, old)


@pytest.mark.django_db(transaction=True)
def test_a_table_that_is_rebuilt_keeps_its_rows_and_its_triggers(account):
    invoice = factories.an_open_invoice(account, account.line_items.get())
    triggers.make_way(plan=[("a migration", False)])
    longer_titles()
    assert {trigger.name for trigger in triggers.missing()} == names()
    emit_post_migrate_signal(0, False, "default")
    assert triggers.missing() == []
    with pytest.raises(IntegrityError, match="An issued invoice is never deleted"):
        Invoice.objects.filter(pk=invoice.pk)._raw_delete("default")


@pytest.mark.django_db(transaction=True)
def test_control_with_the_triggers_in_its_way_a_rebuild_fails_on_sqlite(account):
    if connection.vendor == "sqlite":
        with pytest.raises(DatabaseError, match=r"no such table: main\.invoices_invoice"):
            longer_titles()
    else:
        longer_titles()
        assert triggers.missing() == []


def test_nothing_makes_way_for_a_migration_that_has_nothing_to_do():
    triggers.make_way(plan=[])
    assert triggers.missing() == []


@pytest.mark.django_db(transaction=True)
def test_migrating_there_and_back_leaves_them_in_place(account):
    """The sessions' table goes and comes: a real migration with the triggers of other tables in place."""
    call_command("migrate", "sessions", "zero", stdout=StringIO())
    assert triggers.missing() == []
    call_command("migrate", stdout=StringIO())
    assert triggers.missing() == []


@pytest.mark.django_db(transaction=True)
def test_flush_is_refused_while_they_are_there(account):
    with unchanged(), pytest.raises(Exception, match="couldn't be flushed"):
        call_command("flush", interactive=False, stdout=StringIO())
