"""The battery's rows that are tests: what is found is told, and what proves nothing is too."""

import pytest

from battery.rows import ROWS
from battery.suites import SUITES, Ran, Suite, play_suites, run

TESTS = """
import os, pytest
def test_attack(): assert os.environ["A_SIZE"] == "7"
def test_broken(): assert "SECRET_KEY" in os.environ
@pytest.mark.control
def test_control(): pass
"""


def row(**more):
    return Suite("it", "an attack", "nothing", gate={"A_SIZE": "7"}, **{"paths": (), **more})


@pytest.fixture
def played(monkeypatch):
    """Whether a row was kept of which this came, and the table's lines."""

    def act(attack: Ran, control: Ran) -> tuple[bool, list[str]]:
        lines: list[str] = []
        came = {"not control": attack, "control": control}
        monkeypatch.setattr("battery.suites.run", lambda suite, database, marked, **_: came[marked])
        return play_suites([row()], "postgres", lines.append, size="gate", seed=1), lines

    return act


def test_what_is_kept_has_one_line(played):
    kept, (line,) = played(Ran(12, []), Ran(3, []))
    assert kept is True
    assert line.split() == "postgresql it an attack 12 tests 0 nothing 3 in 3 0 A_SIZE=7".split()


@pytest.mark.parametrize(
    ("attack", "control", "said"),
    [
        (Ran(12, ["test_it: assert 1 == 2"]), Ran(3, []), "!! test_it: assert 1 == 2"),
        (Ran(12, []), Ran(3, ["test_control: assert []"]), "DID NOT FAIL"),
        (Ran(12, []), Ran(0, []), "DID NOT FAIL"),
        (Ran(0, []), Ran(3, []), " 0 tests "),
    ],
)
def test_what_is_not_kept_fails_and_is_shown(played, attack, control, said):
    kept, lines = played(attack, control)
    assert kept is False
    assert said in "\n".join(lines)


def test_tests_are_run_with_the_size_s_environment_and_nobody_else_s(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "the caller's")
    (tmp_path / "test_it.py").write_text(TESTS)
    ran = run(row(paths=(str(tmp_path),)), "sqlite", "not control", size="gate", seed=1)
    assert ran.count == 2
    (failed,) = ran.failed
    assert failed.startswith("test_broken: AssertionError")


def test_tests_that_cannot_begin_are_not_kept(tmp_path):
    (tmp_path / "test_it.py").write_text("nonsense")
    assert run(row(paths=(str(tmp_path),)), "sqlite", "control", size="gate", seed=1).failed


def test_each_row_has_a_name_of_its_own():
    names = [suite.name for suite in SUITES] + [attack.name for attack in ROWS]
    assert len({*names}) == len(names)
