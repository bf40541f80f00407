"""Mixed load on the site as it is run: two server processes, the worker, the sandbox, PostgreSQL.

Seventy in a hundred jobs read, twenty issue an invoice and open its sessions, ten pay; half of all writing is
one company's. Told are requests a second, the times of each kind, and what must not be: answers of 500 and
above, deadlocks, growing memory, broken invariants, money that only one side knows. See `battery.traffic`.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench.servers import KEPT, database

ROOT = Path(__file__).resolve().parent.parent
SECONDS_TO_END = 10


def environment(database_url: str, folder: Path) -> dict[str, str]:
    """Nothing of the caller's configuration counts, least of all a provider's live key."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    site, sandbox = _free_ports()
    return {
        **kept,
        "DATABASE_URL": database_url,
        "EMAIL_URL": "dummymail://",
        "LOAD_FOLDER": str(folder),
        "PAYMENTS": "sandbox",
        "PAYMENTS_PER_ACCOUNT": "1000000/1h",  # counted as in real use, and never reached
        "PAYMENTS_PER_ADDRESS": "1000000/1h",
        "PORT": str(site),
        "STRIPE_API_BASE": f"http://127.0.0.1:{sandbox}",
        "PAYPAL_API_BASE": f"http://127.0.0.1:{sandbox}",
        "SECRET_KEY": "for-the-length-of-one-load",
    }


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def running(command: str, settings: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """One of the site's processes in a session of its own, ended with all its children."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command.split()],
            cwd=ROOT,
            env=settings,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_END)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(*, seconds: int, database_url: str | None, report: Callable[[str], object]) -> bool:
    """Load for so many seconds, on an empty PostgreSQL database or on one of its own; reports line by line
    and answers whether all was as it must be."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        url = database_url or stack.enter_context(database("postgres"))
        settings = environment(url, folder)
        for command in ("migrate --verbosity=0", "collectstatic --noinput --verbosity=0"):
            subprocess.run(
                [sys.executable, "manage.py", *command.split()], cwd=ROOT, env=settings, check=True
            )
        stack.enter_context(running("manage.py qcluster", settings, folder / "worker.log"))
        server = stack.enter_context(
            running(
                f"-m granian --interface wsgi --no-ws --host 127.0.0.1 --port {settings['PORT']} --workers 2"
                " --blocking-threads 4 --workers-kill-timeout 8 --log-level warning"
                " invoicing_site.wsgi:application",
                settings,
                folder / "server.log",
            )
        )
        wait_for(int(settings["PORT"]), server)
        kept = _traffic(seconds, settings | {"SERVER": str(server.pid)}, report)
        if not kept:
            _keep_logs(folder)
    return kept


def wait_for(port: int, server: subprocess.Popen[bytes], patience: int = 60) -> None:
    """Until somebody listens."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and server.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError("The server does not answer")


def _traffic(seconds: int, settings: dict[str, str], report: Callable[[str], object]) -> bool:
    """The clients and the sandbox, in a process of their own on the site's settings."""
    command = [sys.executable, "-m", "battery.traffic", str(seconds)]
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                report(line.rstrip())
        except BaseException:
            process.terminate()
            raise
    return process.returncode == 0


def _keep_logs(folder: Path) -> None:
    logs = ROOT / "var" / "log"
    logs.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        (logs / f"load-{log.name}").write_bytes(log.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m battery.load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--database-url", help="an empty PostgreSQL database; one is brought along")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # PostgreSQL runs apart, and would survive us
    kept = run(
        seconds=asked.seconds,
        database_url=asked.database_url,
        report=lambda line: print(line, flush=True),
    )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
