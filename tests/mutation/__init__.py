"""Hand-made mistakes in the money core, each of which the tests must notice: `python -m tests.mutation`."""

from tests.mutation import deciding, owing, refunding, sharing, taking

MUTANTS = (*owing.MUTANTS, *taking.MUTANTS, *deciding.MUTANTS, *refunding.MUTANTS, *sharing.MUTANTS)
