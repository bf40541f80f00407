"""A real server in processes of its own, on the database of the tests, and many clients at once."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS_TO_START = 60


@pytest.fixture
def shared_database(transactional_db: None, tmp_path: Path) -> Iterator[str]:
    """The address of a database that other threads and processes can use: PostgreSQL's is as it is, SQLite's
    moves from memory into a file for this test."""
    if connection.vendor != "sqlite":
        name = f"/{connection.settings_dict['NAME']}"
        yield urlsplit(os.environ["DATABASE_URL"])._replace(path=name).geturl()
        return
    file = tmp_path / "shared.sqlite3"
    with connection.cursor() as cursor:
        cursor.execute("VACUUM INTO %s", [str(file)])
    memory, name = connection.connection, connection.settings_dict["NAME"]
    connection.connection, connection.settings_dict["NAME"] = None, str(file)
    yield f"sqlite:///{file}"
    connection.close()
    connection.connection, connection.settings_dict["NAME"] = memory, name


@pytest.fixture
def serve(shared_database: str, sandbox: Any, tmp_path: Path) -> Callable[..., Any]:
    """`with serve() as site:` runs the site in two processes with four threads each."""

    @contextmanager
    def start(*, without: str = "") -> Iterator["Site"]:
        environment = {
            "PATH": os.environ["PATH"],
            "SECRET_KEY": "tests-only",
            "DATABASE_URL": shared_database,
            "PAYMENTS": "sandbox",
            "STRIPE_API_BASE": sandbox.url,
            "PAYPAL_API_BASE": sandbox.url,
            "WITHOUT": without,
            "PAYMENTS_PER_ACCOUNT": "off",  # sixteen callers at once are what these tests are for
            "PAYMENTS_PER_ADDRESS": "off",
        }
        port = _free_port()
        command = [
            *(str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--no-ws"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "4"),
            *("--workers-kill-timeout", "3"),
            "tests.payments.racing_site:application",
        ]
        log = tmp_path / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )
        site = Site(port, log, process)
        try:
            site.wait()
            yield site
        finally:
            site.end()

    return start


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


class Site:
    """A running server."""

    def __init__(self, port: int, log: Path, process: subprocess.Popen) -> None:
        self.port, self.log, self.process = port, log, process

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(OSError, http.client.HTTPException):
                if self.post("/api/graphql", {"query": "{ __typename }"})[0] == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"The server does not answer:\n{self.log.read_text()}")

    def end(self) -> None:
        """Its own processes, and no others."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def post(self, path: str, content: Any, **headers: str) -> tuple[int, Any]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        line.request("POST", path, body, {"Content-Type": "application/json", **headers})
        answer = line.getresponse()
        told = answer.status, json.loads(answer.read())
        line.close()
        return told

    def graphql(self, token: str, query: str, **variables: Any) -> tuple[int, Any]:
        content = {"query": query, "variables": variables}
        return self.post("/api/graphql", content, Authorization=f"Bearer {token}")

    def complaints(self) -> list[str]:
        """What the server logged about locks, deadlocks and bugs."""
        words = ("locked", "deadlock", "Traceback", "lock timeout")
        return [text for text in self.log.read_text().splitlines() if any(word in text for word in words)]


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of this at the same moment, each in a thread with a database connection of its own. Answers
    what each answered or raised."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait(30)
        try:
            return act()
        except Exception as error:  # noqa: BLE001  the test looks at it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
