"""`python -m tests.mutation [word …]`: make each mistake in a copy of the tree and see the tests fail.

Words choose the mutants in whose names they occur. The tests must pass on the unchanged copy first. Ends with
1 when fewer than 95 of 100 were killed, or one could not be tried.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.mutation import MUTANTS
from tests.mutation.mutant import ROOT, Mutant

COPIES = 2
SECONDS = 240
AT_LEAST = 0.95
PASSED, FAILED = 0, 1  # pytest's exit codes; every other one means that nothing was tried
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"
)


def run_tests(copy: Path, killers: Sequence[str]) -> int:
    """pytest's exit code in a copy of the tree; a run that does not end counts as failed."""
    plugins = ("-p", "pytest_django.plugin", "-p", "time_machine", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-migrations", *plugins, *killers]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # what is not needed takes longer than most tests
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return FAILED
    return done.returncode


def fate(copy: Path, mutant: Mutant) -> str:
    """killed, survived, or broken: with this change the tests could not even begin."""
    file = copy / mutant.file
    file.write_text(mutant.mutated())
    try:
        code = run_tests(copy, mutant.killers)
    finally:
        file.write_text(mutant.source())
    return {PASSED: "survived", FAILED: "killed"}.get(code, f"broken ({code})")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def try_all(mutants: Sequence[Mutant], folder: Path) -> list[str]:
    copies: SimpleQueue[Path] = SimpleQueue()
    for number in range(COPIES):
        copy = folder / f"copy{number}"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        (copy / "var").mkdir()
        copies.put(copy)
    sound = run_tests(folder / "copy0", sorted({one for mutant in mutants for one in mutant.killers}))
    if sound != PASSED:
        raise SystemExit(f"The tests do not pass without a mutant (pytest ended with {sound})")

    def attempt(mutant: Mutant) -> str:
        copy, begun = copies.get(), time.monotonic()
        try:
            told = fate(copy, mutant)
        finally:
            copies.put(copy)
        say(f"{told:<12} {time.monotonic() - begun:5.1f} s  {mutant.name}")
        return told

    with ThreadPoolExecutor(COPIES) as pool:
        return list(pool.map(attempt, mutants))


def main(words: Sequence[str]) -> int:
    mutants = [one for one in MUTANTS if not words or any(word in one.name for word in words)]
    if not mutants:
        say("No mutant has such a name")
        return 1
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        fates = try_all(mutants, Path(folder))
    killed = fates.count("killed")
    broken = sum(one.startswith("broken") for one in fates)
    say(f"{killed} of {len(fates)} killed ({killed / len(fates):.1%}), {broken} could not be tried")
    return 0 if killed >= AT_LEAST * len(fates) and not broken else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
