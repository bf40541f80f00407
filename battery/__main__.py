"""Attack the payment path on throw-away databases and print one table; status 1 when a row is not kept."""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from battery import HEAD
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


def attack_on(name: str, arguments: list[str], folder: str) -> bool:
    """All wanted rows on one database; answers whether each was kept."""
    with database(name) as url:
        command = [sys.executable, "manage.py", "battery", "--folder", folder, *arguments]
        return subprocess.run(command, env=environment(url, folder)).returncode == 0


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
    arguments += [f"--only={name}" for name in asked.only]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # PostgreSQL runs apart, and would survive us
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory(prefix="battery-") as folder:
        kept = [attack_on(name, arguments, folder) for name in names]
        log = Path(folder) / "battery.log"
        if not all(kept) and log.exists():
            Path("var/log").mkdir(parents=True, exist_ok=True)
            log.replace("var/log/battery.log")
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parent.parent)
    main()
