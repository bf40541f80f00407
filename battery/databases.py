"""Throw-away copies of an empty database, one for each attack: what a control breaks is gone with it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from urllib.parse import urlsplit

from django.db import connection

_serial = count()


@contextmanager
def copied() -> Iterator[str]:
    """Move this process onto a copy of its database, which other threads and processes can use too; answers
    the copy's address. PostgreSQL copies a database that nobody else is connected to."""
    given = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        with tempfile.TemporaryDirectory(prefix="battery-") as folder:
            file = f"{folder}/copy.sqlite3"
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [file])
            kept = connection.connection  # of a database in memory it is all there is
            connection.connection, connection.settings_dict["NAME"] = None, file
            try:
                yield f"sqlite:///{file}"
            finally:
                connection.close()
                connection.connection, connection.settings_dict["NAME"] = kept, given
        return
    name = f"battery_{os.getpid()}_{next(_serial)}"
    connection.close()
    _at_the_server(f'CREATE DATABASE "{name}" TEMPLATE "{given}"')
    connection.settings_dict["NAME"] = name
    try:
        yield _address(name)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = given
        _at_the_server(f'DROP DATABASE "{name}" WITH (FORCE)')


def _at_the_server(sql: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(sql)


def _address(name: str) -> str:
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
