"""The site beside a plain model of its books: docs of the machine are in `machine.py`.

MODEL_STEPS says how many steps are taken (120; script/battery takes 2,000 and 100,000), MODEL_SEED where to
begin, so that a long run can be taken up again.
"""

import logging
import os

import pytest
from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import factories
from tests.model.crossing import Crossing
from tests.model.mutants import MUTANTS
from tests.model.world import World, a_world

STEPS = int(os.environ.get("MODEL_STEPS", "120"))
FIRST = int(os.environ.get("MODEL_SEED", "1"))
PHASES = [Phase.generate, *([Phase.shrink] if os.environ.get("MODEL_SHRINK") else [])]
IN_EXAMPLE = 50
AT_ONCE = 500  # steps on one sandbox
QUIET = ("payments.operations.reconciling", "payments.operations.comparing", "core.outbox")


@pytest.fixture
def world(db, sandbox, monkeypatch, time_machine):
    time_machine.move_to(factories.NOW, tick=False)
    world = a_world(sandbox, monkeypatch, time_machine)
    loggers = [logging.getLogger(name) for name in QUIET]
    for logger in loggers:
        logger.addHandler(world.ear)
        logger.propagate = False
    with connection.execute_wrapper(world.execute):
        yield world
    for logger in loggers:
        logger.removeHandler(world.ear)
        logger.propagate = True


def play(world: World, number: int, steps: int) -> int:
    """Take so many steps from a seed; answers how many were taken. Fails where site and books differ."""

    class Play(Crossing):
        taken = 0

    Play.world = world
    seed(number)(Play)
    run_state_machine_as_test(
        Play,
        settings=settings(
            max_examples=max(1, steps // IN_EXAMPLE),
            stateful_step_count=min(steps, IN_EXAMPLE),
            phases=PHASES,
            suppress_health_check=list(HealthCheck),
            database=None,
            deadline=None,
            report_multiple_bugs=False,
        ),
    )
    return Play.taken


def test_the_site_has_what_the_books_have(world):
    left, number = STEPS, FIRST
    while left > 0:
        left -= play(world, number, min(left, AT_ONCE))
        number += 1


GATE = 2000
TRIED = MUTANTS if STEPS >= GATE else MUTANTS[:2]


@pytest.mark.control
@pytest.mark.parametrize("mistake", TRIED, ids=lambda mistake: mistake.__name__)
def test_the_machine_notices(mistake, world, monkeypatch):
    """The negative control: with a mistake in the operations the same run fails."""
    mistake(monkeypatch)
    assert noticed(world), f"nobody notices within {GATE} steps that {mistake.__name__}"


def noticed(world: World) -> str:
    """What is wrong; nothing when the machine finds nothing."""
    for number in range(FIRST, FIRST + GATE // AT_ONCE):
        try:
            play(world, number, AT_ONCE)
        except Exception as error:  # noqa: BLE001  a mistake may come to light by any exception
            return repr(error)
    return ""
