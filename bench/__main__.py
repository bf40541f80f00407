"""Measure the site against floors in one run, print the ratios, end with status 1 when a bar is missed."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.cases import Case, cycle_case, invoices_case, list_case, read_case
from bench.client import Client
from bench.servers import companies, database, serving

ROUNDS, QUICK_ROUNDS, WARM_UP = 11, 4, 2
CYCLES = 8  # in one round
SIDES = ("site", "floor", "bare")


@dataclass
class Measured:
    """One side of a case: CPU of a job in each round, and how long each job took; in milliseconds."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    def add(self, client: Client, job: Callable[[], Any], jobs: int) -> None:
        before = client.cpu_seconds()
        for _ in range(jobs):
            client.seconds.clear()
            job()
            self.wall.append(1000 * sum(client.seconds))
        self.cpu.append(1000 * (client.cpu_seconds() - before) / jobs)


def measure(client: Client, case: Case, rounds: int) -> dict[str, Measured]:
    """Rounds of the site, its floor and the bare floor in turn: what slows the machine slows all three."""
    sides = {side: Measured() for side in SIDES}
    for number in range(WARM_UP + rounds):
        if number == WARM_UP:
            sides = {side: Measured() for side in SIDES}
        for side in SIDES:
            jobs = case.jobs if side == "site" else case.floor_jobs
            sides[side].add(client, getattr(case, side), jobs)
    return sides


def times(ours: list[float], theirs: list[float]) -> float:
    """How many times theirs ours is: the median over the rounds."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def report(name: str, case: Case, sides: dict[str, Measured]) -> bool:
    """Print one line; answers whether the bar is kept."""
    site, floor, bare = (sides[side] for side in SIDES)
    ratio, to_bare = times(site.cpu, floor.cpu), times(site.cpu, bare.cpu)
    kept = case.bar is None or ratio <= case.bar
    print(
        f"{name:<10} {case.name:<19} {case.items:>5}"
        f" {median(site.cpu):>8.2f} {median(site.wall):>8.2f}"
        f" {median(floor.cpu):>9.2f} {median(floor.wall):>9.2f}"
        f" {median(bare.cpu):>8.2f} {median(bare.wall):>8.2f}"
        f" {ratio:>6.1f} {f'{case.bar:.0f}' if case.bar else '':>4} {'ok' if kept else 'MISSED':<6}"
        f" {median(site.wall) / median(floor.wall):>7.1f} {to_bare:>8.1f}",
        flush=True,
    )
    return kept


HEAD = (
    f"{'':<10} {'':<19} {'':>5} {'site':>17} {'floor':>19} {'bare floor':>17}\n"
    f"{'database':<10} {'case':<19} {'items':>5}"
    f" {'CPU ms':>8} {'p50 ms':>8} {'CPU ms':>9} {'p50 ms':>9} {'CPU ms':>8} {'p50 ms':>8}"
    f" {'ratio':>6} {'bar':>4} {'':<6} {'of p50':>7} {'to bare':>8}"
)


def measure_on(name: str, rounds: int) -> bool:
    """All cases on one database; answers whether every bar is kept."""
    with database(name) as url:
        orders = [1, 100, 1000, CYCLES * (WARM_UP + rounds)]
        one, hundred, thousand, paying, invoiced = companies(url, orders, invoices=120)
        with serving(url) as client:
            cases = [
                read_case(client, one, bar=8, jobs=60),
                read_case(client, hundred, bar=None, jobs=30),
                read_case(client, thousand, bar=4, jobs=10),
                cycle_case(client, paying, bar=20, jobs=CYCLES),
                invoices_case(client, invoiced, bar=6, jobs=20),
                list_case(client, invoiced, bar=6, jobs=20),
            ]
            kept = [report(name, case, measure(client, case, rounds)) for case in cases]
    return all(kept)


NOTES = """
CPU: of the serving process, for one job. p50: what the client waits for one job. The cycle is four requests.
floor: behind the site's middleware, as every view of the site; bare floor: without any.
ratio: the site's CPU to the floor's, which the bar is on. Beside it the ratio of the p50s, and that of CPU to
the bare floor's. docs/performance.md tells more."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--sqlite", action="store_true", help="only on SQLite")
    parser.add_argument("--postgres", action="store_true", help="only on PostgreSQL")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    asked = parser.parse_args()
    names = [name for name in ("sqlite", "postgres") if getattr(asked, name)] or ["sqlite", "postgres"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # PostgreSQL runs apart, and would survive us
    print(HEAD, flush=True)
    rounds = QUICK_ROUNDS if asked.quick else ROUNDS
    kept = [measure_on(name, rounds) for name in names]
    print(NOTES)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
