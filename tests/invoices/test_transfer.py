"""Bank details on paper and their QR code."""

import re

import pytest

from invoices.documents.transfer import epc_payload, in_fours, is_iban, qr_svg

TRANSFER = {
    "holder": "Northwind Supply GmbH",
    "iban": "DE89 3704 0044 0532 0130 00",
    "bic": "COBADEFFXXX",
    "amount": 3940,
    "currency": "EUR",
    "reference": "INV-2025-001",
}


def test_a_banking_app_reads_the_transfer():
    assert epc_payload(**TRANSFER).split("\n") == [
        *("BCD", "002", "1", "SCT", "COBADEFFXXX", "Northwind Supply GmbH", "DE89370400440532013000"),
        *("EUR39.40", "", "", "INV-2025-001"),
    ]


@pytest.mark.parametrize(
    ("change", "line", "written"),
    [
        ({"bic": ""}, 4, ""),
        ({"bic": "021000021"}, 4, ""),
        ({"amount": 1}, 7, "EUR0.01"),
        ({"amount": 99_999_999_999}, 7, "EUR999999999.99"),
        ({"holder": "N" * 80}, 5, "N" * 70),
        ({"holder": "Two\nlines "}, 5, "Two lines"),
        ({"holder": "Müller & Söhne"}, 5, "Müller & Söhne"),
        ({"reference": "INV\nEUR1.00"}, 10, "INV EUR1.00"),
    ],
)
def test_every_part_has_its_line(change, line, written):
    lines = epc_payload(**TRANSFER | change).split("\n")
    assert lines[line] == written
    assert len(lines) == 11


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "USD"},
        {"amount": 0},
        {"amount": -1},
        {"amount": 100_000_000_000},
        {"iban": "DE88370400440532013000"},
        {"iban": "KW81CBKU0000000000001234560101"},
        {"iban": "000123456789"},
        {"holder": " "},
        {"reference": "N" * 141},
        {"reference": "番" * 100},
    ],
)
def test_what_no_banking_app_takes_has_no_code(change):
    assert epc_payload(**TRANSFER | change) == ""


@pytest.mark.parametrize(
    ("account", "is_one"),
    [
        ("DE89370400440532013000", True),
        ("gb82 west 1234 5698 7654 32", True),
        ("KW81CBKU0000000000001234560101", True),
        ("DE89370400440532013001", False),
        ("DE893704", False),
        ("000123456789", False),
        ("", False),
    ],
)
def test_an_iban_is_known_by_its_check_digits(account, is_one):
    assert is_iban(account) is is_one


def test_an_iban_is_written_in_fours():
    assert in_fours("GB82WEST12345698765432") == "GB82 WEST 1234 5698 7654 32"


def test_the_code_is_a_titled_picture_with_a_quiet_zone():
    svg = qr_svg(epc_payload(**TRANSFER), title="Scan <to> pay")
    assert "<title>Scan &lt;to&gt; pay</title>" in svg
    size = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1", svg)}
    assert min(min(place) for place in dark) == 4
    assert max(max(place) for place in dark) == size - 5
    assert svg == qr_svg(epc_payload(**TRANSFER), title="Scan <to> pay")
