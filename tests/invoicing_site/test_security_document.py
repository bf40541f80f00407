"""docs/security.md names tests: each of them exists, and each threat has one."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "docs" / "security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)+)`", DOCUMENT)


def exists(file: str, names: list[str]) -> bool:
    """Whether these classes and this function stand in the file, one inside the other."""
    path = ROOT / file
    body = ast.parse(path.read_text()).body if path.exists() else []
    for name in names:
        found = [one for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef) and one.name == name]
        if not found:
            return False
        body = found[0].body
    return names[-1].startswith("test_")


def test_every_test_it_names_exists():
    assert len(NAMED) > 60
    assert [f"{file}{names}" for file, names in NAMED if not exists(file, names[2:].split("::"))] == []


def test_a_name_that_is_none_is_noticed():
    here = str(Path(__file__).relative_to(ROOT))
    assert exists(here, ["test_a_name_that_is_none_is_noticed"])
    assert not exists(here, ["test_that_is_not_here"])
    assert not exists(here, ["exists"])
    assert not exists("tests/no_such_file.py", ["test_x"])


def test_every_threat_has_a_test():
    table = DOCUMENT.partition("## Threats")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 25
    assert [row for row in rows if "::test_" not in row.split("|")[3]] == []
