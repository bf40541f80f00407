"""The back office on large books beside the same on small ones, both on PostgreSQL, in turns. Of the rounds
the quickest counts: the others tell what else the machine did."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from bench.servers import database, environment, manage

SMALL = 2_000
LINES = 5
AGINGS = (("aging now", "bare now"), ("aging then", "bare then"))
MOST_STATEMENTS, MOST_TIMES, MOST_OF_BARE = 15, 1.5, 2.0
WARM_UP = 2
TIDY = "from django.db import connection; connection.cursor().execute('VACUUM ANALYZE')"


class Asked:
    """A process that answers one question after another."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, name: str) -> Any:
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("The process has no pipes")
        self.process.stdin.write(f"{name}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextlib.contextmanager
def books(invoices: int) -> Iterator[Asked]:
    """A database with so many invoices, and a process that asks the site on it."""
    with database("postgres") as url:
        manage(url, "migrate", "--verbosity=0")
        manage(url, "demo_data", "--scale", f"--invoices={invoices}", f"--lines-per-invoice={LINES}")
        manage(url, "shell", "-c", TIDY)
        process = subprocess.Popen(
            [sys.executable, "manage.py", "bench_scale"],
            env={**environment(url), "SECOND_FACTOR": "0"},  # a password is enough here
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Asked(process)
        finally:
            process.terminate()
            process.wait(20)


def measure(invoices: int, rounds: int) -> bool:
    """Print a line for each page and report; answers whether every bar is kept."""
    with books(SMALL) as small, books(invoices) as large:
        counts = small.ask("statements"), large.ask("statements")
        names = [*counts[1], *(name for pair in AGINGS for name in pair)]
        taken: dict[tuple[str, str], list[float]] = {(side, name): [] for side in "sl" for name in names}
        for number in range(WARM_UP + rounds):
            for name in names:
                for side, asked in (("s", small), ("l", large)):
                    spent = asked.ask(name)
                    if number >= WARM_UP:
                        taken[side, name].append(spent)
    kept = [_page(name, invoices, taken, counts) for name in counts[1]]
    kept += [_aging(ours, bare, invoices, taken) for ours, bare in AGINGS]
    return all(kept)


Taken = dict[tuple[str, str], list[float]]


def _page(name: str, invoices: int, taken: Taken, counts: tuple[Any, Any]) -> bool:
    before, after = min(taken["s", name]), min(taken["l", name])
    few, many = counts[0][name], counts[1][name]
    kept = few == many <= MOST_STATEMENTS and after <= MOST_TIMES * before
    print(
        f"postgres   {name:<36} {before:>8.1f} ms with {SMALL:,}, {after:>8.1f} ms with {invoices:,}:"
        f" {after / before:.2f} times, bar {MOST_TIMES:g}; {few} and {many} statements, bar {MOST_STATEMENTS}"
        f" {'ok' if kept else 'MISSED'}",
        flush=True,
    )
    return kept


def _aging(ours: str, bare: str, invoices: int, taken: Taken) -> bool:
    one, other = min(taken["l", ours]), min(taken["l", bare])
    kept = one <= MOST_OF_BARE * other
    print(
        f"postgres   {ours:<36} {one:>8.1f} ms, bare aggregate {other:>8.1f} ms with {invoices:,} invoices:"
        f" {one / other:.2f} times, bar {MOST_OF_BARE:g} {'ok' if kept else 'MISSED'}",
        flush=True,
    )
    return kept
