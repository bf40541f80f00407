"""Hand-made mistakes in the money core, each of which the tests must notice: `python -m tests.mutation`."""

from tests.mutation import correcting, deciding, drafting, owing, refunding, reporting, sharing, taking

BACK_OFFICE = (*drafting.MUTANTS, *correcting.MUTANTS, *reporting.MUTANTS)
MUTANTS = (
    *owing.MUTANTS,
    *taking.MUTANTS,
    *deciding.MUTANTS,
    *refunding.MUTANTS,
    *sharing.MUTANTS,
    *BACK_OFFICE,
)
