"""The table says what came of each row, and fails for any violation and any control that did no harm."""

from dataclasses import replace

import pytest
from django.db import connection

from accounts.models import Account
from battery.ground import Told
from battery.rows import ROWS
from battery.table import play
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def row(name, *, harmless=0, harmed=1):
    """One whose attack finds so much wrong, and so much in its control."""

    def attack(ground, rounds):
        wrong = harmed if ground.without else harmless
        return Told(len(rounds), [f"{number} is wrong" for number in range(wrong)])

    return replace(ROWS[0], name=name, attack=attack, gate=30, long=60, control_rounds=2)


@pytest.fixture
def played(sandbox, tmp_path):
    def act(*rows, **more):
        lines = []
        kept = play(rows, sandbox, tmp_path, lines.append, **{"size": "gate", **more})
        return kept, [line.split() for line in lines]

    return act


def test_what_is_kept_has_one_line(played):
    kept, (line,) = played(row("steady"))
    assert kept is True
    assert line[:2] == [connection.vendor, "steady"]
    assert line[7:15] == ["30", "sessions", "0", "no", "lock", "1", "in", "2"]


def test_a_violation_fails_and_is_shown(played):
    kept, (line, *below) = played(row("broken", harmless=12), row("steady"))
    assert (kept, line[9]) == (False, "12")
    assert below[0] == ["!!", "0", "is", "wrong"]
    assert below[10] == ["!!", "and", "2", "more"]


def test_a_control_that_does_no_harm_fails(played):
    kept, (line,) = played(row("blunt", harmed=0))
    assert kept is False
    assert line[12:15] == ["DID", "NOT", "FAIL"]


def test_a_long_run_goes_on_where_it_ended(played):
    kept, (line,) = played(row("steady"), size="long", begin=45)
    assert (kept, line[7]) == (True, "15")
    assert played(row("steady"), begin=30) == (False, [])


def test_what_an_attack_writes_is_gone_after_it(played):
    def attack(ground, rounds):
        factories.an_account()
        return Told(Account.objects.count(), ["wrong"] if ground.without else [])

    kept, (line,) = played(replace(ROWS[0], attack=attack))
    assert (kept, line[7], Account.objects.count()) == (True, "1", 0)


def test_the_same_seed_gives_the_same_course(sandbox, tmp_path):
    courses = []

    def attack(ground, rounds):
        courses.append([ground.random("course", number).random() for number in rounds])
        return Told(1)

    for seed in (1, 1, 2):
        play([replace(ROWS[0], attack=attack)], sandbox, tmp_path, print, size="smoke", seed=seed)
    assert courses[0] == courses[2] != courses[4]
