"""Measure the site against floors in one run, print the ratios, end with status 1 when a bar is missed."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from bench import scaled
from bench.cases import Case, csv_case, cycle_case, invoices_case, list_case, read_case
from bench.client import Client
from bench.servers import companies, database, papers, serving

ROUNDS, QUICK_ROUNDS, WARM_UP = 11, 4, 2
CYCLES = 8  # in one round
SIDES = ("site", "floor", "bare")
MOST_GROWTH = 1.1  # of a process that draws PDFs
Build = Callable[[Client, dict[str, Any]], Case]


def cases(rounds: int) -> dict[str, tuple[str, Build]]:
    """By name: the company that a case needs, and the case of it."""
    return {
        "accounts-1": ("orders:1", partial(read_case, bar=8, jobs=60)),
        "accounts-100": ("orders:100", partial(read_case, bar=None, jobs=30)),
        "accounts-1000": ("orders:1000", partial(read_case, bar=4, jobs=10)),
        "cycle": (f"orders:{CYCLES * (WARM_UP + rounds)}", partial(cycle_case, bar=20, jobs=CYCLES)),
        "invoices": ("invoices:120", partial(invoices_case, bar=6, jobs=20)),
        "list": ("invoices:120", partial(list_case, bar=6, jobs=20)),
        "csv": ("copies:10000", partial(csv_case, bar=3, jobs=2)),
    }


PAPERS = ("pdf", "pdf-memory")  # on no database
SCALE = "scale"  # on large books, PostgreSQL alone
ONLY_BY_NAME = ("pdf-memory", SCALE)  # these take long


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


def report(name: str, case: str, items: int, bar: float | None, sides: dict[str, Measured]) -> bool:
    """Print one line; answers whether the bar is kept."""
    site, floor, bare = sides["site"], sides["floor"], sides.get("bare")
    ratio = times(site.cpu, floor.cpu)
    kept = bar is None or ratio <= bar
    print(
        f"{name:<10} {case:<20} {items:>5}"
        f" {median(site.cpu):>8.2f} {median(site.wall):>8.2f}"
        f" {median(floor.cpu):>9.2f} {median(floor.wall):>9.2f}"
        f" {_shown(bare and median(bare.cpu)):>8} {_shown(bare and median(bare.wall)):>8}"
        f" {ratio:>6.2f} {f'{bar:g}' if bar else '':>4} {'ok' if kept else 'MISSED':<6}"
        f" {median(site.wall) / median(floor.wall):>7.2f}"
        f" {_shown(bare and times(site.cpu, bare.cpu)):>8}",
        flush=True,
    )
    return kept


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.2f}"


HEAD = (
    f"{'':<10} {'':<20} {'':>5} {'site':>17} {'floor':>19} {'bare floor':>17}\n"
    f"{'database':<10} {'case':<20} {'items':>5}"
    f" {'CPU ms':>8} {'p50 ms':>8} {'CPU ms':>9} {'p50 ms':>9} {'CPU ms':>8} {'p50 ms':>8}"
    f" {'ratio':>6} {'bar':>4} {'':<6} {'of p50':>7} {'to bare':>8}"
)


def measure_on(name: str, rounds: int, chosen: list[str]) -> bool:
    """The chosen cases on one database; answers whether every bar is kept."""
    wanted = {case: one for case, one in cases(rounds).items() if case in chosen}
    if not wanted:
        return True
    needed = list(dict.fromkeys(company for company, _ in wanted.values()))
    with database(name) as url:
        made = dict(zip(needed, companies(url, needed), strict=True))
        with serving(url) as client:
            built = [build(client, made[company]) for company, build in wanted.values()]
            kept = [
                report(name, case.name, case.items, case.bar, measure(client, case, rounds)) for case in built
            ]
    return all(kept)


def measure_papers(rounds: int, pdfs: int, chosen: list[str]) -> bool:
    """A page beside WeasyPrint alone; the memory of a process that draws thousands."""
    kept = []
    if "pdf" in chosen:
        spent = papers("page", str(rounds))
        sides = {side: Measured(**times) for side, times in spent.items()}
        kept.append(report("", "PDF of one page", 1, 1.3, sides))
    if "pdf-memory" in chosen:
        held = papers("memory", str(pdfs))
        growth = held["last"] / held["first"]
        kept.append(growth <= MOST_GROWTH)
        print(
            f"{'':<10} {'memory of PDFs':<20} {pdfs:>5}  {held['first']:.1f} MB after the first 200,"
            f" {held['last']:.1f} MB after all: {growth:.3f}, bar {MOST_GROWTH}"
            f" {'ok' if kept[-1] else 'MISSED'}",
            flush=True,
        )
    return all(kept)


NOTES = """
CPU: of the serving process, for one job. p50: what the client waits for one job. The cycle is four requests.
floor: behind the site's middleware, as every view of the site; bare floor: without any.
ratio: the site's CPU to the floor's, which the bar is on. Beside it the ratio of the p50s, and that of CPU to
the bare floor's. A PDF's floor is WeasyPrint alone. docs/performance.md tells more."""


def main() -> None:
    known = [*cases(ROUNDS), *PAPERS, SCALE]
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"only these: {', '.join(known)}")
    parser.add_argument("--sqlite", action="store_true", help="only on SQLite")
    parser.add_argument("--postgres", action="store_true", help="only on PostgreSQL")
    parser.add_argument("--quick", action="store_true", help="a third of the rounds")
    parser.add_argument("--pdfs", type=int, default=2000, help="how many pdf-memory draws, 2000 otherwise")
    parser.add_argument("--invoices", type=int, default=200_000, help="of scale, 200000 otherwise")
    asked = parser.parse_args()
    if unknown := set(asked.cases) - set(known):
        parser.error(f"There is no case {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    chosen = asked.cases or [case for case in known if case not in ONLY_BY_NAME]
    names = [name for name in ("sqlite", "postgres") if getattr(asked, name)] or ["sqlite", "postgres"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # PostgreSQL runs apart, and would survive us
    print(HEAD, flush=True)
    rounds = QUICK_ROUNDS if asked.quick else ROUNDS
    kept = [measure_on(name, rounds, chosen) for name in names]
    kept.append(measure_papers(rounds, asked.pdfs, chosen))
    if SCALE in chosen:
        kept.append(scaled.measure(asked.invoices, rounds))
    print(NOTES)
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    main()
