"""Odd values for the lists of the company's face: refused by their argument's name, without effect, and at
once."""

import json
from time import process_time

import pytest

from tests import factories
from tests.documents import GET_ACCOUNTS
from tests.factories import NOW

pytestmark = pytest.mark.django_db
HUGE = "1E+1000000"  # as a whole number it has a million digits


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def shop(graphql, alice, invoice):
    shop = graphql(alice)
    shop(GET_ACCOUNTS)
    return shop


def refused(shop, field, argument, value):
    """Code and field of the only error."""
    answer = shop.post(f"{{ {field}({argument}: {value}) {{ totalCount }} }}").json()
    (error,) = answer["errors"]
    return error["extensions"].get("code"), error["extensions"].get("field")


@pytest.mark.parametrize("argument", ["beginDateAt", "endDateAt", "beginDueDateAt", "endDueDateAt"])
@pytest.mark.parametrize("value", [HUGE, f"-{HUGE}"])
def test_a_time_that_is_written_with_an_exponent_costs_nothing(shop, argument, value):
    began = process_time()
    assert refused(shop, "invoices", argument, json.dumps(value)) == ("VALIDATION_ERROR", argument)
    assert process_time() - began < 2


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("argument", ["beginDueDateAt", "endDueDateAt"])
@pytest.mark.parametrize("value", ["253402300799", "-62135596800"])
def test_the_ends_of_the_calendar_are_refused_in_every_zone(shop, zone, argument, value):
    factories.an_organization(time_zone=zone)
    assert refused(shop, "invoices", argument, value) == ("VALIDATION_ERROR", argument)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize(
    ("argument", "day"), [("dateCreatedBeginAt", "0001-01-01"), ("dateCreatedEndAt", "9999-12-31")]
)
def test_a_day_that_has_no_neighbour_is_refused_by_its_name(shop, zone, argument, day):
    factories.an_organization(time_zone=zone)
    document = f'{{ invoicePayments({argument}: "{day}") {{ totalCount }} }}'
    answer = shop.post(document).json()
    if "errors" in answer:
        assert answer["errors"][0]["extensions"] == {"code": "VALIDATION_ERROR", "field": argument}
    else:
        assert answer["data"]["invoicePayments"] == {"totalCount": 0}
