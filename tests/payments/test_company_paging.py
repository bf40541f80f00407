"""Paging of company lists: both cursors count, whichever end the page begins at."""

import pytest

from payments import operations as payments
from payments.types.connections import cursor_of
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def the_clock(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def page(graphql, account, alice):
    """Six invoices; `page(...)` tells numbers, previous, next."""
    for _ in range(6):
        factories.an_open_invoice(account)
    shop = graphql(alice)

    def page(arguments, field="invoices"):
        answer = shop(
            f"""{{ {field}({arguments}) {{ pageInfo {{ hasPreviousPage hasNextPage }}
            edges {{ cursor node {{ invoiceNumber }} }} }} }}"""
        )[field]
        info = answer["pageInfo"]
        numbers = "".join(edge["node"]["invoiceNumber"][-1] for edge in answer["edges"])
        return numbers, info["hasPreviousPage"], info["hasNextPage"]

    edges = shop("{ invoices { edges { cursor node { invoiceNumber } } } }")["invoices"]["edges"]
    page.at = {edge["node"]["invoiceNumber"][-1]: edge["cursor"] for edge in edges}  # 6, 5, 4, 3, 2, 1
    return page


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('before: "{3}"', ("654", False, True)),
        ('first: 2, before: "{3}"', ("65", False, True)),
        ('first: 5, after: "{6}", before: "{2}"', ("543", True, True)),
        ('first: 2, after: "{6}", before: "{2}"', ("54", True, True)),
        ('last: 2, after: "{4}"', ("21", True, False)),
        ('last: 5, after: "{5}", before: "{1}"', ("432", True, True)),
        ('last: 2, after: "{5}", before: "{1}"', ("32", True, True)),
        ('first: 5, after: "{3}", before: "{4}"', ("", True, True)),
        ('after: "{3}"', ("21", True, False)),
        ('last: 2, before: "{3}"', ("54", True, True)),
        ('last: 4, before: "{3}"', ("654", False, True)),
        ('orderBy: "invoiceNumber", before: "{3}"', ("12", False, True)),
        ('orderBy: "invoiceNumber", last: 1, after: "{3}"', ("6", True, False)),
    ],
)
def test_both_cursors_count(page, arguments, expected):
    for number, cursor in page.at.items():
        arguments = arguments.replace(f"{{{number}}}", cursor)
    assert page(arguments) == expected


def test_a_cursor_of_a_foreign_and_of_no_row_begin_nothing(page, mallory):
    theirs = factories.an_open_invoice(mallory.user.memberships.get().account)
    foreign, random = cursor_of(theirs.pk), cursor_of(987654321)
    for arguments in ('after: "{}"', 'before: "{}"', 'last: 2, after: "{}"', 'last: 2, before: "{}"'):
        assert page(arguments.format(foreign)) == page(arguments.format(random))
        assert page(arguments.format(foreign))[0] == ""


def test_a_row_that_left_the_filter_still_begins_a_page(page, account, stella):
    """A program that pays open invoices page by page reads on where it was."""
    invoice = account.invoices.get(number="INV-2025-005")
    assert page('status: ["0"], first: 2')[0] == "65"
    payments.verify_manual_payment(payment=factories.a_promised_payment(invoice), at=NOW, staff=stella)
    after = page.at["5"]
    assert page(f'status: ["0"], first: 2, after: "{after}"') == ("43", True, True)
    assert page(f'status: ["0"], last: 2, before: "{after}"') == ("6", False, True)
    assert page(f'search: "INV-2025-003", after: "{after}"') == ("3", True, False)


def test_neither_does_a_foreign_row_in_a_filter(page, mallory):
    theirs = factories.an_open_invoice(mallory.user.memberships.get().account)
    for pk in (theirs.pk, 987654321):
        assert page(f'status: ["0"], after: "{cursor_of(pk)}"') == ("", True, False)
