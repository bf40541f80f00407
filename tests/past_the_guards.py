"""Past everything that the database refuses, for tests that must break the books on purpose. What they do is
undone with the test's transaction."""

from collections.abc import Callable

from django.db import connection

from core import triggers


def without_triggers() -> None:
    """Constraints and indexes stay."""
    connection.check_constraints()  # PostgreSQL takes no trigger from a table on which a check is still due
    triggers.remove()


def unguarded(*tables: str) -> None:
    """From here on these names mean copies: the same rows, in tables without trigger or constraint. (A key
    stays on PostgreSQL, which groups rows by it.)"""
    schema = "main" if connection.vendor == "sqlite" else "public"
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"CREATE TEMPORARY TABLE {table} AS SELECT * FROM {schema}.{table}")
            if connection.vendor != "sqlite":
                cursor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id)")


def sql(statement: str, *tables: str) -> Callable[[], None]:
    """A statement that nothing but the database itself knows of; on copies of `tables`."""

    def run() -> None:
        unguarded(*tables)
        with connection.cursor() as cursor:
            cursor.execute(statement)
            assert cursor.rowcount != 0, statement

    return run
