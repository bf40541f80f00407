"""Proposals for the lines of a bank statement: each with its evidence, none where two are as good."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.operations.matching import (
    LARGEST_SUM,
    MOST_BILLS,
    Bill,
    Known,
    Line,
    Promise,
    names_in,
    payer_key,
    propose,
    sums,
)

GLOBEX, INITECH = 1, 2
KNOWN_PAYER = {payer_key("account", "DE02"): {GLOBEX: "The bank account paid for Globex"}}


def line(amount: int, text: str = "", pk: int = 1, **more: str) -> Line:
    return Line(pk, amount, "USD", text, **more)


def bills(*amounts: int, account: int = GLOBEX, currency: str = "USD") -> list[Bill]:
    """INV-2025-001 and on."""
    return [
        Bill(number, account, f"INV-2025-{number:03d}", amount, currency)
        for number, amount in enumerate(amounts, start=1)
    ]


def proposed(one: Line, known: Known) -> str | None:
    found = propose([one], known).get(one.pk)
    return found.code if found else None


PROMISE = Promise(9, GLOBEX, "INV-2025-001-3", 3940, "USD")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("INV-2025-001-3", "promise:9"),
        ("paid: inv 2025/001 3, thanks", "promise:9"),
        ("INV-2025-002", "invoices:2=3940"),
        ("for INV-2025-002.", "invoices:2=3940"),
        ("INV-2025-0021", None),
        ("XINV-2025-002", None),
        ("INV-2025-003", None),  # the amount is another one
        ("INV-2025-002 INV-2025-001-3", None),  # either could be meant
        ("", None),
    ],
)
def test_by_amount_and_reference(text, code):
    known = Known([PROMISE], bills(0, 3940, 500)[1:])
    assert proposed(line(3940, text), known) == code


def test_it_says_why():
    (found,) = propose([line(3940, "INV-2025-001")], Known([], bills(3940))).values()
    assert found.evidence == "The text names INV-2025-001, of which $39.40 are open"


def test_several_that_are_named_together():
    known = Known([], bills(3940, 500, 70))
    assert proposed(line(4440, "INV-2025-001, INV-2025-002"), known) == "invoices:1=3940,2=500"
    assert proposed(line(4440, "INV-2025-001, INV-2025-003"), known) is None
    of_two = Known([], [*bills(3940), *bills(1, 500, account=INITECH)[1:]])
    assert proposed(line(4440, "INV-2025-001, INV-2025-002"), of_two) is None


def test_another_currency_is_another_amount():
    assert proposed(line(3940, "INV-2025-001"), Known([], bills(3940, currency="EUR"))) is None
    assert proposed(line(3940, PROMISE.reference), Known([replace(PROMISE, currency="EUR")])) is None


def test_what_names_something_else_is_not_guessed_by_its_payer():
    known = Known([], bills(3940, 500), KNOWN_PAYER)
    assert proposed(line(500, "INV-2025-001", payer_account="DE02"), known) is None


def test_what_names_a_paid_invoice_is_not_guessed_either():
    known = Known([], bills(0, 3940), KNOWN_PAYER)
    assert proposed(line(3940, "INV-2025-001", payer_account="DE02"), known) is None
    assert proposed(line(3940, "INV-2025-001 INV-2025-002"), known) == "invoices:2=3940"
    assert proposed(line(3940, payer_account="DE02"), known) == "invoices:2=3940"


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (3940, "invoices:1=3940"),
        (4440, "invoices:1=3940,2=500"),
        (4510, "invoices:1=3940,2=500,3=70"),
        (4511, None),
    ],
)
def test_exact_sum_of_a_known_payers_invoices(amount, code):
    known = Known([], bills(3940, 500, 70), KNOWN_PAYER)
    assert proposed(line(amount, payer_account="DE02"), known) == code


def test_two_sums_of_equal_size_give_none():
    """$50.00 + $20.00 and $40.00 + $30.00."""
    known = Known([], bills(5000, 2000, 4000, 3000), KNOWN_PAYER)
    assert proposed(line(7000, payer_account="DE02"), known) is None
    assert proposed(line(5000, payer_account="DE02"), known) == "invoices:1=5000"


def test_two_equal_invoices_give_none():
    known = Known([], bills(3940, 3940), KNOWN_PAYER)
    assert proposed(line(3940, payer_account="DE02"), known) is None


def test_a_promise_of_a_known_payer():
    known = Known([PROMISE], [], KNOWN_PAYER)
    assert proposed(line(3940, payer_account="DE02"), known) == "promise:9"
    assert proposed(line(3940, payer_account="DE02"), Known([PROMISE], bills(3940), KNOWN_PAYER)) is None


def test_a_payer_who_is_known_as_two_is_not_known():
    payers = {payer_key("name", "Globex"): {GLOBEX: "one", INITECH: "other"}}
    assert proposed(line(3940, payer_name="Globex"), Known([], bills(3940), payers)) is None


def test_names_are_compared_without_their_spelling():
    payers = {payer_key("name", "Globex Ltd."): {GLOBEX: "The payer has the name of Globex Ltd."}}
    known = Known([], bills(3940), payers)
    assert proposed(line(3940, payer_name="GLOBEX LTD"), known) == "invoices:1=3940"
    assert proposed(line(3940, payer_name="..."), known) is None


def test_two_lines_that_could_be_the_same_invoice_get_none():
    lines = [line(3940, "INV-2025-001", pk=1), line(3940, "INV-2025-001", pk=2)]
    assert propose(lines, Known([], bills(3940))) == {}


def test_among_too_many_invoices_nothing_is_guessed():
    known = Known([], bills(*range(1, MOST_BILLS + 2)), KNOWN_PAYER)
    assert proposed(line(1, payer_account="DE02"), known) is None


def test_a_sum_of_more_than_six_is_not_looked_for():
    known = Known([], bills(*[2**power for power in range(LARGEST_SUM + 1)]), KNOWN_PAYER)
    assert proposed(line(2**LARGEST_SUM - 1, payer_account="DE02"), known) is not None
    assert proposed(line(2 ** (LARGEST_SUM + 1) - 1, payer_account="DE02"), known) is None


def test_larger_sums_are_not_looked_for_among_many_invoices():
    """Of twenty there are 4,845 sums of four and 15,504 of five."""
    known = Known([], bills(*[2**power for power in range(MOST_BILLS)]), KNOWN_PAYER)
    assert proposed(line(0b1111, payer_account="DE02"), known) is not None
    assert proposed(line(0b11111, payer_account="DE02"), known) is None


def test_names_in_a_long_text_are_bounded():
    assert len(names_in("1 " * 250)) <= 6
    assert names_in("no number at all") == set()


@given(st.lists(st.integers(1, 12), max_size=9), st.integers(1, 30), st.integers(1, 4))
def test_sums_are_those_of_trying_them_all(amounts, target, size):
    tried = [
        places
        for places in combinations(range(len(amounts)), size)
        if sum(amounts[place] for place in places) == target
    ]
    assert sums(amounts, size).get(target, []) == tried[:2]
