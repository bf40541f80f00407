"""The battery's table: a line for each row, and below it what was not as it must be."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from django.db import connection

from battery import LINE, VIOLATIONS_SHOWN
from battery.ground import ENDING, Told
from battery.rows import Fought, Row, fight
from payments.sandbox.server import Sandbox


def play(
    rows: Sequence[Row],
    sandbox: Sandbox,
    folder: Path,
    tell: Callable[[str], object],
    *,
    size: str,
    seed: int = 1,
    begin: int = 0,
) -> bool:
    """Fight these rows from round `begin`, and tell of each; whether all were kept. Rows that have no such
    round are left out."""
    kept = []
    for row in rows:
        if begin >= row.rounds(size) or ENDING.is_set():
            continue
        began = time.monotonic()
        fought = fight(row, sandbox, folder, size=size, seed=seed, begin=begin)
        tell(line_of(fought, time.monotonic() - began))
        for text in violations_of(fought.told):
            tell(f"{'':<11}!! {text}")
        kept.append(fought.is_kept)
        if ENDING.is_set():
            tell(f"Ended early. Go on with --{size} --seed {seed} --only {row.name} --from {fought.reached}")
    return bool(kept) and all(kept)


def line_of(fought: Fought, seconds: float) -> str:
    row, told, control = fought.row, fought.told, fought.control
    failed = f"{len(control.violations)} in {control.runs}" if control.violations else "DID NOT FAIL"
    if not control.runs:
        failed = "not tried"
    figures = ", ".join(f"{count} {words}" for words, count in told.figures.items())
    return LINE.format(
        database=connection.vendor,
        row=row.name,
        what=row.what,
        runs=told.runs,
        unit=row.unit,
        wrong=len(told.violations),
        control=row.control,
        failed=failed,
        seconds=round(seconds),
        figures=figures,
    ).rstrip()


def violations_of(told: Told) -> list[str]:
    shown = [text[:300] for text in told.violations[:VIOLATIONS_SHOWN]]
    more = len(told.violations) - len(shown)
    return [*shown, f"and {more} more"] if more else shown
