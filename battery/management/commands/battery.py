"""All rows of the battery on one database, empty and thrown away afterwards. script/battery calls it."""

import signal
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandParser, call_command
from django.db import connection

from battery.ground import ENDING
from battery.rows import ROWS, SIZES
from battery.table import play
from payments.sandbox.server import Sandbox

# A crash of the machine may lose this data: nobody wants it back, and commits need not wait for the disk.
IN_A_HURRY = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "SELECT pg_reload_conf()",
)


class Command(BaseCommand):
    help = "Attack the payment path, and print a line for each row; exit status 1 when one is not kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--size", choices=SIZES, default="gate")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--from", type=int, default=0, dest="begin")
        parser.add_argument("--only", action="append", default=[], choices=[row.name for row in ROWS])
        parser.add_argument("--folder", type=Path, required=True)

    def handle(
        self, *, size: str, seed: int, begin: int, only: list[str], folder: Path, **options: Any
    ) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ENDING.set())
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                for sql in IN_A_HURRY:
                    cursor.execute(sql)
        call_command("migrate", verbosity=0)
        sandbox = Sandbox(port=0).start()
        settings.STRIPE_API_BASE = settings.PAYPAL_API_BASE = sandbox.url
        rows = [row for row in ROWS if not only or row.name in only]
        kept = play(rows, sandbox, folder, self.tell, size=size, seed=seed, begin=begin)
        sandbox.stop()
        sys.exit(0 if kept else 1)

    def tell(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
