"""A real server in processes of its own, and many clients at once."""

import gc
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

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_START = 60
COMPLAINTS = ("locked", "deadlock", "Traceback", "lock timeout")
DRAIN = "/battery/drain"  # the worker's job, done by the server's process
LOCK_ERRORS = ("locked", "deadlock", "lock timeout")


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
            time.sleep(0.02)
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
        try:
            line.request("POST", path, body, {"Content-Type": "application/json", **headers})
            answer = line.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            line.close()

    def graphql(self, token: str, query: str, **variables: Any) -> tuple[int, Any]:
        content = {"query": query, "variables": variables}
        return self.post("/api/graphql", content, Authorization=f"Bearer {token}")

    def complaints(self, words: tuple[str, ...] = COMPLAINTS) -> list[str]:
        """What the server logged about locks, deadlocks and bugs."""
        return [text for text in self.log.read_text().splitlines() if any(word in text for word in words)]


def environment(database_url: str, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url,
        "EMAIL_URL": "dummymail://",
        "PAYMENTS": "sandbox",
        "STRIPE_API_BASE": settings.STRIPE_API_BASE,
        "PAYPAL_API_BASE": settings.PAYPAL_API_BASE,
        "PAYMENTS_PER_ACCOUNT": "off",  # many callers at once are what it is for
        "PAYMENTS_PER_ADDRESS": "off",
        **more,
    }


@contextmanager
def serving(
    database_url: str,
    folder: Path,
    *,
    workers: int,
    without: str = "",
    trap: str = "",
    patience: float = 20,
) -> Iterator[Site]:
    """The site in so many processes with four threads each. `without` names protections that are off; `trap`
    the folder by which its processes can be killed; `patience` is for how many seconds they wait for a
    provider."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "battery.nursery", str(port), str(workers)],
            cwd=ROOT,
            env=environment(database_url, WITHOUT=without, TRAP=trap, PROVIDER_TIMEOUT=str(patience)),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    site = Site(port, log, process)
    try:
        site.wait()
        yield site
    finally:
        site.end()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Do all of this at the same moment, each in a thread with a database connection of its own. Answers
    what each answered or raised.

    Meanwhile no garbage is collected: on SQLite the thread that is writing would wait in its collector for a
    cursor of another thread, whose connection waits for that very writer, until its time-out."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait(30)
        try:
            return act()
        except Exception as error:  # noqa: BLE001  whoever asked looks at it
            return error
        finally:
            connection.close()

    gc.collect()
    gc.disable()
    try:
        with ThreadPoolExecutor(len(acts)) as pool:
            return list(pool.map(run, acts))
    finally:
        gc.enable()
