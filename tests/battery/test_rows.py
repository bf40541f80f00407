"""The battery in its smallest size: a tenth of what script/battery does."""

import pytest

from battery.rows import ROWS, fight


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_kept_and_its_control_does_harm(row, sandbox, tmp_path):
    fought = fight(row, sandbox, tmp_path, size="smoke")
    assert fought.told.violations == []
    assert fought.told.runs >= row.rounds("smoke")
    assert fought.control.violations != []
