"""The list of mutants cannot rot: each still fits the code, and the tests that must notice it are there."""

import ast

import pytest

from tests.mutation import MUTANTS
from tests.mutation.mutant import ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_code_and_changes_it(mutant):
    """Its text occurs once, and what it makes of the file is still Python, but another program."""
    assert ast.dump(ast.parse(mutant.mutated())) != ast.dump(ast.parse(mutant.source()))


@pytest.mark.parametrize("old", ["no such text", "\n"])
def test_control_a_text_that_is_not_there_once_is_refused(old):
    with pytest.raises(ValueError, match="occurs"):
        Mutant("made up", "core/money.py", old, "", ()).mutated()


def test_the_tests_that_must_notice_are_there():
    assert {one for mutant in MUTANTS for one in mutant.killers if not (ROOT / one).exists()} == set()
    assert all(mutant.killers for mutant in MUTANTS)


def test_every_mutant_has_a_name_of_its_own():
    names = [mutant.name for mutant in MUTANTS]
    assert sorted(set(names)) == sorted(names)
    assert len(names) >= 40
