"""Serve battery.wsgi as script/serve.py serves the site, by granian, and begin anew whenever it was killed.

    python -m battery.nursery PORT WORKERS

The site is loaded once; every server is a fork of this process, so that beginning anew takes milliseconds.
"""

import os
import signal
import sys
from typing import NoReturn

from granian import Granian
from granian.constants import Interfaces

from battery.wsgi import application


def serve(port: int, workers: int) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    try:
        Granian(
            "battery.wsgi:application",
            interface=Interfaces.WSGI,
            websockets=False,
            port=port,
            workers=workers,
            blocking_threads=4,
            workers_kill_timeout=3,
        ).serve(target_loader=lambda: application, wrap_loader=False)
    finally:
        os._exit(0)


def end(number: int, frame: object) -> NoReturn:
    raise SystemExit


def main(port: int, workers: int) -> None:
    signal.signal(signal.SIGTERM, end)
    while True:
        child = os.fork()
        if child == 0:
            serve(port, workers)
        try:
            os.waitpid(child, 0)
        except SystemExit:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            raise


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
