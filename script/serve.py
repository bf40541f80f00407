"""Start the worker, the payments sandbox and the server, and end them together.

Each runs in a session of its own: Ctrl-C reaches only this file, which then ends them and all their children.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

ROOT = Path(__file__).parent.parent
LOGS = ROOT / "var" / "log"
SECONDS_TO_START = 60
SECONDS_TO_END = 10

running: dict[str, subprocess.Popen[bytes]] = {}


def prepare() -> dict:
    answer = subprocess.run(
        [sys.executable, "-m", "script.prepare"], stdout=subprocess.PIPE, start_new_session=True, check=False
    )
    if answer.returncode:
        sys.exit("!! The site could not be prepared: see above.")
    return json.loads(answer.stdout)


def start(name: str, command: str, *, log: Path | None = None) -> None:
    """Start one of the site's processes; without a log file it writes to the terminal."""
    if setpriv := shutil.which("setpriv"):  # on Linux it ends even when this process is killed outright
        command = f"{setpriv} --pdeathsig TERM {command}"
    output = log.open("ab") if log else None
    running[name] = subprocess.Popen(
        command.split(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    if output:
        output.close()


def start_everything(*, sandbox: bool, database: str) -> None:
    host, port = os.environ["HOST"], os.environ["PORT"]
    manage = ".venv/bin/python manage.py"
    # SQLite lets one write at a time: a second process would only wait for the first.
    workers = 2 if database == "postgresql" else 1
    if sandbox:
        os.environ.setdefault("SECOND_FACTOR", "false")  # the demo's staff sign in with a password alone
        start("sandbox", f"{manage} sandbox --host {host} --port {int(port) + 1}", log=LOGS / "sandbox.log")
    start("worker", f"{manage} qcluster", log=LOGS / "worker.log")
    start(
        "server",
        f".venv/bin/python -m granian --interface wsgi --no-ws --host {host} --port {port}"
        f" --workers {workers} --blocking-threads 4 --workers-kill-timeout {SECONDS_TO_END - 2}"
        " invoicing_site.wsgi:application",
    )


def login_page_status(host: str) -> int | None:
    """What GET /account/login/ answers, or None while nobody listens."""
    # Connecting to 0.0.0.0 or :: reaches this machine, as wanted.
    connection = http.client.HTTPConnection(
        os.environ["HOST"], int(os.environ["PORT"]), timeout=SECONDS_TO_START
    )
    try:
        # As a proxy would: a site may answer under its own name only, and redirect what is not https.
        headers = {"Host": host, "X-Forwarded-Proto": "https"}
        connection.request("GET", "/account/login/", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def stop_if_one_ended() -> None:
    for name, process in running.items():
        if (status := process.poll()) is not None:
            log = LOGS / f"{name}.log"
            reason = f"ended with status {status}" if status >= 0 else f"was ended by signal {-status}"
            where = f" (see {log.relative_to(ROOT)})" if name != "server" else ""
            sys.exit(f"!! The {name} {reason}{where}. Everything stops.")


def wait_until_it_answers(host: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while (status := login_page_status(host)) is None:
        stop_if_one_ended()
        if time.monotonic() > deadline:
            sys.exit(f"!! The server does not answer within {SECONDS_TO_START} seconds. Everything stops.")
        time.sleep(0.1)
    if status != 200:
        sys.exit(f"!! GET /account/login/ answers with status {status} instead of 200. Everything stops.")


def end_everything() -> None:
    """Ask each process to end, which ends its own children in good order; kill what is left of its group."""
    listen_to_signals(signal.SIG_IGN)
    for process in running.values():
        process.terminate()
    deadline = time.monotonic() + SECONDS_TO_END
    for process in running.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
    for process in running.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def listen_to_signals(handler: Callable[[int, FrameType | None], NoReturn] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def on_signal(number: int, frame: FrameType | None) -> NoReturn:
    listen_to_signals(signal.SIG_IGN)  # an impatient second Ctrl-C must not leave half of it running
    sys.exit(128 + number)


def main() -> None:
    os.chdir(ROOT)
    listen_to_signals(on_signal)
    try:
        prepared = prepare()
        start_everything(sandbox=prepared["sandbox"], database=prepared["database"])
        wait_until_it_answers(prepared["host"])
        print(f"\n{prepared['welcome']}\n\nCtrl-C ends it.", flush=True)
        while True:
            stop_if_one_ended()
            time.sleep(0.5)
    finally:
        end_everything()


if __name__ == "__main__":
    main()
