"""Amounts as people and programs write them."""

from time import process_time

import pytest

from core.errors import Invalid
from core.money import parse_amount, plain_number, read_amount

THOUSANDS = "Write the amount without marks between thousands"
EMPTY = "Enter an amount"


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("39.40", "USD", 3940),
        ("39,40", "USD", 3940),
        (" 39,4 ", "USD", 3940),
        ("39", "USD", 3900),
        ("1,234.50", "USD", 123450),
        ("1.234,50", "EUR", 123450),
        ("1,234,567", "USD", 123456700),
        ("1.234.567,8", "EUR", 123456780),
        ("39.4000", "USD", 3940),
        ("-5", "USD", -500),
        ("−5", "USD", -500),
        ("1182", "JPY", 1182),
        ("1182.00", "JPY", 1182),
        ("3.940", "KWD", 3940),
        ("3,94", "KWD", 3940),
        ("0", "USD", 0),
    ],
)
def test_what_a_person_writes(text, currency, minor):
    assert read_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "refusal"),
    [
        ("1,234", "USD", THOUSANDS),
        ("1.234", "USD", THOUSANDS),
        ("1.234", "JPY", THOUSANDS),
        ("3,940", "KWD", THOUSANDS),
        ("39.405", "USD", THOUSANDS),
        ("39.4051", "USD", "Enter dollars with at most 2 decimals"),
        ("10.5", "JPY", "Enter yen without decimals"),
        ("", "USD", EMPTY),
        ("ten", "USD", EMPTY),
        ("1,23,4", "USD", EMPTY),
        ("12,34,567.5", "USD", EMPTY),
        (".", "USD", EMPTY),
        (".5", "USD", EMPTY),
        ("5.", "USD", EMPTY),
        ("1.2.3,4", "USD", EMPTY),
        ("1,234.5,6", "USD", EMPTY),
        ("1e5", "USD", EMPTY),
        ("NaN", "USD", EMPTY),
        ("٣٩", "USD", EMPTY),
        ("--5", "USD", EMPTY),
        ("9" * 21, "USD", EMPTY),
        ("5\n6", "USD", EMPTY),
        ("-−5", "USD", EMPTY),
        ("-", "USD", EMPTY),
    ],
)
def test_what_has_two_readings_or_none(text, currency, refusal):
    with pytest.raises(Invalid) as caught:
        read_amount(text, currency)
    assert caught.value.message == refusal


def test_nothing_that_somebody_sends_takes_long():
    begun = process_time()
    with pytest.raises(Invalid):
        read_amount(f"1{' ' * 10_000}1", "USD")
    assert process_time() - begun < 0.1


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("349.5000", "USD", 34950), ("1.234", "KWD", 1234), ("1182", "JPY", 1182), ("-1", "USD", -100)],
)
def test_what_a_program_writes(text, currency, minor):
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    "text", ["", "1,5", "1_000", "NaN", "Infinity", "1e3", "0x10", " ", "٣", "1" * 16, ".5"]
)
def test_a_program_writes_digits_and_a_point(text):
    with pytest.raises(Invalid, match=EMPTY):
        parse_amount(text, "USD")


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (3940, "USD", "39.40"),
        (-5, "USD", "-0.05"),
        (1182, "JPY", "1182"),
        (3940, "KWD", "3.940"),
        (10**15, "USD", "10000000000000.00"),
    ],
)
def test_plain_numbers(minor, currency, text):
    assert plain_number(minor, currency) == text
