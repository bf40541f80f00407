"""One mistake: a text in a file, what stands there instead, and the tests that must fail then."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent


class Mutant(NamedTuple):
    """`old` occurs once in `file`. `killers` are arguments for pytest, those that fail soonest first."""

    name: str
    file: str
    old: str
    new: str
    killers: tuple[str, ...]

    def source(self) -> str:
        return (ROOT / self.file).read_text()

    def mutated(self) -> str:
        """The file with the mistake in it. Refuses a list that no longer fits the code."""
        source = self.source()
        if source.count(self.old) != 1:
            raise ValueError(f"{self.name}: its text occurs {source.count(self.old)} times in {self.file}")
        return source.replace(self.old, self.new)
