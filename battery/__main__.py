"""Attack the payment path on throw-away databases and print one table; status 1 when a row is not kept."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from battery import HEAD
from battery.suites import SUITES, play_suites
from bench.servers import KEPT, database


def environment(database_url: str, folder: str) -> dict[str, str]:
    """Nothing of the caller's configuration counts, least of all a provider's live key."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "battery.settings",
        "DATABASE_URL": database_url,
        "BATTERY_LOG": f"{folder}/battery.log",
        "EMAIL_URL": "dummymail://",
        "PAYMENTS": "sandbox",
        "SECRET_KEY": "for-the-length-of-one-battery",
    }


def attack_on(name: str, arguments: list[str], folder: str) -> int:
    """All wanted rows on one database; answers 0 when each was kept, and a signal's number when it was ended
    early: then it tells what it has so far."""
    with database(name) as url:
        command = [sys.executable, "manage.py", "battery", "--folder", folder, *arguments]
        attack = subprocess.Popen(command, env=environment(url, folder), start_new_session=True)
        ended = []

        def end(number: int, frame: object) -> None:
            ended.append(number)
            attack.send_signal(signal.SIGINT)

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end)
        status = attack.wait()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
    return 128 + ended[0] if ended else status


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/battery", description=__doc__)
    parser.add_argument("--sqlite", action="store_true", help="only on SQLite")
    parser.add_argument("--postgres", action="store_true", help="only on PostgreSQL")
    parser.add_argument("--smoke", action="store_true", help="a tenth, as script/test does")
    parser.add_argument("--long", action="store_true", help="many times as much, for hours")
    parser.add_argument("--seed", type=int, default=1, help="other orders, other points, other faults")
    parser.add_argument("--from", type=int, default=0, dest="begin", help="the round to begin with")
    parser.add_argument(
        "--only", action="append", default=[], metavar="ROW", help="may be given several times"
    )
    asked = parser.parse_args()
    names = [name for name in ("sqlite", "postgres") if getattr(asked, name)] or ["sqlite", "postgres"]
    size = "long" if asked.long else "smoke" if asked.smoke else "gate"
    arguments = [f"--size={size}", f"--seed={asked.seed}", f"--from={asked.begin}"]
    suites = [one for one in SUITES if not asked.begin and (not asked.only or one.name in asked.only)]
    attacks = [name for name in asked.only if name not in {one.name for one in SUITES}]
    arguments += [f"--only={name}" for name in attacks]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # PostgreSQL runs apart, and would survive us
    tell = partial(print, flush=True)
    tell(HEAD)
    with tempfile.TemporaryDirectory(prefix="battery-") as folder:
        worst = 0
        for name in names:
            if attacks or not asked.only:
                worst = max(worst, attack_on(name, arguments, folder))
            if worst > 128:
                break
            if not play_suites(suites, name, tell, size=size, seed=asked.seed):
                worst = max(worst, 1)
        log = Path(folder) / "battery.log"
        if worst and log.exists():
            Path("var/log").mkdir(parents=True, exist_ok=True)
            shutil.move(log, "var/log/battery.log")
    sys.exit(worst)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
