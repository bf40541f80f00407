"""The rows of the battery that are tests of the suite: a size gives them more to try.

Tests marked `control` take a protection away and pass when that does harm; the others are the attacks.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree as Xml

from battery import LINE, VIOLATIONS_SHOWN
from bench.servers import KEPT

ROOT = Path(__file__).resolve().parent.parent
NOTHING_TO_RUN = 5  # pytest's exit status


@dataclass(frozen=True)
class Suite:
    """A row: where its tests are, what its controls take away, and what the sizes set in the environment."""

    name: str
    what: str
    control: str
    paths: tuple[str, ...]
    gate: Mapping[str, str] = field(default_factory=dict)
    long: Mapping[str, str] = field(default_factory=dict)

    def more(self, size: str) -> Mapping[str, str]:
        return {"smoke": {}, "gate": self.gate, "long": {**self.gate, **self.long}}[size]


SUITES = (
    Suite(
        "faults",
        "each call under each fault",
        "careless code",
        ("tests/payments/test_faults.py",),
    ),
    Suite(
        "webhooks",
        "forged, doubled, shuffled, lost",
        "no signature",
        ("tests/payments/test_webhooks.py", "tests/payments/test_provider_webhooks.py"),
    ),
    Suite(
        "model",
        "the site beside a plain model",
        "a mistake each",
        ("tests/model",),
        gate={"MODEL_STEPS": "2000"},
        long={"MODEL_STEPS": "100000"},
    ),
    Suite(
        "who-may-what",
        "every door, role and kind of id",
        "a filter or role",
        tuple(f"tests/matrix/test_{name}.py" for name in ("storefront", "pages", "back_office")),
    ),
    Suite(
        "schema-fuzz",
        "documents from the schema",
        "a bug",
        ("tests/matrix/test_fuzz.py",),
        gate={"FUZZ_EXAMPLES": "100"},
        long={"FUZZ_EXAMPLES": "2000"},
    ),
    Suite(
        "hostile",
        "hostile GraphQL",
        "no limits",
        ("tests/test_graphql_limits.py",),
    ),
    Suite(
        "bad-text",
        "hostile text in every input",
        "no escaping",
        ("tests/bad_text",),
        long={"BAD_TEXT": "all"},
    ),
)


@dataclass
class Ran:
    """What came of some tests: how many there were, and which did not pass."""

    count: int
    failed: list[str]


def play_suites(
    suites: Iterable[Suite], database: str, tell: Callable[[str], object], *, size: str, seed: int
) -> bool:
    """Run these rows on "sqlite" or "postgres", and tell of each; whether all were kept."""
    kept = []
    for suite in suites:
        began = time.monotonic()
        attack, control = (
            run(suite, database, marked, size=size, seed=seed) for marked in ("not control", "control")
        )
        harmed = f"{control.count - len(control.failed)} in {control.count}"
        tell(
            LINE.format(
                database={"postgres": "postgresql"}.get(database, database),
                row=suite.name,
                what=suite.what,
                runs=attack.count,
                unit="tests",
                wrong=len(attack.failed),
                control=suite.control,
                failed="DID NOT FAIL" if control.failed or not control.count else harmed,
                seconds=round(time.monotonic() - began),
                figures=", ".join(f"{name}={value}" for name, value in suite.more(size).items()),
            ).rstrip()
        )
        for text in (attack.failed + control.failed)[:VIOLATIONS_SHOWN]:
            tell(f"{'':<11}!! {text}")
        kept.append(bool(attack.count and control.count) and not attack.failed + control.failed)
    return all(kept)


def run(suite: Suite, database: str, marked: str, *, size: str, seed: int) -> Ran:
    """The suite's tests with this mark, in a process that reads nothing of the caller's configuration."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-q", "-m", marked]
        command += [f"--junitxml={report.name}", "-o", "faulthandler_timeout=0"]  # long is not hanging
        command += ["-p", "tests.postgres"] if database == "postgres" else []
        ended = subprocess.run(
            [*command, *suite.paths],
            cwd=ROOT,
            env={**kept, **suite.more(size), "MODEL_SEED": str(seed)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        report.seek(0)
        ran = told_by(report.read())
    if ended.returncode not in (0, NOTHING_TO_RUN) and not ran.failed:
        ran.failed.append(ended.stdout[-300:])
    return ran


def told_by(report: bytes) -> Ran:
    """What pytest's own report says; nothing when there is none."""
    if not report:
        return Ran(0, [])
    cases = list(Xml.fromstring(report).iter("testcase"))
    wrong = [
        (case, problem)
        for case in cases
        for problem in (case.find("failure"), case.find("error"))
        if problem is not None
    ]
    texts = [f"{case.get('name')}: {(problem.get('message') or '')[:200]}" for case, problem in wrong]
    return Ran(len([case for case in cases if case.find("skipped") is None]), texts)
